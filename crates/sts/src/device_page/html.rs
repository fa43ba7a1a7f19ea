//! The pages as text: plain HTML without script, in nobody's frame.

use std::fmt::Write as _;

use aws_lc_rs::digest;
use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue, StatusCode};

const STYLE: &str = "\
body{margin:0;background:#f3f4f6;color:#1f2328;font:16px/1.5 system-ui,sans-serif}\
main{max-width:26rem;margin:8vh auto;padding:2rem;background:#fff;border:1px solid #d0d7de;border-radius:8px}\
h1{margin:0 0 1rem;font-size:1.4rem}\
label{display:block;margin:1rem 0 .25rem;font-weight:600}\
input{box-sizing:border-box;width:100%;padding:.5rem;border:1px solid #8c959f;border-radius:6px;font:inherit}\
input.code{font-family:ui-monospace,monospace;letter-spacing:.15em;text-transform:uppercase}\
button{margin:1.5rem .5rem 0 0;padding:.5rem 1.25rem;border:1px solid #0550ae;border-radius:6px;background:#0969da;color:#fff;font:inherit;cursor:pointer}\
button.other{border-color:#8c959f;background:#fff;color:#1f2328}\
.problem{padding:.5rem .75rem;border-left:4px solid #cf222e;background:#ffebe9}\
.note{color:#57606a;font-size:.9rem}";

/// What a user sees.
pub(super) enum Page<'a> {
    /// Code, name and password are asked for; perhaps again, and why.
    SignIn { tenant: &'a str, problem: Option<&'a str> },
    /// The user is asked whether to go on.
    Consent { application: &'a str, app_id: &'a str, user: &'a str, scopes: &'a [String], ticket: &'a str },
    /// It is over.
    Done { title: &'a str, text: &'a str },
}

// === impl Page ===

impl Page<'_> {
    pub(super) fn answer(&self, status: StatusCode) -> Response {
        let mut response = Response::new(Body::from(self.text()));
        *response.status_mut() = status;
        let style = STANDARD.encode(digest::digest(&digest::SHA256, STYLE.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let fixed: [(HeaderName, &str); 6] = [
            (CONTENT_TYPE, "text/html; charset=utf-8"),
            (CACHE_CONTROL, "no-store"),
            (X_FRAME_OPTIONS, "DENY"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (REFERRER_POLICY, "no-referrer"),
            (CONTENT_SECURITY_POLICY, &policy),
        ];
        for (name, value) in fixed {
            if let Ok(value) = HeaderValue::from_str(value) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn text(&self) -> String {
        let (title, body) = match self {
            Self::SignIn { tenant, problem } => ("Sign in to another device", sign_in(tenant, *problem)),
            Self::Consent { application, app_id, user, scopes, ticket } => {
                ("Is this your sign-in?", consent(application, app_id, user, scopes, ticket))
            }
            Self::Done { title, text } => (*title, format!("<p>{}</p>", escaped(text))),
        };
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>{title}</title><style>{STYLE}</style></head>\n<body><main><h1>{title}</h1>\n{body}\n</main></body>\n</html>\n",
            title = escaped(title)
        )
    }
}

fn sign_in(tenant: &str, problem: Option<&str>) -> String {
    let problem =
        problem.map_or_else(String::new, |text| format!("<p class=\"problem\" role=\"alert\">{}</p>\n", escaped(text)));
    format!(
        "{problem}<p>Enter the code that the device or program shows, and sign in to {}.</p>\n\
         <form method=\"post\" autocomplete=\"off\">\n\
         <label for=\"code\">Code</label>\n\
         <input id=\"code\" name=\"user_code\" class=\"code\" required autofocus maxlength=\"20\" spellcheck=\"false\">\n\
         <label for=\"name\">User name</label>\n\
         <input id=\"name\" name=\"username\" required maxlength=\"320\" autocomplete=\"username\" spellcheck=\"false\">\n\
         <label for=\"password\">Password</label>\n\
         <input id=\"password\" name=\"password\" type=\"password\" required maxlength=\"256\" autocomplete=\"current-password\">\n\
         <button>Sign in</button>\n</form>",
        escaped(tenant)
    )
}

fn consent(application: &str, app_id: &str, user: &str, scopes: &[String], ticket: &str) -> String {
    let mut list = String::new();
    for scope in scopes {
        let _ = write!(list, "<li><code>{}</code></li>", escaped(scope));
    }
    format!(
        "<p>You are {user}. <strong>{application}</strong> ({app_id}) asks to act as you with these permissions:</p>\n\
         <ul>{list}</ul>\n\
         <p class=\"note\">Go on only if you began this sign-in yourself, just now. Nobody who sends you a code means well.</p>\n\
         <form method=\"post\">\n<input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">\n\
         <button name=\"decision\" value=\"approve\">Go on</button>\n\
         <button name=\"decision\" value=\"deny\" class=\"other\">Refuse</button>\n</form>",
        user = escaped(user),
        application = escaped(application),
        app_id = escaped(app_id),
        ticket = escaped(ticket),
    )
}

/// A text between tags or in the quotes of an attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            letter if letter.is_control() => {}
            letter => out.push(letter),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays_text() {
        let evil = "<script>alert('\"&')</script>";
        for page in [
            Page::SignIn { tenant: evil, problem: Some(evil) },
            Page::Consent { application: evil, app_id: evil, user: evil, scopes: &[evil.to_owned()], ticket: evil },
            Page::Done { title: evil, text: evil },
        ] {
            let text = page.text();
            assert!(!text.contains("<script") && !text.contains("'\""), "{text}");
            assert!(text.contains("&lt;script&gt;alert(&#39;&quot;&amp;&#39;)"), "{text}");
        }
    }
}
