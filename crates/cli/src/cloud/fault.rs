//! Faults that a cloud can start with, so that whoever handles them can be tested: by the
//! names of the doctor's checks, and one more.

use actas_directory::{TenantId, User, well_known};
use actas_store::directory::Audit;
use jiff::SignedDuration;
use serde_json::json;
use uuid::Uuid;

use super::Cloud;
use crate::problem::Problem;

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

/// A fault on the cloud's side.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Fault {
    /// The application's own principal is disabled.
    ApplicationDisabled,
    /// A certificate of an unknown hand on the application's principal.
    AlienCredential,
    /// Exchange's principal lacks the host in the audience.
    AudienceMismatch,
    /// The application's credential has ended.
    CredentialExpired,
    /// The application's credential exceeds its certificate's dates.
    CredentialWindow,
    /// The directory holds another certificate than the application's.
    KeyMismatch,
    /// The mailbox's user is disabled.
    Mailbox,
    /// Exchange has the partner application switched off.
    PartnerDisabled,
    /// Exchange does not know the partner application.
    PartnerMissing,
    /// Exchange's principal is disabled.
    PrincipalDisabled,
}

const ALL: [(&str, Fault); 10] = [
    ("alien-credential", Fault::AlienCredential),
    ("app-disabled", Fault::ApplicationDisabled),
    ("aud-mismatch", Fault::AudienceMismatch),
    ("cred-expired", Fault::CredentialExpired),
    ("cred-window", Fault::CredentialWindow),
    ("key-mismatch", Fault::KeyMismatch),
    ("mailbox", Fault::Mailbox),
    ("partner-disabled", Fault::PartnerDisabled),
    ("partner-missing", Fault::PartnerMissing),
    ("sp-disabled", Fault::PrincipalDisabled),
];

impl Fault {
    /// A fault by its check's name.
    pub(crate) fn from_name(name: &str) -> Result<Self, Problem> {
        let found = ALL.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, fault)| *fault);
        found.ok_or_else(|| {
            let known: Vec<&str> = ALL.iter().map(|(known, _)| *known).collect();
            Problem::usage(format!("`{name}` is not a fault that a cloud can start with"))
                .hint(format!("these are: {}", known.join(", ")))
        })
    }
}

// === impl Cloud ===

impl Cloud {
    /// Puts a fault in place, in one tenant, for its application and its first user.
    pub(crate) async fn break_by(
        &self,
        fault: Fault,
        tenant: TenantId,
        app_id: Uuid,
        user: &User,
    ) -> Result<(), Problem> {
        let now = self.clock().now();
        let audit = || Audit {
            time: now,
            tenant,
            kind: "fault put in place",
            details: json!({ "fault": format!("{fault:?}") }),
        };
        let principal = |app_id| async move {
            let found = self.directory.principal_by_app(tenant, app_id).await?;
            found.ok_or_else(|| Problem::failed(format!("the application {app_id} is not in the directory")))
        };
        match fault {
            Fault::AlienCredential | Fault::KeyMismatch => {
                let mut own = principal(app_id).await?;
                let pair = actas_certificate::issue::self_signed("unknown hand", &[], now - DAY, DAY * 365, 2048)?;
                let request = actas_directory::credential::KeyCredentialRequest {
                    key: Some(pair.certificate().der().to_vec()),
                    ..Default::default()
                };
                let (alien, _) = actas_directory::KeyCredential::new(&request, Uuid::new_v4(), now)
                    .map_err(|error| Problem::failed(error.to_string()))?;
                if fault == Fault::KeyMismatch {
                    own.key_credentials.clear();
                }
                own.key_credentials.push(alien);
                self.directory.update_principal(&own, audit()).await?;
            }
            Fault::CredentialExpired | Fault::CredentialWindow => {
                let mut own = principal(app_id).await?;
                for credential in &mut own.key_credentials {
                    if fault == Fault::CredentialExpired {
                        credential.end = now - SignedDuration::from_hours(1);
                        credential.start = credential.end - SignedDuration::from_hours(24 * 365);
                    } else {
                        credential.end += SignedDuration::from_hours(24 * 3650);
                    }
                }
                self.directory.update_principal(&own, audit()).await?;
            }
            Fault::ApplicationDisabled => {
                let mut own = principal(app_id).await?;
                own.enabled = false;
                self.directory.update_principal(&own, audit()).await?;
            }
            Fault::AudienceMismatch | Fault::PrincipalDisabled => {
                let mut exchange = principal(well_known::EXCHANGE).await?;
                if fault == Fault::PrincipalDisabled {
                    exchange.enabled = false;
                } else {
                    exchange.names = vec![exchange.app_id.to_string()];
                }
                self.directory.update_principal(&exchange, audit()).await?;
            }
            Fault::PartnerDisabled | Fault::PartnerMissing => {
                let partners = self.trust.partners().await?;
                let own = partners
                    .into_iter()
                    .find(|partner| partner.tenant == tenant && partner.application_identifier == app_id);
                let mut own =
                    own.ok_or_else(|| Problem::failed(format!("the application {app_id} is no partner application")))?;
                if fault == Fault::PartnerMissing {
                    self.trust.remove_partner(tenant, &own.name, audit()).await?;
                } else {
                    own.enabled = false;
                    self.trust.put_partner(&own).await?;
                }
            }
            Fault::Mailbox => {
                let mut disabled = user.clone();
                disabled.enabled = false;
                self.directory.update_user(&disabled, audit()).await?;
            }
        }
        Ok(())
    }
}
