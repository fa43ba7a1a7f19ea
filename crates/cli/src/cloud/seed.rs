//! What a cloud starts with: tenants, domains, users, applications. Everything is made as
//! far as it is missing, so a seed may be applied again and again, also after a crash.

use std::path::{Path, PathBuf};
use std::time::Duration;

use actas_certificate::{KeyPair, file, issue};
use actas_directory::credential::{KeyCredentialRequest, one_year_after};
use actas_directory::exchange_side::{AppOnlyPermission, AuthServer, AuthServerKind, PartnerApplication, Published};
use actas_directory::user::is_password;
use actas_directory::{
    Application, DomainName, KeyCredential, PasswordCredential, ServicePrincipal, Tenant, TenantId, User, UserKey,
    well_known,
};
use actas_mailbox::ensure_mailbox;
use actas_store::directory::Audit;
use actas_sts::seed::{ServiceHosts, grant, well_known_principals};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::Cloud;
use crate::problem::Problem;
use crate::workplace::make_folder;

const DAY: Duration = Duration::from_hours(24);
/// A certificate that ends sooner is made anew.
const RENEW_BEFORE: SignedDuration = SignedDuration::from_hours(24 * 30);
const CERTIFICATE_LIFETIME: Duration = Duration::from_hours(24 * 730);
const KEY_BITS: usize = 2048;

/// Seed of a cloud.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seed {
    /// `[[tenant]]`
    pub(crate) tenant: Vec<SeedTenant>,
}

/// `[[tenant]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedTenant {
    /// Its GUID; made where absent.
    pub(crate) id: Option<Uuid>,
    pub(crate) display_name: String,
    /// Verified domains; the first is the default one.
    pub(crate) domains: Vec<DomainName>,
    #[serde(default)]
    pub(crate) user: Vec<SeedUser>,
    #[serde(default)]
    pub(crate) application: Vec<SeedApplication>,
}

/// `[[tenant.user]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedUser {
    /// UPN, SMTP and SIP address.
    pub(crate) address: String,
    pub(crate) display_name: Option<String>,
    /// Whether the user has a mailbox.
    #[serde(default = "yes")]
    pub(crate) mailbox: bool,
    /// What the user signs in with; without one, nobody signs in as this user.
    pub(crate) password: Option<SecretString>,
    /// Whether the user may administer the tenant.
    #[serde(default)]
    pub(crate) administrator: bool,
}

/// `[[tenant.application]]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeedApplication {
    /// Application id; made where absent.
    pub(crate) id: Option<Uuid>,
    pub(crate) name: String,
    /// Application permissions.
    #[serde(default)]
    pub(crate) roles: Vec<String>,
    /// Whether users may sign in to it with a code.
    #[serde(default)]
    pub(crate) public_client: bool,
    /// Delegated permissions on Graph, consented to for all users.
    #[serde(default)]
    pub(crate) scopes: Vec<String>,
    /// Whether Exchange admits it, with trust level Full and both kinds of act-as.
    #[serde(default)]
    pub(crate) exchange_partner: bool,
}

fn yes() -> bool {
    true
}

/// A tenant of a seed, as it stands now.
pub(crate) struct Seeded {
    pub(crate) tenant: Tenant,
    pub(crate) users: Vec<User>,
    pub(crate) applications: Vec<SeededApplication>,
}

/// An application of a seed, with what it signs in with.
pub(crate) struct SeededApplication {
    pub(crate) app_id: Uuid,
    pub(crate) certificate_file: PathBuf,
    pub(crate) key_file: PathBuf,
}

// === impl Seed ===

