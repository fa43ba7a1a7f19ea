//! What this side is told to trust: OAuth servers, partner applications and the OAuth
//! configuration, under the vendor's rules.

use actas_certificate::Certificate;
use actas_directory::onprem::{
    ApplicationTrustLevel, AuthToken, OAuthConfiguration, OAuthServer, OAuthServerKind, PartnerApplication,
};
use actas_exchange::redirect::AllowedDomains;
use actas_runtime::event;
use actas_store::settings::{Kind, Versioned};
use actas_token::metadata::Metadata;
use actas_token::well_known;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use uuid::Uuid;

use crate::Agent;
use crate::error::{Error, ErrorKind};
use crate::metadata::{Document, https_url};

const GLOBAL: &str = "global";
/// The path that the on-premises product speaks Autodiscover at.
const AUTODISCOVER_PATH: &str = "/autodiscover/autodiscover.svc";

/// A result with what an administrator should know beside it.
#[derive(Clone, Debug)]
pub struct Outcome<T> {
    /// The result.
    pub value: T,
    /// One sentence each.
    pub warnings: Vec<String>,
}

/// `New-CsOAuthServer`.
#[derive(Clone, Debug, Default)]
pub struct NewOAuthServer {
    /// Its name.
    pub name: String,
    /// Where its metadata is.
    pub metadata_url: String,
    /// Overrides the realm of the metadata.
    pub realm: Option<String>,
    /// What it is for; what its document shows where nothing is said.
    pub kind: Option<OAuthServerKind>,
    /// Where clients sign in.
    pub authorization_uri_override: Option<String>,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: bool,
}

/// `Set-CsOAuthServer`; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct OAuthServerChange {
    /// Where its metadata is.
    pub metadata_url: Option<String>,
    /// What it is for.
    pub kind: Option<OAuthServerKind>,
    /// Where clients sign in; empty clears it.
    pub authorization_uri_override: Option<String>,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: Option<bool>,
}

/// How a new partner proves itself.
#[derive(Clone, Debug)]
pub enum PartnerProof {
    /// By a certificate, in any form that [`Certificate`] reads.
    Certificate(Vec<u8>),
    /// By its own metadata.
    MetadataUrl(String),
    /// By the configured OAuth server.
    OAuthServer,
}

/// `New-CsPartnerApplication`.
#[derive(Clone, Debug)]
pub struct NewPartner {
    /// Its name.
    pub name: String,
    /// Its application id; from the metadata where there is one.
    pub application_identifier: Option<Uuid>,
    /// What it may do.
    pub application_trust_level: ApplicationTrustLevel,
    /// How it proves itself.
    pub proof: PartnerProof,
    /// Its realm.
    pub realm: Option<String>,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: bool,
    /// Whether it is used.
    pub enabled: bool,
}

/// `Set-CsPartnerApplication`; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct PartnerChange {
    /// What it may do.
    pub application_trust_level: Option<ApplicationTrustLevel>,
    /// How it proves itself.
    pub proof: Option<PartnerProof>,
    /// Whether its tokens may name users by SID.
    pub accept_security_identifier_information: Option<bool>,
    /// Whether it is used.
    pub enabled: Option<bool>,
}

/// `Set-CsOAuthConfiguration`; what is absent stays, what is empty is cleared.
#[derive(Clone, Debug, Default)]
pub struct ConfigurationChange {
    /// Realm of this organisation.
    pub realm: Option<String>,
    /// Our own application id.
    pub service_name: Option<String>,
    /// OAuth server of client sign-in.
    pub client_authorization_oauth_server_identity: Option<String>,
    /// Autodiscover SOAP endpoint.
    pub exchange_autodiscover_url: Option<String>,
    /// Where redirects may lead.
    pub exchange_autodiscover_allowed_domains: Option<String>,
    /// Online tenants only.
    pub client_adal_auth_override: Option<String>,
    /// Vendor-internal.
    pub alternate_audience_url: Option<String>,
    /// Vendor-internal.
    pub additional_audience_urls: Option<String>,
}

