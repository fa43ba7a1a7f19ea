//! The password of a PKCS#12 file or of an encrypted key: from where it was said to be, or asked for.

use std::{env, path::Path};

use actas_certificate::{
    KeyPair, Pkcs12Error, PrivateKey,
    file::{self, FileError},
};
use secrecy::{ExposeSecret, SecretString};

use crate::{
    app::Context,
    arguments::certificate::FilePassword,
    commands::terminal::{self, prompted, standard_input},
    problem::Problem,
};

/// The variable that a password may stand in.
const VARIABLE: &str = "ACTAS_CERTIFICATE_PASSWORD";
const OTHERWISE: &str =
    "`-PasswordFile FILE` reads it from a file, and the variable ACTAS_CERTIFICATE_PASSWORD is read if it is set";

/// Reads a PKCS#12 file. One that was written without a password needs none.
pub(super) fn open(path: &Path, given: &FilePassword, context: &Context) -> Result<KeyPair, Problem> {
    let password = match given_password(given, context)? {
        Some(password) => password,
        None => match file::read_pkcs12(path, "") {
            Err(FileError::Pkcs12 { source: Pkcs12Error::Password, .. }) => asked(path, context)?,
            read => return read.map_err(|error| told(&error)),
        },
    };
    file::read_pkcs12(path, password.expose_secret()).map_err(|error| told(&error))
}

/// Reads a private key in PEM. One that is not encrypted needs no password.
pub(in crate::commands) fn open_key(
    path: &Path,
    given: &FilePassword,
    context: &Context,
) -> Result<PrivateKey, Problem> {
    if !file::is_key_encrypted(path).map_err(|error| told(&error))? {
        if is_given(given) {
            context.console.warning("the password was not needed: the key of this certificate is not encrypted");
        }
        return file::read_private_key(path).map_err(|error| told(&error));
    }
    let password = match given_password(given, context)? {
        Some(password) => password,
        None => asked(path, context)?,
    };
    file::read_encrypted_private_key(path, password.expose_secret()).map_err(|error| told(&error))
}

/// Returns whether a password was given on the command line.
pub(in crate::commands) fn is_given(given: &FilePassword) -> bool {
    given.password.is_some() || given.password_file.is_some()
}

fn given_password(given: &FilePassword, context: &Context) -> Result<Option<SecretString>, Problem> {
    if let Some(password) = &given.password {
        context.console.warning(
            "a password on a command line is seen by every process and stays in the history; `-PasswordFile` reads \
             it from a file",
        );
        return Ok(Some(password.clone()));
    }
    match &given.password_file {
        Some(path) if path == Path::new("-") => {
            let text = standard_input()?;
            Ok(Some(SecretString::from(text.lines().next().unwrap_or_default())))
        }
        Some(path) => {
            let password = file::read_secret(path).map_err(|error| told(&error))?;
            Ok(Some(SecretString::from(password.as_str())))
        }
        None => Ok(env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(SecretString::from)),
    }
}

fn asked(path: &Path, context: &Context) -> Result<SecretString, Problem> {
    if !terminal::is_there() {
        return Err(
            Problem::failed(format!("`{}` is encrypted, and no password was given", path.display())).hint(OTHERWISE)
        );
    }
    let question = format!("Password of `{}`, which is not shown:", path.display());
    let line = prompted(&context.console, &question, OTHERWISE)?;
    Ok(SecretString::from(line.trim_end_matches(['\r', '\n'])))
}

fn told(error: &FileError) -> Problem {
    Problem::failed(error.to_string()).hint(error.hint())
}
