//! Approvals: which of them count, and which roles still wait for one.

use std::collections::BTreeMap;
use std::fmt;

use landfall_artifacts::{
    Actor, EnvironmentName, EventKind, LedgerEvent, RoleName, Settings, UnverifiedApprovals, one_each,
};
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::index::Index;
use super::missing::{Missing, minute};
use super::speakers;
use super::subject::{Drift, Subject, drifts};
use super::taken_out::TakenOut;
use crate::happened;

/// How it is known who somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Identity {
    /// The CI system signed it, or answered it when it was asked.
    Verified,
    /// It stood in variables, which a job may set as it likes.
    Unverified,
}

impl Identity {
    /// The word that events have.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Verified => "verified",
            Self::Unverified => "unverified",
        }
    }
}

/// An approval as its event tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// Who gave it.
    pub by: Actor,
    /// How it is known who that is.
    pub identity: Identity,
    /// When.
    pub time: OffsetDateTime,
    /// Until when it holds; `None` where the event does not say so, and then it does not hold at all.
    pub expires: Option<OffsetDateTime>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// The event.
    pub sequence: u64,
}

/// An approval that does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Voided {
    /// The approval.
    pub approval: Approval,
    /// Everything that voids it.
    pub why: Vec<Void>,
}

/// Why an approval does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Void {
    /// Its time is over.
    Expired {
        /// Since when; `None` where it never said how long it holds.
        since: Option<OffsetDateTime>,
    },
    /// What is to come is not what was approved.
    Drifted(Drift),
    /// A rollback took the release out of the environment since.
    TakenOut {
        /// When.
        time: OffsetDateTime,
    },
    /// Who gave it may not speak for the role.
    NotAllowed,
    /// Who gave it made the release.
    Author,
    /// Who gave it speaks for another role already.
    OtherRole(RoleName),
    /// Who gave it stands in variables alone, and the environment takes no such word.
    Unverified,
}

impl fmt::Display for Void {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired { since: Some(since) } => write!(f, "it expired at {}", minute(*since)),
            Self::Expired { since: None } => f.write_str("it does not say how long it holds"),
            Self::Drifted(drift) => drift.fmt(f),
            Self::TakenOut { time } => write!(f, "a rollback took the release out at {}", minute(*time)),
            Self::NotAllowed => f.write_str("they may not speak for this role"),
            Self::Author => f.write_str("they made the release"),
            Self::OtherRole(role) => write!(f, "they speak for {role} already"),
            Self::Unverified => f.write_str("no CI system vouches for who gave it"),
        }
    }
}

pub(super) struct Approvals {
    pub(super) missing: Vec<Missing>,
    pub(super) given: Vec<(RoleName, Approval)>,
    pub(super) glass: Option<Approval>,
}

/// What was given for a subject, and what is missing.
pub(super) fn standing(
    index: &Index<'_>,
    roles: &[RoleName],
    settings: &Settings,
    subject: &Subject,
    makers: &[String],
    now: OffsetDateTime,
) -> Approvals {
    let of_subject: Vec<&LedgerEvent> = index
        .of_release(&subject.release)
        .iter()
        .copied()
        .filter(|event| event.kind == EventKind::Approval && happened(event))
        .filter(|event| event.environment.as_ref() == Some(&subject.environment))
        .collect();
    // Only what was approved can be taken out again.
    let out = of_subject.first().and_then(|_| TakenOut::newest(index, subject));
    let bonds = Bonds { subject, out, now };
    let by_role: Vec<ByRole> =
        roles.iter().map(|role| ByRole::of(&of_subject, role, settings, &bonds, makers)).collect();
    let candidates: Vec<Vec<String>> =
        by_role.iter().map(|one| one.valid.keys().cloned().collect()).collect();
    let filled = one_each(&candidates);
    let role_of = |person: &String| {
        let place = filled.iter().position(|one| one.as_ref() == Some(person));
        place.and_then(|place| roles.get(place)).cloned()
    };
    let (mut missing, mut given) = (Vec::new(), Vec::new());
    for ((role, one), person) in roles.iter().zip(by_role).zip(&filled) {
        if let Some(approval) = person.as_ref().and_then(|person| one.valid.get(person)) {
            given.push((role.clone(), approval.clone()));
            continue;
        }
        let mut void = one.void;
        void.extend(one.valid.iter().filter_map(|(person, approval)| {
            let why = vec![Void::OtherRole(role_of(person)?)];
            Some(Voided { approval: approval.clone(), why })
        }));
        let who = speakers(settings, role, makers);
        missing.push(Missing::Approval { role: role.clone(), who, void });
    }
    Approvals { missing, given, glass: glass(&of_subject, settings, &bonds) }
}

/// The approvals for one role.
struct ByRole {
    /// By the person, in small letters: the newest of each.
    valid: BTreeMap<String, Approval>,
    void: Vec<Voided>,
}

