//! What stands between a release and an environment.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use landfall_artifacts::{Class, EnvironmentName, Explain, PersonName, ReleaseId, RoleName};
use time::{OffsetDateTime, UtcOffset};

use super::approvals::Voided;
use super::freezes::{Frozen, FrozenBy};
use super::order::NotPassed;
use crate::life::{Cause, Death};

/// One thing that a release lacks for coming to an environment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// It is dead, for good.
    #[error("{}", dead(.0))]
    Dead(Death),
    /// It has not passed an environment that comes before.
    #[error("{what}{}", if *.any { "; one of the environments before is enough" } else { "" })]
    Before {
        /// The environment before.
        before: EnvironmentName,
        /// What it lacks there.
        what: NotPassed,
        /// Whether any one of several environments is enough.
        any: bool,
    },
    /// Nobody who may has let it come, for a role.
    #[error("{}", approval(role, void))]
    Approval {
        /// The role.
        role: RoleName,
        /// Who may speak for it here.
        who: Vec<PersonName>,
        /// Approvals that were given and do not count.
        void: Vec<Voided>,
    },
    /// Nobody knows who made it, and who made a release may not approve it.
    #[error("nobody knows who made release {0}: nothing is on record of how it came about")]
    Author(ReleaseId),
    /// Nothing is deployed there now.
    #[error("{}", frozen(.0))]
    Frozen(Frozen),
}

fn dead(death: &Death) -> String {
    let how = match death.cause {
        Cause::Rejected => "was rejected".to_owned(),
        Cause::TestFailed => match &death.suite {
            Some(suite) => format!("failed the test {}", landfall_secret::escape(suite, 80)),
            None => "failed a test".to_owned(),
        },
    };
    let place = death.environment.as_ref().map(|name| format!(" in {name}")).unwrap_or_default();
    let why = death.reason.as_deref().unwrap_or("no reason was given");
    format!(
        "release {} {how}{place} at {} by {}: {}",
        death.release,
        minute(death.time),
        landfall_secret::escape(&death.by.name, 120),
        landfall_secret::escape(why, 200)
    )
}

fn approval(role: &RoleName, void: &[Voided]) -> String {
    let mut text = format!("no {role} has approved it");
    for Voided { approval, why } in void {
        let why: Vec<String> = why.iter().map(ToString::to_string).collect();
        let by = landfall_secret::escape(&approval.by.name, 120);
        text.push_str(&format!("; that of {by} does not count: {}", why.join(", ")));
    }
    text
}

fn frozen(frozen: &Frozen) -> String {
    let until = frozen
        .until
        .map_or_else(|| "until somebody ends it".to_owned(), |at| format!("until {}", minute(at)));
    let by = match &frozen.by {
        FrozenBy::Settings { weekly: Some(weekly) } => format!(" ({weekly})"),
        FrozenBy::Settings { weekly: None } => String::new(),
        FrozenBy::Person { by, .. } => format!(" by {}", landfall_secret::escape(&by.name, 120)),
    };
    let why = frozen.reason.as_deref().map(|why| format!(": {}", landfall_secret::escape(why, 200)));
    format!("{} is frozen {until}{by}{}", frozen.environment, why.unwrap_or_default())
}

impl fmt::Display for NotPassed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDeployed { before, lacks } if lacks.is_empty() => {
                write!(f, "it was not deployed to {before}")
            }
            Self::NotDeployed { before, lacks } => {
                let names: Vec<String> = lacks.iter().take(5).cloned().collect();
                let more = lacks.len() - names.len();
                let more = if more > 0 { format!(" and {more} more") } else { String::new() };
                write!(f, "it was not deployed to {before} with {}{more}", names.join(", "))
            }
            Self::NotVerified { before } => {
                write!(f, "no test of it has passed in {before} since it came there")
            }
            Self::Soaking { before, since, until, left } => write!(
                f,
                "it has been in {before} since {} and must be there until {}: {} to go",
                minute(*since),
                minute(*until),
                shown(*left)
            ),
            Self::NotThere { before, broken } => {
                write!(f, "it does not run in {before} without a break: {broken}")
            }
        }
    }
}

/// A time to the minute, in UTC.
pub(super) fn minute(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    let (year, month, day) = (at.year(), u8::from(at.month()), at.day());
    format!("{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", at.hour(), at.minute())
}

/// A length of time in its two largest units, rounded up to the minute.
fn shown(length: Duration) -> String {
    let minutes = length.as_secs().div_ceil(60);
    let (days, hours, minutes) = (minutes / 1440, minutes / 60 % 24, minutes % 60);
    match (days, hours, minutes) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

impl Explain for Missing {
    fn code(&self) -> &'static str {
        match self {
            Self::Dead(_) => "LF-GATE-DEAD",
            Self::Before { what, .. } => match what {
                NotPassed::NotDeployed { .. } => "LF-GATE-BEFORE",
                NotPassed::NotVerified { .. } => "LF-GATE-VERIFIED",
                NotPassed::Soaking { .. } | NotPassed::NotThere { .. } => "LF-GATE-SOAK",
            },
            Self::Approval { .. } => "LF-GATE-APPROVAL",
            Self::Author(_) => "LF-GATE-NO-AUTHOR",
            Self::Frozen(_) => "LF-GATE-FROZEN",
        }
    }

    fn class(&self) -> Class {
        match self {
            Self::Dead(_)
            | Self::Before { .. }
            | Self::Approval { .. }
            | Self::Author(_)
            | Self::Frozen(_) => Class::Refused,
        }
    }

    fn remedy(&self) -> Option<Cow<'static, str>> {
        Some(match self {
            Self::Dead(_) => "release the next version: a dead one is never repaired".into(),
            Self::Before { before, what, .. } => match what {
                NotPassed::NotDeployed { .. } => format!(
                    "deploy it to {before} first, record it by update-version-dashboard, and give both the same --ledger"
                )
                .into(),
                NotPassed::NotVerified { .. } => {
                    format!("run smoke-test in {before}, or record the result of another suite").into()
                }
                NotPassed::Soaking { until, .. } => format!("run again after {}", minute(*until)).into(),
                NotPassed::NotThere { .. } => {
                    format!("deploy it to {before} again; its time there then begins anew").into()
                }
            },
            Self::Approval { role, who, .. } if who.is_empty() => {
                format!("name somebody for {role} in [approvers] who did not make the release").into()
            }
            Self::Approval { role, who, .. } => {
                let who: Vec<&str> = who.iter().map(PersonName::as_str).collect();
                format!("let {} run gate approve --role {role}", who.join(" or ")).into()
            }
            Self::Author(_) => {
                "let the stages that bring it about, such as publish-artifacts or retag-push-ecr, have the same --ledger".into()
            }
            Self::Frozen(Frozen { until: Some(until), .. }) => format!(
                "run again after {}; in an emergency gate approve --break-glass --reason opens it, and is recorded",
                minute(*until)
            )
            .into(),
            Self::Frozen(Frozen { until: None, by, .. }) => {
                let unfreeze = match by {
                    FrozenBy::Person { everywhere: true, .. } => "gate unfreeze --everywhere",
                    FrozenBy::Person { .. } | FrozenBy::Settings { .. } => "gate unfreeze",
                };
                format!(
                    "let somebody run {unfreeze}; in an emergency gate approve --break-glass --reason opens it, and is recorded"
                )
                .into()
            }
        })
    }
}
