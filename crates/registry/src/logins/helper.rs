//! Credential helpers: programs that keep logins for Docker (docker/docker-credential-helpers, "Development").

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use landfall_run::Run;
use landfall_secret::{Secret, escape};
use serde::Deserialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStderr, Command};

use crate::logins::HelperFault;
use crate::{Error, Login};

/// The most bytes a helper may print.
const MOST_BYTES: usize = 64 << 10;
/// The most bytes of what a helper complains that are kept.
const MOST_COMPLAINT: u64 = 8 << 10;
/// How long a helper may take.
const LIMIT: Duration = Duration::from_secs(30);
/// How long is waited for the rest of a complaint after the helper's end: what it started may hold the pipe open.
const GRACE: Duration = Duration::from_secs(1);
/// What a helper says that has no login for a host.
const UNKNOWN: &str = "credentials not found in native keychain";
/// The user of an identity token.
const TOKEN_USER: &str = "<token>";
/// The folder that helpers run in: not the repo's, whose files are not the runner's.
const FOLDER: &str = "/";

/// Variables that every helper sees: who and where it is, its session and key rings, certificates and proxies.
const FOR_ALL: [&str; 20] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "TMPDIR",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
    "GNUPGHOME",
    "PASSWORD_STORE_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "NO_PROXY",
    "no_proxy",
];
/// Beginnings of variables that the helpers of a cloud see besides, by the beginning of the helper's name.
const OF_CLOUDS: [(&str, &[&str]); 4] = [
    ("ecr-login", &["AWS_"]),
    ("gcloud", &["CLOUDSDK_", "GOOGLE_"]),
    ("gcr", &["CLOUDSDK_", "GOOGLE_"]),
    ("acr-", &["ACR_", "AZURE_"]),
];
/// Keeps AWS's library, which `ecr-login` is made with, from the machine's metadata service.
const NO_METADATA: &str = "AWS_EC2_METADATA_DISABLED";

/// Runs credential helpers. Cloning is cheap. `Debug` shows no value.
///
/// A helper is `docker-credential-<name>` in a folder of `PATH` that is named absolutely; it runs in `/`, for at most 30 s, and
/// may print 64 KiB. Of the variables it sees `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`, `TMPDIR`, those of `XDG_*` folders, session
/// bus, `GNUPGHOME` and `PASSWORD_STORE_DIR`, `SSL_CERT_*` and proxies; `ecr-login` also `AWS_*`, `gcloud` and `gcr` also `CLOUDSDK_*`
/// and `GOOGLE_*`, those that begin with `acr-` also `ACR_*` and `AZURE_*`; and nothing else, so no other secret of the run.
/// `ecr-login` is kept from the machine's metadata service unless `AWS_EC2_METADATA_DISABLED` says otherwise.
#[derive(Clone, Default)]
pub struct Helpers {
    variables: Arc<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(rename = "Username", default)]
    user: String,
    #[serde(rename = "Secret", default)]
    secret: String,
}

/// How a helper ended, and what it printed.
struct Ended {
    status: ExitStatus,
    printed: Vec<u8>,
    complaint: Vec<u8>,
}

impl Helpers {
    /// Helpers that are found by the `PATH` of these variables, and see those that they may see. Without any, none is found.
    pub fn new(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { variables: Arc::new(variables.into_iter().collect()) }
    }

    /// What a helper has for a host; `None` where it says that it has nothing. The run's redactor learns it at once.
    ///
    /// # Errors
    /// [`Error::Helper`]; [`Error::Stopped`] where the run is asked to stop meanwhile.
    pub async fn get(&self, name: &str, host: &str, run: &Run) -> Result<Option<Login>, Error> {
        let failed = |cause| Error::Helper {
            helper: escape(name, 60),
            host: escape(host, 200),
            cause: Box::new(cause),
        };
        let child = self.start(name).map_err(failed)?;
        let ended = tokio::select! {
            biased;
            () = run.stop().wait() => {
                return Err(Error::Stopped { doing: format!("the credential helper {name} ended") });
            }
            ended = tokio::time::timeout(LIMIT, talk(child, host)) => {
                ended.unwrap_or(Err(HelperFault::Endless(LIMIT))).map_err(failed)?
            }
        };
        // Learned before anything is said of what it printed.
        let answer = serde_json::from_slice::<Answer>(&ended.printed).ok();
        if let Some(answer) = &answer {
            run.redactor().learn(&Secret::new(answer.secret.as_str()));
        }
        if !ended.status.success() {
            let printed = String::from_utf8_lossy(&ended.printed);
            if printed.trim() == UNKNOWN {
                return Ok(None);
            }
            return Err(failed(HelperFault::Failed {
                ended: ended.status.to_string(),
                said: said(&printed, &ended.complaint, run),
            }));
        }
        let answer = answer.ok_or_else(|| failed(HelperFault::Answer))?;
        login(answer).map_err(failed)
    }

