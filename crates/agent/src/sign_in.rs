//! Signing in to the cloud's directory, and remembering how: the same for our token
//! service and for Microsoft's.
//!
//! A certificate or a file with a secret signs in anew for each command. What is typed,
//! or done in a browser, cannot be done again by itself: there the token is kept until it
//! ends, and the secret is not kept at all.

mod device;

use std::path::{Path, PathBuf};

use actas_certificate::{KeyPair, file};
use actas_runtime::HttpRequest;
use actas_store::settings::Kind;
use actas_token::{SigningKey, issue, well_known};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use url::form_urlencoded::Serializer;
use uuid::Uuid;

pub use device::DevicePrompt;

use crate::Agent;
use crate::acquire::{TokenFailure, number};
use crate::certificates::certificate_in;
use crate::error::Error;
use crate::graph::{GraphClient, Organization};
use crate::metadata::{describe_refusal, https_url};
use crate::session::Session;

const CONNECTION: &str = "directory";
const ASSERTION_LIFETIME: SignedDuration = SignedDuration::from_mins(5);
/// What a token is said to live at most, whatever the service says.
const TOKEN_SECONDS_MAX: i64 = 24 * 3600;

/// How to reach the directory and sign in to it. It holds no secret: keys and secrets
/// stay in their files, tokens in the session.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Connection {
    /// The cloud as it was named, if it was: `AzureCloud`, or the address of one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Graph's service root, without version: `https://graph.microsoft.com`.
    pub graph_url: String,
    /// The token service: `https://login.microsoftonline.com`.
    pub authority: String,
    /// Tenant, by GUID or verified domain.
    pub tenant: String,
    /// The application that signs in, or through which a user does.
    pub client_id: Uuid,
    /// Who signed in, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// What is shown to the token service.
    #[serde(flatten)]
    pub proof: Proof,
}

/// What a connection signs in with.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Proof {
    /// A certificate and its key.
    Certificate {
        /// The certificate.
        certificate_file: PathBuf,
        /// Its key; in the certificate's file where absent.
        key_file: Option<PathBuf>,
    },
    /// A secret in a file of its owner's.
    SecretFile {
        /// The file.
        secret_file: PathBuf,
    },
    /// Something that was shown once; the token is kept until it ends.
    Session {
        /// What was shown.
        session: Shown,
    },
}

/// What a session was begun with.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Shown {
    /// A user signed in with a browser (RFC 8628).
    DeviceCode,
    /// A secret that is in no file.
    Secret,
}

/// What a connection is begun with, where it cannot be read from a file.
pub enum Begin<'a> {
    /// As the connection's proof says.
    FromFiles,
    /// With this secret, which is not kept.
    Secret(&'a str),
    /// With a code: the function tells the user what to do.
    DeviceCode(&'a (dyn Fn(&DevicePrompt) + Send + Sync)),
}

/// A connection that stands.
#[derive(Clone, Debug)]
pub struct Connected {
    /// How.
    pub connection: Connection,
    /// The tenant that was reached.
    pub organization: Organization,
    /// Until when, where it ends by itself.
    pub expires: Option<Timestamp>,
}

/// Where a cloud of ours says that its services are.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Discovered {
    /// Graph's service root.
    pub graph_url: String,
}

/// A token, and until when it counts.
pub(crate) struct Issued {
    pub(crate) token: String,
    pub(crate) expires: Timestamp,
}

// === impl Agent ===

impl Agent {
    /// Signs in, and remembers how.
    pub async fn connect(&self, connection: &Connection, begin: Begin<'_>) -> Result<Connected, Error> {
        let mut connection = connection.clone();
        let issued = match begin {
            Begin::FromFiles => self.sign_in(&connection).await.map_err(|failure| connection.explained(failure))?,
            Begin::Secret(secret) => {
                self.by_secret(&connection, secret).await.map_err(|failure| connection.explained(failure))?
            }
            Begin::DeviceCode(tell) => self.by_device_code(&connection, tell).await?,
        };
        let client = self.client(&connection, issued.token.clone());
        let organization = client.organization().await?;
        connection.account = match begin {
            Begin::DeviceCode(_) => client.signed_in_user().await,
            _ => None,
        };
        let expires = if let Proof::Session { .. } = connection.proof {
            self.0.session.write(&Session::new(issued.token, issued.expires))?;
            Some(issued.expires)
        } else {
            self.0.session.remove()?;
            None
        };
        self.remember_connection(&connection).await?;
        Ok(Connected { connection, organization, expires })
    }

