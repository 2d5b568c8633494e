//! What the ledger says for tickets: versions before, and creates whose end is not known.

use std::collections::BTreeMap;

use landfall_artifacts::{
    EffectResult, EnvironmentName, EventKind, LedgerEvent, ProjectName, ProjectVersion, RegionKey, ReleaseId,
    VersionedProject, Versions,
};
use landfall_jira::{Known, label};
use semver::Version;

use crate::recorded::told;

/// The versions that an environment ran before a release came to it.
pub(super) fn before(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
) -> BTreeMap<ProjectName, Version> {
    let others =
        told(events, environment).into_iter().filter(|told| told.event.release.as_ref() != Some(release));
    others.filter_map(|told| told.item.project.clone().zip(told.item.version.clone())).collect()
}

/// The same for the projects of a release, in the shape that pipelines take; projects whose version stays are in it too.
pub(super) fn versions_before(
    events: &[LedgerEvent],
    environment: &EnvironmentName,
    release: &ReleaseId,
    versions: &Versions,
) -> Versions {
    let before = before(events, environment, release);
    let of = |(project, entry): (&ProjectName, &VersionedProject)| {
        let version = before.get(project)?.clone();
        Some((project.clone(), VersionedProject { version, folder: entry.folder.clone() }))
    };
    Versions { projects: versions.projects.iter().filter_map(of).collect() }
}

/// What became of a create that was intended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Create {
    Done,
    Failed,
    Open,
}

/// The creates of tickets that were intended, each with its label and what became of it.
fn creates(events: &[LedgerEvent]) -> impl DoubleEndedIterator<Item = (&LedgerEvent, &str, Create)> {
    let intents = events.iter().filter(|event| event.kind == EventKind::Intent);
    let creates = intents.filter(|event| event.action.as_deref() == Some("create ticket"));
    creates.filter_map(|intent| {
        let label = intent.target.as_deref()?.split(' ').next_back()?;
        let outcome = events.iter().find(|event| event.intent == Some(intent.sequence));
        let ended = match outcome.and_then(|event| event.outcome) {
            None | Some(EffectResult::Unknown) => Create::Open,
            Some(EffectResult::Done) => Create::Done,
            Some(EffectResult::Failed) => Create::Failed,
        };
        Some((intent, label, ended))
    })
}

/// Whether a create of the ticket with this label was intended whose end is not known.
pub(super) fn may_have_been_made(events: &[LedgerEvent], label: &str) -> bool {
    creates(events).any(|(_, of, ended)| of == label && ended == Create::Open)
}

