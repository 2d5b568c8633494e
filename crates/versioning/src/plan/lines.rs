//! Lines of versions: one a project, or one for the whole repo. Each knows its tags and what number comes next.

use landfall_artifacts::ProjectName;
use semver::Version;

use super::{Counting, Request, Sources, TaggedVersion};
use crate::Error;
use crate::bump::Bump;
use crate::git::Tag;
use crate::graph::Project;
use crate::tag::{Scheme, TagFormat};

/// Projects that share their versions, and the tags of these.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) projects: Vec<&'a Project>,
    /// Tags of this history, by rising version.
    reached: Vec<TaggedVersion>,
    /// Tags of other histories.
    elsewhere: Vec<TaggedVersion>,
}

/// What comes next on a line.
#[derive(Debug, Default)]
pub(super) struct Next {
    pub(super) bump: Bump,
    pub(super) version: Option<Version>,
    pub(super) is_forced: bool,
}

impl<'a> Line<'a> {
    /// The lines of all projects that get versions, by the name of their first project.
    pub(super) fn all(sources: &Sources<'a>, request: &Request) -> Vec<Self> {
        let versioned: Vec<&Project> =
            sources.graph.projects().filter(|project| project.is_versioned).collect();
        let groups: Vec<Vec<&Project>> = match request.format.scheme() {
            Scheme::Independent => versioned.into_iter().map(|project| vec![project]).collect(),
            Scheme::Whole if versioned.is_empty() => Vec::new(),
            Scheme::Whole => vec![versioned],
        };
        let mut lines: Vec<Self> = groups
            .into_iter()
            .map(|projects| Self { projects, reached: Vec::new(), elsewhere: Vec::new() })
            .collect();
        let readers: Vec<Reader> = lines.iter().map(|line| Reader::new(&request.format, line)).collect();
        for tag in sources.tags {
            // The longest name wins: `a-1.0.0` may be a project's name too.
            let owner = readers
                .iter()
                .enumerate()
                .filter_map(|(line, reader)| Some((reader.length, line, reader.version(tag)?)))
                .max_by_key(|(length, line, _)| (*length, *line));
            if let Some((line, version)) =
                owner.and_then(|(_, at, version)| Some((lines.get_mut(at)?, version)))
            {
                let tagged = TaggedVersion { version, tag: tag.name.clone(), commit: tag.commit.clone() };
                match sources.history.place(&tag.commit) {
                    Some(_) => line.reached.push(tagged),
                    None => line.elsewhere.push(tagged),
                }
            }
        }
        for line in &mut lines {
            line.reached.sort_by(|one, other| one.version.cmp(&other.version).then(one.tag.cmp(&other.tag)));
        }
        lines
    }

    /// The last release, pre-releases not counted.
    fn release(&self) -> Option<&TaggedVersion> {
        self.reached.iter().rev().find(|tagged| tagged.version.pre.is_empty())
    }

    /// The last pre-release above the last release.
    fn pre_release(&self) -> Option<&TaggedVersion> {
        self.reached.last().filter(|tagged| !tagged.version.pre.is_empty())
    }

    /// The last pre-release of the asked series above the last release.
    fn of_series(&self, request: &Request) -> Option<&TaggedVersion> {
        let preid = request.preid.as_ref()?;
        let above =
            |tagged: &&TaggedVersion| self.release().is_none_or(|release| tagged.version > release.version);
        self.reached.iter().rev().filter(above).find(|tagged| preid.number(&tagged.version).is_some())
    }

    /// The last version, of the asked series or a release.
    pub(super) fn last(&self, request: &Request) -> Option<TaggedVersion> {
        self.of_series(request).or(self.release()).cloned()
    }

    /// The tag whose history counts as released.
    pub(super) fn release_mark(&self) -> Option<&TaggedVersion> {
        self.release()
    }

