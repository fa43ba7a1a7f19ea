//! The procedure, step by step: from events that nobody understands to a trust that
//! stands, and through the renewal that comes a year later.

use std::time::{Duration, Instant};

use actas_agent::{Component, StorageItem, Use};
use actas_certificate::file;
use actas_directory::well_known;
use actas_store::events::EventQuery;
use actas_store::queue::ItemState;

use super::report::{Failure, Report};
use super::stage::{DOMAIN, Said, Stage, USER};

/// Autodiscover as the customer's DNS has it: the cloud's certificate lacks the name.
const HTTPS_URL: &str = "https://autodiscover.fabrikam.example/autodiscover/autodiscover.svc";
/// The same over plain http, where a redirect leads to the cloud's own name.
const HTTP_URL: &str = "http://autodiscover.fabrikam.example/autodiscover/autodiscover.svc";
/// The cloud's own name for it.
const DIRECT_URL: &str = "https://autodiscover-s.outlook.cloud.example/autodiscover/autodiscover.svc";
/// What an event 32053 and an event 32054 say when what was expected happened.
const AUTODISCOVER_FAILED: &str = "autodiscover.fabrikam.example";
const OAUTH_REFUSED: &str = "(401)";
const ALLOWED: &str = "*.outlook.cloud.example";
/// The conversation's key: submitted again, it is the same conversation.
const CONVERSATION: &str = "demo-conversation-1";
const SUBJECT: &str = "Conversation with Omar Haddad";
const BODY: &str = "10:02 Omar: lunch?\n10:03 Adele: at noon";
/// How long a delivery may take.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(25);
/// How often an item is submitted during the renewal.
const SUBMIT_EVERY: Duration = Duration::from_millis(5);

/// One step being made.
struct Step<'a> {
    stage: &'a Stage,
    report: &'a mut Report,
    name: &'static str,
    command: String,
}

type Made<T = ()> = Result<T, Failure>;

pub(super) async fn walk(stage: &Stage, report: &mut Report) -> Made {
    let mut walk = Walk { stage, report };
    walk.token_certificate().await?;
    walk.autodiscover_fails().await?;
    walk.tenant().await?;
    walk.oauth_server().await?;
    walk.partner_application().await?;
    walk.oauth_fails().await?;
    walk.service_principal().await?;
    walk.certificate_export().await?;
    walk.credential().await?;
    walk.autodiscover_url().await?;
    walk.connectivity().await?;
    walk.oauth_configured().await?;
    walk.autodiscover_direct().await?;
    walk.delivery().await?;
    walk.renewal().await
}

struct Walk<'a> {
    stage: &'a Stage,
    report: &'a mut Report,
}

// === impl Walk ===

