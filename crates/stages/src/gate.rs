//! `gate`: says what a release lacks for coming to an environment, and records what people decide.

mod contents;
mod decide;
pub mod identity;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Duration;

use landfall_artifacts::{
    Actor, Class, Digest, EnvironmentName, EventKind, LedgerEvent, Problem, RoleName, Settings,
};
use landfall_ledger::Ledger;
use landfall_ledger::gate::{Identity, Subject, standing};
use landfall_notify::News;
use landfall_run::Run;
use time::OffsetDateTime;

use crate::{Outcome, Output, Places, Refusal, Target};

/// What the stage is told.
#[derive(Clone, Debug)]
pub struct Config {
    /// Environment and release.
    pub target: Target,
    /// Where the files are: the lock and the versions say what the release is, where they are there.
    pub places: Places,
    /// The repo's settings: order, roles, windows.
    pub settings: Settings,
    /// What is to be done.
    pub act: Act,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Say everything that is missing.
    Check,
    /// Let the release come.
    Approve(Approve),
    /// Stop the release for good.
    Reject {
        /// Why.
        reason: String,
    },
    /// Let nothing come.
    Freeze {
        /// Whether to all environments.
        everywhere: bool,
        /// From when; `None` is now.
        from: Option<OffsetDateTime>,
        /// Until when; `None` is until somebody ends it.
        until: Option<OffsetDateTime>,
        /// Why.
        reason: String,
    },
    /// End what people froze.
    Unfreeze {
        /// Whether what is of all environments, and not what is of one.
        everywhere: bool,
        /// The record of the freeze; `None` is all of that kind that hold now.
        sequence: Option<u64>,
        /// Why.
        reason: Option<String>,
    },
}

/// How a release is let come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Approve {
    /// For which role; `None` finds the one that still waits for this person.
    pub role: Option<RoleName>,
    /// How long it holds; `None` is as the environment has it, or for a broken glass 4 hours. At most as the environment has it.
    pub expires: Option<Duration>,
    /// Why; needed for breaking the glass.
    pub reason: Option<String>,
    /// Whether freezes and missing approvals are to be passed over.
    pub break_glass: bool,
    /// The plan that was looked at; another one is refused.
    pub plan: Option<Digest>,
}

/// Somebody who decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// Who, and where that is known from.
    pub actor: Actor,
    /// How it is known.
    pub identity: Identity,
    /// What they said to the CI system, which stands where no reason was given.
    pub comment: Option<String>,
}

/// Input: the ledger, the settings, and for a check or a decision about a release what the release is. Acts on: the ledger, where somebody
/// decides. The same decision by the same person about the same plan is recorded once, while it holds.
///
/// A check that finds something missing ends with problems of the class `Refused`, each with what would help.
///
/// # Errors
/// A person who may not decide this, a plan that is not the one that was looked at, a dead release, and a release of which nothing is
/// known: nothing is recorded then.
pub async fn run(config: &Config, people: &[Person], ledger: &Ledger, output: &Output, run: &Run) -> Outcome {
    let events = ledger.events().await?;
    let now = run.clock().now();
    match &config.act {
        Act::Check => {
            let subject = contents::subject(config, &events)?;
            let standing = standing(&events, &config.settings, &subject, now);
            Ok(shown::check(&subject, &standing, last_decision(&events, &subject)))
        }
        Act::Approve(approve) => {
            let subject = contents::known(config, &events)?;
            let decisions = decide::approve(config, approve, people, &subject, &events, now)?;
            decide::record(decisions, Some(&subject), ledger, output).await
        }
        Act::Reject { reason } => {
            let subject = contents::subject(config, &events)?;
            let decisions = decide::reject(config, people, &subject, &events, reason)?;
            let mut finished = decide::record(decisions, Some(&subject), ledger, output).await?;
            if finished.items.iter().any(|item| item.changed) {
                finished.news = Some(News::Died { reason: reason.clone() });
            }
            Ok(finished)
        }
        Act::Freeze { everywhere, from, until, reason } => {
            let environment = if *everywhere { None } else { Some(environment(config)?) };
            let decisions = decide::freeze(config, people, environment, (*from, *until), reason, now)?;
            decide::record(decisions, None, ledger, output).await
        }
        Act::Unfreeze { everywhere, sequence, reason } => {
            let environment = if *everywhere { None } else { Some(environment(config)?) };
            let ended =
                decide::unfreeze(config, people, environment, *sequence, reason.as_deref(), &events, now)?;
            let mut finished = decide::record(ended, None, ledger, output).await?;
            if let Some(environment) = environment {
                finished.warnings.extend(decide::still_frozen(environment, &events, now));
            }
            Ok(finished)
        }
    }
}

/// The record of the newest approval or rejection of the release there.
fn last_decision(events: &[LedgerEvent], subject: &Subject) -> Option<u64> {
    let is_decision = |event: &&LedgerEvent| {
        matches!(event.kind, EventKind::Approval | EventKind::Rejection)
            && event.release.as_ref() == Some(&subject.release)
            && event.environment.as_ref() == Some(&subject.environment)
    };
    events.iter().rfind(is_decision).map(|event| event.sequence)
}

fn environment(config: &Config) -> Result<&EnvironmentName, Refusal> {
    config.target.environment.as_ref().ok_or_else(|| {
        Refusal::one(
            Problem::new("LF-CONFIG-MISSING", Class::Input, "the environment is missing")
                .with_remedy("give it by --environment, or the variable CI_ENVIRONMENT_NAME"),
        )
    })
}

/// Who made the release, as far as that is known.
fn author(config: &Config, subject: &Subject, events: &[LedgerEvent], now: OffsetDateTime) -> Option<String> {
    standing(events, &config.settings, subject, now).author
}
