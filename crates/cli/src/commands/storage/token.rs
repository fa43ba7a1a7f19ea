//! `storage token`: who may hand items in over HTTP.

use actas_agent::intake::IntakeToken;
use jiff::SignedDuration;

use crate::{
    app::Context,
    arguments::storage::{ListTokens, Token},
    commands::shown,
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

pub(super) async fn run(command: Token, workplace: &Workplace, context: &Context) -> Result<(), Problem> {
    let agent = workplace.agent()?;
    match command {
        Token::New(asked) => {
            let lifetime =
                asked.lifetime.map(|lifetime| SignedDuration::try_from(lifetime).unwrap_or(SignedDuration::MAX));
            let new = agent.new_intake_token(&asked.name, lifetime).await?;
            context.console.records(&[record(&new.kept).with("Token", new.reveal())])?;
            context.console.note("\nThe token is not shown again. Send it as `Authorization: Bearer <token>`.");
            Ok(())
        }
        Token::List(ListTokens {}) => {
            let tokens = agent.intake_tokens().await?;
            context.console.records(&tokens.iter().map(record).collect::<Vec<_>>())
        }
        Token::Remove(asked) => Ok(agent.remove_intake_token(&asked.name).await?),
    }
}

fn record(token: &IntakeToken) -> Record {
    Record::new()
        .with("Name", token.name.clone())
        .with("Created", shown::time(token.created))
        .with("Expires", token.expires.map(shown::time))
}