    /// Remembers how to sign in, without trying it.
    pub async fn remember_connection(&self, connection: &Connection) -> Result<(), Error> {
        Ok(self.0.settings.put(Kind::Connection, CONNECTION, connection).await?)
    }

    /// The remembered connection.
    pub async fn connection(&self) -> Result<Option<Connection>, Error> {
        Ok(self.0.settings.get(Kind::Connection, CONNECTION).await?.map(|stored| stored.value))
    }

    /// Until when the remembered connection is good, if it ends by itself.
    pub fn session_expires(&self) -> Result<Option<Timestamp>, Error> {
        Ok(self.0.session.read()?.map(|session| session.expires))
    }

    /// Forgets the connection and its session. False where there was none.
    pub async fn sign_out(&self) -> Result<bool, Error> {
        self.0.session.remove()?;
        let was = self.connection().await?.is_some();
        if was {
            self.0.settings.remove(Kind::Connection, CONNECTION).await?;
        }
        Ok(was)
    }

    /// A client, signed in by the remembered connection.
    pub async fn graph(&self) -> Result<GraphClient, Error> {
        let connection = self.connection().await?.ok_or_else(|| {
            Error::invalid("you are not connected to the cloud's directory").with_hint(
                "sign in first: `actas Connect-MsolService -TenantId <tenant> -ClientId <application id> -CertificateFile <pem> -KeyFile <pem>`",
            )
        })?;
        let token = if let Proof::Session { .. } = connection.proof {
            let session = self.0.session.read()?.filter(|session| session.expires > self.0.clock.now());
            let session = session.ok_or_else(|| {
                Error::invalid(format!("the session of {} at the cloud's directory has ended", connection.who()))
                    .with_hint(connection.again())
            })?;
            session.access_token
        } else {
            self.sign_in(&connection).await.map_err(|failure| connection.explained(failure))?.token
        };
        Ok(self.client(&connection, token))
    }

    /// A client with a token from elsewhere.
    pub fn graph_with_token(&self, graph_url: &str, token: String) -> Result<GraphClient, Error> {
        https_url(graph_url)?;
        let again = "fetch another token for this directory: one counts for about an hour";
        Ok(GraphClient::new(self.0.http.clone(), graph_url, token, again.to_owned()))
    }

    /// Asks a cloud of ours where its Graph is (OpenID Connect Discovery 1.0, with
    /// `msgraph_host` as Microsoft's document has it).
    pub async fn discover_cloud(&self, environment: &str, tenant: &str) -> Result<Discovered, Error> {
        let root = environment.trim_end_matches('/');
        let url = format!("{root}/{tenant}/v2.0/.well-known/openid-configuration");
        https_url(&url)?;
        let response = self.0.http.send(HttpRequest::get(url.as_str())).await?;
        let document: Value = serde_json::from_slice(&response.body).unwrap_or_default();
        let host = document["msgraph_host"].as_str().filter(|_| response.status == StatusCode::OK);
        let graph_url = host.map(|host| format!("https://{host}")).filter(|url| {
            // A host and a port, and nothing that would lead elsewhere.
            Url::parse(url).is_ok_and(|url| url.path() == "/" && url.username().is_empty() && url.query().is_none())
        });
        let graph_url = graph_url.ok_or_else(|| {
            let why = describe_refusal(&response.body);
            Error::peer(format!("`{url}` does not say where the directory is: {}{why}", response.status)).with_hint(
                "check the address and the tenant, or name the services themselves: `-GraphUrl <url> -Authority <url>`",
            )
        })?;
        // The secret goes where the person said; a document does not send it elsewhere.
        let token_endpoint = document["token_endpoint"].as_str().unwrap_or_default();
        let same = |one: &str, other: &str| match (Url::parse(one), Url::parse(other)) {
            (Ok(one), Ok(other)) => one.origin() == other.origin(),
            _ => false,
        };
        if !same(token_endpoint, root) {
            return Err(Error::peer(format!("`{url}` names a token service elsewhere: `{token_endpoint}`"))
                .with_hint("if you trust it, name the services themselves: `-GraphUrl <url> -Authority <url>`"));
        }
        Ok(Discovered { graph_url })
    }

    fn client(&self, connection: &Connection, token: String) -> GraphClient {
        GraphClient::new(self.0.http.clone(), &connection.graph_url, token, connection.again())
    }