impl Walk<'_> {
    fn step(&mut self, name: &'static str, why: &str) -> Step<'_> {
        self.report.begin(name, why);
        Step { stage: self.stage, report: self.report, name, command: String::new() }
    }

    async fn token_certificate(&mut self) -> Made {
        let mut step =
            self.step("token-certificate", "the certificate that the on-premises server signs its tokens with");
        if step.current_thumbprint().await?.is_none() {
            let made = step
                .succeeds(&[
                    "Request-CsCertificate",
                    "-New",
                    "-Type",
                    "OAuthTokenIssuer",
                    "-DomainName",
                    DOMAIN,
                    "-Output",
                    "json",
                ])
                .await?;
            let thumbprint = step.json(&made)?[0]["Thumbprint"].as_str().unwrap_or_default().to_owned();
            step.succeeds(&[
                "Set-CsCertificate",
                "-Identity",
                "Global",
                "-Type",
                "OAuthTokenIssuer",
                "-Thumbprint",
                &thumbprint,
            ])
            .await?;
        }
        step.succeeds(&["Get-CsCertificate", "-Type", "OAuthTokenIssuer"]).await?;
        let thumbprint = step.current_thumbprint().await?;
        step.observe(thumbprint.map(|thumbprint| format!("{thumbprint} is current")).ok_or("no certificate is current"))
    }

    async fn autodiscover_fails(&mut self) -> Made {
        let mut step = self.step("event-32053", "before there is a trust, Storage Service cannot find a mailbox");
        if !step.has_event(32053, AUTODISCOVER_FAILED).await? {
            step.succeeds(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", HTTPS_URL]).await?;
        }
        step.put_conversation().await?;
        if !step.has_event(32053, AUTODISCOVER_FAILED).await? {
            step.test_fails().await?;
        }
        step.observe_event(32053, AUTODISCOVER_FAILED).await
    }

    async fn tenant(&mut self) -> Made {
        let stage = self.stage;
        let mut step =
            self.step("tenant", "the tenant's id is what belongs into the metadata URL, not its display name");
        let application =
            stage.seeded.applications.first().ok_or_else(|| step.failure("no application may sign in"))?;
        let (tenant, client) = (stage.seeded.tenant.id.to_string(), application.app_id.to_string());
        let (certificate, key) =
            (application.certificate_file.display().to_string(), application.key_file.display().to_string());
        step.succeeds(&[
            "Connect-MsolService",
            "--graph-url",
            stage.cloud.place.graph_origin(),
            "--authority",
            stage.cloud.place.origin(),
            "-TenantId",
            &tenant,
            "-ClientId",
            &client,
            "-CertificateFile",
            &certificate,
            "-KeyFile",
            &key,
        ])
        .await?;
        let said = step.succeeds(&["Get-CsTenant"]).await?;
        let found = said.stdout.contains(&tenant);
        step.observe(if found { Ok(format!("TenantId {tenant}")) } else { Err("the tenant's id was not told") })
    }

    async fn oauth_server(&mut self) -> Made {
        let stage = self.stage;
        let mut step = self.step("oauth-server", "the cloud's token service, known by its metadata");
        let url = format!("{}/{}/metadata/json/1", stage.cloud.place.origin(), stage.seeded.tenant.id);
        if step.agent().oauth_servers().await.map_err(|error| step.failure(&error.to_string()))?.is_empty() {
            step.succeeds(&["New-CsOAuthServer", "microsoft.sts", "-MetadataUrl", &url]).await?;
        } else {
            step.succeeds(&["Get-CsOAuthServer", "microsoft.sts"]).await?;
        }
        let servers = step.agent().oauth_servers().await.map_err(|error| step.failure(&error.to_string()))?;
        let realm =
            servers.first().map(|server| format!("issuer {}, realm {}", server.issuer_identifier, server.realm));
        step.observe(realm.ok_or("no OAuth server is there"))
    }

    async fn partner_application(&mut self) -> Made {
        let mut step = self.step("partner-application", "Exchange, authenticated by that token service");
        let there = step.agent().partners().await.map_err(|error| step.failure(&error.to_string()))?;
        if there.is_empty() {
            step.succeeds(&["Get-CsPartnerApplication"]).await?;
            let app_id = well_known::EXCHANGE.to_string();
            step.succeeds(&[
                "New-CsPartnerApplication",
                "microsoft.exchange",
                "-ApplicationIdentifier",
                &app_id,
                "-ApplicationTrustLevel",
                "Full",
                "-UseOAuthServer",
            ])
            .await?;
        } else {
            step.succeeds(&["Get-CsPartnerApplication", "microsoft.exchange"]).await?;
        }
        let there = step.agent().partners().await.map_err(|error| step.failure(&error.to_string()))?;
        let partner = there
            .first()
            .map(|partner| format!("{} is trusted {}", partner.name, partner.application_trust_level.as_str()));
        step.observe(partner.ok_or("no partner application is there"))
    }

    async fn oauth_fails(&mut self) -> Made {
        let mut step =
            self.step("event-32054", "the trust is declared, but the cloud does not know the certificate yet: 401");
        if !step.has_event(32054, OAUTH_REFUSED).await? {
            step.test_fails().await?;
        }
        step.observe_event(32054, OAUTH_REFUSED).await
    }

    async fn service_principal(&mut self) -> Made {
        let mut step = self.step("service-principal", "Lync as the directory knows it, by its application id");
        let app_id = well_known::LYNC.to_string();
        let said = step.succeeds(&["Get-MsolServicePrincipal", "-AppPrincipalId", &app_id]).await?;
        let found = said.stdout.contains("Microsoft Lync Server");
        step.observe(if found { Ok("\"Microsoft Lync Server\"".to_owned()) } else { Err("the principal was not told") })
    }

    async fn certificate_export(&mut self) -> Made {
        let path = self.stage.data.join("lync.cer");
        let mut step = self.step("certificate-export", "the certificate's public half, as Base64 X.509");
        let text = path.display().to_string();
        step.succeeds(&[
            "Export-CsCertificate",
            "-Type",
            "OAuthTokenIssuer",
            "-Path",
            &text,
            "-Encoding",
            "Base64",
            "-Force",
        ])
        .await?;
        let exported = file::read_certificate(&path).map_err(|error| step.failure(&error.to_string()))?;
        let current = step.current_thumbprint().await?;
        let same = current.as_deref() == Some(exported.thumbprint());
        step.observe(if same {
            Ok(format!("{} in {text}", exported.thumbprint()))
        } else {
            Err("the file holds another certificate")
        })
    }

    async fn credential(&mut self) -> Made {
        let certificate = file::read_certificate(&self.stage.data.join("lync.cer"));
        let mut step = self.step("credential-add", "the certificate becomes a credential of the service principal");
        let certificate = certificate.map_err(|error| step.failure(&error.to_string()))?;
        let (app_id, value) = (well_known::LYNC.to_string(), certificate.to_base64());
        let read_back =
            ["Get-MsolServicePrincipalCredential", "-AppPrincipalId", app_id.as_str(), "-ReturnKeyValues", "$true"];
        let there = step.quietly(&read_back).await?.stdout.replace(char::is_whitespace, "").contains(&value);
        if there {
            step.observe(Ok::<_, &str>("it is there already".to_owned()))?;
        } else {
            let now = step.agent().clock().now();
            let date = |time: jiff::Timestamp| time.strftime("%Y-%m-%d").to_string();
            let (start, end) = (date(now), date(now + jiff::SignedDuration::from_hours(24 * 365)));
            step.succeeds(&[
                "New-MsolServicePrincipalCredential",
                "-AppPrincipalId",
                &app_id,
                "-Type",
                "Asymmetric",
                "-Usage",
                "Verify",
                "-Value",
                &value,
                "-StartDate",
                &start,
                "-EndDate",
                &end,
            ])
            .await?;
            step.observe(Ok::<_, &str>(format!("accepted, from {start} to {end}")))?;
        }

        let mut step = self.step("credential-read-back", "what the directory holds now");
        let said = step
            .succeeds(&["Get-MsolServicePrincipalCredential", "-AppPrincipalId", &app_id, "-ReturnKeyValues", "$false"])
            .await?;
        let live = said.stdout.contains("Asymmetric") && said.stdout.contains("Verify");
        step.observe(if live {
            Ok("one asymmetric key for verifying".to_owned())
        } else {
            Err("the credential was not told")
        })
    }

    async fn autodiscover_url(&mut self) -> Made {
        let mut step = self.step(
            "autodiscover-url",
            "https fails on the certificate's name; plain http is asked for a redirect, without a token",
        );
        step.succeeds(&[
            "Set-CsOAuthConfiguration",
            "-ExchangeAutodiscoverUrl",
            HTTP_URL,
            "-ExchangeAutodiscoverAllowedDomains",
            ALLOWED,
        ])
        .await?;
        let configuration =
            step.agent().oauth_configuration().await.map_err(|error| step.failure(&error.to_string()))?;
        let set = configuration.exchange_autodiscover_url.as_deref() == Some(HTTP_URL);
        step.observe(if set {
            Ok(format!("{HTTP_URL}, redirects only to {ALLOWED}"))
        } else {
            Err("the URL was not set")
        })
    }

    async fn connectivity(&mut self) -> Made {
        let step = self.step("connectivity-test", "one item through the whole path");
        step.test_passes().await
    }

    async fn oauth_configured(&mut self) -> Made {
        let step = self.step("event-32048", "the trust stands");
        step.observe_event(32048, "OAuth was properly configured").await
    }

    async fn autodiscover_direct(&mut self) -> Made {
        let mut step = self.step("autodiscover-direct", "better: the https address that the redirect leads to");
        step.succeeds(&["Set-CsOAuthConfiguration", "-ExchangeAutodiscoverUrl", DIRECT_URL]).await?;
        step.test_passes().await
    }

    async fn delivery(&mut self) -> Made {
        let mut step = self.step("delivery", "the conversation that waited all the while");
        step.put_conversation().await?;
        step.wait_delivered(&[CONVERSATION.to_owned()]).await?;
        step.succeeds(&["storage", "show", CONVERSATION]).await?;
        step.observe(Ok::<_, &str>("delivered once".to_owned()))?;

        let mut step = self.step("read-back", "the same conversation, read from the mailbox over EWS");
        let said = step.succeeds(&["storage", "show", CONVERSATION, "--in-mailbox", "-Output", "json"]).await?;
        let read = step.json(&said)?;
        let text = |name: &str| read[0][name].as_str().unwrap_or_default().replace("\r\n", "\n").trim_end().to_owned();
        let same = text("Subject") == SUBJECT && text("Body") == BODY;
        step.observe(if same {
            Ok(format!("\"{SUBJECT}\" with its body, in {USER}"))
        } else {
            Err("the mailbox does not hold what was submitted")
        })
    }

    async fn renewal(&mut self) -> Made {
        let mut step = self.step("renewal", "a year later: the certificate is replaced while items are delivered");
        let before = step.current_thumbprint().await?;
        let (told, stopped) = tokio::sync::watch::channel(false);
        let traffic = tokio::spawn(submit_until(step.agent().clone(), stopped));
        let renewed = step.succeeds(&["renew", "--retire-after", "0s"]).await;
        // The task holds the receiver.
        let _ = told.send(true);
        let keys =
            traffic.await.map_err(|error| step.failure(&error.to_string()))?.map_err(|error| step.failure(&error))?;
        renewed?;
        step.wait_delivered(&keys).await?;
        let mut repeated = 0;
        for key in &keys {
            let item = step.agent().queue().get(key).await.map_err(|error| step.failure(&error.to_string()))?;
            repeated += usize::from(item.is_none_or(|item| item.attempts > 0));
        }
        let after = step.current_thumbprint().await?;
        if before == after {
            return Err(step.failure("the certificate is the old one"));
        }
        let count = keys.len();
        step.observe(if repeated == 0 {
            Ok(format!(
                "{} replaced {}; {count} items meanwhile, no delivery failed",
                after.unwrap_or_default(),
                before.unwrap_or_default()
            ))
        } else {
            Err(format!("{repeated} of {count} deliveries failed at first"))
        })
    }
}

/// Submits items until told to stop, and a few more. Gives their keys.
async fn submit_until(
    agent: actas_agent::Agent,
    stop: tokio::sync::watch::Receiver<bool>,
) -> Result<Vec<String>, String> {
    let mut keys = Vec::new();
    let mut more = 3;
    while more > 0 {
        let now = agent.clock().now();
        let item = StorageItem::new(USER, Component::ConversationHistory, "During the renewal", "text", None, now)
            .map_err(|error| error.to_string())?;
        keys.push(item.key().to_owned());
        agent.put(&[item]).await.map_err(|error| error.to_string())?;
        tokio::time::sleep(SUBMIT_EVERY).await;
        if *stop.borrow() {
            more -= 1;
        }
    }
    Ok(keys)
}

// === impl Step ===

impl Step<'_> {
    fn agent(&self) -> &actas_agent::Agent {
        &self.stage.agent
    }

    fn failure(&self, why: &str) -> Failure {
        Failure { step: self.name, command: self.command.clone(), why: why.to_owned() }
    }

    /// Types a command without showing it.
    async fn quietly(&mut self, words: &[&str]) -> Made<Said> {
        let said = self.stage.type_in(words).await.map_err(|error| self.failure(&error))?;
        self.command.clone_from(&said.command);
        Ok(said)
    }

    /// Types a command and shows what came back.
    async fn typed(&mut self, words: &[&str]) -> Made<Said> {
        let said = self.quietly(words).await?;
        self.report.transcript(&said.command, &format!("{}{}", said.stdout, said.stderr));
        Ok(said)
    }

    /// A command that must succeed.
    async fn succeeds(&mut self, words: &[&str]) -> Made<Said> {
        let said = self.typed(words).await?;
        if said.code == Some(0) {
            return Ok(said);
        }
        Err(self.failure(&format!("the command ended with {:?}: {}", said.code, said.stderr.trim())))
    }

    async fn test_fails(&mut self) -> Made {
        let said = self.typed(&["Test-CsExStorageConnectivity", "-SipUri", &format!("sip:{USER}")]).await?;
        if said.code == Some(1) && said.stdout.contains("Test failed") {
            return Ok(());
        }
        Err(self.failure("the test was expected to fail here"))
    }

    async fn test_passes(mut self) -> Made {
        let said = self.typed(&["Test-CsExStorageConnectivity", "-SipUri", &format!("sip:{USER}"), "-Verbose"]).await?;
        let passed = said.code == Some(0) && said.stdout.contains("Test passed");
        self.observe(if passed { Ok("Test passed".to_owned()) } else { Err("the test did not pass") })
    }

    fn json(&self, said: &Said) -> Made<serde_json::Value> {
        serde_json::from_str(&said.stdout).map_err(|error| self.failure(&format!("the answer is not JSON: {error}")))
    }

    async fn current_thumbprint(&self) -> Made<Option<String>> {
        let now = self.agent().clock().now();
        let slots = self
            .agent()
            .certificates()
            .slots(Use::OAuthTokenIssuer, now)
            .await
            .map_err(|error| self.failure(&error.to_string()))?;
        Ok(slots.current().map(|slot| slot.item.thumbprint().to_owned()))
    }

    async fn put_conversation(&mut self) -> Made {
        let there = self.agent().queue().get(CONVERSATION).await.map_err(|error| self.failure(&error.to_string()))?;
        if there.is_some() {
            return Ok(());
        }
        self.succeeds(&[
            "storage",
            "put",
            "--owner",
            USER,
            "--subject",
            SUBJECT,
            "--body",
            BODY,
            "--from",
            "omar@fabrikam.example",
            "--key",
            CONVERSATION,
        ])
        .await
        .map(drop)
    }

    async fn wait_delivered(&mut self, keys: &[String]) -> Made {
        let until = Instant::now() + DELIVERY_TIMEOUT;
        for key in keys {
            loop {
                let item = self.agent().queue().get(key).await.map_err(|error| self.failure(&error.to_string()))?;
                match item.map(|item| (item.state, item.reason)) {
                    Some((ItemState::Delivered, _)) => break,
                    Some((ItemState::GivenUp, reason)) => {
                        return Err(self.failure(&format!("`{key}` was given up: {}", reason.unwrap_or_default())));
                    }
                    Some((ItemState::Queued, reason)) if Instant::now() > until => {
                        return Err(
                            self.failure(&format!("`{key}` was not delivered in time: {}", reason.unwrap_or_default()))
                        );
                    }
                    None => return Err(self.failure(&format!("`{key}` is not in the queue"))),
                    Some(_) => tokio::time::sleep(LOOK_EVERY).await,
                }
            }
        }
        Ok(())
    }

    /// The text of the newest event of an id that says something. Others of that id may
    /// follow it, as when a walk was cut off and its cloud was suddenly gone.
    async fn message_of(&self, id: i64, text: &str) -> Made<Option<String>> {
        let query = EventQuery { ids: vec![id], ..EventQuery::default() };
        let found = self.agent().events().read(&query).await.map_err(|error| self.failure(&error.to_string()))?;
        let events =
            found.iter().rev().filter_map(|row| serde_json::from_str::<actas_runtime::Event>(&row.document).ok());
        Ok(events.map(|event| event.message).find(|message| message.contains(text)))
    }

    async fn has_event(&self, id: i64, text: &str) -> Made<bool> {
        Ok(self.message_of(id, text).await?.is_some())
    }

    /// The event is in the log, and its text says what it should.
    async fn observe_event(mut self, id: i64, text: &str) -> Made {
        self.succeeds(&["events", "-Id", &id.to_string(), "-MaxEvents", "1"]).await?;
        let message = self.message_of(id, text).await?;
        let first =
            message.as_deref().and_then(|message| message.lines().next()).map(|line| format!("event {id}: {line}"));
        self.observe(first.ok_or_else(|| format!("no event {id} with `{text}` is in the log")))
    }

    /// The step's verdict.
    fn observe(&self, outcome: Result<String, impl Into<String>>) -> Made {
        match outcome {
            Ok(observed) => {
                self.report.done(self.name, &self.command, &observed);
                Ok(())
            }
            Err(why) => Err(self.failure(&why.into())),
        }
    }
}
