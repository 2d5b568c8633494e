//! `prepare-docker-config`: the logins that later jobs use at registries, and where each comes from.

use std::path::PathBuf;

use landfall_artifacts::{DockerConfig, Problem, Repository};
use landfall_registry::{EcrClient, EcrHost, LoginChain, LoginStep, Verdict};
use landfall_run::{Event, Run, rfc3339};
use landfall_secret::{Secret, escape};
use serde_json::json;

use crate::table::table;
use crate::{Finished, Item, Outcome, Output};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// `DOCKER_AUTH_CONFIG`: Docker's `config.json` as text, or the path of such a file; `None` with `--ecr-only`.
    pub logins: Option<Secret>,
    /// The repository at ECR that a login is fetched for.
    pub registry: Repository,
    /// The AWS region.
    pub region: String,
    /// Where `docker-config.json` goes.
    pub file: PathBuf,
}

/// Fetches a login from ECR, merges it with the given logins, and writes `docker-config.json` (0600).
///
/// Repeating it fetches a new login. `credHelpers`, `credsStore`, `identitytoken` and unknown keys survive.
///
/// # Errors
/// Bad JSON or base64; a registry of another region; what ECR says. No file is written then.
pub async fn run(config: &Config, ecr: &EcrClient, output: &Output, run: &Run) -> Outcome {
    EcrHost::check_region(config.registry.host(), &config.region)?;
    let mut logins = match &config.logins {
        Some(value) => DockerConfig::of_variable(value.expose(), "DOCKER_AUTH_CONFIG")?,
        None => DockerConfig::new(),
    };
    for secret in logins.secrets() {
        run.redactor().learn(secret);
    }
    let host = config.registry.host().to_owned();
    let mut finished = Finished::default();
    if output.is_dry_run() {
        finished.items.push(Item::new(host.as_str(), "planned"));
        finished.summary = format!("would fetch a login for {host} and write {}", config.file.display());
        return Ok(finished);
    }
    run.progress().event(Event::Phase { name: format!("fetch a login for {host}"), items: None });
    let login = ecr.authorization_token(run).await?;
    logins.set_login(&host, &login.user, login.password.clone())?;
    let file = logins.write(&config.file)?;
    for host in logins.hosts() {
        finished.items.push(Item::new(host, "login").changed());
    }
    finished.lines = logins.hosts().map(|host| format!("login for {host}")).collect();
    finished.summary = format!(
        "{} logins in {}, ECR's until {}",
        finished.items.len(),
        file.path,
        rfc3339(login.expires_at)
    );
    finished.files.push(file);
    Ok(finished)
}

/// What [`explain`] is told besides the sources.
#[derive(Clone, Debug)]
pub struct Known {
    /// The hosts to explain, in the order in which they are shown.
    pub hosts: Vec<Host>,
    /// Why ECR cannot be asked for a login; `None` where it can.
    pub why_not_ecr: Option<String>,
}

/// A host whose logins are explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// The host, with its port where it has one.
    pub host: String,
    /// What it is to the pipeline, such as `target`; `None` where it is only named in a source.
    pub role: Option<&'static str>,
    /// The other host that may see its login, as `registries.auth_hosts` has it.
    pub token_host: Option<String>,
}

/// Shows for every host where its login comes from, and what other sources have: kinds, places and entries, and no value.
///
/// Nothing is asked, started, fetched or written: whether a helper knows a host is not known before it is asked. A source that
/// cannot be read is a problem, and the rest is shown all the same.
pub fn explain(known: &Known, chain: &LoginChain, run: &Run) -> Finished {
    let mut finished = Finished::default();
    let can_fetch = known.why_not_ecr.is_none();
    let mut with_login = 0;
    for host in &known.hosts {
        let steps = chain.explain(&host.host, can_fetch, run.clock().now());
        let mut rows: Vec<[String; 3]> = steps.iter().map(row).collect();
        if let Some(why) = known.why_not_ecr.as_ref().filter(|_| chain.is_ecr(&host.host)) {
            rows.push(["-".to_owned(), "AWS credentials".to_owned(), escape(why, 200)]);
        }
        finished.lines.push(heading(host));
        finished.lines.extend(table(&rows, 0).iter().map(|line| format!("  {line}")));
        let item = explained(host, &steps);
        with_login += usize::from(!["none", "unreadable"].contains(&item.outcome));
        finished.items.push(item);
    }
    finished.problems =
        chain.sources().iter().filter_map(|source| Some(Problem::of(source.problem()?))).collect();
    finished.summary = match known.hosts.len() {
        0 => "no host is known: name one by --registry or --source, or give logins".to_owned(),
        all => format!("{with_login} of {all} hosts have a login; nothing was asked, fetched or written"),
    };
    finished
}

fn heading(host: &Host) -> String {
    let token_host = host.token_host.as_ref().map(|at| format!("tokens from {}", escape(at, 120)));
    let notes: Vec<String> = host.role.map(str::to_owned).into_iter().chain(token_host).collect();
    let name = escape(&host.host, 120);
    if notes.is_empty() { name } else { format!("{name} ({})", notes.join(", ")) }
}

fn row(step: &LoginStep) -> [String; 3] {
    let verdict = match step.verdict {
        Verdict::Nothing => "-",
        other => other.word(),
    };
    [verdict.to_owned(), step.source.clone(), step.finds.to_string()]
}

/// The host as an item, whose outcome is the kind of what decides: `password`, `identity-token`, `helper`, `ecr-token`,
/// `unreadable`, `none`.
fn explained(host: &Host, steps: &[LoginStep]) -> Item {
    let decides = steps.iter().find(|step| {
        matches!(step.verdict, Verdict::Used | Verdict::Asked | Verdict::Otherwise | Verdict::InTheWay)
    });
    let outcome = decides.map_or("none", |step| step.finds.kind());
    let told = |step: &LoginStep| {
        json!({
            "source": step.source,
            "kind": step.finds.kind(),
            "entry": step.finds.entry(),
            "verdict": step.verdict.word(),
        })
    };
    Item::new(escape(&host.host, 120), outcome)
        .with("role", host.role)
        .with("tokenHost", host.token_host.as_ref().map(|at| escape(at, 120)))
        .with("source", decides.map(|step| step.source.clone()))
        .with("entry", decides.and_then(|step| step.finds.entry()))
        .with("sources", steps.iter().map(told).collect::<Vec<_>>())
}
