//! Who an act-as token says the user is, and the rule that every id must agree.

use std::fmt;

use memchr::memchr;
use uuid::Uuid;

use crate::claims::{ClaimError, Claims};
use crate::refusal::{Layer, Refusal};

/// One way of naming a user.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum UserKey<T = String> {
    /// A 16-digit NetID, lower case (`nii` = `urn:federation:MicrosoftOnline`).
    Puid(T),
    /// A Windows SID, lower case.
    Sid(T),
    /// A SIP address without scheme, lower case.
    Sip(T),
    /// An SMTP address, lower case.
    Smtp(T),
    /// A user principal name, lower case.
    Upn(T),
}

/// All user ids of one token; never empty.
#[derive(Clone)]
pub struct UserClaims {
    /// The ids one after another; one that is repeated at once is there once.
    text: String,
    /// Where in the text each id stands, in bytes.
    keys: [Option<UserKey<(u16, u16)>>; KEYS_MAX],
    object_id: Option<Uuid>,
}

/// `nameid`, `upn`, `smtp` and `sip`.
const KEYS_MAX: usize = 4;

/// The longest user id that is looked up, in bytes.
const USER_ID_BYTES_MAX: usize = 254;

const NII_ACTIVE_DIRECTORY: &str = "urn:office:idp:activedirectory";
const NII_MICROSOFT_ONLINE: &str = "urn:federation:microsoftonline";

// === impl UserKey ===

impl<T> UserKey<T> {
    /// The name of its kind: `puid`, `sid`, `sip`, `smtp` or `upn`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Puid(_) => "puid",
            Self::Sid(_) => "sid",
            Self::Sip(_) => "sip",
            Self::Smtp(_) => "smtp",
            Self::Upn(_) => "upn",
        }
    }

    /// The id itself.
    pub fn id(&self) -> &T {
        match self {
            Self::Puid(id) | Self::Sid(id) | Self::Sip(id) | Self::Smtp(id) | Self::Upn(id) => id,
        }
    }

    fn is_address(&self) -> bool {
        matches!(self, Self::Sip(_) | Self::Smtp(_) | Self::Upn(_))
    }

    fn map<U>(self, change: impl FnOnce(T) -> U) -> UserKey<U> {
        match self {
            Self::Puid(id) => UserKey::Puid(change(id)),
            Self::Sid(id) => UserKey::Sid(change(id)),
            Self::Sip(id) => UserKey::Sip(change(id)),
            Self::Smtp(id) => UserKey::Smtp(change(id)),
            Self::Upn(id) => UserKey::Upn(change(id)),
        }
    }
}

// === impl UserClaims ===

impl UserClaims {
    /// Collects `nameid` (read as `nii` says), `upn`, `smtp` and `sip`.
    ///
    /// Refuses a token without any, an empty or malformed id, a name-id issuer we
    /// cannot read, and SIDs unless `accept_sids`.
    pub(crate) fn read(claims: &Claims, accept_sids: bool) -> Result<Self, Refusal> {
        let text = |name| claims.optional_text(name).map_err(|error| Refusal::Claim(error, Layer::ActAs));
        let nameid = match text("nameid")? {
            Some(nameid) => Some(read_nameid(nameid, text("nii")?, accept_sids)?),
            None if claims.has("nii") => return Err(Refusal::Claim(ClaimError::Missing("nameid"), Layer::ActAs)),
            None => None,
        };
        let sip = text("sip")?;
        let bare = sip.map(|sip| sip.strip_prefix("sip:").or_else(|| sip.strip_prefix("SIP:")).unwrap_or(sip));
        let ids = [nameid, text("upn")?.map(UserKey::Upn), text("smtp")?.map(UserKey::Smtp), bare.map(UserKey::Sip)];
        let mut own = Self { text: String::new(), keys: [None; KEYS_MAX], object_id: None };
        // Nearly every token repeats one address; what was found good just now is good again.
        let mut before = None;
        for (place, key) in own.keys.iter_mut().zip(ids) {
            let Some(key) = key else { continue };
            let id = *key.id();
            let span = match before {
                Some((text, span)) if text == id && key.is_address() => span,
                _ => {
                    check(&key)?;
                    add_lowered(&mut own.text, id)?
                }
            };
            *place = Some(key.map(|_| span));
            before = key.is_address().then_some((id, span));
        }
        if own.text.is_empty() {
            return Err(Refusal::User("it names none"));
        }
        Ok(own)
    }

    /// The same ids, of the user with this object id.
    pub(crate) fn of(self, object_id: Uuid) -> Self {
        Self { object_id: Some(object_id), ..self }
    }

