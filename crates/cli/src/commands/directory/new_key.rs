//! A key to add to a principal: what it is, and from when until when it counts.

use std::{io::Read, path::Path};

use actas_agent::PrincipalKey;
use actas_certificate::{Certificate, CertificateError};
use actas_directory::{CredentialWarning, credential::one_year_after};
use actas_runtime::crypto_provider;
use base64::{Engine, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::{
    arguments::{
        date::Date,
        service_principal_credential::{KeyType, KeyUsage, NewKey},
    },
    commands::shown,
    output::Console,
    problem::Problem,
};

/// The longest value that may be the path of a file, in bytes.
const PATH_BYTES_MAX: usize = 512;
/// How the names of files with certificates end.
const FILE_ENDINGS: [&str; 7] = [".cer", ".crt", ".der", ".key", ".p12", ".pem", ".pfx"];
const LINE_BREAKS: &str = "The line breaks in `-Value` were left out.";

/// A credential that is ready to be sent.
pub(super) struct Prepared {
    pub(super) new: NewCredential,
    /// Whether a key was made here, so that it has to be told once.
    pub(super) made_here: bool,
    notes: Vec<String>,
    warnings: Vec<String>,
}

/// What is added.
pub(super) enum NewCredential {
    Key(PrincipalKey),
    /// A secret that the directory makes.
    Password {
        start: Timestamp,
        end: Timestamp,
    },
}

impl Prepared {
    /// Says what an administrator should know about the key.
    pub(super) fn tell(&self, console: &Console) {
        shown::warn(console, &self.warnings);
        for note in &self.notes {
            console.note(note);
        }
    }
}

/// Checks a key as it was typed, and fills in its dates.
pub(super) fn prepare(asked: &NewKey, force: bool, now: Timestamp) -> Result<Prepared, Problem> {
    let usage = match asked.usage {
        KeyUsage::Verify => "Verify",
        KeyUsage::Sign => "Sign",
    };
    let value = asked.value.as_ref().map(ExposeSecret::expose_secret);
    match (asked.kind, value) {
        (KeyType::Asymmetric, Some(text)) => {
            let certificate = certificate(text)?;
            let mut prepared = of_certificate(&certificate, asked, usage, now)?;
            if text.trim().contains(char::is_whitespace) {
                prepared.notes.push(LINE_BREAKS.to_owned());
            }
            Ok(prepared)
        }
        (KeyType::Asymmetric, None) => Err(Problem::usage("`-Type Asymmetric` needs the certificate in `-Value`")),
        (KeyType::Symmetric, text) => of_shared_key(text, asked, usage, force, now),
        (KeyType::Password, None) => Ok(of_password(asked, now)),
        (KeyType::Password, Some(_)) => Err(Problem::failed("`-Type Password` takes no `-Value`")
            .detail("a directory that is reached by Graph makes secrets itself, and takes none")
            .hint(
                "leave `-Value` out, and the secret is shown once; for a certificate give \
                 `-Type Asymmetric -Usage Verify -Value <certificate in Base64>`",
            )),
    }
}

/// Returns a key as Graph takes it.
pub(super) fn to_json(key: &PrincipalKey) -> serde_json::Value {
    json!({
        "type": key.kind,
        "usage": key.usage,
        "key": key.key,
        "startDateTime": shown::time(key.start),
        "endDateTime": shown::time(key.end),
    })
}

/// Reads the value of an asymmetric key: Base64 of a certificate, and nothing around it.
fn certificate(text: &str) -> Result<Certificate, Problem> {
    if let Some(problem) = is_no_value(text) {
        return Err(problem);
    }
    Certificate::from_base64(text).map_err(|error| {
        let hint = match &error {
            CertificateError::HoldsPrivateKey | CertificateError::Pkcs12 => {
                "the directory gets the certificate alone, never its key: \
                 `actas Export-CsCertificate -Type OAuthTokenIssuer -Path oauth.cer` writes it"
            }
            other => other.hint(),
        };
        Problem::failed(format!("`-Value`: {error}")).hint(hint)
    })
}

/// Says what was given in the place of the Base64 of a certificate, if it is one of the
/// usual mistakes.
fn is_no_value(text: &str) -> Option<Problem> {
    if text.contains("-----BEGIN") && !text.contains("PRIVATE KEY") {
        return Some(
            Problem::failed("`-Value` has BEGIN and END lines, and takes the Base64 between them alone")
                .hint(format!("with a shell: `{}`", of_pem_file("oauth.cer"))),
        );
    }
    if text.contains("\\n") || text.contains("\\r") {
        return Some(
            Problem::failed("`-Value` has a backslash and a letter where lines ended, and takes Base64 in one piece")
                .hint(format!("with a shell: `{}`", of_pem_file("oauth.cer"))),
        );
    }
    let short = text.len() <= PATH_BYTES_MAX && !text.contains('\n');
    let named = |end: &&str| text.to_ascii_lowercase().ends_with(*end);
    let path = Path::new(text);
    if !short || !(FILE_ENDINGS.iter().any(named) || path.is_file()) {
        return None;
    }
    let hint = match first_byte(path) {
        Some(0x30) => format!("with a shell: `-Value \"$(base64 -w0 {text})\"`"),
        Some(_) => format!("with a shell: `{}`", of_pem_file(text)),
        None => format!("there is no such file here; with a shell, once there is: `{}`", of_pem_file(text)),
    };
    Some(
        Problem::failed(format!("`-Value` is the path of a file, `{text}`, and takes what is in it: Base64"))
            .hint(hint),
    )
}

fn of_pem_file(path: &str) -> String {
    format!("-Value \"$(grep -v -e '-----' {path} | tr -d '\\n')\"")
}

/// What tells DER from text.
fn first_byte(path: &Path) -> Option<u8> {
    let mut byte = [0];
    fs_err::File::open(path).ok()?.read_exact(&mut byte).ok()?;
    Some(byte[0])
}

fn of_certificate(
    certificate: &Certificate,
    asked: &NewKey,
    usage: &'static str,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    let (not_before, not_after) = (certificate.not_before(), certificate.not_after());
    let given = |date: Option<Date>| date.map(Date::timestamp);
    let start = given(asked.period.start).unwrap_or_else(|| now.max(not_before));
    let year = one_year_after(start);
    let end = given(asked.period.end).unwrap_or_else(|| year.min(not_after));
    if not_after <= now || start >= end {
        let which = if not_after <= now { "expired" } else { "ends" };
        return Err(Problem::failed(format!(
            "the certificate {} {which} at {}: no token would ever be issued for this credential",
            certificate.thumbprint(),
            shown::time(not_after)
        ))
        .hint("`actas renew` makes the next certificate, and its credential beside the old one"));
    }
    let mut notes = Vec::new();
    if asked.period.end.is_none() && end < year {
        notes.push(format!("The credential ends at {} with its certificate, before a year is over.", shown::time(end)));
    }
    let mut warnings = Vec::new();
    if start.as_second() < not_before.as_second() {
        warnings.push(CredentialWarning::BeforeCertificate(start, not_before).to_string());
    }
    if end.as_second() > not_after.as_second() {
        warnings.push(CredentialWarning::AfterCertificate(end, not_after).to_string());
    }
    if end > year {
        warnings.push(CredentialWarning::OverOneYear.to_string());
    }
    let key = PrincipalKey { kind: "AsymmetricX509Cert", usage, key: certificate.to_base64(), start, end };
    Ok(Prepared { new: NewCredential::Key(key), made_here: false, notes, warnings })
}

fn of_shared_key(
    text: Option<&str>,
    asked: &NewKey,
    usage: &'static str,
    force: bool,
    now: Timestamp,
) -> Result<Prepared, Problem> {
    if let Some(text) = text {
        if !force && Certificate::from_base64(text).is_ok() {
            return Err(Problem::failed("`-Value` is a certificate, and would be stored as a shared key")
                .detail("the type is `Symmetric` unless `-Type` says otherwise; no token is issued for such a key")
                .hint("`-Type Asymmetric` was probably meant; `-Force` stores it as a shared key all the same"));
        }
        if let Some(problem) = is_no_value(text) {
            let problem = if asked.kind_is_named {
                problem
            } else {
                problem.detail("the type is `Symmetric` unless `-Type` says otherwise: a certificate needs `-Type Asymmetric` as well")
            };
            return Err(problem);
        }
        if STANDARD.decode(compact(text)).is_err() {
            return Err(Problem::failed("`-Value` is not the Base64 of a shared key")
                .hint("a certificate needs `-Type Asymmetric`; without `-Value` a shared key is made"));
        }
    }
    let key = text.map_or_else(random_key, |text| Ok(compact(text)))?;
    let start = asked.period.start.map_or(now, Date::timestamp);
    let end = asked.period.end.map_or_else(|| one_year_after(start), Date::timestamp);
    let made_here = text.is_none();
    let warnings = vec!["a shared key proves nothing to the token service of a trust between servers".to_owned()];
    let mut notes = Vec::new();
    if made_here {
        notes.push("A key of 256 bits was made. It is shown now and never again.".to_owned());
    }
    if text.is_some_and(|text| text.trim().contains(char::is_whitespace)) {
        notes.push(LINE_BREAKS.to_owned());
    }
    let key = PrincipalKey { kind: "Symmetric", usage, key, start, end };
    Ok(Prepared { new: NewCredential::Key(key), made_here, notes, warnings })
}

/// A secret, which the directory makes.
fn of_password(asked: &NewKey, now: Timestamp) -> Prepared {
    let start = asked.period.start.map_or(now, Date::timestamp);
    let end = asked.period.end.map_or_else(|| one_year_after(start), Date::timestamp);
    let notes = vec!["The directory made the secret. It is shown now and never again.".to_owned()];
    Prepared { new: NewCredential::Password { start, end }, made_here: false, notes, warnings: Vec::new() }
}

/// Base64 in one piece.
fn compact(text: &str) -> String {
    text.split_ascii_whitespace().collect()
}

fn random_key() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    let filled = crypto_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| Problem::failed("the system gave no random bytes for a key"))?;
    Ok(STANDARD.encode(bytes))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actas_certificate::issue;
    use secrecy::SecretString;

    use super::*;
    use crate::arguments::date;

    const YEAR: Duration = Duration::from_hours(24 * 365);

    fn now() -> Timestamp {
        "2026-12-02T10:00:00Z".parse().unwrap()
    }

    /// A certificate from a day of 2026 on.
    fn certificate(from: &str, lifetime: Duration) -> String {
        let from = format!("2026-{from}T00:00:00Z").parse().unwrap();
        issue::self_signed("contoso.example", &[], from, lifetime, 2048).unwrap().certificate().to_base64()
    }

    fn asked(kind: KeyType, value: Option<&str>, start: Option<&str>, end: Option<&str>) -> NewKey {
        let value = value.map(SecretString::from);
        NewKey { kind, kind_is_named: true, usage: KeyUsage::Verify, value, period: date::period(start, end).unwrap() }
    }

    fn key_of(prepared: &Prepared) -> &PrincipalKey {
        match &prepared.new {
            NewCredential::Key(key) => key,
            NewCredential::Password { .. } => panic!("a password"),
        }
    }

    #[track_caller]
    fn check(value: &str, start: Option<&str>, end: Option<&str>, expected: (&str, &str)) -> Prepared {
        let prepared = prepare(&asked(KeyType::Asymmetric, Some(value), start, end), false, now()).unwrap();
        let key = key_of(&prepared);
        assert_eq!((shown::time(key.start).as_str(), shown::time(key.end).as_str()), expected);
        prepared
    }

    #[test]
    fn dates_that_are_not_given_stay_inside_of_the_certificate() {
        let told = check(&certificate("12-01", YEAR * 3), None, None, ("2026-12-02T10:00:00Z", "2027-12-02T10:00:00Z"));
        assert_eq!((told.notes.len(), told.warnings.len()), (0, 0));
        let told = check(&certificate("06-01", YEAR), None, None, ("2026-12-02T10:00:00Z", "2027-06-01T00:00:00Z"));
        assert_eq!(
            told.notes,
            ["The credential ends at 2027-06-01T00:00:00Z with its certificate, before a year is over."]
        );
        check(&certificate("12-24", YEAR * 3), None, None, ("2026-12-24T00:00:00Z", "2027-12-24T00:00:00Z"));
    }

    #[test]
    fn dates_beyond_the_certificate_are_warned_of() {
        let value = certificate("12-01", YEAR);
        let (start, end) = ("2026-11-30T00:00:00Z", "2028-01-01T00:00:00Z");
        let told = check(&value, Some("2026-11-30"), Some("2028-01-01"), (start, end));
        assert_eq!(told.warnings.len(), 3, "{:?}", told.warnings);
        let inside = ("2026-12-02T00:00:00Z", "2027-12-01T00:00:00Z");
        assert!(check(&value, Some("2026-12-02"), Some("2027-12-01"), inside).warnings.is_empty());
    }

    #[test]
    fn a_certificate_that_has_ended_is_no_credential() {
        for (value, start) in [(certificate("01-01", YEAR / 2), None), (certificate("12-01", YEAR), Some("2028-01-01"))]
        {
            let refused = prepare(&asked(KeyType::Asymmetric, Some(&value), start, None), false, now()).err().unwrap();
            assert!(refused.what.contains("no token would ever be issued"), "{refused}");
        }
    }

    #[test]
    fn a_certificate_is_not_taken_for_a_shared_key() {
        let value = certificate("12-01", YEAR);
        let asked_for = asked(KeyType::Symmetric, Some(&value), None, None);
        let refused = prepare(&asked_for, false, now()).err().unwrap();
        assert!(refused.hint.unwrap().contains("-Type Asymmetric"));
        assert_eq!(key_of(&prepare(&asked_for, true, now()).ok().unwrap()).kind, "Symmetric");
    }

    #[test]
    fn shared_keys_are_made_of_chance() {
        let made = || prepare(&asked(KeyType::Symmetric, None, None, None), false, now()).ok().unwrap();
        let (one, other) = (made(), made());
        assert!(one.made_here && key_of(&one).key != key_of(&other).key);
        assert_eq!(STANDARD.decode(&key_of(&one).key).unwrap().len(), 32);
    }

    #[test]
    fn what_is_no_value_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let (der, pem) = (folder.path().join("a"), folder.path().join("b.pem"));
        fs_err::write(&der, [0x30, 0x82]).unwrap();
        fs_err::write(&pem, "-----BEGIN").unwrap();
        let (der, pem) = (der.to_str().unwrap(), pem.to_str().unwrap());
        for kind in [KeyType::Asymmetric, KeyType::Symmetric] {
            for (value, told) in [
                (der, format!("$(base64 -w0 {der})")),
                (pem, format!("{pem} | tr -d")),
                ("oauth.cer", "no such file".to_owned()),
                ("MIIC\\nMIIC", "tr -d".to_owned()),
                ("-----BEGIN CERTIFICATE-----", "tr -d".to_owned()),
            ] {
                let problem = prepare(&asked(kind, Some(value), None, None), false, now()).err().unwrap();
                assert!(problem.hint.as_ref().is_some_and(|hint| hint.contains(&told)), "{value}: {problem}");
            }
        }
    }

    #[test]
    fn line_breaks_are_left_out() {
        let wrapped = |text: &str| {
            text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect::<Vec<_>>().join("\r\n")
        };
        let value = certificate("12-01", YEAR);
        for (kind, value) in [(KeyType::Asymmetric, value), (KeyType::Symmetric, STANDARD.encode([7; 64]))] {
            let prepared = prepare(&asked(kind, Some(&wrapped(&value)), None, None), false, now()).ok().unwrap();
            assert_eq!(key_of(&prepared).key, value);
            assert!(prepared.notes.iter().any(|note| note == LINE_BREAKS));
            let prepared = prepare(&asked(kind, Some(&value), None, None), false, now()).ok().unwrap();
            assert!(!prepared.notes.iter().any(|note| note == LINE_BREAKS));
        }
    }

    #[test]
    fn passwords_are_made_by_the_directory() {
        let prepared = prepare(&asked(KeyType::Password, None, Some("2027-01-01"), None), false, now()).ok().unwrap();
        let NewCredential::Password { start, end } = prepared.new else { panic!("a key") };
        assert_eq!(
            (shown::time(start).as_str(), shown::time(end).as_str()),
            ("2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z")
        );
        let refused = prepare(&asked(KeyType::Password, Some("hunter2"), None, None), false, now()).err().unwrap();
        assert!(!refused.to_string().contains("hunter2"), "{refused}");
    }
}
