//! `aws-credentials`: a login, temporary AWS keys, an identity check, and the place that later jobs read them from, or the command
//! that runs with them.

mod endpoint;
mod exec;
mod terminal;
mod waiting;

use std::io::Write;
use std::path::Path;

use landfall_artifacts::{Class, Problem};
use landfall_aws::{AwsConfig, AwsKeys, Endpoints, Expected, Identity, KeyCheck, caller_identity, mismatch};
use landfall_run::{Event, Run, rfc3339};
use landfall_transport::Http;
use landfall_vault_creds::{AwsLogin, Change, Destination, Fetched, GitLabVariables, Put, Revocation};

pub use exec::{Command, Handing};

use crate::{Finished, Item, Outcome, Output, Refusal, ToCaller};

/// What becomes of the keys.
#[derive(Clone, Debug)]
pub enum To {
    /// They are put somewhere.
    Destination(Destination),
    /// A command runs with them.
    Command(Command),
}

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to log in, as whom, for which role.
    pub login: AwsLogin,
    /// The AWS region.
    pub region: String,
    /// Where AWS services are, in place of AWS's own endpoints.
    pub endpoints: Endpoints,
    /// Whose the keys must be.
    pub expected: Expected,
    /// What becomes of the keys.
    pub to: To,
}

/// Logs in once, takes one set of temporary keys, gives the token back, asks STS whose they are, and puts them where they belong, or
/// runs a command with them. `say` is standard output, on which GitHub reads what it must mask.
///
/// Repeating it makes new keys in place of the old ones. A dry run contacts nobody: a login may use up a secret id.
///
/// # Errors
/// Everything that is missing; what Vault, GitHub, GitLab or STS say; keys of another account or role. Nothing is put anywhere then.
pub async fn run(
    config: &Config,
    http: &Http,
    output: &Output,
    say: &mut (dyn Write + Send),
    run: &Run,
) -> Outcome {
    let mut problems: Vec<Problem> =
        config.login.problems().iter().map(|problem| Problem::of(problem)).collect();
    if let To::Destination(destination) = &config.to {
        problems.extend(destination.problems().iter().map(|problem| Problem::of(problem)));
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    if output.is_dry_run() {
        return Ok(dry_run(config));
    }
    let name = format!("log in to {}", config.login.giver());
    run.progress().event(Event::Phase { name, items: None });
    let fetched = config.login.fetch(http, run).await?;
    let identity = identify(config, &fetched.keys, http, run).await?;
    let mut finished = Finished::default();
    finished.warnings.extend(fetched.warnings.iter().cloned());
    finished.items.push(item(config, &fetched, &identity));
    match &config.to {
        To::Destination(destination) => {
            let put = destination.put(&fetched.keys, say, http, run).await?;
            tell(&mut finished, destination, put, &fetched, &identity, run);
        }
        To::Command(command) => {
            run.progress().event(Event::Note(format!("{} in account {}", identity.arn, identity.account)));
            let (region, endpoints) = (&config.region, config.endpoints.clone());
            let check = KeyCheck::new(config.expected.clone(), region, endpoints, http);
            let code = exec::run(command, fetched.keys, &config.login, check, region, http, run).await?;
            finished.items.push(Item::new("command", "ended").with("exitCode", code));
            finished.to_caller = ToCaller::Program { code };
        }
    }
    Ok(finished)
}

/// Removes the file of an earlier run, whose keys later jobs would take where this one fails. On a dry run it stays.
///
/// # Errors
/// Where it is there and stays.
pub fn forget(path: &Path, output: &Output, run: &Run) -> Result<(), Refusal> {
    let is_file = std::fs::symlink_metadata(path).is_ok_and(|data| data.is_file() || data.is_symlink());
    if output.is_dry_run() || !is_file {
        return Ok(());
    }
    let shown = landfall_secret::escape(&path.to_string_lossy(), 200);
    std::fs::remove_file(path).map_err(|cause| {
        let what = format!("the file {shown} of an earlier run cannot be removed: {cause}");
        Refusal::one(
            Problem::new("LF-CREDENTIALS-OLD", Class::Refused, what)
                .with_remedy("remove it by hand: later jobs would work with its keys"),
        )
    })?;
    run.progress().event(Event::Note(format!("removed {shown} of an earlier run")));
    Ok(())
}

/// Removes the variables that this stage set at GitLab for an environment. No login is made.
///
/// # Errors
/// What is wrong with the configuration, what GitLab says, variables that somebody else set. Nothing was removed then.
pub async fn clean(variables: &GitLabVariables, http: &Http, output: &Output, run: &Run) -> Outcome {
    let destination = Destination::GitLab(variables.clone());
    let problems = destination.problems();
    if !problems.is_empty() {
        return Err(Refusal(problems.iter().map(|problem| Problem::of(problem)).collect()));
    }
    let shown = landfall_secret::escape(&destination.shown(), 200);
    if output.is_dry_run() {
        return Ok(Finished::new(format!("would remove the {shown}, where this stage set them")));
    }
    let changes = variables.clean(http, run).await?;
    let removed = changes.iter().filter(|change| change.outcome == "removed").count();
    let mut finished = Finished::new(format!("{removed} removed of the {shown}"));
    finished.items.extend(changes.into_iter().map(of_change));
    Ok(finished)
}

fn tell(
    finished: &mut Finished,
    destination: &Destination,
    put: Put,
    fetched: &Fetched,
    identity: &Identity,
    run: &Run,
) {
    let until = fetched.keys.expires_at.map_or_else(|| "an unknown time".to_owned(), rfc3339);
    let whose = format!("{} in account {}", identity.arn, identity.account);
    let left = put.changes.iter().filter(|change| change.outcome == "not-tried").count();
    finished.items.extend(put.changes.into_iter().map(of_change));
    finished.note_stop(run, left);
    if let Some(handed) = put.handed {
        run.progress().event(Event::Note(format!("{whose}, until {until}")));
        finished.to_caller = ToCaller::Secret(handed);
        return;
    }
    finished.lines.push(whose);
    let shown = landfall_secret::escape(&destination.shown(), 200);
    finished.summary = format!("AWS credentials until {until} in {shown}");
    finished.files.extend(put.file);
}

fn of_change(change: Change) -> Item {
    let is_change = ["created", "updated", "removed"].contains(&change.outcome);
    let item = Item::new(change.name, change.outcome);
    let item = if is_change { item.changed() } else { item };
    match change.problem {
        Some(problem) => item.failed(problem),
        None => item,
    }
}

/// Asks STS whose keys these are, and refuses those of another account or role before anything is written.
async fn identify(config: &Config, keys: &AwsKeys, http: &Http, run: &Run) -> Result<Identity, Refusal> {
    let aws = AwsConfig::new(&config.region, keys.clone(), config.endpoints.clone(), http.clone())?;
    run.progress().event(Event::Phase { name: "check whose credentials they are".into(), items: None });
    let identity = caller_identity(&aws, run).await?;
    match mismatch(&config.expected, &identity, &format!("{}'s credentials", config.login.giver())) {
        Some(problem) => Err(Refusal::one(problem)),
        None => Ok(identity),
    }
}

fn item(config: &Config, fetched: &Fetched, identity: &Identity) -> Item {
    let item = Item::new("aws credentials", "fetched")
        .changed()
        .with("account", identity.account.as_str())
        .with("arn", identity.arn.as_str())
        .with("grantedSeconds", fetched.granted_ttl.as_secs())
        .with("login", config.login.told());
    match &fetched.revocation {
        Revocation::Revoked => item.with("vaultToken", "revoked"),
        Revocation::Given => item.with("vaultToken", "given, left to who made it"),
        Revocation::Batch => item.with("vaultToken", "batch token, ends by itself"),
        Revocation::Failed(_) => item.with("vaultToken", "not revoked, ends by itself"),
        Revocation::NoToken => item,
    }
}

fn dry_run(config: &Config) -> Finished {
    let what = match &config.to {
        To::Destination(destination @ Destination::GitLab(_)) => format!("set the {}", destination.shown()),
        To::Destination(destination) => format!("write {}", destination.shown()),
        To::Command(command) => format!("run {}", command.words.first().map_or("", String::as_str)),
    };
    let mut finished = Finished::new(format!(
        "would log in to {} and {}: a dry run does not, since a login may use up the secret id",
        landfall_secret::escape(config.login.place(), 200),
        landfall_secret::escape(&what, 200)
    ));
    finished.items.push(Item::new("aws credentials", "planned"));
    finished
}
