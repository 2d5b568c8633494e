//! What people decide, as events.

use std::collections::BTreeMap;

use landfall_artifacts::{EnvironmentName, EventKind, RoleName};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::approvals::Identity;
use super::subject::Subject;
use crate::Draft;

/// What all decisions about a release have.
#[derive(Clone, Debug)]
pub struct Decision<'a> {
    /// What it is about.
    pub subject: &'a Subject,
    /// How it is known who decides.
    pub identity: Identity,
    /// Who made the release, where that is known.
    pub author: Option<&'a str>,
    /// Why.
    pub reason: Option<&'a str>,
}

/// Lets a release come to an environment, for a role, until `expires`.
pub fn approve(decision: &Decision<'_>, role: &RoleName, expires: OffsetDateTime) -> Draft {
    let mut draft = decided(EventKind::Approval, decision, Some(role));
    draft.details.insert("expires".to_owned(), time(expires));
    draft
}

/// Lets a release come to an environment in an emergency, whatever was frozen and whoever has not approved it, until `expires`.
pub fn break_glass(decision: &Decision<'_>, expires: OffsetDateTime) -> Draft {
    let mut draft = decided(EventKind::Approval, decision, None);
    draft.details.insert("expires".to_owned(), time(expires));
    draft.details.insert("breakGlass".to_owned(), json!(true));
    draft
}

/// Stops a release for good.
pub fn reject(decision: &Decision<'_>, role: Option<&RoleName>) -> Draft {
    decided(EventKind::Rejection, decision, role)
}

/// Freezes an environment, or all, from one moment (now, where none is given) to another or until somebody ends it.
pub fn freeze(
    environment: Option<&EnvironmentName>,
    from: Option<OffsetDateTime>,
    until: Option<OffsetDateTime>,
    identity: Identity,
    reason: &str,
) -> Draft {
    let mut details = BTreeMap::from([("identity".to_owned(), json!(identity.as_str()))]);
    details.extend(from.map(|from| ("from".to_owned(), time(from))));
    details.extend(until.map(|until| ("until".to_owned(), time(until))));
    Draft {
        environment: environment.cloned(),
        reason: Some(reason.to_owned()),
        details,
        ..Draft::new(EventKind::Freeze)
    }
}

/// Ends the freeze of that event: for an environment what is of that one alone, for none of them what is of all.
pub fn unfreeze(
    environment: Option<&EnvironmentName>,
    sequence: u64,
    identity: Identity,
    reason: Option<&str>,
) -> Draft {
    Draft {
        environment: environment.cloned(),
        reason: reason.map(str::to_owned),
        details: BTreeMap::from([
            ("identity".to_owned(), json!(identity.as_str())),
            ("ends".to_owned(), json!(sequence)),
        ]),
        ..Draft::new(EventKind::Freeze)
    }
}

fn decided(kind: EventKind, decision: &Decision<'_>, role: Option<&RoleName>) -> Draft {
    let subject = decision.subject;
    let mut details = BTreeMap::from([
        ("plan".to_owned(), json!(subject.plan.to_string())),
        ("identity".to_owned(), json!(decision.identity.as_str())),
    ]);
    details.extend(role.map(|role| ("role".to_owned(), json!(role.as_str()))));
    details.extend(decision.author.map(|author| ("author".to_owned(), json!(author))));
    Draft {
        release: Some(subject.release.clone()),
        environment: Some(subject.environment.clone()),
        items: subject.items(),
        reason: decision.reason.map(str::to_owned),
        details,
        ..Draft::new(kind)
    }
}

fn time(at: OffsetDateTime) -> Value {
    // Every time of our clocks can be written so: it fails outside the years 0 to 9999 alone.
    json!(at.format(&Rfc3339).unwrap_or_default())
}