// === impl Agent: OAuth servers ===

impl Agent {
    /// All OAuth servers.
    pub async fn oauth_servers(&self) -> Result<Vec<OAuthServer>, Error> {
        Ok(values(self.0.settings.all(Kind::OAuthServer).await?))
    }

    /// Trusts a token service. Its metadata is fetched now; where that fails, nothing is
    /// stored. `display_names` maps tenants' display names to their ids, as far as the
    /// directory told us.
    pub async fn new_oauth_server(
        &self,
        new: &NewOAuthServer,
        display_names: &[(String, String)],
    ) -> Result<Outcome<OAuthServer>, Error> {
        let outcome = self.draft_oauth_server(new, display_names).await?;
        self.0.settings.add(Kind::OAuthServer, &new.name, &outcome.value).await?;
        self.changed("New-CsOAuthServer", "OAuthServer", &new.name).await?;
        Ok(outcome)
    }

    /// As [`Agent::new_oauth_server`], but nothing is stored: the object that would be.
    pub async fn draft_oauth_server(
        &self,
        new: &NewOAuthServer,
        display_names: &[(String, String)],
    ) -> Result<Outcome<OAuthServer>, Error> {
        if self.0.settings.get::<OAuthServer>(Kind::OAuthServer, &new.name).await?.is_some() {
            return Err(exists("OAuth server", &new.name, "CsOAuthServer"));
        }
        let (url, mut warnings) = with_tenant_id(&new.metadata_url, display_names)?;
        let document = self.fetch_document(&url).await?;
        let mut server = self.server_of(&new.name, &url, &document, new.kind)?;
        if let Some(realm) = &new.realm {
            server.realm_given = *realm != server.realm;
            server.realm.clone_from(realm);
        }
        server.authorization_uri_override.clone_from(&new.authorization_uri_override);
        server.accept_security_identifier_information = new.accept_security_identifier_information;
        match &document {
            Document::Trust(metadata) => warnings.extend(
                metadata.keys_skipped.iter().map(|why| format!("a key of the metadata document is not used: {why}")),
            ),
            Document::SignIn(_) => warnings.push(format!(
                "`{0}` is for clients that sign in, and takes no part in the trust between servers; clients are sent there by `actas Set-CsOAuthConfiguration -ClientAuthorizationOAuthServerIdentity {0}`",
                new.name
            )),
        }
        Ok(Outcome { value: server, warnings })
    }

    /// Changes an OAuth server. Its issuer and realm are pinned: a document that speaks
    /// for others needs Remove and New.
    pub async fn set_oauth_server(&self, name: &str, change: &OAuthServerChange) -> Result<(), Error> {
        let stored = self
            .0
            .settings
            .get::<OAuthServer>(Kind::OAuthServer, name)
            .await?
            .ok_or_else(|| missing("OAuth server", name))?;
        let mut server = stored.value;
        if let Some(url) = &change.metadata_url {
            https_url(url)?;
            let document = self.fetch_document(url).await?;
            server = self.reread(server, url, &document)?;
        }
        if let Some(kind) = change.kind.filter(|kind| kind.as_str() != server.kind) {
            server.kind = changed_kind(&server, kind)?;
        }
        if let Some(uri) = &change.authorization_uri_override {
            server.authorization_uri_override = Some(uri.clone()).filter(|uri| !uri.is_empty());
        }
        if let Some(accept) = change.accept_security_identifier_information {
            server.accept_security_identifier_information = accept;
        }
        self.0.settings.update(Kind::OAuthServer, name, stored.version, &server).await?;
        self.changed("Set-CsOAuthServer", "OAuthServer", name).await
    }

