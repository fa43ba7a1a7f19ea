//! The form without credentials ("Autodiscover v2").
//!
//! Anybody may ask, so nothing is told of users: an address is answered by its domain, whether
//! there is such a user or not.

use actas_directory::DomainName;
use actas_exchange::SmtpAddress;
use actas_store::Error;
use actas_store::directory::Directory;
use axum::extract::Query;
use http::{StatusCode, Uri};
use serde_json::json;

use crate::answer::Answer;
use crate::config::{Elsewhere, MailboxConfig};
use crate::redirect::without_default_port;

/// The path, in lower case.
pub(crate) const PATH: &str = "/autodiscover/autodiscover.json";
/// The path of the newer form, before the address.
pub(crate) const VERSIONED: &str = "/autodiscover/autodiscover.json/v1.0/";
/// Bytes of a query, or of an address in a path.
const QUERY_BYTES_MAX: usize = 2048;
/// Redirections that a client may have followed.
const REDIRECTS_MAX: u32 = 10;
/// What is known of, as it is spelled in the error for what is not.
const PROTOCOLS: &str = "AutodiscoverV1,Ews";

/// What a client asks.
struct Question {
    address: Option<SmtpAddress>,
    protocol: String,
    redirects: u32,
}

pub(crate) async fn answer(directory: &Directory, config: &MailboxConfig, uri: &Uri) -> Result<Answer, Error> {
    let Some(question) = Question::read(uri) else {
        return Ok(refused(StatusCode::BAD_REQUEST, "InvalidRequest", "The query cannot be read."));
    };
    let Some(address) = question.address else {
        return Ok(refused(StatusCode::BAD_REQUEST, "InvalidUserId", "The given user id is no SMTP address."));
    };
    let base = config.autodiscover_url.trim_end_matches(".svc");
    let (protocol, url) = match question.protocol.to_ascii_lowercase().as_str() {
        "ews" => ("EWS", config.ews_url.clone()),
        "autodiscoverv1" => ("AutodiscoverV1", format!("{base}.xml")),
        _ => {
            let shown: String = question.protocol.chars().take(64).filter(char::is_ascii_alphanumeric).collect();
            let text =
                format!("The given protocol value '{shown}' is not supported. Supported values are '{PROTOCOLS}'");
            return Ok(refused(StatusCode::BAD_REQUEST, "ProtocolNotSupported", &text));
        }
    };
    if let Some(elsewhere) = config.elsewhere.get(address.domain()) {
        if question.redirects >= REDIRECTS_MAX {
            return Ok(refused(StatusCode::BAD_REQUEST, "RedirectLimitExceeded", "Too many redirections."));
        }
        let next = question.redirects + 1;
        let to = |address: &str, origin: &str| {
            let query = format!("Email={}&Protocol={protocol}&RedirectCount={next}", encoded(address));
            Answer::Redirect(format!("{origin}{PATH}?{query}"))
        };
        return Ok(match elsewhere {
            Elsewhere::Domain(domain) => {
                to(&format!("{}@{domain}", address.local_part()), &format!("https://autodiscover.{domain}"))
            }
            Elsewhere::Url(url) => match origin(url) {
                Some(origin) => to(address.lower(), &origin),
                None => Answer::NotFound,
            },
        });
    }
    let known = match address.domain().parse::<DomainName>() {
        Ok(domain) => directory.tenant_by_domain(&domain).await?.is_some(),
        Err(_) => false,
    };
    if !known {
        return Ok(refused(StatusCode::NOT_FOUND, "UserNotFound", "The given user is not found"));
    }
    Ok(Answer::Json { status: StatusCode::OK, body: json!({"Protocol": protocol, "Url": url}), is_error: false })
}

impl Question {
    fn read(uri: &Uri) -> Option<Self> {
        if uri.query().unwrap_or_default().len() > QUERY_BYTES_MAX || uri.path().len() > QUERY_BYTES_MAX {
            return None;
        }
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri).ok()?;
        let value =
            |name: &str| pairs.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
        let in_path = in_path(uri);
        let address = in_path.as_deref().or_else(|| value("Email"));
        Some(Self {
            address: address.and_then(|address| address.parse().ok()),
            protocol: value("Protocol").unwrap_or_default().to_owned(),
            redirects: value("RedirectCount").map_or(Some(0), |count| count.parse().ok())?,
        })
    }
}

/// The address in the path of the newer form.
fn in_path(uri: &Uri) -> Option<String> {
    let start = uri.path().get(..VERSIONED.len())?;
    if !start.eq_ignore_ascii_case(VERSIONED) {
        return None;
    }
    // A plus sign is itself in a path, and a space in a query.
    let encoded = uri.path()[VERSIONED.len()..].replace('+', "%2B");
    let query: Uri = format!("/?address={encoded}").parse().ok()?;
    let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(&query).ok()?;
    pairs.into_iter().next().map(|(_, address)| address)
}

/// Scheme, host and port of a URL, if it is one for TLS.
fn origin(url: &str) -> Option<String> {
    let uri: Uri = without_default_port(url).parse().ok()?;
    (uri.scheme_str() == Some("https")).then(|| uri.authority().map(|authority| format!("https://{authority}")))?
}

/// As a query holds it.
fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}

fn refused(status: StatusCode, code: &str, message: &str) -> Answer {
    Answer::Json { status, body: json!({"ErrorCode": code, "ErrorMessage": message}), is_error: true }
}
