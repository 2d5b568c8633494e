//! The way of a release as a row of stations.

use landfall_artifacts::EnvironmentName;
use maud::{Markup, html};

use crate::layout::{Names, Place};
use crate::{Release, ReleaseState, Step, StepKind, Went};

/// Stations of a row; further ones are counted.
const MOST: usize = 24;

/// How a release stands in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Station {
    /// Somebody let it go there.
    Approved,
    /// It was taken there.
    Deployed,
    /// It was tested there.
    Passed,
    /// The environment went back to it.
    WentBackTo,
    /// Something went wrong that says nothing of the release.
    Unclear,
    /// The environment went back.
    RolledBack,
    /// It could not be taken there.
    NotDeployed,
    /// A test failed.
    TestFailed,
    /// Somebody stopped it.
    Rejected,
}

impl Station {
    fn of(step: &Step) -> Option<Self> {
        Some(match (step.kind, step.went) {
            (StepKind::Built | StepKind::Promoted, _) => return None,
            (StepKind::Rejected, _) => Self::Rejected,
            (_, Went::Unknown) => Self::Unclear,
            (StepKind::Tested, Went::Failed) => Self::TestFailed,
            (StepKind::Deployed, Went::Failed) => Self::NotDeployed,
            // Of either way of a rollback that failed, nothing came.
            (StepKind::RolledBack | StepKind::WentBackTo, Went::Failed) => Self::Unclear,
            (StepKind::RolledBack, Went::Well) => Self::RolledBack,
            (StepKind::WentBackTo, Went::Well) => Self::WentBackTo,
            (StepKind::Tested, Went::Well) => Self::Passed,
            (StepKind::Deployed, Went::Well) => Self::Deployed,
            (StepKind::Approved, _) => Self::Approved,
        })
    }

    /// Class and words.
    pub(crate) fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Approved => ("info", "approved"),
            Self::Deployed => ("info", "deployed"),
            Self::Passed => ("good", "passed"),
            Self::WentBackTo => ("info", "gone back to"),
            Self::Unclear => ("warn", "unclear"),
            Self::RolledBack => ("warn", "rolled back"),
            Self::NotDeployed => ("bad", "deployment failed"),
            Self::TestFailed => ("bad", "test failed"),
            Self::Rejected => ("bad", "rejected"),
        }
    }
}

/// Where a release came to, in the order of its first step there. What is worst counts, save that a deployment or a test that went
/// well after one that did not mends it.
pub(crate) fn stations(release: &Release) -> Vec<(&EnvironmentName, Station)> {
    let mut stations: Vec<(&EnvironmentName, Station)> = Vec::new();
    for step in &release.steps {
        let (Some(environment), Some(station)) = (&step.environment, Station::of(step)) else { continue };
        match stations.iter_mut().find(|(name, _)| *name == environment) {
            Some((_, known)) => {
                let mends = matches!(
                    (*known, station),
                    (Station::Unclear | Station::NotDeployed, Station::Deployed | Station::Passed)
                        | (Station::RolledBack, Station::Deployed | Station::WentBackTo)
                        | (Station::TestFailed, Station::Passed)
                );
                *known = if mends { station } else { station.max(*known) };
            }
            None => stations.push((environment, station)),
        }
    }
    stations
}

/// The row: built, then place by place, then the end.
pub(crate) fn track(names: &Names<'_>, place: Place, release: &Release) -> Markup {
    let stations = stations(release);
    let promoted =
        release.steps.iter().any(|step| step.kind == StepKind::Promoted && step.went == Went::Well);
    html! {
        ol.track {
            li.info { "built" }
            @for (environment, station) in stations.iter().take(MOST) {
                @let (class, words) = station.words();
                li class=(class) {
                    @match names.environment(environment.as_str()) {
                        Some(file) => a href=(names.to(place, file)) { (environment) },
                        None => (environment),
                    }
                    " " (words)
                }
            }
            @if stations.len() > MOST { li { "and " (stations.len() - MOST) " more" } }
            @match &release.state {
                ReleaseState::Dead(_) => li.dead { "† graveyard" },
                ReleaseState::Live => li.live { "live" },
                ReleaseState::Superseded => li { "superseded" },
                ReleaseState::RolledBack => li.warn { "rolled back" },
                ReleaseState::Promoted | ReleaseState::Going => @if promoted { li.info { "promoted" } },
            }
        }
    }
}

/// Class and word of a release's state.
pub(crate) fn state(state: &ReleaseState) -> Markup {
    let (class, word) = match state {
        ReleaseState::Going => ("info", "on its way"),
        ReleaseState::Promoted => ("info", "promoted"),
        ReleaseState::Live => ("good", "live"),
        ReleaseState::Superseded => ("plain", "superseded"),
        ReleaseState::RolledBack => ("warn", "rolled back"),
        ReleaseState::Dead(_) => ("bad", "dead"),
    };
    html! { span.tag.(class) { (word) } }
}

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;

    use super::{Station, stations};
    use crate::{Release, ReleaseState, Step, StepKind, Went};

    fn release(steps: &[(&str, StepKind, Went)]) -> Release {
        let step = |(environment, kind, went): &(&str, StepKind, Went)| Step {
            at: OffsetDateTime::UNIX_EPOCH,
            kind: *kind,
            environment: environment.parse().ok(),
            went: *went,
            by: String::new(),
            run: None,
            note: String::new(),
        };
        Release {
            name: "v1.0.0".into(),
            began: OffsetDateTime::UNIX_EPOCH,
            by: String::new(),
            state: ReleaseState::Going,
            steps: steps.iter().map(step).collect(),
            items: Vec::new(),
        }
    }

    #[test]
    fn what_is_worst_counts_until_it_is_mended() {
        use StepKind::{Approved, Deployed, Promoted, RolledBack, Tested, WentBackTo};
        let release = release(&[
            ("dev", Deployed, Went::Well),
            ("dev", Tested, Went::Well),
            ("", Promoted, Went::Well),
            ("qa", Approved, Went::Well),
            ("qa", Deployed, Went::Failed),
            ("qa", Deployed, Went::Well),
            ("uat", Deployed, Went::Well),
            ("uat", Tested, Went::Failed),
            ("uat", RolledBack, Went::Well),
            ("pp", Deployed, Went::Well),
            ("pp", RolledBack, Went::Well),
            ("prod", Deployed, Went::Well),
            ("prod", RolledBack, Went::Well),
            ("prod", WentBackTo, Went::Well),
            ("dr", Tested, Went::Well),
            ("dr", WentBackTo, Went::Well),
        ]);
        let found: Vec<(&str, Station)> =
            stations(&release).into_iter().map(|(name, station)| (name.as_str(), station)).collect();
        assert_eq!(
            found,
            [
                ("dev", Station::Passed),
                ("qa", Station::Deployed),
                ("uat", Station::TestFailed),
                ("pp", Station::RolledBack),
                ("prod", Station::WentBackTo),
                ("dr", Station::WentBackTo),
            ]
        );
    }
}
