//! The looks that checks go by: each reads, none writes.

mod files;
mod functions;
mod ledger;
mod login;
mod registries;

use std::time::Duration;

use landfall_artifacts::{Class, Problem};
use landfall_aws::caller_identity;
use landfall_ledger::{Ledger, Place};
use landfall_pipeline::doctor::{Evidence, Reach, Seen};
use landfall_run::{RetryPolicy, Run, counted};
use landfall_secret::Redactor;
use landfall_stages::{Outcome, Refusal};

use super::patient::{Patient, Ready, logs_in};
use crate::prepare::Prepared;
use crate::{Context, aws, aws_keys};

/// How far looks may go.
#[derive(Clone, Copy, Debug)]
pub(super) struct How {
    /// Whether no service is asked.
    pub(super) offline: bool,
    /// Whether a login may be made.
    pub(super) login: bool,
    /// How long one look may take.
    pub(super) limit: Duration,
}

/// What a look brings: a text of what was looked at, or why it was not.
type Brought = Result<Look, Refusal>;

/// A look that found nothing wrong.
enum Look {
    /// What was there.
    At(String),
    /// Why there was nothing to look at.
    Nothing(String),
    /// What was there, and what is wrong with it all the same.
    Problems(String, Vec<Problem>),
}

/// Takes a look, in the time that it may take.
pub(super) async fn take(
    doctor: &Context,
    patient: &Patient,
    ready: &Ready,
    by: Evidence,
    how: &How,
) -> Seen {
    let prepared = match &ready.prepared {
        Ok(prepared) => prepared,
        Err(Refusal(problems)) => return looked(doctor, by.looks_at(), problems.clone()),
    };
    let run = run(doctor, how.limit);
    let context = ready.context(prepared, &run, Ledger::for_reading(""));
    match why_not(&context, prepared, by, how) {
        Ok(None) => {}
        Ok(Some(why)) => return Seen::Skipped { why },
        Err(Refusal(problems)) => return looked(doctor, by.looks_at(), problems),
    }
    let look = look(patient, ready, prepared, &context, by);
    // The run's own deadline ends waiting between tries; this one ends a try.
    let brought = match tokio::time::timeout(how.limit, look).await {
        Ok(brought) => brought,
        Err(_) => Err(Refusal::one(late(by, how.limit))),
    };
    match brought {
        Ok(Look::At(at)) => looked(doctor, &at, Vec::new()),
        Ok(Look::Nothing(why)) => Seen::Skipped { why },
        Ok(Look::Problems(at, problems)) => looked(doctor, &at, problems),
        Err(Refusal(problems)) => looked(doctor, by.looks_at(), problems),
    }
}

fn looked(doctor: &Context, at: &str, problems: Vec<Problem>) -> Seen {
    Seen::Looked { at: shown(doctor.run().redactor(), at), problems }
}

/// Secrets are taken out before the text is cut: of one that stands on the cut the first half would stay.
fn shown(redactor: &Redactor, at: &str) -> String {
    landfall_secret::escape(&redactor.redact(at), 400)
}

/// A run that shows nothing, records nothing and gives up soon.
fn run(doctor: &Context, limit: Duration) -> Run {
    let policy = RetryPolicy {
        attempts: 2,
        base: Duration::from_millis(200),
        longest_wait: Duration::from_secs(2),
        ..RetryPolicy::default()
    };
    let run = doctor.run();
    Run::builder()
        .clock(*run.clock())
        .stop(run.stop().clone())
        .deadline(limit)
        .retry_policy(policy)
        .redactor(run.redactor().clone())
        .build()
}

fn late(by: Evidence, limit: Duration) -> Problem {
    let what = format!("no answer within {} s from {}", limit.as_secs(), by.looks_at());
    Problem::new("LF-DOCTOR-TIME", Class::Transient, what)
        .with_remedy("look whether the service can be reached from here; --timeout waits longer")
}