    /// What comes next, by the commits that were counted since the last release.
    pub(super) fn next(&self, request: &Request, sources: &Sources<'_>, counted: &[&Counting]) -> Next {
        let forced = self.projects.iter().filter_map(|project| request.forced.of(&project.name)).max();
        let asked = counted.iter().map(|counting| counting.bump()).max().unwrap_or_default();
        let is_forced = forced.is_some();
        let Some(release) = self.release() else {
            if forced == Some(Bump::None) {
                return Next { is_forced, ..Next::default() };
            }
            // The first release is due whatever the commits say, and after a pre-release of it only by what came since.
            let since = self.since_series(request, sources, counted);
            if self.of_series(request).is_some() && since == Bump::None && !is_forced {
                return Next::default();
            }
            let target = self.above_pre_releases(self.first(request, sources));
            return Next { bump: asked, version: Some(self.numbered(request, target)), is_forced };
        };
        let bump = forced.unwrap_or_else(|| asked.on(&release.version));
        let since = forced.unwrap_or_else(|| self.since_series(request, sources, counted));
        if bump == Bump::None || since == Bump::None {
            return Next { is_forced, ..Next::default() };
        }
        let target = self.above_pre_releases(bump.apply(&release.version));
        Next { bump, version: Some(self.numbered(request, target)), is_forced }
    }

    /// The weightiest bump since the last pre-release of the series; without a series since the last release.
    fn since_series(&self, request: &Request, sources: &Sources<'_>, counted: &[&Counting]) -> Bump {
        let Some(last) = self.of_series(request) else {
            return counted.iter().map(|counting| counting.bump()).max().unwrap_or_default();
        };
        let had = sources.history.reached_from(&[&last.commit]);
        let is_new = |counting: &&&Counting| {
            sources
                .history
                .place(&counting.commit.id)
                .is_some_and(|place| !had.get(place).copied().unwrap_or(false))
        };
        counted.iter().filter(is_new).map(|counting| counting.bump()).max().unwrap_or_default()
    }

    /// The first version: what the files say, where they say something that was meant, else the configured one.
    fn first(&self, request: &Request, sources: &Sources<'_>) -> Version {
        let written = self.projects.iter().filter_map(|project| sources.written.get(&project.name)).max();
        match written {
            Some(written) if *written != Version::new(0, 0, 0) => Bump::None.apply(written),
            Some(_) | None => request.first.clone(),
        }
    }

    /// At least what pre-releases announced.
    fn above_pre_releases(&self, target: Version) -> Version {
        let announced = self.pre_release().map(|tagged| Bump::None.apply(&tagged.version));
        announced.map_or(target.clone(), |announced| announced.max(target))
    }

    /// The target itself, or the next pre-release of the series on the way to it.
    fn numbered(&self, request: &Request, target: Version) -> Version {
        let Some(preid) = &request.preid else { return target };
        let of_target = self.reached.iter().filter(|tagged| Bump::None.apply(&tagged.version) == target);
        let last = of_target.filter_map(|tagged| preid.number(&tagged.version)).max();
        preid.numbered(&target, last.map_or(0, |number| number.saturating_add(1)))
    }

    /// Tags of other histories that stand in the way.
    pub(super) fn conflicts(&self, next: &Next, request: &Request) -> Option<Error> {
        let project = self.projects.first()?.name.clone();
        let reached = self.release().map(|tagged| tagged.version.clone());
        let higher = self
            .elsewhere
            .iter()
            .filter(|tagged| tagged.version.pre.is_empty())
            .filter(|tagged| reached.as_ref().is_none_or(|reached| tagged.version > *reached))
            .max_by(|one, other| one.version.cmp(&other.version));
        if let Some(tagged) = higher {
            return Some(Error::HigherTag { project, tag: tagged.tag.clone(), reached });
        }
        let tag = request.format.tag(&project, next.version.as_ref()?);
        self.elsewhere.iter().any(|tagged| tagged.tag == tag).then_some(Error::TagTaken { project, tag })
    }
}

/// What stands around the version in the tags of a line.
struct Reader {
    before: String,
    after: String,
    length: usize,
}

impl Reader {
    fn new(format: &TagFormat, line: &Line<'_>) -> Self {
        let name: Option<&ProjectName> = line.projects.first().map(|project| &project.name);
        let (before, after) = name.map(|name| format.around(name)).unwrap_or_default();
        Self { before, after, length: name.map_or(0, |name| name.as_str().len()) }
    }

    fn version(&self, tag: &Tag) -> Option<Version> {
        tag.name.strip_prefix(self.before.as_str())?.strip_suffix(self.after.as_str())?.parse().ok()
    }
}
