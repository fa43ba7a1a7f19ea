//! Signing in as a user through a browser, perhaps on another machine: the device
//! authorization grant (RFC 8628).

use std::time::Duration;

use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{Connection, Issued, graph_scope};
use crate::Agent;
use crate::acquire::number;
use crate::error::Error;
use crate::metadata::describe_refusal;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// How often is asked where the service does not say (RFC 8628 §3.2).
const INTERVAL: u64 = 5;
/// What `slow_down` adds (RFC 8628 §3.5).
const SLOWER: Duration = Duration::from_secs(5);
const INTERVAL_MAX: Duration = Duration::from_mins(1);
/// The longest that is waited for a user, whatever the service says.
const WAIT_SECONDS_MAX: i64 = 3600;

/// What a user has to do.
#[derive(Clone, Debug)]
pub struct DevicePrompt {
    /// The page to open.
    pub verification_uri: String,
    /// What to type there.
    pub user_code: String,
    /// Until when.
    pub expires: Timestamp,
}

/// What the token endpoint says of a code that nobody has used yet (RFC 8628 §3.5).
enum Turn {
    /// Ask again after the interval.
    Pending,
    /// Ask again, less often from now on.
    SlowDown,
    /// It is over.
    Over(Error),
}

// === impl Agent ===

impl Agent {
    pub(super) async fn by_device_code(
        &self,
        connection: &Connection,
        tell: &(dyn Fn(&DevicePrompt) + Send + Sync),
    ) -> Result<Issued, Error> {
        let client_id = connection.client_id.to_string();
        let endpoint = connection.endpoint("devicecode");
        let (scope, form) = (graph_scope(), client_id.as_str());
        let asked = [("client_id", form), ("scope", scope.as_str())];
        let (status, body) = self.post(connection, &endpoint, asked.iter()).await?;
        let answer: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| answer[name].as_str().filter(|_| status == StatusCode::OK);
        let (Some(device_code), Some(user_code), Some(page)) =
            (text("device_code"), text("user_code"), text("verification_uri").or(text("verification_url")))
        else {
            return Err(Error::peer(format!("`{endpoint}` gave no code: {status}{}", describe_refusal(&body)))
                .with_hint(
                    "the application has to be in the tenant, and be a public client: its property \
                     `isFallbackPublicClient` is true",
                ));
        };
        let seconds = number(&answer["expires_in"]).unwrap_or(900).clamp(1, WAIT_SECONDS_MAX);
        let expires = self.0.clock.now() + SignedDuration::from_secs(seconds);
        let interval = number(&answer["interval"]).and_then(|seconds| u64::try_from(seconds).ok()).unwrap_or(INTERVAL);
        tell(&DevicePrompt { verification_uri: plain(page), user_code: plain(user_code), expires });
        let interval = Duration::from_secs(interval.max(1)).min(INTERVAL_MAX);
        self.poll(connection, device_code, interval, expires).await
    }

    async fn poll(
        &self,
        connection: &Connection,
        device_code: &str,
        mut interval: Duration,
        expires: Timestamp,
    ) -> Result<Issued, Error> {
        let endpoint = connection.endpoint("token");
        let client_id = connection.client_id.to_string();
        let form = [("grant_type", GRANT), ("client_id", &client_id), ("device_code", device_code)];
        loop {
            tokio::time::sleep(interval).await;
            if self.0.clock.now() >= expires {
                return Err(nobody_came());
            }
            let (status, body) = match self.post(connection, &endpoint, form.iter()).await {
                Ok(answer) => answer,
                // A network that fails now and then is no reason to send the user back (§3.5).
                Err(error) if interval >= INTERVAL_MAX => return Err(error.into()),
                Err(_) => {
                    interval = (interval * 2).min(INTERVAL_MAX);
                    continue;
                }
            };
            if let Some(issued) = Issued::read(&body, self.0.clock.now()).filter(|_| status == StatusCode::OK) {
                return Ok(issued);
            }
            match turn(&endpoint, status, &body) {
                Turn::Pending => {}
                Turn::SlowDown => interval = (interval + SLOWER).min(INTERVAL_MAX),
                Turn::Over(error) => return Err(error),
            }
        }
    }
}

fn turn(endpoint: &str, status: StatusCode, body: &[u8]) -> Turn {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    match answer["error"].as_str().unwrap_or_default() {
        "authorization_pending" => Turn::Pending,
        "slow_down" | "temporarily_unavailable" => Turn::SlowDown,
        "expired_token" | "code_expired" => Turn::Over(nobody_came()),
        // The second is Microsoft's own name for it.
        "access_denied" | "authorization_declined" => Turn::Over(
            Error::peer("the user refused to sign in, or may not").with_hint("ask for another code, and approve it"),
        ),
        _ => Turn::Over(
            Error::peer(format!("`{endpoint}` gave no token: {status}{}", describe_refusal(body)))
                .with_hint("ask for another code: give the command again"),
        ),
    }
}

fn nobody_came() -> Error {
    Error::peer("the code has expired before anybody signed in with it")
        .with_hint("give the command again, and use the new code at once")
}

/// What a service wants shown, without what would steer a terminal.
fn plain(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_tell_whether_to_go_on() {
        let turn = |error: &str| {
            let body = format!(r#"{{"error":"{error}","error_description":"AADSTS1: why"}}"#);
            turn("https://sts/token", StatusCode::BAD_REQUEST, body.as_bytes())
        };
        assert!(matches!(turn("authorization_pending"), Turn::Pending));
        assert!(matches!(turn("slow_down"), Turn::SlowDown));
        for (error, told) in [
            ("expired_token", "expired"),
            ("access_denied", "refused"),
            ("authorization_declined", "refused"),
            ("bad_verification_code", "AADSTS1: why"),
        ] {
            let Turn::Over(problem) = turn(error) else { panic!("{error} goes on") };
            assert!(problem.to_string().contains(told), "{problem}");
        }
    }
}
