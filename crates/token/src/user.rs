//! Who an act-as token says the user is, and the rule that every id must agree.

use memchr::memchr;
use uuid::Uuid;

use crate::claims::{ClaimError, Claims};
use crate::refusal::{Layer, Refusal};

/// One way of naming a user.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum UserKey {
    /// A 16-digit NetID, lower case (`nii` = `urn:federation:MicrosoftOnline`).
    Puid(String),
    /// A Windows SID, lower case.
    Sid(String),
    /// A SIP address without scheme, lower case.
    Sip(String),
    /// An SMTP address, lower case.
    Smtp(String),
    /// A user principal name, lower case.
    Upn(String),
}

/// All user ids of one token; never empty.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UserClaims {
    keys: Vec<UserKey>,
    object_id: Option<Uuid>,
}

/// The longest user id that is looked up, in bytes.
const USER_ID_BYTES_MAX: usize = 254;

const NII_ACTIVE_DIRECTORY: &str = "urn:office:idp:activedirectory";
const NII_MICROSOFT_ONLINE: &str = "urn:federation:microsoftonline";

impl UserClaims {
    /// Collects `nameid` (read as `nii` says), `upn`, `smtp` and `sip`.
    ///
    /// Refuses a token without any, an empty or malformed id, a name-id issuer we
    /// cannot read, and SIDs unless `accept_sids`.
    pub(crate) fn read(claims: &Claims, accept_sids: bool) -> Result<Self, Refusal> {
        let text = |name| claims.optional_text(name).map_err(|error| Refusal::Claim(error, Layer::ActAs));
        let mut keys = Vec::with_capacity(4);
        // Nearly every token repeats one address; what was found good just now is good again.
        let mut before = None;
        let mut address = |text| {
            if before != Some(text) {
                check_address(text)?;
                before = Some(text);
            }
            Ok(lowered(text))
        };
        if let Some(nameid) = text("nameid")? {
            keys.push(read_nameid(nameid, text("nii")?, accept_sids, &mut address)?);
        } else if claims.has("nii") {
            return Err(Refusal::Claim(ClaimError::Missing("nameid"), Layer::ActAs));
        }
        if let Some(upn) = text("upn")? {
            keys.push(UserKey::Upn(address(upn)?));
        }
        if let Some(smtp) = text("smtp")? {
            keys.push(UserKey::Smtp(address(smtp)?));
        }
        if let Some(sip) = text("sip")? {
            let bare = sip.strip_prefix("sip:").or_else(|| sip.strip_prefix("SIP:")).unwrap_or(sip);
            keys.push(UserKey::Sip(address(bare)?));
        }
        if keys.is_empty() {
            return Err(Refusal::User("it names none"));
        }
        Ok(Self { keys, object_id: None })
    }

    /// The same ids, of the user with this object id.
    pub(crate) fn of(self, object_id: Uuid) -> Self {
        Self { object_id: Some(object_id), ..self }
    }

    /// The ids, each of which must be looked up.
    pub fn keys(&self) -> &[UserKey] {
        &self.keys
    }

    /// The user's object id, where the token service named it: the user that the other
    /// ids lead to must be this one.
    pub fn object_id(&self) -> Option<Uuid> {
        self.object_id
    }

    /// The one user that all ids name.
    ///
    /// `found` holds, for each of [`UserClaims::keys`] in order, the users that the
    /// directory has for it. Taking "the first that matches" would let a token mix
    /// its own user's address with an administrator's SID.
    pub fn agree<U: Clone + PartialEq>(&self, found: &[Vec<U>]) -> Result<U, Refusal> {
        if found.len() != self.keys.len() {
            return Err(Refusal::User("not every id was looked up"));
        }
        let mut agreed: Option<&U> = None;
        for users in found {
            let [user] = users.as_slice() else {
                return Err(Refusal::User("an id names no user, or several"));
            };
            if agreed.is_some_and(|earlier| earlier != user) {
                return Err(Refusal::User("its ids name different users"));
            }
            agreed = Some(user);
        }
        agreed.cloned().ok_or(Refusal::User("it names none"))
    }
}

fn read_nameid<'c>(
    nameid: &'c str,
    nii: Option<&str>,
    accept_sids: bool,
    address: &mut impl FnMut(&'c str) -> Result<String, Refusal>,
) -> Result<UserKey, Refusal> {
    let looks_like_sid = nameid.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("s-1-"));
    let is = |nii: &str, wanted: &str| nii.eq_ignore_ascii_case(wanted);
    match nii {
        Some(nii) if is(nii, NII_ACTIVE_DIRECTORY) && looks_like_sid => {
            if !accept_sids {
                return Err(Refusal::User("security identifiers are not accepted from this partner"));
            }
            sid(nameid)
        }
        Some(nii) if is(nii, NII_ACTIVE_DIRECTORY) => Ok(UserKey::Upn(address(nameid)?)),
        Some(nii)
            if is(nii, NII_MICROSOFT_ONLINE) && nameid.len() == 16 && nameid.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            Ok(UserKey::Puid(nameid.to_ascii_lowercase()))
        }
        Some(_) => Err(Refusal::User("its name id issuer is not known")),
        None => Err(Refusal::User("its name id has no issuer")),
    }
}