    /// A token by what is in files, and so without a person.
    pub(crate) async fn sign_in(&self, connection: &Connection) -> Result<Issued, TokenFailure> {
        match &connection.proof {
            Proof::Certificate { certificate_file, key_file } => {
                let key_file = key_file.as_ref().unwrap_or(certificate_file);
                self.by_certificate(connection, certificate_file, key_file).await
            }
            Proof::SecretFile { secret_file } => {
                let secret =
                    file::read_secret(secret_file).map_err(|error| TokenFailure::Configuration(error.into()))?;
                self.by_secret(connection, &secret).await
            }
            Proof::Session { .. } => {
                let error = Error::invalid("this connection cannot sign in by itself");
                Err(TokenFailure::Configuration(error.with_hint(connection.again())))
            }
        }
    }

    async fn by_certificate(
        &self,
        connection: &Connection,
        certificate_file: &Path,
        key_file: &Path,
    ) -> Result<Issued, TokenFailure> {
        let endpoint = connection.endpoint("token");
        let assertion = self.assertion(connection, &endpoint, certificate_file, key_file);
        let assertion = assertion.map_err(TokenFailure::Configuration)?;
        let proof = [
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", assertion.as_str()),
        ];
        self.ask_token(connection, &proof).await
    }

    fn assertion(
        &self,
        connection: &Connection,
        endpoint: &str,
        certificate_file: &Path,
        key_file: &Path,
    ) -> Result<String, Error> {
        let certificate = certificate_in(certificate_file)?;
        let pair = KeyPair::new(certificate, file::read_private_key(key_file)?)?;
        let now = self.0.clock.now();
        pair.certificate().check_usable_for_tokens(now)?;
        let key = SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der())
            .map_err(|error| Error::machine(error.to_string()))?;
        let client_id = connection.client_id.to_string();
        issue::client_assertion(&key, &client_id, endpoint, &Uuid::new_v4().to_string(), ASSERTION_LIFETIME, now)
            .map_err(|error| Error::machine(error.to_string()))
    }

    async fn by_secret(&self, connection: &Connection, secret: &str) -> Result<Issued, TokenFailure> {
        self.ask_token(connection, &[("client_secret", secret)]).await
    }

    /// The client credentials grant (RFC 6749 §4.4).
    async fn ask_token(&self, connection: &Connection, proof: &[(&str, &str)]) -> Result<Issued, TokenFailure> {
        let endpoint = connection.endpoint("token");
        let client_id = connection.client_id.to_string();
        let form = [("grant_type", "client_credentials"), ("client_id", &client_id), ("scope", &graph_scope())];
        let (status, body) = self.post(connection, &endpoint, form.iter().chain(proof)).await?;
        Issued::read(&body, self.0.clock.now()).filter(|_| status == StatusCode::OK).ok_or_else(|| {
            let description = describe_refusal(&body);
            TokenFailure::Refused { sts: endpoint, resource: well_known::GRAPH.to_string(), status, description }
        })
    }

    async fn post<'f>(
        &self,
        connection: &Connection,
        endpoint: &str,
        form: impl Iterator<Item = &'f (&'f str, &'f str)>,
    ) -> Result<(StatusCode, Vec<u8>), TokenFailure> {
        https_url(&connection.graph_url).and_then(|_| https_url(endpoint)).map_err(TokenFailure::Configuration)?;
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        let response = self.0.http.send(HttpRequest::post(endpoint, "application/x-www-form-urlencoded", body)).await;
        let response = response.map_err(|error| TokenFailure::Unreachable {
            sts: endpoint.to_owned(),
            resource: well_known::GRAPH.to_string(),
            error,
        })?;
        Ok((response.status, response.body.to_vec()))
    }
}

/// Everything that the application has of Graph, whichever cloud's: its id is the same in
/// all, its address is not.
fn graph_scope() -> String {
    format!("{}/.default", well_known::GRAPH)
}

// === impl Issued ===

impl Issued {
    fn read(body: &[u8], now: Timestamp) -> Option<Self> {
        let answer: Value = serde_json::from_slice(body).ok()?;
        let token = answer["access_token"].as_str()?.to_owned();
        let seconds = number(&answer["expires_in"]).unwrap_or(0).clamp(0, TOKEN_SECONDS_MAX);
        Some(Self { token, expires: now + SignedDuration::from_secs(seconds) })
    }
}