    /// An OAuth server as its document says now. Its issuer and realm are pinned, and what
    /// an administrator set beside the document stays.
    pub(crate) fn reread(&self, server: OAuthServer, url: &str, document: &Document) -> Result<OAuthServer, Error> {
        let fresh = self.server_of(&server.name, url, document, kind_of(&server))?;
        let same_realm = server.realm_given || fresh.realm == server.realm;
        if fresh.issuer_identifier != server.issuer_identifier || !same_realm {
            return Err(Error::invalid(format!(
                "`{url}` speaks for {}@{}, the OAuth server `{}` is {}@{}",
                fresh.issuer_identifier, fresh.realm, server.name, server.issuer_identifier, server.realm
            ))
            .with_hint(format!(
                "to trust another issuer: `actas Remove-CsOAuthServer {0}` and `actas New-CsOAuthServer {0} -MetadataUrl {url}`",
                server.name
            )));
        }
        Ok(OAuthServer {
            realm: server.realm,
            realm_given: server.realm_given,
            authorization_uri_override: server.authorization_uri_override,
            accept_security_identifier_information: server.accept_security_identifier_information,
            ..fresh
        })
    }

    /// Removes an OAuth server.
    pub async fn remove_oauth_server(&self, name: &str) -> Result<Vec<String>, Error> {
        refuse_wildcard(name)?;
        if !self.0.settings.remove(Kind::OAuthServer, name).await? {
            return Err(missing("OAuth server", name));
        }
        self.changed("Remove-CsOAuthServer", "OAuthServer", name).await?;
        let used = self.partners().await?.into_iter().filter(|partner| partner.auth_token == AuthToken::UseOAuthServer);
        Ok(used.map(|partner| format!("the partner application `{}` is authenticated by an OAuth server: no token can be had for it until one is created again", partner.name)).collect())
    }

    /// An OAuth server as its document shows it, which has to be one of that kind.
    fn server_of(
        &self,
        name: &str,
        url: &str,
        document: &Document,
        wanted: Option<OAuthServerKind>,
    ) -> Result<OAuthServer, Error> {
        let shown = match document {
            Document::Trust(_) => OAuthServerKind::Acs,
            Document::SignIn(server) => server.kind,
        };
        let kind = wanted.unwrap_or(shown);
        if kind.is_for_sign_in() != shown.is_for_sign_in() {
            return Err(Error::invalid(format!(
                "the document at `{url}` is that of a server of the type `{}`, and not `{}`",
                shown.as_str(),
                kind.as_str()
            ))
            .with_hint(
                "the token service between servers has its document at https://<host>/<tenant id>/metadata/json/1; servers for clients that sign in have federation metadata or an OpenID configuration",
            ));
        }
        match document {
            Document::Trust(metadata) => self.server_from(name, url, metadata),
            Document::SignIn(server) => Ok(OAuthServer {
                name: name.to_owned(),
                issuer_identifier: server.issuer(kind),
                realm: server.realm().unwrap_or_default(),
                realm_given: false,
                metadata_url: url.to_owned(),
                authorization_uri_override: None,
                kind: kind.as_str().to_owned(),
                accept_security_identifier_information: false,
                token_endpoint: None,
                allowed_audiences: Vec::new(),
                certificates: server.certificates.iter().map(Certificate::to_base64).collect(),
                refreshed: self.0.clock.now(),
            }),
        }
    }

    fn server_from(&self, name: &str, url: &str, metadata: &Metadata) -> Result<OAuthServer, Error> {
        let realm = metadata.realm.clone().filter(|realm| realm != "*").ok_or_else(|| {
            Error::invalid(format!("the metadata document at `{url}` speaks for no one tenant"))
                .with_hint("use the address with the tenant's id in it: https://<host>/<tenant id>/metadata/json/1")
        })?;
        Ok(OAuthServer {
            name: name.to_owned(),
            issuer_identifier: metadata.issuer.app_id.to_string(),
            realm,
            realm_given: false,
            metadata_url: url.to_owned(),
            authorization_uri_override: None,
            kind: OAuthServerKind::Acs.as_str().to_owned(),
            accept_security_identifier_information: false,
            token_endpoint: metadata.token_endpoint.clone(),
            allowed_audiences: metadata.allowed_audiences.clone(),
            certificates: metadata.keys.iter().map(|(der, _)| STANDARD.encode(der)).collect(),
            refreshed: self.0.clock.now(),
        })
    }
}