impl Seed {
    /// Reads a seed file.
    pub(crate) fn load(path: &Path) -> Result<Self, Problem> {
        let text = fs_err::read_to_string(path)
            .map_err(|error| Problem::failed("the seed file cannot be read").because(&error))?;
        let seed: Self = toml::from_str(&text).map_err(|error| {
            Problem::failed(format!("the seed file `{}` is not as it should be", path.display()))
                .detail(error.to_string())
        })?;
        for tenant in &seed.tenant {
            if tenant.domains.is_empty() {
                return Err(Problem::failed(format!(
                    "the tenant `{}` of the seed file has no domain",
                    tenant.display_name
                )));
            }
            for user in &tenant.user {
                let domain = user.address.rsplit_once('@').and_then(|(_, domain)| domain.parse::<DomainName>().ok());
                if user.password.as_ref().is_some_and(|password| !is_password(password.expose_secret())) {
                    return Err(Problem::failed(format!(
                        "the password of `{}` in the seed file cannot be one",
                        user.address
                    ))
                    .hint("it has 8 characters or more, and 256 bytes at most"));
                }
                if domain.is_none_or(|domain| !tenant.domains.contains(&domain)) {
                    return Err(Problem::failed(format!(
                        "the address `{}` of the seed file is in no domain of its tenant `{}`",
                        user.address, tenant.display_name
                    )));
                }
            }
        }
        Ok(seed)
    }
}

// === impl Cloud ===

impl Cloud {
    /// Makes what of a seed is missing.
    pub(crate) async fn apply_seed(&self, seed: &Seed) -> Result<Vec<Seeded>, Problem> {
        let mut all = Vec::with_capacity(seed.tenant.len());
        for tenant in &seed.tenant {
            all.push(self.seed_tenant(tenant).await?);
        }
        Ok(all)
    }

    async fn seed_tenant(&self, seed: &SeedTenant) -> Result<Seeded, Problem> {
        let now = self.clock().now();
        let tenant = match self.directory.tenant_by_domain(&seed.domains[0]).await? {
            Some(tenant) => tenant,
            None => self.add_tenant(seed, now).await?,
        };
        let hosts = ServiceHosts {
            exchange: self.place.exchange_hosts.clone(),
            graph: self.place.graph_name().map(str::to_owned).into_iter().collect(),
        };
        well_known_principals(&self.directory, tenant.id, &hosts, now).await?;
        self.keep_graph_name(tenant.id).await?;
        let mut users = Vec::new();
        for user in &seed.user {
            users.push(self.seed_user(tenant.id, user, now).await?);
        }
        self.trust_token_service(tenant.id).await?;
        self.put_partner(tenant.id, "Microsoft Lync Server", well_known::LYNC).await?;
        let mut applications = Vec::new();
        for application in &seed.application {
            applications.push(self.seed_application(tenant.id, application, now).await?);
        }
        Ok(Seeded { tenant, users, applications })
    }

    async fn add_tenant(&self, seed: &SeedTenant, now: Timestamp) -> Result<Tenant, Problem> {
        let id = TenantId(seed.id.unwrap_or_else(Uuid::new_v4));
        let mut tenant = Tenant::new(id, &seed.display_name, seed.domains[0].clone(), now);
        let more = seed.domains[1..].iter().cloned();
        tenant.domains.extend(more.map(|name| actas_directory::Domain { name, is_default: false, is_initial: false }));
        self.directory.add_tenant(&tenant, seeded(id, "tenant added", &seed.display_name, now)).await?;
        Ok(tenant)
    }

    /// A loopback cloud has another port, and so another Graph, at every start.
    async fn keep_graph_name(&self, tenant: TenantId) -> Result<(), Problem> {
        let Some(origin) = self.place.graph_name() else { return Ok(()) };
        let Some(mut graph) = self.directory.principal_by_app(tenant, well_known::GRAPH).await? else { return Ok(()) };
        if !graph.is_named(origin) {
            graph.names.retain(|name| !name.starts_with("https://localhost:"));
            graph.names.push(origin.to_owned());
            self.directory
                .update_principal(&graph, seeded(tenant, "principal changed", "Microsoft Graph", self.clock().now()))
                .await?;
        }
        Ok(())
    }

