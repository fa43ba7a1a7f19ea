//! `gate`: validation for a proxy in front of somebody else's service.

use std::path::PathBuf;

use clap::Args;

/// Answers a reverse proxy that asks whether a request may pass
///
/// For `auth_request` of nginx, `forwardAuth` of Traefik and `ext_authz` over HTTP of
/// Envoy, at the path `/auth`. An answer of 200 says in X-Actas-App, -Tenant, -How,
/// -User, -User-Ids, -User-Object and -Expires who calls; all are always there, if empty,
/// so that a proxy that passes them on overwrites what a caller made up.
/// SIGTERM ends it once open work is done, SIGHUP has it read the file again.
#[derive(Args, Clone, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Gate {
    /// File that says whom to trust
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,

    /// Write a JSON file once everything answers
    #[arg(long, value_name = "FILE")]
    pub(crate) ready_file: Option<PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  Answer a proxy on this machine:
    actas gate /etc/actas/gate.toml
  Ask it as a proxy would:
    curl -i -H 'Authorization: Bearer' http://127.0.0.1:8490/auth

The file:
  listen = \"127.0.0.1:8490\"
  certificate_file = \"gate.pem\"   # with key_file, for a proxy on another machine

  [proxy]                         # takes tokens that are bound to a key, with their proof
  kind = \"nginx\"                  # or traefik, envoy: how it says what was asked

  [resource]
  app_id = \"00000002-0000-0ff1-ce00-000000000000\"
  hosts = [\"mail.contoso.example\"]

  [[tenants]]
  id = \"11112222-3333-4444-5555-666677778888\"
  domains = [\"contoso.example\"]

  [[issuers]]
  kind = \"token-service\"
  app_id = \"00000001-0000-0000-c000-000000000000\"
  realm = \"11112222-3333-4444-5555-666677778888\"
  metadata_url = \"https://sts.contoso.example/metadata/json/1?realm=contoso.example\"

  [[partners]]
  tenant = \"11112222-3333-4444-5555-666677778888\"
  app_id = \"00000004-0000-0ff1-ce00-000000000000\"
  trust_level = \"Full\"
  linked_account = \"lync-application\"
  act_as = true";
