//! `Test-OAuthConnectivity`.

use actas_agent::{OAuthService, OAuthTest};

use crate::{
    app::Context,
    arguments::oauth_test::{Service, Test},
    output::Record,
    problem::Problem,
    workplace::Workplace,
};

/// Gets a token, calls with it, and says how far it came.
pub(super) async fn run(asked: Test, context: &Context) -> Result<(), Problem> {
    let mailbox = asked.mailbox.as_ref().map(|mailbox| mailbox.bare().to_owned());
    if asked.service == Service::AutoD && mailbox.is_none() {
        return Err(Problem::usage("`-Service AutoD` asks for a mailbox, and none was given")
            .hint("name one with `-Mailbox user@domain`"));
    }
    if mailbox.is_none() && !asked.app_only && asked.service == Service::Ews {
        context.console.warning("without `-Mailbox` the call is the application's own, as with `-AppOnly`");
    }
    let test = OAuthTest {
        service: match asked.service {
            Service::Ews => OAuthService::Ews,
            Service::AutoD => OAuthService::AutoD,
            Service::Generic => OAuthService::Generic,
        },
        target: asked.target_uri.url().clone(),
        mailbox: mailbox.clone(),
        app_only: asked.app_only,
        use_cached_token: asked.use_cached_token,
    };
    let agent = Workplace::open(&context.global)?.agent()?;
    let verdict = agent.test_oauth(&test).await?;
    for line in &verdict.trace {
        context.console.verbose(line);
    }
    let mut detail = verdict.trace.clone();
    detail.extend(verdict.failed.clone());
    let record = Record::new()
        .with("Task", "Checking the OAuth token, and calling with it")
        .with("Detail", detail.join("\n"))
        .with("ResultType", if verdict.failed.is_none() { "Success" } else { "Error" })
        .with("Identity", "Microsoft.Exchange.Security.OAuth.ValidationResultNodeId")
        .with("IsValid", true)
        .with("ObjectState", "New");
    context.console.records(&[record])?;
    match verdict.failed {
        None => Ok(()),
        Some(why) => Err(Problem::failed(format!("the call to `{}` failed: {why}", asked.target_uri.as_str()))
            .hint("`actas Get-CsOAuthConfiguration` shows as whom this side calls, `actas Get-PartnerApplication` on the Exchange side whom it lets in")),
    }
}
