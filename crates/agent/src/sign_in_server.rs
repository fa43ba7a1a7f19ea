//! Documents of servers that people sign in at: federation metadata (XML, as ADFS and the
//! cloud's directory publish it) and OpenID configurations (JSON).
//!
//! Such a server takes no part in the trust between servers. It is declared so that clients can
//! be sent to it, and of its document only who it is and what it signs with are read.

use actas_certificate::Certificate;
use actas_directory::onprem::OAuthServerKind;
use url::Url;
use uuid::Uuid;

/// The most elements of a document, and the most certificates.
const NODES_MAX: u32 = 20_000;
const CERTIFICATES_MAX: usize = 64;
/// The most characters of what a reader of XML says.
const REASON_CHARS_MAX: usize = 256;
/// The issuer of the cloud's directory, whose document names it with a tenant behind.
const DIRECTORY_HOST: &str = "sts.windows.net";

/// What such a document says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignInServer {
    /// Which kind it shows itself to be.
    pub kind: OAuthServerKind,
    /// What it calls itself: an address.
    entity: Url,
    entity_text: String,
    /// What it signs with; none where the document leads elsewhere for it.
    pub certificates: Vec<Certificate>,
}

// === impl SignInServer ===

impl SignInServer {
    /// Reads a document of either form.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "it is not text".to_owned())?;
        let text = text.trim_start_matches('\u{feff}').trim_start();
        if text.starts_with('<') { Self::from_xml(text) } else { Self::from_json(text) }
    }

    fn from_xml(text: &str) -> Result<Self, String> {
        let options = roxmltree::ParsingOptions { nodes_limit: NODES_MAX, ..roxmltree::ParsingOptions::default() };
        let document = roxmltree::Document::parse_with_options(text, options)
            .map_err(|error| format!("it is not well-formed XML: {}", short(&error.to_string())))?;
        let root = document.root_element();
        if root.tag_name().name() != "EntityDescriptor" {
            return Err("it is XML, and no federation metadata: its root is not `EntityDescriptor`".to_owned());
        }
        let entity = root.attribute("entityID").ok_or("its `EntityDescriptor` has no `entityID`")?;
        let mut certificates = Vec::new();
        // A key descriptor says what for; the document's own signature has none.
        let signing = |node: &roxmltree::Node<'_, '_>| {
            node.tag_name().name() == "KeyDescriptor" && node.attribute("use") != Some("encryption")
        };
        let texts = root.descendants().filter(signing).flat_map(|key| key.descendants());
        for node in texts.filter(|node| node.tag_name().name() == "X509Certificate") {
            let certificate = Certificate::from_base64(node.text().unwrap_or_default())
                .map_err(|error| format!("a certificate in it cannot be read: {error}"))?;
            if !certificates.contains(&certificate) {
                certificates.push(certificate);
            }
            if certificates.len() > CERTIFICATES_MAX {
                return Err(format!("it has more than {CERTIFICATES_MAX} certificates"));
            }
        }
        if certificates.is_empty() {
            return Err("it has no certificate for signing".to_owned());
        }
        Self::of(entity, OAuthServerKind::Adfs, certificates)
    }

    fn from_json(text: &str) -> Result<Self, String> {
        let document: serde_json::Value =
            serde_json::from_str(text).map_err(|error| format!("it is neither XML nor JSON: {error}"))?;
        let member = |name| document.get(name).and_then(serde_json::Value::as_str);
        let issuer = member("issuer").ok_or("it has no `issuer`")?;
        member("jwks_uri").ok_or("it is no OpenID configuration: it has no `jwks_uri`")?;
        Self::of(issuer, OAuthServerKind::AzureAd, Vec::new())
    }

    fn of(entity: &str, kind: OAuthServerKind, certificates: Vec<Certificate>) -> Result<Self, String> {
        let url = Url::parse(entity)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host_str().is_some())
            // Slashes that are missing are made up where an address is read.
            .filter(|url| entity.get(url.scheme().len()..).is_some_and(|rest| rest.starts_with("://")))
            // Those are passed over where an address is read; where it is shown they are not.
            .filter(|_| !entity.chars().any(|letter| letter.is_control() || letter.is_whitespace()))
            .ok_or("what it calls itself is not an address")?;
        let kind = if url.host_str() == Some(DIRECTORY_HOST) { OAuthServerKind::AzureAd } else { kind };
        Ok(Self { kind, entity_text: entity.to_owned(), entity: url, certificates })
    }

    /// Its issuer as it is shown: of the cloud's directory the host alone, since what stands
    /// behind it is a tenant.
    pub fn issuer(&self, kind: OAuthServerKind) -> String {
        match kind {
            OAuthServerKind::AzureAd => self.entity.host_str().unwrap_or_default().to_owned(),
            _ => self.entity_text.clone(),
        }
    }

    /// The tenant that it is, if the document is that of one.
    pub fn realm(&self) -> Option<String> {
        let first = self.entity.path_segments()?.next()?;
        Uuid::try_parse(first).ok().map(|id| id.to_string())
    }
}