/// What is known of a release's ticket: that it was made, or may have been; else the newest release of which a ticket was made there that
/// covers all of `projects`.
pub(super) fn known(
    events: &[LedgerEvent],
    release: &ReleaseId,
    region: &RegionKey,
    projects: &[ProjectVersion],
) -> Known {
    let own = label(release, region);
    if creates(events).any(|(_, of, ended)| of == own && ended != Create::Failed) {
        return Known::Own;
    }
    let covers = |intent: &LedgerEvent| {
        let lists = |one: &ProjectVersion| {
            intent
                .items
                .iter()
                .any(|item| item.name == one.project.as_str() && item.version.as_ref() == Some(&one.version))
        };
        !projects.is_empty() && projects.iter().all(lists)
    };
    let made = creates(events).filter(|(intent, _, ended)| *ended == Create::Done && covers(intent));
    let of = made.rev().find_map(|(intent, of, _)| {
        let release = intent.release.as_ref()?;
        (label(release, region) == of).then(|| release.clone())
    });
    of.map_or(Known::Nothing, Known::Other)
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{
        Actor, EffectResult, EventKind, LedgerEvent, LedgerItem, ProjectVersion, Versions,
    };
    use landfall_jira::{Known, label};

    use super::{before, known, may_have_been_made, versions_before};

    fn event(sequence: u64, kind: EventKind, release: &str) -> LedgerEvent {
        LedgerEvent {
            sequence,
            previous: None,
            time: time::macros::datetime!(2026-11-20 12:00:00 UTC),
            kind,
            release: release.parse().ok(),
            environment: "prod_eu00".parse().ok(),
            stage: None,
            action: None,
            target: None,
            intent: None,
            outcome: None,
            items: Vec::new(),
            actor: Actor { name: "x".into(), source: "test".into() },
            run: None,
            reason: None,
            tool_version: "0".into(),
            details: std::collections::BTreeMap::new(),
        }
    }

    fn deployed(sequence: u64, release: &str, projects: &[(&str, &str)]) -> LedgerEvent {
        let item = |(project, version): &(&str, &str)| LedgerItem {
            project: project.parse().ok(),
            version: version.parse().ok(),
            lambda: format!("{project}Function").parse().ok(),
            ..LedgerItem::new(*project)
        };
        LedgerEvent {
            items: projects.iter().map(item).collect(),
            ..event(sequence, EventKind::Deployment, release)
        }
    }

    #[test]
    fn what_ran_before_a_release_is_of_other_releases() {
        let mut failed = deployed(4, "r3", &[("a", "9.0.0")]);
        failed.outcome = Some(EffectResult::Failed);
        let events = [
            deployed(1, "r0", &[("a", "1.0.0"), ("b", "1.0.0")]),
            deployed(2, "r1", &[("a", "1.1.0")]),
            deployed(3, "r2", &[("a", "2.0.0"), ("c", "1.0.0")]),
            failed,
        ];
        let (environment, release) = ("prod_eu00".parse().expect("a name"), "r2".parse().expect("a release"));
        let shown: Vec<String> =
            before(&events, &environment, &release).iter().map(|(p, v)| format!("{p}@{v}")).collect();
        assert_eq!(shown, ["a@1.1.0", "b@1.0.0"]);
        let versions = br#"{"a":{"version":"2.0.0","folder":"x"},"c":{"version":"1.0.0","folder":"c"}}"#;
        let versions = Versions::parse(versions, "v").expect("versions");
        let back = versions_before(&events, &environment, &release, &versions);
        assert_eq!(
            String::from_utf8(back.to_bytes()).expect("text").split_whitespace().collect::<String>(),
            r#"{"a":{"version":"1.1.0","folder":"x"}}"#
        );
        assert!(before(&events, &"stg_eu00".parse().expect("a name"), &release).is_empty());
    }

    #[test]
    fn a_create_whose_end_is_not_known_is_seen() {
        let intent = |sequence: u64, label: &str| LedgerEvent {
            action: Some("create ticket".into()),
            target: Some(format!("REL {label}")),
            ..event(sequence, EventKind::Intent, "r1")
        };
        let ended = |of: u64, outcome: EffectResult| LedgerEvent {
            intent: Some(of),
            outcome: Some(outcome),
            ..event(of + 100, EventKind::Outcome, "r1")
        };
        let seen = |events: &[LedgerEvent]| may_have_been_made(events, "rel-1");
        assert!(!seen(&[]) && !seen(&[intent(1, "rel-11")]));
        assert!(seen(&[intent(1, "rel-1")]));
        assert!(seen(&[intent(1, "rel-1"), ended(1, EffectResult::Unknown)]));
        assert!(!seen(&[intent(1, "rel-1"), ended(1, EffectResult::Done)]));
        assert!(!seen(&[intent(1, "rel-1"), ended(1, EffectResult::Failed)]));
        assert!(seen(&[intent(1, "rel-1"), ended(1, EffectResult::Done), intent(2, "rel-1")]));
    }

    #[test]
    fn the_ledger_tells_of_the_ticket_of_a_release_or_of_one_that_covers_it() {
        let eu = "eu".parse().expect("a region");
        let create = |sequence: u64, release: &str, region: &str, projects: &[(&str, &str)]| {
            let (of, region) = (release.parse().expect("a release"), region.parse().expect("a region"));
            let item = |(project, version): &(&str, &str)| LedgerItem {
                version: version.parse().ok(),
                ..LedgerItem::new(*project)
            };
            LedgerEvent {
                action: Some("create ticket".into()),
                target: Some(format!("REL {}", label(&of, &region))),
                items: projects.iter().map(item).collect(),
                ..event(sequence, EventKind::Intent, release)
            }
        };
        let ended = |of: u64, outcome: EffectResult| LedgerEvent {
            intent: Some(of),
            outcome: Some(outcome),
            ..event(of + 100, EventKind::Outcome, "r1")
        };
        let done = |of| ended(of, EffectResult::Done);
        let both: &[(&str, &str)] = &[("a", "1.0.0"), ("b", "1.0.0")];
        let events = [create(1, "r1", "eu", both), done(1), create(2, "r2", "eu", both), done(2)];
        let wanted = ["a@1.0.0".parse().expect("a project")];
        let of = |events: &[LedgerEvent], release: &str, projects: &[ProjectVersion]| {
            known(events, &release.parse().expect("a release"), &eu, projects)
        };
        assert_eq!(of(&events, "r1", &wanted), Known::Own);
        assert_eq!(of(&events[..1], "r1", &wanted), Known::Own, "its end is not known");
        assert_eq!(of(&events, "part", &wanted), Known::Other("r2".parse().expect("a release")));
        assert_eq!(of(&events, "part", &[]), Known::Nothing);
        assert_eq!(of(&events, "part", &["a@1.0.1".parse().expect("a project")]), Known::Nothing);
        assert_eq!(of(&events[2..3], "part", &wanted), Known::Nothing, "whether it was made is not known");
        let failed = [create(1, "r1", "eu", both), ended(1, EffectResult::Failed)];
        assert_eq!(of(&failed, "r1", &wanted), Known::Nothing);
        let elsewhere = [create(1, "r1", "na", both), done(1)];
        assert_eq!(of(&elsewhere, "part", &wanted), Known::Nothing);
    }
}