/// A SID that names an account of a domain: not a service, the system, or the
/// built-in administrator, which are guessable (RID 500).
fn sid(text: &str) -> Result<UserKey, Refusal> {
    let lower = text.to_ascii_lowercase();
    let shaped = lower.len() <= 184
        && lower.strip_prefix("s-1-").is_some_and(|rest| {
            !rest.is_empty() && rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        });
    if !shaped || !lower.starts_with("s-1-5-21-") || lower.ends_with("-500") {
        return Err(Refusal::User("that security identifier is not accepted"));
    }
    Ok(UserKey::Sid(lower))
}

fn check_address(text: &str) -> Result<(), Refusal> {
    // The Kelvin sign and its like, whose small letters are ASCII: two readers would see
    // two users.
    let folds = |c: char| !c.is_ascii() && c.to_lowercase().any(|small| small.is_ascii());
    // Of ASCII, what is neither control nor white space is graphic.
    let printable = text.bytes().fold(true, |so_far, byte| so_far & byte.is_ascii_graphic())
        || !text.chars().any(|c| c.is_control() || c.is_whitespace() || folds(c));
    let plain = text.len() <= USER_ID_BYTES_MAX
        && printable
        && memchr(b'@', text.as_bytes()).is_some_and(|at| {
            let domain = &text.as_bytes()[at + 1..];
            at > 0 && !domain.is_empty() && memchr(b'@', domain).is_none()
        });
    if plain { Ok(()) } else { Err(Refusal::User("an id is not an address")) }
}

/// Lower case of every script; nearly every address is ASCII.
fn lowered(text: &str) -> String {
    if text.is_ascii() { text.to_ascii_lowercase() } else { text.to_lowercase() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str, accept_sids: bool) -> Result<UserClaims, Refusal> {
        UserClaims::read(&Claims::new(crate::json::Members::read(json.as_bytes().to_vec()).unwrap()), accept_sids)
    }

    #[test]
    fn every_id_is_collected() {
        let claims = read(
            r#"{"nameid":"A@x.example","nii":"urn:office:idp:activedirectory","upn":"a@x.example","smtp":"a@x.example","sip":"sip:a@x.example"}"#,
            false,
        )
        .unwrap();
        assert_eq!(claims.keys().len(), 4);
        assert_eq!(claims.keys()[0], UserKey::Upn("a@x.example".into()));
        assert_eq!(claims.agree(&[vec![1], vec![1], vec![1], vec![1]]), Ok(1));
        assert!(claims.agree(&[vec![1], vec![1], vec![2], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1], vec![], vec![1], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1], vec![1, 2], vec![1], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1]]).is_err());
    }

    #[test]
    fn what_names_nobody_is_refused() {
        for json in [
            "{}",
            r#"{"nameid":"a@x.example"}"#,
            r#"{"nii":"urn:office:idp:activedirectory","upn":"a@x.example"}"#,
            r#"{"nameid":"a@x.example","nii":"urn:office:idp:forms:x"}"#,
            r#"{"upn":""}"#,
            r#"{"upn":"a"}"#,
            r#"{"upn":1}"#,
            r#"{"smtp":"a b@x.example"}"#,
            "{\"upn\":\"\u{212a}@x.example\"}",
            "{\"upn\":\"a@\u{130}.example\"}",
            r#"{"nameid":"s-1-5-21-1-2-3-1001","nii":"urn:office:idp:activedirectory"}"#,
        ] {
            assert!(read(json, false).is_err(), "{json}");
        }
    }

    #[test]
    fn a_net_id_has_sixteen_hexadecimal_digits() {
        let with = |id: &str| read(&format!(r#"{{"nameid":"{id}","nii":"urn:federation:MicrosoftOnline"}}"#), false);
        assert_eq!(with("10032001C0FFEE01").unwrap().keys(), [UserKey::Puid("10032001c0ffee01".into())]);
        for wrong in ["10032001c0ffee0", "10032001c0ffee011", "10032001c0ffee0g", "a@x.example", "abc@defg.example", ""]
        {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_has_one_sign_with_something_on_both_sides() {
        let with = |address: &str| read(&format!(r#"{{"smtp":"{address}"}}"#), false);
        let lower = |address: &str| with(address).map(|claims| claims.keys().to_vec());
        assert_eq!(lower("A@X.example"), Ok(vec![UserKey::Smtp("a@x.example".into())]));
        assert_eq!(lower("JÖRG@x.example"), Ok(vec![UserKey::Smtp("jörg@x.example".into())]));
        assert!(with(&format!("{}@x.example", "a".repeat(USER_ID_BYTES_MAX - 10))).is_ok());
        assert!(with(&format!("{}@x.example", "a".repeat(USER_ID_BYTES_MAX - 9))).is_err());
        for wrong in ["@x.example", "a@", "a@b@x.example", "a", "a b@x.example", "ö\u{a0}@x.example"] {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn guessable_sids_stay_refused_where_sids_are_accepted() {
        let with = |sid: &str| read(&format!(r#"{{"nameid":"{sid}","nii":"urn:office:idp:activedirectory"}}"#), true);
        assert!(with("S-1-5-21-1-2-3-1001").is_ok());
        for sid in ["s-1-5-18", "s-1-5-19", "s-1-5-20", "s-1-5-21-1-2-3-500", "s-1-", "s-1-5-21-x"] {
            assert!(with(sid).is_err(), "{sid}");
        }
    }
}