    fn start(&self, name: &str) -> Result<Child, HelperFault> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        if name.is_empty() || !name.bytes().all(is_plain) {
            return Err(HelperFault::Name);
        }
        let program = self.find(name).ok_or_else(|| HelperFault::Missing { name: name.to_owned() })?;
        Command::new(program)
            .arg("get")
            .env_clear()
            .envs(self.seen_by(name))
            .current_dir(FOLDER)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(HelperFault::Start)
    }

    /// The program in the first folder of `PATH` that has it. A folder that is named relatively is passed over: what is in it
    /// depends on where the run takes place.
    fn find(&self, name: &str) -> Option<PathBuf> {
        let file = format!("docker-credential-{name}");
        let path = self.variables.get("PATH").map(String::as_str).unwrap_or_default();
        let is_program = |path: &PathBuf| {
            path.metadata().is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
        };
        std::env::split_paths(OsStr::new(path))
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&file))
            .find(is_program)
    }

    /// The variables that a helper sees.
    fn seen_by(&self, name: &str) -> BTreeMap<&str, &str> {
        let beginnings: Vec<&str> = OF_CLOUDS
            .iter()
            .filter(|(helper, _)| name.starts_with(helper))
            .flat_map(|(_, beginnings)| beginnings.iter().copied())
            .collect();
        let is_seen = |variable: &str| {
            FOR_ALL.contains(&variable) || beginnings.iter().any(|beginning| variable.starts_with(beginning))
        };
        let mut seen: BTreeMap<&str, &str> = self
            .variables
            .iter()
            .filter(|(variable, _)| is_seen(variable))
            .map(|(variable, value)| (variable.as_str(), value.as_str()))
            .collect();
        if is_seen(NO_METADATA) {
            seen.entry(NO_METADATA).or_insert("true");
        }
        seen
    }
}

impl std::fmt::Debug for Helpers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Helpers")
    }
}

/// Hands over the host, and reads until the helper has ended. Where this is dropped the helper is killed.
async fn talk(mut child: Child, host: &str) -> Result<Ended, HelperFault> {
    let (input, printed, complaint) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut input) = input {
            // A helper that does not read its input closes it, and its exit status says more than that.
            let _ = input.write_all(host.as_bytes()).await;
        }
        Ok(())
    };
    let print = async {
        let mut bytes = Vec::new();
        if let Some(printed) = printed {
            // What cannot be read counts as the end.
            let _ = printed.take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).await;
        }
        if bytes.len() > MOST_BYTES { Err(HelperFault::TooLong(MOST_BYTES)) } else { Ok(bytes) }
    };
    let wait = async { child.wait().await.map_err(HelperFault::Start) };
    let mut said = Vec::new();
    let (status, printed) = {
        let mut work = pin!(async { tokio::try_join!(feed, print, wait) });
        let mut complaining = pin!(keep(complaint, &mut said));
        let mut is_read = false;
        let ((), printed, status) = loop {
            tokio::select! {
                ended = &mut work => break ended?,
                () = &mut complaining, if !is_read => is_read = true,
            }
        };
        if !status.success() && !is_read {
            let _ = tokio::time::timeout(GRACE, complaining).await;
        }
        (status, printed)
    };
    Ok(Ended { status, printed, complaint: said })
}

/// Keeps the first bytes. The rest is taken too, or the helper would wait for somebody to do so.
async fn keep(from: Option<ChildStderr>, into: &mut Vec<u8>) {
    let Some(from) = from else { return };
    let mut limited = from.take(MOST_COMPLAINT);
    let _ = limited.read_to_end(into).await;
    let _ = tokio::io::copy(&mut limited.into_inner(), &mut tokio::io::sink()).await;
}

/// The message of a helper that failed. By the protocol it is on standard output; a login that stands there is not shown.
fn said(printed: &str, complaint: &[u8], run: &Run) -> String {
    let printed = printed.trim();
    let complaint = String::from_utf8_lossy(complaint);
    let text = if printed.is_empty() || printed.contains('{') { complaint.trim() } else { printed };
    escape(&run.redactor().redact(text), 300)
}

fn login(answer: Answer) -> Result<Option<Login>, HelperFault> {
    let Answer { user, secret } = answer;
    if secret.is_empty() {
        return Ok(None);
    }
    let odd = |text: &str| text.chars().any(char::is_control);
    if user.is_empty() || user.contains(':') || odd(&user) || odd(&secret) {
        return Err(HelperFault::Answer);
    }
    let secret = Secret::new(secret);
    Ok(Some(if user == TOKEN_USER { Login::IdentityToken(secret) } else { Login::basic(user, secret) }))
}