// === impl Connection ===

impl Connection {
    /// An endpoint of the tenant's at the token service.
    fn endpoint(&self, name: &str) -> String {
        format!("{}/{}/oauth2/v2.0/{name}", self.authority.trim_end_matches('/'), self.tenant)
    }

    /// Why nobody is signed in, and what to do about it.
    fn explained(&self, failure: TokenFailure) -> Error {
        let refused = matches!(failure, TokenFailure::Refused { .. });
        let error = Error::from(failure);
        let what = if matches!(self.proof, Proof::Certificate { .. }) { "certificate" } else { "secret" };
        let hint = || format!("check tenant, client id and {what} of `actas Connect-MsolService`");
        if refused { error.with_hint(hint()) } else { error }
    }

    /// Who is signed in, for a sentence.
    pub fn who(&self) -> String {
        self.account.clone().unwrap_or_else(|| format!("the application {}", self.client_id))
    }

    /// The command that signs in again, in a sentence.
    fn again(&self) -> String {
        let place = self.environment.as_ref().map_or_else(
            || format!("-GraphUrl {} -Authority {}", self.graph_url, self.authority),
            |environment| format!("-Environment {environment}"),
        );
        let proof = match &self.proof {
            Proof::Certificate { certificate_file, key_file } => {
                let key = key_file.as_ref().map_or_else(String::new, |key| format!(" -KeyFile {}", key.display()));
                format!("-CertificateFile {}{key}", certificate_file.display())
            }
            Proof::SecretFile { secret_file } => format!("-ClientSecretFile {}", secret_file.display()),
            Proof::Session { session: Shown::DeviceCode } => "-DeviceCode".to_owned(),
            Proof::Session { session: Shown::Secret } => "-ClientSecret prompt".to_owned(),
        };
        let (tenant, client_id) = (&self.tenant, self.client_id);
        format!("sign in again: `actas Connect-MsolService {place} -TenantId {tenant} -ClientId {client_id} {proof}`")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(proof: Proof) -> Connection {
        Connection {
            environment: None,
            graph_url: "https://graph.microsoft.com".into(),
            authority: "https://login.microsoftonline.com".into(),
            tenant: "contoso.example".into(),
            client_id: Uuid::nil(),
            account: None,
            proof,
        }
    }

    #[test]
    fn connections_survive_storage_also_those_of_before() {
        let before = r#"{"graph_url":"https://g","authority":"https://a","tenant":"t",
            "client_id":"00000000-0000-0000-0000-000000000000","certificate_file":"/c","key_file":null}"#;
        let read: Connection = serde_json::from_str(before).unwrap();
        assert_eq!(read.proof, Proof::Certificate { certificate_file: "/c".into(), key_file: None });
        for proof in
            [read.proof, Proof::SecretFile { secret_file: "/s".into() }, Proof::Session { session: Shown::DeviceCode }]
        {
            let text = serde_json::to_string(&connection(proof.clone())).unwrap();
            assert_eq!(serde_json::from_str::<Connection>(&text).unwrap(), connection(proof));
        }
    }

    #[test]
    fn signing_in_again_is_a_command() {
        let mut one = connection(Proof::Session { session: Shown::DeviceCode });
        one.environment = Some("AzureCloud".into());
        assert_eq!(
            one.again(),
            "sign in again: `actas Connect-MsolService -Environment AzureCloud -TenantId contoso.example -ClientId \
             00000000-0000-0000-0000-000000000000 -DeviceCode`"
        );
        let other = connection(Proof::SecretFile { secret_file: "/s".into() });
        assert!(other.again().contains("-GraphUrl https://graph.microsoft.com -Authority"), "{}", other.again());
    }

    #[test]
    fn numbers_come_as_text_too_and_are_bounded() {
        let now = Timestamp::UNIX_EPOCH;
        let seconds = |body: &str| Issued::read(body.as_bytes(), now).map(|issued| issued.expires.as_second());
        assert_eq!(seconds(r#"{"access_token":"a","expires_in":3599}"#), Some(3599));
        assert_eq!(seconds(r#"{"access_token":"a","expires_in":"3599"}"#), Some(3599));
        assert_eq!(seconds(r#"{"access_token":"a","expires_in":99999999}"#), Some(86_400));
        assert_eq!(seconds(r#"{"access_token":"a"}"#), Some(0));
        assert_eq!(seconds(r#"{"expires_in":3599}"#), None);
    }
}
