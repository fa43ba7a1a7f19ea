//! Where the token service's private keys are: files, or the PKCS#11 token of the
//! configuration.

use std::path::{Path, PathBuf};

use actas_certificate::file;
use actas_runtime::config::SigningKeysConfig;
use actas_sts::{HardwareToken, HardwareTokenError, HardwareTokenSettings, KeyPlace, KeyRingError};
use secrecy::SecretString;

use crate::problem::Problem;

/// The variable with the PIN of the token's user, where no file is named.
pub(crate) const PIN_VARIABLE: &str = "ACTAS_PKCS11_PIN";

/// The folder of key files in a cloud's folder.
pub(crate) fn folder(cloud: &Path) -> PathBuf {
    cloud.join("keys")
}

/// The place of the keys of the cloud in this folder; opens the token if there is one.
pub(crate) async fn place(cloud: &Path, config: Option<&SigningKeysConfig>) -> Result<KeyPlace, Problem> {
    let place = KeyPlace::from(folder(cloud).as_path());
    let Some(config) = config else { return Ok(place) };
    let pin = match &config.pin_file {
        Some(path) => {
            let pin = file::read_secret(path);
            let pin = pin.map_err(|error| {
                Problem::failed(format!("the PIN of the token `{}` cannot be read: {error}", config.token_label))
                    .hint(error.hint())
            })?;
            SecretString::from(pin.as_str())
        }
        None => std::env::var(PIN_VARIABLE).map(SecretString::from).map_err(|_| no_pin(config))?,
    };
    let settings =
        HardwareTokenSettings { module: config.pkcs11_module.clone(), label: config.token_label.clone(), pin };
    Ok(place.with_token(HardwareToken::open(settings).await?))
}

fn no_pin(config: &SigningKeysConfig) -> Problem {
    Problem::failed(format!("there is no PIN for the PKCS#11 token `{}`", config.token_label)).hint(format!(
        "name a file that only you can read as `pin_file` of `[cloud.signing_keys]`, or set the variable `{PIN_VARIABLE}`"
    ))
}

impl From<HardwareTokenError> for Problem {
    fn from(error: HardwareTokenError) -> Self {
        Self::failed(error.to_string()).hint(error.hint())
    }
}

impl From<KeyRingError> for Problem {
    fn from(error: KeyRingError) -> Self {
        let problem = Self::failed(error.to_string());
        match error.hint() {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}
