//! What is to come to an environment, and how it differs from what was approved.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use landfall_artifacts::{
    Digest, EnvironmentName, EventKind, Hasher, LedgerEvent, LedgerItem, ProjectName, ReleaseId,
};
use semver::Version;

use super::index::Index;
use crate::happened;
use crate::life::Death;

/// Contents that an approval names one by one: an event takes 64 KiB.
const MOST_ITEMS: usize = 100;

/// One thing that a release puts somewhere.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Content {
    /// The project, where it is known; archives may be known by their content alone.
    pub project: Option<ProjectName>,
    /// Its version, where it is known.
    pub version: Option<Version>,
    /// Its content.
    pub digest: Digest,
}

/// A release that is to come to an environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The release.
    pub release: ReleaseId,
    /// Where it is to come.
    pub environment: EnvironmentName,
    /// What it is, ordered, each once.
    pub contents: Vec<Content>,
    /// SHA-256 of what is to be done: see [`Subject::new`].
    pub plan: Digest,
}

impl Subject {
    /// What these contents are in this environment. The plan's digest is that of a text of lines: `landfall plan 2`, the release, the
    /// environment, and for each content its project (`-` where that is not known) and its digest with a blank between, in the order of
    /// their bytes, each once. Where two projects have each other's contents the plan is another.
    pub fn new(release: ReleaseId, environment: EnvironmentName, contents: Vec<Content>) -> Self {
        let lines = contents.iter().map(|content| (content.project.as_ref(), content.digest));
        let plan = plan(&release, &environment, lines);
        let mut ordered: Vec<Content> = contents;
        ordered.sort();
        ordered.dedup();
        Self { release, environment, contents: ordered, plan }
    }

    /// What the ledger says that a release is: everything that deployments, promotions and rollbacks of it put anywhere.
    pub fn of_ledger(events: &[LedgerEvent], release: &ReleaseId, environment: &EnvironmentName) -> Self {
        let of_release = events.iter().filter(|event| event.release.as_ref() == Some(release));
        Self::of_events(&of_release.collect::<Vec<_>>(), release, environment)
    }

    /// The same by the events of that release.
    pub(super) fn of_events(
        of_release: &[&LedgerEvent],
        release: &ReleaseId,
        environment: &EnvironmentName,
    ) -> Self {
        let items = of_release.iter().filter(|event| brings(event)).flat_map(|event| &event.items);
        let mut known: BTreeMap<(Digest, Option<ProjectName>), Option<Version>> = BTreeMap::new();
        for (item, digest) in items.filter_map(|item| Some((item, item.digest?))) {
            let version = known.entry((digest, item.project.clone())).or_default();
            *version = version.take().or_else(|| item.version.clone());
        }
        let named: BTreeSet<Digest> =
            known.keys().filter(|(_, project)| project.is_some()).map(|(digest, _)| *digest).collect();
        let contents = known
            .into_iter()
            .filter(|((digest, project), _)| project.is_some() || !named.contains(digest))
            .map(|((digest, project), version)| Content { project, version, digest })
            .collect();
        Self::new(release.clone(), environment.clone(), contents)
    }

    /// Other releases that brought any of its contents somewhere, the first first. A pipeline that deploys a part of a release has a
    /// release of its own, whose contents came from there.
    pub(super) fn origins<'a>(&self, index: &Index<'a>) -> Vec<&'a ReleaseId> {
        let mut origins = index.bringers(&self.digests());
        origins.retain(|release| **release != self.release);
        origins
    }

    /// How its contents died: all of them came with one release that is dead, and never with one that lives. A release that mends a
    /// dead one keeps most of its contents; what it mends is new, so it lives.
    pub(super) fn inherited_death(&self, index: &Index<'_>) -> Option<Death> {
        let wanted = self.digests();
        let brings_all = |release: &&ReleaseId| {
            let events = index.of_release(release).iter().filter(|event| brings(event));
            let brought: BTreeSet<Digest> =
                events.flat_map(|event| &event.items).filter_map(|item| item.digest).collect();
            wanted.is_subset(&brought)
        };
        let whole = index.bringers(&wanted).into_iter().filter(brings_all);
        let deaths: Option<Vec<Death>> = whole.map(|release| index.death(release)).collect();
        deaths?.into_iter().min_by_key(|death| death.sequence)
    }

    /// The digests of its contents.
    pub(crate) fn digests(&self) -> BTreeSet<Digest> {
        self.contents.iter().map(|content| content.digest).collect()
    }

    /// The first of the contents as items of an event; the plan's digest stands for all of them.
    pub(crate) fn items(&self) -> Vec<LedgerItem> {
        self.contents
            .iter()
            .take(MOST_ITEMS)
            .map(|content| LedgerItem {
                project: content.project.clone(),
                version: content.version.clone(),
                digest: Some(content.digest),
                ..LedgerItem::new(content.name())
            })
            .collect()
    }
}

fn plan<'a>(
    release: &ReleaseId,
    environment: &EnvironmentName,
    contents: impl Iterator<Item = (Option<&'a ProjectName>, Digest)>,
) -> Digest {
    let line = |(project, digest): (Option<&ProjectName>, Digest)| {
        format!("{} {digest}\n", project.map_or("-", ProjectName::as_str))
    };
    let lines: BTreeSet<String> = contents.map(line).collect();
    let mut hasher = Hasher::new();
    hasher.update(format!("landfall plan 2\n{release}\n{environment}\n").as_bytes());
    for line in &lines {
        hasher.update(line.as_bytes());
    }
    hasher.finish()
}

