//! A user signs in to the directory's commands with a code, through the page.

use std::{fs, path::Path, process::Stdio, time::Duration};

use actas_runtime::{ClientOptions, HttpClient, HttpRequest};
use actas_testkit::{Background, Lab, LabOptions};
use http::StatusCode;

use super::assert_told_of;
use crate::{actas, installation::Installation};

const TOOL: &str = "5e1a7c90-6f0d-4b7e-9d0c-2f1d4f0e8a11";
const PASSWORD: &str = "correct horse battery";
const DEADLINE: Duration = Duration::from_secs(40);

fn lab() -> Lab {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let seed = folder.path().join("seed.toml");
    let text = format!(
        "[[tenant]]\ndisplay_name = \"Fabrikam\"\ndomains = [\"fabrikam.example\"]\n\
         [[tenant.user]]\naddress = \"adele@fabrikam.example\"\npassword = \"{PASSWORD}\"\nadministrator = true\n\
         [[tenant.application]]\nname = \"Application\"\n\
         [[tenant.application]]\nid = \"{TOOL}\"\nname = \"Administration\"\npublic_client = true\n\
         scopes = [\"Application.ReadWrite.All\", \"Organization.Read.All\", \"User.Read\"]\n"
    );
    fs::write(&seed, text).expect("a file can be written");
    let options = LabOptions::default().argument("--seed-file").argument(&seed);
    Lab::start_with(Path::new(env!("CARGO_BIN_EXE_actas")), &options)
}

/// The browser of the user: forms over HTTPS.
struct Browser {
    http: HttpClient,
    page: String,
}

impl Browser {
    fn of(lab: &Lab) -> Self {
        let authorities = actas_certificate::file::read_certificates(Path::new(lab.value("CA_PEM"))).unwrap();
        let extra_roots = authorities.iter().map(actas_certificate::Certificate::to_tls).collect();
        let options = ClientOptions { extra_roots, only_extra_roots: true, ..ClientOptions::default() };
        let page = format!("{}/{}/oauth2/deviceauth", lab.value("BASE_URL"), lab.value("TENANT"));
        Self { http: HttpClient::new(&options).unwrap(), page }
    }

    fn sends(&self, form: &[(&str, &str)]) -> String {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = HttpRequest::post(self.page.as_str(), "application/x-www-form-urlencoded", body);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let response = runtime.block_on(self.http.send(request)).unwrap();
        assert_eq!(response.status, StatusCode::OK);
        String::from_utf8(response.body.to_vec()).unwrap()
    }

    fn decides(&self, code: &str, decision: &str) {
        let asked = self.sends(&[("user_code", code), ("username", "adele@fabrikam.example"), ("password", PASSWORD)]);
        assert!(asked.contains("Administration") && asked.contains("Application.ReadWrite.All"), "{asked}");
        let ticket = asked.split("name=\"ticket\" value=\"").nth(1).unwrap().split('"').next().unwrap();
        self.sends(&[("ticket", ticket), ("decision", decision)]);
    }
}

#[test]
fn a_user_signs_in_with_a_code() {
    let (installation, lab) = (Installation::new(), lab());
    let browser = Browser::of(&lab);
    let connect = |name: &str, decision: &str, code: i32| {
        let mut command = actas();
        command.arg("--data").arg(installation.data()).args(["Connect-MsolService", "-DeviceCode"]);
        command.args(["-Environment", lab.value("BASE_URL"), "-TenantId", lab.value("TENANT"), "-ClientId", TOOL]);
        command.args(["-CaFile", lab.value("CA_PEM")]).stdin(Stdio::null());
        let mut waiting = Background::start(&mut command, Path::new(&installation.path(name)));
        let output = installation.path(name);
        let told = || fs::read_to_string(&output).unwrap_or_default();
        let typed = waiting.wait_for("a code", DEADLINE, || {
            let text = told();
            let code = text.split("enter the code ").nth(1)?.split('.').next()?.to_owned();
            Some(code)
        });
        assert!(told().contains(&browser.page), "{}", told());
        browser.decides(&typed, decision);
        assert_eq!(waiting.wait(DEADLINE), Some(code), "{}", told());
        told()
    };
    let refused = connect("refused", "deny", 1);
    assert!(refused.contains("the user refused to sign in"), "{refused}");
    assert!(!installation.data().join("onprem/session.json").exists());

    connect("approved", "approve", 0);
    let status = installation.run(&["Connect-MsolService", "-Status"]);
    assert_told_of(&lab, "signed_in_as_a_user", &status);
    let made = installation.objects(&["New-MsolServicePrincipal", "-DisplayName", "Archive", "-Type", "Password"]);
    assert_eq!(made[0]["DisplayName"], "Archive");
}