    /// The ids, each of which must be looked up.
    pub fn keys(&self) -> impl Iterator<Item = UserKey<&str>> {
        let within = |(start, end): (u16, u16)| self.text.get(start.into()..end.into()).unwrap_or_default();
        self.keys.iter().flatten().map(move |key| key.map(within))
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
        if found.len() != self.keys().count() {
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

impl PartialEq for UserClaims {
    fn eq(&self, other: &Self) -> bool {
        self.object_id == other.object_id && self.keys().eq(other.keys())
    }
}

impl fmt::Debug for UserClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UserClaims({:?}, {:?})", self.keys().collect::<Vec<_>>(), self.object_id)
    }
}

fn read_nameid<'c>(nameid: &'c str, nii: Option<&str>, accept_sids: bool) -> Result<UserKey<&'c str>, Refusal> {
    let looks_like_sid = nameid.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("s-1-"));
    let is = |nii: &str, wanted: &str| nii.eq_ignore_ascii_case(wanted);
    match nii {
        Some(nii) if is(nii, NII_ACTIVE_DIRECTORY) && looks_like_sid => {
            if !accept_sids {
                return Err(Refusal::User("security identifiers are not accepted from this partner"));
            }
            Ok(UserKey::Sid(nameid))
        }
        Some(nii) if is(nii, NII_ACTIVE_DIRECTORY) => Ok(UserKey::Upn(nameid)),
        Some(nii)
            if is(nii, NII_MICROSOFT_ONLINE) && nameid.len() == 16 && nameid.bytes().all(|b| b.is_ascii_hexdigit()) =>
        {
            Ok(UserKey::Puid(nameid))
        }
        Some(_) => Err(Refusal::User("its name id issuer is not known")),
        None => Err(Refusal::User("its name id has no issuer")),
    }
}

/// Whether an id is one of its kind. A NetID was found to be one already.
fn check(key: &UserKey<&str>) -> Result<(), Refusal> {
    match key {
        UserKey::Puid(_) => Ok(()),
        UserKey::Sid(text) => check_sid(text),
        UserKey::Sip(text) | UserKey::Smtp(text) | UserKey::Upn(text) => check_address(text),
    }
}

/// A SID that names an account of a domain: not a service, the system, or the
/// built-in administrator, which are guessable (RID 500).
fn check_sid(text: &str) -> Result<(), Refusal> {
    let lower = text.to_ascii_lowercase();
    let shaped = lower.len() <= 184
        && lower.strip_prefix("s-1-").is_some_and(|rest| {
            !rest.is_empty() && rest.split('-').all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
        });
    if !shaped || !lower.starts_with("s-1-5-21-") || lower.ends_with("-500") {
        return Err(Refusal::User("that security identifier is not accepted"));
    }
    Ok(())
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

/// Adds an id in lower case of its script; nearly every one is ASCII. Returns where it is.
fn add_lowered(all: &mut String, text: &str) -> Result<(u16, u16), Refusal> {
    let start = all.len();
    if text.is_ascii() {
        all.push_str(text);
        all[start..].make_ascii_lowercase();
    } else {
        all.push_str(&text.to_lowercase());
    }
    match (start.try_into(), all.len().try_into()) {
        (Ok(start), Ok(end)) => Ok((start, end)),
        _ => Err(Refusal::User("its ids are too long")),
    }
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
        let address = "a@x.example";
        let expected = [UserKey::Upn(address), UserKey::Upn(address), UserKey::Smtp(address), UserKey::Sip(address)];
        assert_eq!(claims.keys().collect::<Vec<_>>(), expected);
        assert_eq!(claims.agree(&[vec![1], vec![1], vec![1], vec![1]]), Ok(1));
        assert!(claims.agree(&[vec![1], vec![1], vec![2], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1], vec![], vec![1], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1], vec![1, 2], vec![1], vec![1]]).is_err());
        assert!(claims.agree(&[vec![1]]).is_err());
    }

    #[test]
    fn ids_are_compared_by_kind_and_by_text_in_lower_case() {
        let user = |json| read(json, false).unwrap();
        let lena = user(r#"{"upn":"lena@x.example","smtp":"Lena@X.example"}"#);
        assert_eq!(lena, user(r#"{"upn":"LENA@x.example","smtp":"LENA@x.example"}"#));
        for other in [
            user(r#"{"upn":"lena@x.example"}"#),
            user(r#"{"upn":"lena@x.example","sip":"lena@x.example"}"#),
            user(r#"{"upn":"lena@x.example","smtp":"adele@x.example"}"#),
            lena.clone().of(Uuid::from_u128(1)),
        ] {
            assert_ne!(lena, other);
        }
        assert_eq!(lena.clone().of(Uuid::from_u128(1)), lena.of(Uuid::from_u128(1)));
    }

    #[test]
    fn each_kind_of_id_has_a_name() {
        let kinds = [UserKey::Puid, UserKey::Sid, UserKey::Sip, UserKey::Smtp, UserKey::Upn];
        assert_eq!(kinds.map(|kind| kind(1).kind()), ["puid", "sid", "sip", "smtp", "upn"]);
        assert_eq!(kinds.map(|kind| *kind(1).id()), [1; 5]);
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
            r#"{"nameid":"10032001c0ffee01","nii":"urn:federation:MicrosoftOnline","upn":"10032001c0ffee01"}"#,
        ] {
            assert!(read(json, false).is_err(), "{json}");
        }
    }

    #[test]
    fn a_net_id_has_sixteen_hexadecimal_digits() {
        let with = |id: &str| read(&format!(r#"{{"nameid":"{id}","nii":"urn:federation:MicrosoftOnline"}}"#), false);
        assert!(with("10032001C0FFEE01").unwrap().keys().eq([UserKey::Puid("10032001c0ffee01")]));
        for wrong in ["10032001c0ffee0", "10032001c0ffee011", "10032001c0ffee0g", "a@x.example", "abc@defg.example", ""]
        {
            assert!(with(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_address_has_one_sign_with_something_on_both_sides() {
        let with = |address: &str| read(&format!(r#"{{"smtp":"{address}"}}"#), false);
        let lower =
            |address: &str| with(address).map(|claims| claims.keys().map(|key| key.map(str::to_owned)).collect());
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
