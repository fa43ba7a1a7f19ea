//! Who attacks a cloud that runs: over HTTPS, with what the scene gives it.

use std::path::Path;

use actas_exchange::ews::{
    BaseShape, Call, DistinguishedFolder, FolderShape, GetFolder, Request, RequestHeader, ServerVersion,
};
use actas_runtime::{ClientOptions, Clock as _, HttpClient, HttpRequest, HttpResponse, SystemClock};
use actas_store::directory::{AuditEntry, Directory};
use actas_store::{Database, Schema};
use actas_testkit::Lab;
use actas_token::metadata::Metadata;
use actas_token::{Principal, SigningKey, issue, token_hash, well_known};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

const GRANT: &str = "http://oauth.net/grant_type/jwt/1.0/bearer";
const FORM: &str = "application/x-www-form-urlencoded";

/// A lab, and somebody who reaches it.
pub(super) struct Scene {
    pub(super) lab: Lab,
    http: HttpClient,
    runtime: tokio::runtime::Runtime,
    records: Directory,
}

/// An application of one of the tenants, with its key.
pub(super) struct Holder {
    pub(super) tenant: String,
    pub(super) app: String,
    pub(super) key: SigningKey,
}

impl Holder {
    pub(super) fn name(&self) -> String {
        format!("{}@{}", self.app, self.tenant)
    }
}

impl Scene {
    pub(super) fn new() -> Self {
        let lab = super::lab();
        let authorities = actas_certificate::file::read_certificates(Path::new(lab.value("CA_PEM"))).unwrap();
        let extra_roots = authorities.iter().map(actas_certificate::Certificate::to_tls).collect();
        let options = ClientOptions { extra_roots, only_extra_roots: true, ..ClientOptions::default() };
        let data = Path::new(lab.value("DATA_DIR"));
        let file = [data.join("cloud.db"), data.join("cloud/cloud.db")].into_iter().find(|file| file.exists());
        let database = Database::open(&file.expect("the lab has a database"), Schema::Cloud).unwrap();
        Self {
            http: HttpClient::new(&options).unwrap(),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
            records: Directory::new(database),
            lab,
        }
    }

    /// The application of the first tenant, or of the second.
    pub(super) fn holder(&self, second: &str) -> Holder {
        let value = |name: &str| self.lab.value(name);
        let (tenant, app) = (format!("TENANT{second}"), format!("CLIENT{second}_ID"));
        let (key, certificate) = (format!("KEY{second}_PEM"), format!("CERT{second}_PEM"));
        let pair =
            actas_certificate::file::read_key_pair(Path::new(value(&certificate)), Path::new(value(&key))).unwrap();
        Holder {
            tenant: value(&tenant).to_owned(),
            app: value(&app).to_owned(),
            key: SigningKey::new(pair.key().pkcs8_der(), pair.certificate().der()).unwrap(),
        }
    }

    pub(super) fn send(&self, request: HttpRequest) -> HttpResponse {
        self.runtime.block_on(self.http.send(request)).unwrap()
    }

    /// What a tenant's token service publishes to everybody.
    pub(super) fn metadata(&self, tenant: &str) -> Metadata {
        let url = format!("{}/{tenant}/metadata/json/1", self.lab.value("BASE_URL"));
        Metadata::parse(&self.send(HttpRequest::get(url)).body).unwrap()
    }

    /// Exchange at its host in a tenant.
    pub(super) fn audience(&self, tenant: &str) -> String {
        format!("{}/{}@{tenant}", well_known::EXCHANGE, self.lab.value("EXCHANGE_AUDIENCE_HOST"))
    }

    /// Asks the token service of `tenant` for an actor token, in the name of `caller`.
    pub(super) fn ask(&self, key: &SigningKey, caller: &str, tenant: &str, resource: &str) -> (StatusCode, Value) {
        let metadata = self.metadata(tenant);
        let mut audiences = metadata.allowed_audiences.iter();
        let audience = audiences.find(|name| name.ends_with(&format!("@{tenant}"))).expect("the service has a name");
        let caller: Principal = caller.parse().unwrap();
        let assertion = issue::assertion(key, &caller, audience, SignedDuration::from_mins(5), now()).unwrap();
        self.form(
            &metadata.token_endpoint.expect("it has an endpoint"),
            &[("grant_type", GRANT), ("assertion", &assertion), ("resource", resource)],
        )
    }