// === impl Agent: partner applications ===

impl Agent {
    /// All partner applications.
    pub async fn partners(&self) -> Result<Vec<PartnerApplication>, Error> {
        Ok(values(self.0.settings.all(Kind::PartnerApplication).await?))
    }

    /// Declares the other server product.
    pub async fn new_partner(&self, new: &NewPartner) -> Result<Outcome<PartnerApplication>, Error> {
        let outcome = self.draft_partner(new).await?;
        self.0.settings.add(Kind::PartnerApplication, &new.name, &outcome.value).await?;
        self.changed("New-CsPartnerApplication", "PartnerApplication", &new.name).await?;
        Ok(outcome)
    }

    /// As [`Agent::new_partner`], but nothing is stored: the object that would be.
    pub async fn draft_partner(&self, new: &NewPartner) -> Result<Outcome<PartnerApplication>, Error> {
        if self.0.settings.get::<PartnerApplication>(Kind::PartnerApplication, &new.name).await?.is_some() {
            return Err(exists("partner application", &new.name, "CsPartnerApplication"));
        }
        let (auth_token, from_metadata) = self.read_proof(&new.proof).await?;
        let given_realm = new.realm.clone().filter(|realm| !realm.is_empty());
        if matches!(auth_token, AuthToken::Certificate(_)) && given_realm.is_none() {
            return Err(Error::invalid(format!("a certificate does not say in which realm `{}` is", new.name))
                .with_hint("give the realm of the partner as `-Realm`, such as its default SIP domain"));
        }
        let mut warnings = Vec::new();
        let servers = self.oauth_servers().await?;
        let vouches = servers.iter().any(|server| server.token_endpoint.is_some());
        if auth_token == AuthToken::UseOAuthServer && !vouches {
            warnings.push("no OAuth server is configured: `actas New-CsOAuthServer` declares one".to_owned());
        }
        let application_identifier = match (new.application_identifier, &from_metadata) {
            (Some(id), _) => id,
            (None, Some(metadata)) => metadata.issuer.app_id,
            (None, None) => return Err(Error::invalid("`-ApplicationIdentifier` is missing")),
        };
        if let Some(other) =
            self.partners().await?.into_iter().find(|other| other.application_identifier == application_identifier)
        {
            return Err(Error::invalid(format!("the partner application `{}` has the application identifier {application_identifier} already", other.name))
                .with_hint(format!("change it with `actas Set-CsPartnerApplication {0}`, or remove it first: `actas Remove-CsPartnerApplication {0}`", other.name)));
        }
        if application_identifier != well_known::EXCHANGE && auth_token == AuthToken::UseOAuthServer {
            warnings.push(format!(
                "{application_identifier} is not Exchange's application identifier, {}",
                well_known::EXCHANGE
            ));
        }
        let partner = PartnerApplication {
            name: new.name.clone(),
            auth_token,
            application_identifier,
            realm: given_realm.or_else(|| from_metadata.and_then(|metadata| one_realm(&metadata))),
            application_trust_level: new.application_trust_level,
            accept_security_identifier_information: new.accept_security_identifier_information,
            enabled: new.enabled,
        };
        Ok(Outcome { value: partner, warnings })
    }

