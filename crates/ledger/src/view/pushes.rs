//! Pushes of tags: which version came from which commit.

use std::collections::HashMap;

use landfall_artifacts::{EventKind, LedgerEvent, LedgerItem};
use semver::Version;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// What stands between a project's name and its version in a tag.
const BETWEEN: [char; 4] = ['@', '-', '/', '_'];

/// The pushes that are on record, by what their tags name.
#[derive(Debug, Default)]
pub(super) struct Pushes<'a> {
    /// By project, empty for the whole repo, and by version.
    by_version: HashMap<String, HashMap<Version, &'a LedgerEvent>>,
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

    /// Notes the tags of a push; of two pushes of one tag the later counts, since the earlier came too late or was refused.
    pub(super) fn add(&mut self, event: &'a LedgerEvent) {
        if event.kind != EventKind::Intent || !is_push(event) {
            return;
        }
        for item in &event.items {
            for (project, version) in readings(&item.name) {
                self.by_version.entry(project.to_owned()).or_default().insert(version, event);
            }
        }
    }

    /// The push of an item's version: by a tag of its project, else by one of the whole repo.
    pub(super) fn of(&self, item: &LedgerItem) -> Option<&'a LedgerEvent> {
        let version = item.version.as_ref()?;
        let tagged = |project: &str| self.by_version.get(project)?.get(version).copied();
        item.project.as_ref().and_then(|project| tagged(project.as_str())).or_else(|| tagged(""))
    }

    /// The newest commit that an event's items come from, by its committer's clock.
    pub(super) fn newest_commit(&self, event: &LedgerEvent) -> Option<OffsetDateTime> {
        event.items.iter().filter_map(|item| commit_time(self.of(item)?)).max()
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