/// The subject's plan by the names that the job knew which recorded an approval: of two jobs one may know less of archives.
fn plan_as_known(
    approved: &BTreeSet<(Digest, Option<&ProjectName>)>,
    is_cut: bool,
    subject: &Subject,
) -> Digest {
    let mut by_digest: BTreeMap<Digest, BTreeSet<Option<&ProjectName>>> = BTreeMap::new();
    for (digest, project) in approved {
        by_digest.entry(*digest).or_default().insert(*project);
    }
    // What no items tell of is as well known as what they tell of.
    let is_nameless = is_cut && approved.iter().all(|(_, project)| project.is_none());
    let mut lines: Vec<(Option<&ProjectName>, Digest)> = Vec::new();
    for content in &subject.contents {
        let (project, digest) = (content.project.as_ref(), content.digest);
        match (by_digest.get(&digest), project) {
            (Some(names), project) if names.contains(&project) => lines.push((project, digest)),
            (Some(names), _) if names.contains(&None) => lines.push((None, digest)),
            (Some(names), None) => lines.extend(names.iter().map(|name| (*name, digest))),
            (None, _) if is_nameless => lines.push((None, digest)),
            (Some(_) | None, project) => lines.push((project, digest)),
        }
    }
    plan(&subject.release, &subject.environment, lines.into_iter())
}

/// Whether an event says that content came somewhere.
pub(super) fn brings(event: &LedgerEvent) -> bool {
    matches!(event.kind, EventKind::Deployment | EventKind::Promotion | EventKind::Rollback)
        && happened(event)
}

impl Content {
    /// The project, else the digest.
    pub fn name(&self) -> String {
        self.project.as_ref().map_or_else(|| self.digest.to_string(), ToString::to_string)
    }
}

/// What differs between what was approved and what is to come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Drift {
    /// A project has other content.
    Digest {
        /// The project.
        project: ProjectName,
        /// What was approved.
        approved: Digest,
        /// What is to come.
        now: Digest,
    },
    /// Content that was not approved.
    Added {
        /// Its project, else its digest.
        name: String,
    },
    /// Content that was approved and is not to come.
    Removed {
        /// Its project, else its digest.
        name: String,
    },
    /// Another plan.
    Plan {
        /// What was approved, as it was written; empty where nothing was.
        approved: String,
        /// What is to be done.
        now: Digest,
    },
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest { project, approved, now } => {
                write!(f, "{project} was {} and is {}", approved.short(), now.short())
            }
            Self::Added { name } => write!(f, "{name} was not part of it"),
            Self::Removed { name } => write!(f, "{name} was part of it and is not any more"),
            Self::Plan { approved, now } if approved.is_empty() => {
                write!(f, "it names no plan, and the plan is {}", now.short())
            }
            Self::Plan { approved, now } => {
                let shown = landfall_secret::escape(approved, 19);
                write!(f, "the plan was {shown} and is {}", now.short())
            }
        }
    }
}

/// How a subject differs from the items and the plan that were approved.
pub(crate) fn drifts(items: &[LedgerItem], plan: Option<&str>, subject: &Subject) -> Vec<Drift> {
    let approved: BTreeSet<(Digest, Option<&ProjectName>)> =
        items.iter().filter_map(|item| Some((item.digest?, item.project.as_ref()))).collect();
    let of = |project: &ProjectName| -> BTreeSet<Digest> {
        approved.iter().filter(|(_, named)| *named == Some(project)).map(|(digest, _)| *digest).collect()
    };
    let approved_digests: BTreeSet<Digest> = approved.iter().map(|(digest, _)| *digest).collect();
    let now_digests = subject.digests();
    // Of a release with more than an event names the plan's digest tells.
    let is_cut = items.len() == MOST_ITEMS;
    let mut drifts = Vec::new();
    let mut told: BTreeSet<Digest> = BTreeSet::new();
    for content in &subject.contents {
        let before = content.project.as_ref().map(of).unwrap_or_default();
        if before.contains(&content.digest) {
            continue;
        }
        match (before.first(), &content.project) {
            // A project has other content, also where the old one is now that of another project.
            (Some(one), Some(project)) => {
                told.extend(&before);
                drifts.push(Drift::Digest { project: project.clone(), approved: *one, now: content.digest });
            }
            (_, _) if !approved_digests.contains(&content.digest) && !is_cut => {
                drifts.push(Drift::Added { name: content.name() });
            }
            (_, _) => {}
        }
    }
    for (digest, project) in &approved {
        if !now_digests.contains(digest) && !told.contains(digest) {
            let name = project.map_or_else(|| digest.to_string(), ToString::to_string);
            drifts.push(Drift::Removed { name });
        }
    }
    // An item without a digest binds to nothing.
    if items.iter().any(|item| item.digest.is_none()) {
        drifts.push(Drift::Removed { name: "something without a digest".to_owned() });
    }
    let bound = plan.and_then(|plan| plan.parse::<Digest>().ok());
    if bound != Some(subject.plan) && bound != Some(plan_as_known(&approved, is_cut, subject)) {
        let approved = plan.unwrap_or_default().to_owned();
        drifts.push(Drift::Plan { approved, now: subject.plan });
    }
    drifts
}