    async fn seed_user(&self, tenant: TenantId, seed: &SeedUser, now: Timestamp) -> Result<User, Problem> {
        let key = UserKey::Upn(seed.address.to_lowercase());
        let known = self.directory.users_by_key(tenant, &key).await?.into_iter().next();
        let user = if let Some(user) = known {
            user
        } else {
            let name = seed.display_name.as_deref().unwrap_or(&seed.address);
            let mut user = User::new(Uuid::new_v4(), tenant, name, &seed.address);
            user.mailbox = seed.mailbox;
            user.administrator = seed.administrator;
            if let Some(password) = &seed.password {
                let hash = actas_sts::hash_password(password.expose_secret());
                user.password = Some(hash.map_err(|error| Problem::failed(error.to_string()))?);
            }
            self.directory.add_user(&user, seeded(tenant, "user added", &seed.address, now)).await?;
            user
        };
        if user.mailbox {
            ensure_mailbox(self.database.clone(), &user, now).await?;
        }
        Ok(user)
    }

    async fn seed_application(
        &self,
        tenant: TenantId,
        seed: &SeedApplication,
        now: Timestamp,
    ) -> Result<SeededApplication, Problem> {
        let known = match seed.id {
            Some(app_id) => self.directory.principal_by_app(tenant, app_id).await?,
            None => self
                .directory
                .principals(tenant)
                .await?
                .into_iter()
                .find(|principal| principal.display_name == seed.name),
        };
        let principal = if let Some(principal) = known {
            principal
        } else {
            let app_id = seed.id.unwrap_or_else(Uuid::new_v4);
            let mut principal = ServicePrincipal::new(Uuid::new_v4(), tenant, app_id, &seed.name, now);
            for role in &seed.roles {
                if !grant(&self.directory, &mut principal, role, now).await? {
                    return Err(Problem::failed(format!(
                        "no service exposes the role `{role}` of the application `{}`",
                        seed.name
                    ))
                    .hint("`docs/graph.md` lists the application permissions that there are"));
                }
            }
            principal.trusted_for_delegation = seed.exchange_partner;
            principal.delegated.clone_from(&seed.scopes);
            self.directory.add_principal(&principal, seeded(tenant, "principal added", &seed.name, now)).await?;
            principal
        };
        let app_id = principal.app_id;
        self.keep_application(&principal, seed.public_client, now).await?;
        if seed.exchange_partner {
            self.put_partner(tenant, &seed.name, app_id).await?;
        }
        let folder = self.folder.join("applications");
        make_folder(&folder)?;
        let (certificate_file, key_file) = (folder.join(format!("{app_id}.cer")), folder.join(format!("{app_id}.key")));
        let pair = own_pair(&certificate_file, &key_file, &seed.name, now)?;
        self.keep_credential(principal, &pair, now).await?;
        Ok(SeededApplication { app_id, certificate_file, key_file })
    }

    /// The application behind a principal. Its own keys are left to whoever manages it:
    /// what the seed signs in with is a credential of the principal.
    async fn keep_application(
        &self,
        principal: &ServicePrincipal,
        is_public: bool,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let (tenant, app_id) = (principal.tenant, principal.app_id);
        if self.directory.application_by_app(tenant, app_id).await?.is_none() {
            let mut made = Application::new(Uuid::new_v4(), tenant, app_id, &principal.display_name, now);
            if is_public {
                made.set_public_client(true);
            }
            self.directory
                .add_application(&made, seeded(tenant, "application added", &principal.display_name, now))
                .await?;
        }
        Ok(())
    }

    async fn keep_credential(
        &self,
        mut principal: ServicePrincipal,
        pair: &KeyPair,
        now: Timestamp,
    ) -> Result<(), Problem> {
        let der = pair.certificate().der();
        if principal.live_keys(now).any(|credential| credential.key == der) {
            return Ok(());
        }
        principal.key_credentials.retain(|credential| credential.key != der);
        let request = KeyCredentialRequest { key: Some(der.to_vec()), ..KeyCredentialRequest::default() };
        let (credential, _) =
            KeyCredential::new(&request, Uuid::new_v4(), now).map_err(|error| Problem::failed(error.to_string()))?;
        principal.key_credentials.push(credential);
        let audit = seeded(principal.tenant, "principal changed", &principal.display_name, now);
        self.directory.update_principal(&principal, audit).await?;
        Ok(())
    }

