//! Tokens that open the intake: 256 random bits, shown once and kept as a hash.

use actas_store::settings::Kind;
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Agent;
use crate::error::Error;
use crate::item::sha256_hex;

/// Says what it is to whoever finds one, and to programs that look for leaked ones.
const PREFIX: &str = "actas_storage_";
const SECRET_BYTES: usize = 32;
const NAME_CHARS_MAX: usize = 64;
/// A token that is longer is not looked at.
const TOKEN_BYTES_MAX: usize = 256;

/// A token as it is known here: not the token itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct IntakeToken {
    /// Its name.
    pub name: String,
    /// SHA-256 of the token, in hexadecimal.
    pub sha256: String,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if it does.
    pub expires: Option<Timestamp>,
}

/// A token that was just made. The secret is told this once.
pub struct NewIntakeToken {
    secret: String,
    /// What is kept of it.
    pub kept: IntakeToken,
}

impl NewIntakeToken {
    /// The token, for the one who asked for it. It belongs into no log.
    pub fn reveal(&self) -> &str {
        &self.secret
    }
}

impl std::fmt::Debug for NewIntakeToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewIntakeToken({})", self.kept.name)
    }
}

// === impl Agent ===

impl Agent {
    /// Makes a token of a new name, for a time or until it is removed.
    pub async fn new_intake_token(
        &self,
        name: &str,
        lifetime: Option<SignedDuration>,
    ) -> Result<NewIntakeToken, Error> {
        let fits = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        if name.is_empty() || name.len() > NAME_CHARS_MAX || !name.chars().all(fits) {
            return Err(Error::invalid(format!(
                "`{name}` is no name for a token: 1 to {NAME_CHARS_MAX} letters, digits and `-`"
            )));
        }
        let mut secret = [0; SECRET_BYTES];
        SystemRandom::new().fill(&mut secret).map_err(|_| Error::machine("there is no randomness to be had"))?;
        let secret = format!("{PREFIX}{}.{}", name.to_lowercase(), URL_SAFE_NO_PAD.encode(secret));
        let now = self.0.clock.now();
        let expires = match lifetime {
            Some(lifetime) => Some(
                now.checked_add(lifetime).map_err(|_| Error::invalid("the token would end after the end of time"))?,
            ),
            None => None,
        };
        let kept = IntakeToken { name: name.to_owned(), sha256: sha256_hex(secret.as_bytes()), created: now, expires };
        self.0.settings.add(Kind::IntakeToken, name, &kept).await.map_err(|error| {
            if error.is_exists() {
                Error::new(crate::error::ErrorKind::Exists, format!("a token of the name `{name}` exists already"))
                    .with_hint(format!("`actas storage token remove {name}` removes it"))
            } else {
                error.into()
            }
        })?;
        Ok(NewIntakeToken { secret, kept })
    }

    /// The tokens that are known, by name.
    pub async fn intake_tokens(&self) -> Result<Vec<IntakeToken>, Error> {
        let all = self.0.settings.all::<IntakeToken>(Kind::IntakeToken).await?;
        Ok(all.into_iter().map(|stored| stored.value).collect())
    }

    /// Forgets a token: it opens nothing from the next request on.
    pub async fn remove_intake_token(&self, name: &str) -> Result<(), Error> {
        if self.0.settings.remove(Kind::IntakeToken, name).await? {
            return Ok(());
        }
        Err(Error::not_found(format!("there is no token of the name `{name}`"))
            .with_hint("`actas storage token list` shows the names"))
    }

    /// The token that was presented, if it is one of ours and has not ended.
    pub(super) async fn intake_token_of(&self, presented: &str) -> Result<Option<IntakeToken>, Error> {
        let name = presented.strip_prefix(PREFIX).and_then(|rest| rest.split_once('.')).map(|(name, _)| name);
        let Some(name) = name.filter(|_| presented.len() <= TOKEN_BYTES_MAX) else { return Ok(None) };
        let stored = self.0.settings.get::<IntakeToken>(Kind::IntakeToken, name).await?;
        let Some(token) = stored.map(|stored| stored.value) else { return Ok(None) };
        let is_it =
            verify_slices_are_equal(sha256_hex(presented.as_bytes()).as_bytes(), token.sha256.as_bytes()).is_ok();
        let now = self.0.clock.now();
        Ok((is_it && token.expires.is_none_or(|expires| now < expires)).then_some(token))
    }
}
