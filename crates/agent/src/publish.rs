//! Who this side is when it issues its own tokens: its metadata document.

use actas_token::metadata::Publisher;
use actas_token::well_known;
use serde_json::Value;

use crate::Agent;
use crate::certificates::Use;
use crate::error::Error;

// === impl Agent ===

impl Agent {
    /// The document by which a partner trusts this side, with its certificates: the current
    /// one first, then the next one, so that a partner knows it before it signs, and the
    /// previous one; each of them until it ends. None while no realm is configured or no
    /// certificate is valid.
    pub async fn published_metadata(&self) -> Result<Option<Value>, Error> {
        let configuration = self.oauth_configuration().await?;
        let now = self.clock().now();
        let mut assigned = self.certificates().assigned(Use::OAuthTokenIssuer, now).await?;
        assigned.retain(|own| own.certificate.not_after() >= now);
        let (Some(realm), false) = (configuration.realm, assigned.is_empty()) else { return Ok(None) };
        let certificates: Vec<&[u8]> = assigned.iter().map(|own| own.certificate.der()).collect();
        let publisher = Publisher {
            app_id: configuration.service_name.unwrap_or(well_known::LYNC),
            realm: &realm,
            name: "Lync",
            hosts: &[],
            certificates: &certificates,
            location: None,
        };
        Ok(Some(publisher.document()))
    }
}
