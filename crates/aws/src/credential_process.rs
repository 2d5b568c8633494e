//! Keys that a program prints.

use std::process::Stdio;
use std::time::Duration;

use landfall_run::Run;
use landfall_secret::Secret;
use serde::Deserialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::AsyncReadExt as _;
use tokio::process::Command;

use crate::{AwsKeys, Error};

/// More than this is no answer.
const MOST_BYTES: u64 = 64 << 10;

/// A program that says nothing for so long hangs.
const LONGEST: Duration = Duration::from_secs(120);

/// What a program prints (AWS SDKs and Tools Reference Guide, "Process credential provider").
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Printed {
    version: u64,
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Runs the command of a profile's `credential_process` and takes the keys that it prints.
///
/// The command is a line for the shell, as for the SDKs; it has this process's variables and no input, and is ended after two
/// minutes or at a stop of the run. What it prints is never shown, since it may hold the keys; what it says on standard error is.
/// The keys are taught to the run's redactor.
///
/// # Errors
/// [`Error::Process`] where it did not end well, [`Error::Printed`] where it did and gave no keys.
pub async fn keys_of_process(profile: &str, command: &str, run: &Run) -> Result<AwsKeys, Error> {
    let name = landfall_secret::escape(profile, 80);
    let failed = |why: String| Error::Process { name: name.clone(), why };
    let mut child = Command::new("sh")
        .args(["-c", command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|cause| failed(format!("it cannot be started: {cause}")))?;
    let (mut said, mut complained) = (Vec::new(), Vec::new());
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let read = async {
        let out = async {
            if let Some(stdout) = stdout {
                let _ = stdout.take(MOST_BYTES + 1).read_to_end(&mut said).await;
            }
        };
        let err = async {
            if let Some(stderr) = stderr {
                let _ = stderr.take(MOST_BYTES).read_to_end(&mut complained).await;
            }
        };
        tokio::join!(out, err);
        child.wait().await
    };
    let status = tokio::select! {
        ended = tokio::time::timeout(LONGEST, read) => match ended {
            Ok(Ok(status)) => status,
            Ok(Err(cause)) => return Err(failed(format!("its end cannot be seen: {cause}"))),
            Err(_elapsed) => return Err(failed(format!("it did not end in {LONGEST:?}"))),
        },
        () = run.stop().wait() => return Err(failed("the run was stopped".to_owned())),
    };
    if !status.success() {
        let text = String::from_utf8_lossy(&complained).into_owned();
        let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("without a word");
        let first = landfall_secret::escape(&run.redactor().redact(first), 300);
        return Err(failed(format!("it ended with {status}: {first}")));
    }
    let keys = parse(&said).map_err(|why| Error::Printed { name: name.clone(), why })?;
    keys.teach(run.redactor());
    Ok(keys)
}

fn parse(said: &[u8]) -> Result<AwsKeys, &'static str> {
    if said.len() as u64 > MOST_BYTES {
        return Err("it printed more than 64 KiB");
    }
    let printed: Printed = serde_json::from_slice(said)
        .map_err(|_| "it did not print JSON of the form of credential_process")?;
    if printed.version != 1 {
        return Err("it printed another version than 1");
    }
    let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    let token = printed.session_token.filter(|token| !token.is_empty());
    let parts = [Some(&printed.access_key_id), Some(&printed.secret_access_key), token.as_ref()];
    if !parts.into_iter().flatten().all(|part| is_plain(part)) {
        return Err("it printed keys that cannot be AWS's");
    }
    let expires_at = match printed.expiration.filter(|text| !text.is_empty()) {
        Some(text) => Some(
            OffsetDateTime::parse(&text, &Rfc3339).map_err(|_| "its Expiration is no time of RFC 3339")?,
        ),
        None => None,
    };
    let secret = Secret::new(printed.secret_access_key);
    Ok(AwsKeys::new(printed.access_key_id, secret, token.map(Secret::new)).expiring(expires_at))
}

#[cfg(test)]
mod tests {
    use landfall_run::Run;
    use time::macros::datetime;

    use super::{keys_of_process, parse};

    #[test]
    fn the_documented_form_is_read() {
        let text = br#"{"Version": 1, "AccessKeyId": "ASIAX", "SecretAccessKey": "s/+=", "SessionToken": "t",
            "Expiration": "2026-11-20T13:00:00Z"}"#;
        let keys = parse(text).expect("keys");
        assert_eq!((keys.access_key_id.as_str(), keys.secret_access_key.expose()), ("ASIAX", "s/+="));
        assert_eq!(keys.expires_at, Some(datetime!(2026-11-20 13:00:00 UTC)));
        let bare = parse(br#"{"Version":1,"AccessKeyId":"AKIAX","SecretAccessKey":"s"}"#).expect("keys");
        assert_eq!((bare.session_token, bare.expires_at), (None, None));
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "{}",
            r#"{"Version":2,"AccessKeyId":"A","SecretAccessKey":"s"}"#,
            r#"{"Version":1,"AccessKeyId":"","SecretAccessKey":"s"}"#,
            r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s\n"}"#,
            r#"{"Version":1,"AccessKeyId":"A","SecretAccessKey":"s","Expiration":"soon"}"#,
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn what_it_prints_is_not_shown_and_what_it_complains_of_is() {
        let run = Run::builder().build();
        let error = keys_of_process("deploy", "echo canary; echo 'no login today' >&2; exit 3", &run).await;
        let told = error.expect_err("it failed").to_string();
        assert!(told.contains("no login today") && !told.contains("canary"), "{told}");
        let keys = r#"echo '{"Version":1,"AccessKeyId":"ASIAX","SecretAccessKey":"canary-key"}'"#;
        assert_eq!(keys_of_process("deploy", keys, &run).await.expect("keys").access_key_id, "ASIAX");
        assert!(run.redactor().finds_secret_in("canary-key"));
        let error = keys_of_process("deploy", "echo canary", &run).await.expect_err("no JSON").to_string();
        assert!(!error.contains("canary"), "{error}");
    }
}