    /// Gives an application a new secret in the place of those it had, and returns it.
    pub(crate) async fn give_secret(&self, tenant: TenantId, app_id: Uuid) -> Result<String, Problem> {
        let now = self.clock().now();
        let missing = || Problem::failed(format!("the application {app_id} is not in the directory"));
        let mut principal = self.directory.principal_by_app(tenant, app_id).await?.ok_or_else(missing)?;
        let (secret, hash) = actas_sts::new_secret().map_err(|error| Problem::failed(error.to_string()))?;
        principal.password_credentials = vec![PasswordCredential {
            key_id: Uuid::new_v4(),
            hash,
            hint: secret.chars().take(3).collect(),
            start: now,
            end: one_year_after(now),
            display_name: "seed".to_owned(),
        }];
        self.directory
            .update_principal(&principal, seeded(tenant, "principal changed", &principal.display_name, now))
            .await?;
        Ok(secret)
    }

    /// Exchange believes the token service, in both of its dialects.
    async fn trust_token_service(&self, tenant: TenantId) -> Result<(), Problem> {
        let origin = self.place.origin();
        let servers = [
            ("MicrosoftACS", AuthServerKind::MicrosoftAcs, format!("{origin}/{tenant}/metadata/json/1")),
            ("evoSTS", AuthServerKind::AzureAd, format!("{origin}/{tenant}/.well-known/openid-configuration")),
        ];
        for (name, kind, auth_metadata_url) in servers {
            // Where it is may have changed; what an administrator decided stays.
            if let Some(known) = self.trust.auth_server(tenant, name).await? {
                if known.value.auth_metadata_url != auth_metadata_url {
                    let moved = AuthServer { auth_metadata_url, ..known.value };
                    self.trust.put_auth_server(&moved).await?;
                }
                continue;
            }
            let server = AuthServer {
                name: name.to_owned(),
                tenant,
                kind,
                auth_metadata_url,
                issuer_identifier: well_known::STS,
                realm: tenant.to_string(),
                enabled: true,
                domain_names: Vec::new(),
                is_default_authorization_endpoint: false,
                application_identifier: None,
                published: Published::default(),
            };
            self.trust.put_auth_server(&server).await?;
        }
        Ok(())
    }

    async fn put_partner(&self, tenant: TenantId, name: &str, app_id: Uuid) -> Result<(), Problem> {
        if self.trust.partner(tenant, name).await?.is_some() {
            return Ok(());
        }
        let mut partner = PartnerApplication::new(name, tenant, app_id);
        partner.app_asserted_act_as = true;
        partner.linked_account = Some(format!("{app_id}-ApplicationAccount"));
        partner.app_only_permissions = vec![AppOnlyPermission::FullAccess];
        Ok(self.trust.put_partner(&partner).await?)
    }
}

/// The key pair in these files, if it is good for a while; else a new one in its place.
fn own_pair(certificate_file: &Path, key_file: &Path, name: &str, now: Timestamp) -> Result<KeyPair, Problem> {
    if certificate_file.exists() {
        let pair = file::read_key_pair(certificate_file, key_file)?;
        if pair.certificate().not_after().duration_since(now) > RENEW_BEFORE {
            return Ok(pair);
        }
    }
    let pair = issue::self_signed(name, &[], now - DAY, CERTIFICATE_LIFETIME, KEY_BITS)?;
    file::write_private_key(key_file, pair.key())?;
    file::write_certificate(certificate_file, pair.certificate())?;
    Ok(pair)
}

fn seeded(tenant: TenantId, kind: &'static str, what: &str, now: Timestamp) -> Audit {
    Audit { time: now, tenant, kind, details: json!({ "by": "seed", "name": what }) }
}
