//! Pushes of tags: which version came from which commit.

use std::collections::HashMap;

use landfall_artifacts::{EffectResult, EventKind, LedgerEvent, LedgerItem, ProjectName};
use semver::Version;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What stands between a project's name and its version in a tag.
const BETWEEN: [char; 4] = ['@', '-', '/', '_'];

/// A tag that was pushed, or was to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Push<'a> {
    /// The tag.
    pub(super) tag: &'a str,
    /// The push's intent.
    pub(super) intent: &'a LedgerEvent,
}

/// The pushes that are on record, by what their tags name.
#[derive(Debug, Default)]
pub(super) struct Pushes<'a> {
    /// By project, empty for the whole repo, and by version; oldest first.
    by_version: HashMap<String, HashMap<Version, Vec<Push<'a>>>>,
    /// How they ended, by the numbers of their intents.
    ends: HashMap<u64, Option<EffectResult>>,
}

impl<'a> Pushes<'a> {
    /// All pushes of these events.
    pub(super) fn of_all(events: &'a [LedgerEvent]) -> Self {
        let mut pushes = Self::default();
        for event in events {
            pushes.add(event);
        }
        pushes
    }

    /// Notes the tags of a push, or how it ended.
    pub(super) fn add(&mut self, event: &'a LedgerEvent) {
        if event.kind == EventKind::Outcome {
            if let Some(end) = event.intent.and_then(|intent| self.ends.get_mut(&intent)) {
                *end = event.outcome;
            }
        } else if event.kind == EventKind::Intent && is_push(event) {
            self.ends.insert(event.sequence, None);
            for item in &event.items {
                for (project, version) in readings(&item.name) {
                    let versions = self.by_version.entry(project.to_owned()).or_default();
                    versions.entry(version).or_default().push(Push { tag: &item.name, intent: event });
                }
            }
        }
    }

    /// The push that brought a version's tag, by the name of its project or of the whole repo; none that failed, since the tag came by
    /// another one then. One that was done goes before one whose end is not known, and of two alike the later.
    pub(super) fn of(&self, project: Option<&ProjectName>, version: &Version) -> Option<Push<'a>> {
        let newest = |tried: &[Push<'a>]| {
            let end = |push: &Push<'_>| self.ends.get(&push.intent.sequence).copied().flatten();
            let came = tried.iter().filter(|push| end(push) != Some(EffectResult::Failed));
            came.max_by_key(|push| (end(push) == Some(EffectResult::Done), push.intent.sequence)).copied()
        };
        self.tried(project, version).find_map(newest)
    }

    /// Whether an event is a try to push a version's tag, however it ended.
    pub(super) fn has_tried(
        &self,
        project: Option<&ProjectName>,
        version: &Version,
        event: &LedgerEvent,
    ) -> bool {
        let mut tried = self.tried(project, version).flatten();
        tried.any(|push| push.intent.sequence == event.sequence)
    }

    /// All tries to push a version's tag: those by its project's name, then those for the whole repo.
    fn tried(&self, project: Option<&ProjectName>, version: &Version) -> impl Iterator<Item = &[Push<'a>]> {
        let names = project.map(ProjectName::as_str).into_iter().chain([""]);
        names.filter_map(move |name| self.by_version.get(name)?.get(version).map(Vec::as_slice))
    }

    /// The newest commit that an event's items come from, by its committer's clock.
    pub(super) fn newest_commit(&self, event: &LedgerEvent) -> Option<OffsetDateTime> {
        let pushed = event.items.iter().filter_map(|item| self.of_item(item));
        pushed.filter_map(|push| commit_time(push.intent)).max()
    }

    /// As [`Pushes::of`], of an item whose version was told.
    pub(super) fn of_item(&self, item: &LedgerItem) -> Option<Push<'a>> {
        self.of(item.project.as_ref(), item.version.as_ref()?)
    }
}

/// The ways to read a tag as a project and its version: `v1.4.2` is the whole repo's, `orders@1.4.2` and `orders-v1.4.2` are that
/// project's. A name that itself ends like a version can be read in several.
fn readings(tag: &str) -> impl Iterator<Item = (&str, Version)> {
    tag.char_indices().filter(|(_, first)| first.is_ascii_digit()).filter_map(move |(at, _)| {
        let (before, version) = tag.split_at_checked(at)?;
        let bare = before.strip_suffix('v').unwrap_or(before);
        let project = bare.trim_end_matches(BETWEEN);
        let is_apart = project.is_empty() || project.len() < bare.len();
        Some((project, version.parse().ok()?)).filter(|_| is_apart)
    })
}

/// Whether an event is of a push to a git repo.
pub(super) fn is_push(event: &LedgerEvent) -> bool {
    event.action.as_deref() == Some("git push")
}

/// The commit that a push of tags was of, which stands last in its target.
pub(super) fn pushed(event: &LedgerEvent) -> Option<&str> {
    let last = event.target.as_deref().filter(|_| is_push(event))?.rsplit(' ').next()?;
    let is_commit = matches!(last.len(), 40 | 64) && last.bytes().all(|b| b.is_ascii_hexdigit());
    is_commit.then_some(last)
}

/// The time of a commit that an event tells (`details.commitTime`, RFC 3339).
pub(super) fn commit_time(event: &LedgerEvent) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(event.details.get("commitTime")?.as_str()?, &Rfc3339).ok()
}

#[cfg(test)]
mod tests {
    use super::readings;

    #[test]
    fn tags_are_read_as_projects_and_versions() {
        let read = |tag: &str| {
            let found = readings(tag).map(|(project, version)| format!("`{project}` {version}"));
            format!("{tag}: {}", found.collect::<Vec<_>>().join(", "))
        };
        let tags = [
            "v1.4.2",
            "1.4.2",
            "orders@1.4.2",
            "orders-v1.4.2-rc.1",
            "2fa/1.0.0",
            "v",
            "orders1.4.2",
            "ü@1.0.0",
        ];
        insta::assert_snapshot!(tags.map(read).join("\n"), @"
        v1.4.2: `` 1.4.2
        1.4.2: `` 1.4.2
        orders@1.4.2: `orders` 1.4.2
        orders-v1.4.2-rc.1: `orders` 1.4.2-rc.1
        2fa/1.0.0: `2fa` 1.0.0
        v: 
        orders1.4.2: 
        ü@1.0.0: `ü` 1.0.0
        ");
    }
}
