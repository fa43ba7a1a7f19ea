//! Objects from a pipe: `Get-… -Output json | Set-… -`.

use std::io::{self, Read};

use serde_json::Value;

use crate::problem::Problem;

/// The most bytes that are read, and the most objects.
const BYTES_MAX: u64 = 4 * 1024 * 1024;
const OBJECTS_MAX: usize = 10_000;

/// The names that an identity stands for: itself, or those of the objects on standard input.
pub(super) async fn names(identity: &str) -> Result<Vec<String>, Problem> {
    if identity != "-" {
        return Ok(vec![identity.to_owned()]);
    }
    let read = || {
        let mut text = Vec::new();
        io::stdin().lock().take(BYTES_MAX + 1).read_to_end(&mut text).map(|_| text)
    };
    let text = tokio::task::spawn_blocking(read).await.map_err(io::Error::other).flatten();
    let text = text.map_err(|error| Problem::failed("standard input cannot be read").because(&error))?;
    parse(&text)
}

fn parse(text: &[u8]) -> Result<Vec<String>, Problem> {
    let refused = |why: String| {
        Problem::failed(format!("standard input is not what is expected: {why}"))
            .hint("pipe what a `Get-` command prints with `-Output json`: an array of objects with `Name`")
    };
    if text.len() as u64 > BYTES_MAX {
        return Err(refused(format!("it has more than {BYTES_MAX} bytes")));
    }
    let objects = match serde_json::from_slice(text) {
        Ok(Value::Array(objects)) => objects,
        Ok(object @ Value::Object(_)) => vec![object],
        Ok(_) => return Err(refused("it is neither an array nor an object".to_owned())),
        Err(error) => return Err(refused(error.to_string())),
    };
    if objects.len() > OBJECTS_MAX {
        return Err(refused(format!("it has more than {OBJECTS_MAX} objects")));
    }
    let name = |object: &Value| object.get("Name").and_then(Value::as_str).map(str::to_owned);
    objects
        .iter()
        .map(|object| name(object).ok_or_else(|| refused("one of its objects has no `Name`".to_owned())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_out_of_an_array_or_one_object() {
        assert_eq!(parse(br#"[{"Name":"a","x":1},{"Name":"b"}]"#).unwrap(), ["a", "b"]);
        assert_eq!(parse(br#"{"Name":"a"}"#).unwrap(), ["a"]);
        assert!(parse(b"[]").unwrap().is_empty());
        for wrong in [&b""[..], b"7", br#"[{"name":"a"}]"#, br#"["a"]"#, b"[{\"Name\":\"a\"}"] {
            let problem = parse(wrong).unwrap_err();
            assert!(problem.hint.is_some(), "{problem}");
        }
    }
}