    pub(super) fn form(&self, url: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let answer = self.send(HttpRequest::post(url, FORM, body));
        (answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null))
    }

    /// A genuine actor token of an application in its own tenant.
    pub(super) fn actor(&self, holder: &Holder) -> String {
        let (status, answer) = self.ask(&holder.key, &holder.name(), &holder.tenant, &self.audience(&holder.tenant));
        assert_eq!(status, StatusCode::OK, "{answer}");
        answer["access_token"].as_str().unwrap().to_owned()
    }

    /// An envelope around an actor token, with claims changed.
    pub(super) fn envelope(&self, holder: &Holder, user: &str, actor: &str, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "aud": self.audience(&holder.tenant), "iss": holder.name(),
            "nbf": now().as_second().to_string(), "exp": (now().as_second() + 300).to_string(),
            "nameid": user, "nii": "urn:office:idp:activedirectory", "upn": user, "smtp": user,
            "actortoken": actor,
        });
        change(&mut claims);
        token(&json!({ "typ": "JWT", "alg": "none" }), &claims, "")
    }

    /// Reads the inbox of whom the token names.
    pub(super) fn inbox(&self, token: &str, headers: &[(&'static str, &str)]) -> HttpResponse {
        let request = Request::GetFolder(GetFolder {
            shape: FolderShape::new(BaseShape::IdOnly),
            folders: vec![DistinguishedFolder::Inbox.into()],
        });
        let header = RequestHeader { version: Some(ServerVersion::EXCHANGE2013_SP1), impersonation: None };
        let body = Call { header, request }.write();
        let mut request = HttpRequest::post(self.lab.value("EWS_URL"), "text/xml; charset=utf-8", body);
        if !token.is_empty() {
            request = request.bearer(token).unwrap();
        }
        for (name, value) in headers {
            request = request.header(HeaderName::from_static(name), value).unwrap();
        }
        self.send(request)
    }

    /// Stopped by this rule: the caller is told its public code, the record has the rule.
    #[track_caller]
    pub(super) fn stopped(&self, token: &str, rule: &str) {
        self.stopped_with(token, &[], rule);
    }

    #[track_caller]
    pub(super) fn stopped_with(&self, token: &str, headers: &[(&'static str, &str)], rule: &str) {
        let answer = self.inbox(token, headers);
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{rule}");
        assert!(answer.body.is_empty(), "{:?}", answer.body);
        let text = |name: &str| answer.headers.get(name).unwrap().to_str().unwrap().to_owned();
        assert!(text("www-authenticate").ends_with(", error=\"invalid_token\""), "{}", text("www-authenticate"));
        let code = match rule {
            "V9" | "V10" => "2000000;",
            "V11" => "2000004;",
            "V12" => "2000003;",
            "V15" | "V16" | "V17" => "2000008;",
            "V18" => "2000005;",
            _ => "2000001;",
        };
        assert!(text("x-ms-diagnostics").starts_with(code), "{rule}: {}", text("x-ms-diagnostics"));
        // Of refusals by one rule of one caller the first in a minute is on record.
        let refused = self.records("token refused");
        let own = refused.iter().find(|record| record.details["token"] == token_hash(token));
        let recorded = own.or_else(|| refused.iter().find(|record| record.details["rule"] == rule));
        let Some(recorded) = recorded else { panic!("no refusal by {rule} is on record: {refused:?}") };
        assert_eq!(recorded.details["rule"], rule, "{recorded:?}");
    }

    /// The twin: the same way, by who may go it.
    #[track_caller]
    pub(super) fn opens(&self, token: &str, headers: &[(&'static str, &str)]) {
        let answer = self.inbox(token, headers);
        let body = String::from_utf8_lossy(&answer.body);
        assert_eq!(answer.status, StatusCode::OK, "{:?} {body}", answer.headers.get("x-ms-diagnostics"));
        assert!(body.contains("NoError") && body.contains("FolderId"), "{body}");
    }

    pub(super) fn records(&self, kind: &str) -> Vec<AuditEntry> {
        let all = self.runtime.block_on(self.records.audits(1000)).unwrap();
        all.into_iter().filter(|record| record.kind == kind).collect()
    }
}

pub(super) fn now() -> Timestamp {
    SystemClock.now()
}

/// Any header, claims and signature.
pub(super) fn token(header: &Value, claims: &Value, signature: &str) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", encode(header), encode(claims))
}

/// The claims of a token, believed or not.
pub(super) fn claims(token: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap()).unwrap()
}