    /// Changes a partner application. Its application identifier and realm stay: those
    /// need Remove and New.
    pub async fn set_partner(&self, name: &str, change: &PartnerChange) -> Result<(), Error> {
        let stored = self
            .0
            .settings
            .get::<PartnerApplication>(Kind::PartnerApplication, name)
            .await?
            .ok_or_else(|| missing("partner application", name))?;
        let mut partner = stored.value;
        if let Some(proof) = &change.proof {
            let (auth_token, metadata) = self.read_proof(proof).await?;
            if let Some(metadata) = &metadata {
                check_pinned(&partner, metadata)?;
                partner.realm = partner.realm.or_else(|| one_realm(metadata));
            }
            if matches!(auth_token, AuthToken::Certificate(_)) && partner.realm.is_none() {
                return Err(Error::invalid(format!("`{name}` has no realm, which a partner with a certificate needs"))
                    .with_hint(format!("a realm is given when a partner is made: `actas Remove-CsPartnerApplication {name}`, then `actas New-CsPartnerApplication {name} -Realm <realm> …`")));
            }
            partner.auth_token = auth_token;
        }
        partner.application_trust_level = change.application_trust_level.unwrap_or(partner.application_trust_level);
        partner.enabled = change.enabled.unwrap_or(partner.enabled);
        partner.accept_security_identifier_information =
            change.accept_security_identifier_information.unwrap_or(partner.accept_security_identifier_information);
        self.0.settings.update(Kind::PartnerApplication, name, stored.version, &partner).await?;
        self.changed("Set-CsPartnerApplication", "PartnerApplication", name).await
    }

    /// Removes a partner application.
    pub async fn remove_partner(&self, name: &str) -> Result<(), Error> {
        refuse_wildcard(name)?;
        if !self.0.settings.remove(Kind::PartnerApplication, name).await? {
            return Err(missing("partner application", name));
        }
        self.changed("Remove-CsPartnerApplication", "PartnerApplication", name).await
    }

    async fn read_proof(&self, proof: &PartnerProof) -> Result<(AuthToken, Option<Metadata>), Error> {
        match proof {
            PartnerProof::OAuthServer => Ok((AuthToken::UseOAuthServer, None)),
            PartnerProof::MetadataUrl(url) => {
                Ok((AuthToken::MetadataUrl(url.clone()), Some(self.fetch_metadata(url).await?)))
            }
            PartnerProof::Certificate(bytes) => {
                let certificate = Certificate::from_pem_or_der(bytes)?;
                certificate.check_usable_for_tokens(self.0.clock.now())?;
                Ok((AuthToken::Certificate(certificate.to_base64()), None))
            }
        }
    }
}

// === impl Agent: OAuth configuration ===

impl Agent {
    /// The OAuth configuration; its defaults where nothing was set.
    pub async fn oauth_configuration(&self) -> Result<OAuthConfiguration, Error> {
        let stored = self.0.settings.get::<OAuthConfiguration>(Kind::OAuthConfiguration, GLOBAL).await?;
        Ok(stored.map_or_else(OAuthConfiguration::default, |stored| stored.value))
    }

    /// Changes the OAuth configuration. Gives what to think of it.
    pub async fn set_oauth_configuration(&self, change: &ConfigurationChange) -> Result<Vec<String>, Error> {
        let mut configuration = self.oauth_configuration().await?;
        let cleared = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
        if let Some(url) = &change.exchange_autodiscover_url {
            configuration.exchange_autodiscover_url =
                cleared(url).map(|url| check_autodiscover_url(&url)).transpose()?;
        }
        if let Some(domains) = &change.exchange_autodiscover_allowed_domains {
            configuration.exchange_autodiscover_allowed_domains =
                cleared(domains).map(|domains| check_allowed_domains(&domains)).transpose()?;
        }
        if let Some(id) = &change.service_name {
            let parsed =
                cleared(id).map(|id| Uuid::try_parse(&id).map_err(|_| Error::invalid(format!("`{id}` is not a GUID"))));
            configuration.service_name = parsed.transpose()?;
        }
        let texts = [
            (&change.realm, &mut configuration.realm),
            (
                &change.client_authorization_oauth_server_identity,
                &mut configuration.client_authorization_oauth_server_identity,
            ),
            (&change.alternate_audience_url, &mut configuration.alternate_audience_url),
            (&change.additional_audience_urls, &mut configuration.additional_audience_urls),
        ];
        for (wanted, stored) in texts {
            if let Some(text) = wanted {
                *stored = cleared(text);
            }
        }
        if let Some(text) = &change.client_adal_auth_override {
            configuration.client_adal_auth_override.clone_from(text);
        }
        let warnings = self.configuration_warnings(&configuration).await?;
        self.0.settings.put(Kind::OAuthConfiguration, GLOBAL, &configuration).await?;
        self.0.discoveries.clear().await;
        self.changed("Set-CsOAuthConfiguration", "OAuthConfiguration", GLOBAL).await?;
        Ok(warnings)
    }

