//! A command that runs with the keys, which are stored nowhere and renewed while it runs.

use std::process::ExitStatus;
use std::sync::Arc;

use landfall_artifacts::{Class, Problem};
use landfall_aws::{AwsKeys, HeldKeys, KeyCheck, Renewing};
use landfall_run::{Event, Run, rfc3339};
use landfall_transport::Http;
use landfall_vault_creds::{AwsLogin, Renewal};

use super::endpoint::Endpoint;
use super::waiting::{Signals, ended};
use crate::Refusal;

/// Variables from which SDKs take other keys than ours, or ask others for some.
const OTHER_KEYS: [&str; 13] = [
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
];

/// A command, and how it gets the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// The program and its arguments; at least one.
    pub words: Vec<String>,
    /// Variables of this process that it is not to have: the secrets of the login, and of the place that keys are put in.
    pub hidden: Vec<String>,
    /// How it gets the keys.
    pub handing: Handing,
}

/// How a command gets keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Handing {
    /// From an endpoint that its SDK asks, so that it has keys that are good for as long as it runs, and none in its environment.
    #[default]
    Endpoint,
    /// In its environment, for programs that know no endpoint. They stay as they are, and end.
    Static,
}

/// Runs the command with this process's input and outputs until it ends, passes signals on to it, and gives its exit code; that of
/// a command that a signal ended is 128 and the signal's number, as shells have it.
pub(super) async fn run(
    command: &Command,
    keys: AwsKeys,
    login: &AwsLogin,
    check: KeyCheck,
    region: &str,
    http: &Http,
    run: &Run,
) -> Result<u8, Refusal> {
    let held = match command.handing {
        Handing::Endpoint if login.can_repeat() => {
            // A stop is passed on to the command, which may need the keys for as long as it takes to end.
            let run = run.to_its_end();
            let source = Arc::new(Renewal::new(login.clone(), http, &run));
            HeldKeys::renewed(keys.clone(), Renewing::by(source).checked(check).for_programs(), &run)
        }
        Handing::Endpoint | Handing::Static => {
            let why = match command.handing {
                Handing::Static => "those in an environment stay as they are",
                Handing::Endpoint => "a wrapped secret id logs in once",
            };
            let until = keys.expires_at.map_or_else(|| "an unknown time".to_owned(), rfc3339);
            let what = format!("the credentials end at {until} and are not renewed: {why}");
            run.progress().event(Event::Warning(what));
            HeldKeys::fixed(keys.clone())
        }
    };
    let endpoint = match command.handing {
        Handing::Endpoint => {
            Some(Endpoint::serve(held.clone(), run).await.map_err(|cause| unserved(&cause))?)
        }
        Handing::Static => None,
    };
    let (program, arguments) = command.words.split_first().ok_or_else(|| Refusal(Vec::new()))?;
    // Heard from before there is anybody to tell: a signal in between would end this process and leave the command alone.
    let signals = Signals::listen(run.stop()).map_err(|cause| not_started(program, &cause))?;
    if run.stop().requested().is_some() {
        return Err(Refusal::one(Problem::new(
            "LF-STOPPED",
            Class::Interrupted,
            "stopped before the command",
        )));
    }
    let variables = variables(&keys, endpoint.as_ref(), region);
    let mut starting = tokio::process::Command::new(program);
    for name in OTHER_KEYS.iter().copied().chain(command.hidden.iter().map(String::as_str)) {
        starting.env_remove(name);
    }
    let started = starting.args(arguments).envs(variables).spawn();
    let mut child = started.map_err(|cause| not_started(program, &cause))?;
    let status = ended(&mut child, signals, run).await;
    drop(endpoint);
    held.settled().await;
    status.map(code).map_err(|cause| not_started(program, &cause))
}

fn variables(keys: &AwsKeys, endpoint: Option<&Endpoint>, region: &str) -> Vec<(&'static str, String)> {
    let mut set = vec![
        ("AWS_REGION", region.to_owned()),
        ("AWS_DEFAULT_REGION", region.to_owned()),
        // Where our keys fail, those of the machine must not take their place.
        ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
    ];
    if let Some(endpoint) = endpoint {
        set.extend([
            ("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.uri.clone()),
            ("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token.expose().to_owned()),
            // Profiles come before the endpoint, so that a default one on this machine would win without a word.
            ("AWS_CONFIG_FILE", "/dev/null".to_owned()),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null".to_owned()),
        ]);
        return set;
    }
    set.push(("AWS_ACCESS_KEY_ID", keys.access_key_id.clone()));
    set.push(("AWS_SECRET_ACCESS_KEY", keys.secret_access_key.expose().to_owned()));
    set.extend(keys.session_token.as_ref().map(|token| ("AWS_SESSION_TOKEN", token.expose().to_owned())));
    set.extend(keys.expires_at.map(|at| ("AWS_CREDENTIAL_EXPIRATION", rfc3339(at))));
    set
}

fn code(status: ExitStatus) -> u8 {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn not_started(program: &str, cause: &std::io::Error) -> Refusal {
    let shown = landfall_secret::escape(program, 200);
    Refusal::one(
        Problem::new("LF-EXEC", Class::Input, format!("the command {shown} cannot be run: {cause}"))
            .with_remedy("name a program that is installed here after `exec --`"),
    )
}

fn unserved(cause: &std::io::Error) -> Refusal {
    let what = format!("the credentials cannot be served on the loopback address: {cause}");
    Refusal::one(
        Problem::new("LF-EXEC-ENDPOINT", Class::Refused, what)
            .with_remedy("add --static, which puts them in the command's environment"),
    )
}