/// Why a look is not taken.
///
/// # Errors
/// A place of keys that is none.
fn why_not(
    context: &Context,
    prepared: &Prepared,
    by: Evidence,
    how: &How,
) -> Result<Option<String>, Refusal> {
    let offline = || Some("offline".to_owned());
    let with_login = || Some("it takes a login, which may use up a secret id: --login makes one".to_owned());
    let is_far = matches!(prepared.ledger, Place::S3 { .. });
    let needs_keys = match by {
        Evidence::Keys | Evidence::Identity | Evidence::EcrToken | Evidence::DryRun | Evidence::Functions => {
            true
        }
        Evidence::Environment | Evidence::Release => is_far,
        _ => false,
    };
    let by_login = needs_keys && logs_in(context)?;
    Ok(match by.reach() {
        Reach::LogsIn if how.offline => offline(),
        Reach::LogsIn if !how.login => with_login(),
        Reach::Asks if how.offline => offline(),
        Reach::Ledger if how.offline && is_far => offline(),
        _ if by_login && how.offline => offline(),
        _ if by_login && !how.login => with_login(),
        Reach::LogsIn | Reach::Asks | Reach::Ledger | Reach::Here => None,
    })
}

async fn look(
    patient: &Patient,
    ready: &Ready,
    prepared: &Prepared,
    context: &Context,
    by: Evidence,
) -> Brought {
    match by {
        Evidence::Settings => Ok(Look::At(settings(context))),
        Evidence::LoginSettings => dry_run((patient.entry.work)(context).await),
        Evidence::Vault => login::vault(context).await,
        Evidence::Wrapping => login::wrapping(context).await,
        Evidence::Session => login::session(context).await,
        Evidence::DockerLogins => registries::docker_logins(context),
        Evidence::Region => registries::region(context),
        Evidence::RegistryLogin => registries::login(context).await,
        Evidence::EcrToken => registries::ecr_token(context).await,
        Evidence::Keys => keys(patient, context).await,
        Evidence::Identity => identity(context).await,
        Evidence::Functions => functions::look(context).await,
        Evidence::Files => files::look(patient.entry.name, context),
        Evidence::Environment => {
            let ledger = ready.ledger(prepared, context.run()).await?;
            ledger::environment(patient, &ready.context(prepared, context.run(), ledger)).await
        }
        Evidence::Release => {
            let ledger = ready.ledger(prepared, context.run()).await?;
            ledger::release(patient, &ready.context(prepared, context.run(), ledger)).await
        }
        Evidence::DryRun => {
            let ledger = ready.ledger(prepared, context.run()).await?;
            let context = ready.context(prepared, context.run(), ledger);
            dry_run((patient.entry.work)(&context).await)
        }
    }
}

/// Which of the settings are given, and not left to their defaults.
fn settings(context: &Context) -> String {
    let values = context.values();
    let path = values.text("config").unwrap_or_default();
    let is_given =
        |name: &str| values.sourced(name).is_some_and(|(_, source)| source != landfall_cli::Source::Default);
    // Two that the doctor gives itself.
    let given = context.options.iter().filter(|option| is_given(option.name)).count();
    let given = given - usize::from(is_given("dry-run"));
    let file = if std::path::Path::new(&path).exists() { path } else { format!("no {path}") };
    format!("{file}, {} given by flags, variables or that file", counted(given, "setting"))
}

/// What the stage says where it may change nothing.
fn dry_run(outcome: Outcome) -> Brought {
    let finished = outcome?;
    let problems = finished.all_problems();
    Ok(Look::Problems(format!("on a dry run: {}", finished.summary), problems))
}

/// A registry that is none of ECR's is asked with a login alone, so that its stage can do without keys.
async fn keys(patient: &Patient, context: &Context) -> Brought {
    match aws_keys::keys(context).await? {
        Some(_) => Ok(Look::At("there are AWS keys, and they are not over".to_owned())),
        None if patient.entry.name == "retag-push-ecr" => {
            Ok(Look::At("there are none: the registries are asked with the logins at hand".to_owned()))
        }
        None => Err(Refusal::one(aws::no_keys())),
    }
}

async fn identity(context: &Context) -> Brought {
    if !aws_keys::are_there(context).await? {
        return Ok(Look::Nothing("there are no AWS keys".to_owned()));
    }
    let aws = aws::config(context, &context.http()?).await?;
    let identity = caller_identity(&aws, context.run()).await?;
    Ok(Look::At(format!("STS: {} in account {}", identity.arn, identity.account)))
}

#[cfg(test)]
mod tests {
    use landfall_secret::{Redactor, Secret};

    use super::shown;

    #[test]
    fn a_secret_on_the_cut_leaves_nothing_of_itself() {
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("hunter2-and-more-of-it"));
        for before in 370..=405 {
            let at = format!("{}hunter2-and-more-of-it at the end", "x".repeat(before));
            assert!(!shown(&redactor, &at).contains("hun"), "cut {before} characters before it");
        }
    }
}