    async fn configuration_warnings(&self, configuration: &OAuthConfiguration) -> Result<Vec<String>, Error> {
        let mut warnings = Vec::new();
        if let Some(url) = configuration.exchange_autodiscover_url.as_deref().filter(|url| url.starts_with("http://")) {
            warnings.push(format!(
                "`{url}` is not https: it is asked for a redirect only, without a token; prefer the https address that it redirects to (`actas Test-CsExStorageConnectivity` names it)"
            ));
            if configuration.exchange_autodiscover_allowed_domains.is_none() {
                warnings.push(
                    "no redirect will be followed while `-ExchangeAutodiscoverAllowedDomains` is empty".to_owned(),
                );
            }
        }
        if let Some(name) = &configuration.client_authorization_oauth_server_identity {
            let known = self.oauth_servers().await?.iter().any(|server| server.name.eq_ignore_ascii_case(name));
            if !known {
                warnings.push(format!("there is no OAuth server `{name}`; ClientAuthorizationOAuthServerIdentity is for client sign-in and takes no part in server-to-server trust"));
            }
        }
        Ok(warnings)
    }

    /// Records a change of the trust, and lets go of what was cached under the old one.
    pub(crate) async fn changed(
        &self,
        command: &'static str,
        object: &'static str,
        identity: &str,
    ) -> Result<(), Error> {
        self.0.tokens.clear().await;
        let change = event::TrustChange { command, object, identity, by: None };
        self.record(event::trust_settings_changed(self.0.clock.now(), &change)).await
    }
}

/// The article's own URL has the tenant's display name in it. A name names a tenant
/// nowhere on the wire, so the id takes its place where the directory knows just one
/// tenant of that name.
fn with_tenant_id(text: &str, display_names: &[(String, String)]) -> Result<(String, Vec<String>), Error> {
    let mut url = https_url(text)?;
    let segments: Vec<String> = url.path_segments().map(|all| all.map(percent_decoded).collect()).unwrap_or_default();
    let Some(first) = segments.first().filter(|_| segments.len() > 1) else { return Ok((text.to_owned(), Vec::new())) };
    let is_id = Uuid::try_parse(first).is_ok() || first.parse::<actas_directory::DomainName>().is_ok();
    let named = first.trim_matches('"');
    let mut matching = display_names.iter().filter(|(name, _)| name.eq_ignore_ascii_case(named));
    let (Some((name, id)), None, false) = (matching.next(), matching.next(), is_id) else {
        return Ok((text.to_owned(), Vec::new()));
    };
    let path = std::iter::once(id.clone()).chain(segments.iter().skip(1).cloned()).collect::<Vec<_>>().join("/");
    url.set_path(&path);
    let warning =
        format!("the metadata URL names the tenant by its display name, `{name}`; its id, {id}, was used instead");
    Ok((url.to_string(), vec![warning]))
}

fn percent_decoded(segment: &str) -> String {
    // The `url` crate has no decoder of its own for a path segment.
    url::form_urlencoded::parse(segment.replace('+', "%2B").as_bytes())
        .next()
        .map_or_else(String::new, |(text, _)| text.into_owned())
}