/// The beginning of a reason, which may repeat names of any length.
fn short(reason: &str) -> String {
    reason.chars().take(REASON_CHARS_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(name: &str) -> Certificate {
        let now: jiff::Timestamp = "2026-12-01T00:00:00Z".parse().unwrap();
        let day = std::time::Duration::from_hours(24);
        actas_certificate::issue::self_signed(name, &[], now, day, 2048).unwrap().certificate().clone()
    }

    fn metadata(entity: &str, keys: &str) -> String {
        format!(
            "\u{feff}<?xml version=\"1.0\"?>\n<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"{entity}\">\
             <Signature xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><KeyInfo><X509Data><X509Certificate>nonsense</X509Certificate>\
             </X509Data></KeyInfo></Signature><RoleDescriptor>{keys}</RoleDescriptor></EntityDescriptor>"
        )
    }

    fn key(purpose: &str, certificate: &str) -> String {
        format!(
            "<KeyDescriptor{purpose}><KeyInfo><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        )
    }

    #[test]
    fn federation_metadata_tells_who_signs() {
        let (own, other) = (certificate("sts"), certificate("other"));
        let keys = [
            key(" use=\"signing\"", &own.to_base64()),
            key("", &own.to_base64()),
            key(" use=\"encryption\"", &other.to_base64()),
        ];
        let text = metadata("https://sts.windows.net/{tenantid}/", &keys.concat());
        let read = SignInServer::parse(text.as_bytes()).unwrap();
        assert_eq!((read.kind, read.realm()), (OAuthServerKind::AzureAd, None));
        assert_eq!(read.issuer(read.kind), "sts.windows.net");
        assert_eq!(read.certificates, [own], "once, and none that encrypts or signs the document");

        let entity = "http://adfs.contoso.example/adfs/services/trust";
        let read = SignInServer::parse(metadata(entity, &keys.concat()).as_bytes()).unwrap();
        assert_eq!((read.kind, read.issuer(read.kind)), (OAuthServerKind::Adfs, entity.to_owned()));
    }

    #[test]
    fn an_openid_configuration_tells_the_tenant() {
        let id = "5588b4fd-9c4a-4a52-9a86-1d3b4d1f4a0e";
        let text = format!("{{\"issuer\":\"https://sts.windows.net/{id}/\",\"jwks_uri\":\"https://x.example/keys\"}}");
        let read = SignInServer::parse(text.as_bytes()).unwrap();
        assert_eq!((read.kind, read.realm().as_deref()), (OAuthServerKind::AzureAd, Some(id)));
        assert!(read.certificates.is_empty());
    }

    #[test]
    fn what_is_no_such_document() {
        let own = certificate("sts").to_base64();
        let many: String = (0..10).map(|_| "<a/>").collect::<String>().repeat(2_100);
        for (text, why) in [
            (String::new(), "neither XML nor JSON"),
            ("<html></html>".to_owned(), "EntityDescriptor"),
            ("<EntityDescriptor/>".to_owned(), "entityID"),
            ("<EntityDescriptor".to_owned(), "well-formed"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><EntityDescriptor/>".to_owned(), "well-formed"),
            (metadata("https://a.example/", ""), "no certificate"),
            (metadata("https://a.example/", &key("", "MIIC")), "cannot be read"),
            (metadata("urn:a", &key("", &own)), "not an address"),
            (metadata("https://a.example/&#10;b", &key("", &own)), "not an address"),
            (metadata("http:,//a.example/", &key("", &own)), "not an address"),
            ("{\"issuer\":\"https://a.example/\\u001b[2J\",\"jwks_uri\":\"\"}".to_owned(), "not an address"),
            (metadata("https://a.example/", &many), "well-formed"),
            ("{}".to_owned(), "issuer"),
            ("{\"issuer\":\"https://a.example/\"}".to_owned(), "jwks_uri"),
        ] {
            let error = SignInServer::parse(text.as_bytes()).unwrap_err();
            assert!(error.contains(why), "{why}: {error}");
        }
        assert!(SignInServer::parse(&[0xFF, 0xFE]).is_err());
        let endless = format!("<{0}></{0}2>", "a".repeat(5_000));
        assert!(SignInServer::parse(endless.as_bytes()).unwrap_err().len() < 500, "names are not repeated whole");
    }
}