impl ByRole {
    fn of(
        events: &[&LedgerEvent],
        role: &RoleName,
        settings: &Settings,
        bonds: &Bonds<'_>,
        makers: &[String],
    ) -> Self {
        let is_meant =
            |event: &&&LedgerEvent| !breaks_glass(event) && text(event, "role") == Some(role.as_str());
        let people = settings.approvers.get(role).map(Vec::as_slice).unwrap_or_default();
        // Of several by one person the newest counts, whatever it is.
        let mut newest: BTreeMap<String, (Approval, Vec<Void>)> = BTreeMap::new();
        for event in events.iter().filter(is_meant) {
            let mut why = bonds.broken(event);
            if !people.iter().any(|person| person.is(&event.actor.name)) {
                why.push(Void::NotAllowed);
            }
            if makers.iter().any(|maker| maker.to_lowercase() == event.actor.name.to_lowercase()) {
                why.push(Void::Author);
            }
            if !is_vouched_for(event, settings, &bonds.subject.environment) {
                why.push(Void::Unverified);
            }
            newest.insert(event.actor.name.to_lowercase(), (approval(event), why));
        }
        let (mut valid, mut void) = (BTreeMap::new(), Vec::new());
        for (person, (approval, why)) in newest {
            if why.is_empty() {
                valid.insert(person, approval);
            } else {
                void.push(Voided { approval, why });
            }
        }
        Self { valid, void }
    }
}

/// Whether somebody who may has broken the glass of an environment, for whatever release, and its time is not over: for what is no
/// release, such as configuration.
pub fn has_broken_glass(
    events: &[LedgerEvent],
    settings: &Settings,
    environment: &EnvironmentName,
    now: OffsetDateTime,
) -> bool {
    let is_open = |event: &LedgerEvent| {
        event.kind == EventKind::Approval
            && happened(event)
            && event.environment.as_ref() == Some(environment)
            && breaks_glass(event)
            && may_break(event, settings, environment)
            && expires(event).is_some_and(|expires| now < expires)
    };
    events.iter().any(is_open)
}

/// Whether somebody who may gave a reason for breaking the glass.
fn may_break(event: &LedgerEvent, settings: &Settings, environment: &EnvironmentName) -> bool {
    if !is_vouched_for(event, settings, environment) {
        return false;
    }
    let mut people = settings.approvers.values().flatten().peekable();
    let is_known = people.peek().is_none() || people.any(|person| person.is(&event.actor.name));
    is_known && event.reason.as_ref().is_some_and(|reason| !reason.trim().is_empty())
}

/// The newest breaking of the glass that counts: bound as an approval is, with a reason, by one of the people of any role, where
/// there are roles.
fn glass(events: &[&LedgerEvent], settings: &Settings, bonds: &Bonds<'_>) -> Option<Approval> {
    let counts = |event: &&&LedgerEvent| {
        breaks_glass(event)
            && bonds.broken(event).is_empty()
            && may_break(event, settings, &bonds.subject.environment)
    };
    events.iter().rfind(counts).map(|event| approval(event))
}

/// What an approval is bound to.
struct Bonds<'a> {
    subject: &'a Subject,
    out: Option<TakenOut>,
    now: OffsetDateTime,
}

impl Bonds<'_> {
    /// What of an approval's bonds does not hold.
    fn broken(&self, event: &LedgerEvent) -> Vec<Void> {
        let expires = expires(event);
        let mut why: Vec<Void> = Vec::new();
        if expires.is_none_or(|expires| expires <= self.now) {
            why.push(Void::Expired { since: expires });
        }
        let since = self.out.filter(|out| event.sequence < out.sequence);
        why.extend(since.map(|out| Void::TakenOut { time: out.time }));
        why.extend(drifts(&event.items, text(event, "plan"), self.subject).into_iter().map(Void::Drifted));
        why
    }
}

/// Whether the environment takes the word of who gave it: a CI system vouches for them, or none is asked for. An environment without
/// a row asks for none.
fn is_vouched_for(event: &LedgerEvent, settings: &Settings, environment: &EnvironmentName) -> bool {
    let row = settings.environments.get(environment);
    let takes_all = row.is_none_or(|row| row.unverified_approvals() == UnverifiedApprovals::Count);
    takes_all || identity(event) == Identity::Verified
}

fn identity(event: &LedgerEvent) -> Identity {
    match text(event, "identity") {
        Some("verified") => Identity::Verified,
        Some(_) | None => Identity::Unverified,
    }
}

fn approval(event: &LedgerEvent) -> Approval {
    Approval {
        by: event.actor.clone(),
        identity: identity(event),
        time: event.time,
        expires: expires(event),
        reason: event.reason.clone(),
        sequence: event.sequence,
    }
}

fn expires(event: &LedgerEvent) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text(event, "expires")?, &Rfc3339).ok()
}

fn breaks_glass(event: &LedgerEvent) -> bool {
    event.details.get("breakGlass") == Some(&Value::Bool(true))
}

fn text<'a>(event: &'a LedgerEvent, key: &str) -> Option<&'a str> {
    event.details.get(key).and_then(Value::as_str)
}