fn kind_of(server: &OAuthServer) -> Option<OAuthServerKind> {
    [OAuthServerKind::Acs, OAuthServerKind::Adfs, OAuthServerKind::AzureAd]
        .into_iter()
        .find(|kind| kind.as_str().eq_ignore_ascii_case(&server.kind))
}

/// Another kind of the same server: among those that people sign in at, which one is said,
/// not shown.
fn changed_kind(server: &OAuthServer, to: OAuthServerKind) -> Result<String, Error> {
    let from = kind_of(server).unwrap_or(OAuthServerKind::Acs);
    if from.is_for_sign_in() && to.is_for_sign_in() {
        return Ok(to.as_str().to_owned());
    }
    Err(Error::invalid(format!(
        "the OAuth server `{}` is of the type `{}`, as its document shows, and cannot become `{}`",
        server.name,
        server.kind,
        to.as_str()
    ))
    .with_hint(format!(
        "`actas Remove-CsOAuthServer {0}`, then `actas New-CsOAuthServer {0}` with the address of another document",
        server.name
    )))
}

/// The realm that a document speaks for, if it is one.
fn one_realm(metadata: &Metadata) -> Option<String> {
    metadata.realm.clone().filter(|realm| realm != "*")
}

/// A partner's application identifier and realm are those that it was declared with.
pub(crate) fn check_pinned(partner: &PartnerApplication, metadata: &Metadata) -> Result<(), Error> {
    let app_id = metadata.issuer.app_id;
    let realm = one_realm(metadata);
    let same_realm = match (&partner.realm, &realm) {
        (Some(known), Some(realm)) => known.eq_ignore_ascii_case(realm),
        _ => true,
    };
    if app_id == partner.application_identifier && same_realm {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the metadata is that of {app_id}@{}, the partner application `{}` is {}@{}",
        realm.unwrap_or_default(),
        partner.name,
        partner.application_identifier,
        partner.realm.as_deref().unwrap_or_default()
    ))
    .with_hint(format!(
        "another application or realm needs `actas Remove-CsPartnerApplication {0}` and `actas New-CsPartnerApplication {0}`",
        partner.name
    )))
}

fn check_autodiscover_url(text: &str) -> Result<String, Error> {
    let url = Url::parse(text).map_err(|error| Error::invalid(format!("`{text}` is not a URL: {error}")))?;
    let path = url.path().to_ascii_lowercase();
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::invalid(format!("`{text}` is not an http or https URL")));
    }
    if path != AUTODISCOVER_PATH {
        let mut mended = url.clone();
        mended.set_path(AUTODISCOVER_PATH);
        return Err(Error::invalid(format!("`{text}` does not end in {AUTODISCOVER_PATH}")).with_hint(format!(
            "Storage Service speaks SOAP: `actas Set-CsOAuthConfiguration -ExchangeAutodiscoverUrl {mended}`"
        )));
    }
    Ok(text.to_owned())
}

fn check_allowed_domains(text: &str) -> Result<String, Error> {
    text.parse::<AllowedDomains>().map_err(|error| {
        Error::invalid(format!("`{text}` is not a list of domains: {error}"))
            .with_hint("separate domains by `;`, for instance `*.outlook.com;mail.contoso.example`")
    })?;
    Ok(text.to_owned())
}

fn values<T>(all: Vec<Versioned<T>>) -> Vec<T> {
    all.into_iter().map(|stored| stored.value).collect()
}

fn missing(what: &str, name: &str) -> Error {
    Error::not_found(format!("there is no {what} `{name}`"))
}

fn exists(what: &str, name: &str, noun: &str) -> Error {
    Error::new(ErrorKind::Exists, format!("the {what} `{name}` exists already")).with_hint(format!(
        "change it with `actas Set-{noun} {name}`, or remove it first: `actas Remove-{noun} {name}`"
    ))
}

fn refuse_wildcard(name: &str) -> Result<(), Error> {
    if name.contains(['*', '?']) {
        return Err(Error::invalid(format!("`{name}` has a wildcard; Remove takes one exact name")));
    }
    Ok(())
}
