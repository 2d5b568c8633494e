//! One case: faults, a run that meets them, and runs after it.

use std::fmt;

use landfall_artifacts::Class;
use landfall_sandbox::Strikes;
use landfall_transport::Http;

use crate::answers::leads_away;
use crate::kinds::{Expect, Kind};
use crate::oracle::{denied, indiscretions, leaks, pushes, taken_twice, untrue, writes, wrong_tags};
use crate::scene::{Downloads, Ended, Scene};
use crate::spot::{Asked, Spot};

/// Requests that one fault may cost: the repetitions of one request, and the new beginning of one blob.
const REQUESTS_OF_A_FAULT: u64 = 12;
/// Bytes that one fault may bring in: as much as is taken of an answer that is read whole, and a blob anew.
const BYTES_OF_A_FAULT: u64 = 5 << 20;

/// What a copy without a fault needs.
#[derive(Clone, Debug)]
pub(crate) struct Clean {
    pub(crate) downloads: Downloads,
    pub(crate) spots: Vec<Spot>,
    pub(crate) received_bytes: u64,
}

/// A fault of a kind at a request.
#[derive(Clone, Copy)]
pub(crate) struct Strike<'a> {
    pub(crate) spot: &'a Spot,
    pub(crate) kind: &'a Kind,
}

/// The faults that one run meets.
pub(crate) struct Case<'a> {
    pub(crate) clean: &'a Clean,
    pub(crate) strikes: Vec<Strike<'a>>,
    /// What a random case is made from.
    pub(crate) number: Option<u64>,
}

/// How a case ended, where nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All images were copied.
    Survived,
    /// The run failed as it may, and the next one did what was left.
    Refused,
    /// The faults did not strike: the run took another way.
    NotMet,
}

/// What is wrong with a case.
#[derive(Debug, Default)]
pub(crate) struct Finding {
    /// Whether a tag names what it should not, or a run says that all is well and it is not.
    pub(crate) is_silent: bool,
    pub(crate) what: Vec<String>,
}

impl fmt::Display for Case<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, strike) in self.strikes.iter().enumerate() {
            let also = if number > 0 { ", and " } else { "" };
            write!(formatter, "{also}{} at {}", strike.kind.name, strike.spot)?;
        }
        match self.number {
            Some(number) => write!(formatter, " [LANDFALL_FAULT_SEED={number}]"),
            None => Ok(()),
        }
    }
}

impl Clean {
    /// Makes a copy without a fault.
    pub(crate) async fn of(http: &Http, downloads: Downloads) -> Self {
        let scene = Scene::new(http, downloads).await;
        let ended = scene.copy().await.expect("it ends");
        assert!(ended.says_done(), "{ended:?}");
        let spots = Spot::all(&scene);
        scene.sandbox.stop().await;
        Self { downloads, spots, received_bytes: ended.received_bytes }
    }
}

impl<'a> Case<'a> {
    pub(crate) fn of(clean: &'a Clean, strikes: Vec<Strike<'a>>) -> Self {
        Self { clean, strikes, number: None }
    }

    /// Runs the copy with the faults, then again without, until nothing is left to do.
    pub(crate) async fn judge(&self, http: &Http) -> Result<Verdict, Finding> {
        let scene = Scene::new(http, self.clean.downloads).await;
        let (mut is_led_away, mut armed) = (false, Vec::new());
        for strike in &self.strikes {
            let what = (strike.kind.what)(strike.spot, &scene).expect("cases are made of what makes sense");
            is_led_away |= strike.spot.asked == Asked::SourceBlob && leads_away(&what);
            armed.push(scene.sandbox.faults().add(strike.spot.fault(what, strike.kind.times)));
        }
        let mut finding = Finding::default();
        let verdict = self.runs(&scene, is_led_away, &armed, &mut finding).await;
        scene.sandbox.stop().await;
        match verdict {
            Some(verdict) if finding.what.is_empty() => Ok(verdict),
            Some(_) | None => Err(finding),
        }
    }

    async fn runs(
        &self,
        scene: &Scene,
        is_led_away: bool,
        armed: &[Strikes],
        finding: &mut Finding,
    ) -> Option<Verdict> {
        let first = run(scene, "the run with the faults", is_led_away, finding).await?;
        let struck = armed.iter().map(Strikes::count).sum();
        self.check_costs(scene, &first, struck, finding);
        let done = first.says_done();
        if done {
            self.check_wait(&first, armed, finding);
        } else {
            self.check_failure(&first, struck, finding);
        }
        if !self.is_lied_to() {
            for what in denied(scene, &first) {
                finding.add(what);
            }
        }
        if first.outcomes.is_empty() && writes(scene) > 0 {
            finding.add("something was written although the plan had a problem".to_owned());
        }
        scene.sandbox.faults().clear();
        let mut writes_before = writes(scene);
        // Where all is done this is already the run that finds nothing to do.
        let mut last = run(scene, "a run without faults", is_led_away, finding).await?;
        if !done {
            if !last.says_done() {
                finding.add(format!("a run without faults does not do what is left: {last:?}"));
            }
            writes_before = writes(scene);
            last = run(scene, "one more run", is_led_away, finding).await?;
        }
        if !last.says_unchanged() || writes(scene) != writes_before {
            finding.add(format!("a run writes although all is done: {last:?}"));
        }
        for twice in taken_twice(scene) {
            finding.add(twice);
        }
        Some(match (struck, done) {
            (0, _) => Verdict::NotMet,
            (_, true) => Verdict::Survived,
            (_, false) => Verdict::Refused,
        })
    }

    /// Whether the classes of the problems are those that the kinds of faults may have.
    fn check_failure(&self, ended: &Ended, struck: u64, finding: &mut Finding) {
        let mut may = Vec::new();
        for strike in &self.strikes {
            match (strike.kind.expect)(strike.spot) {
                Expect::Survives => {}
                Expect::MayFail(classes) => may.extend_from_slice(classes),
            }
        }
        if self.is_compounded() {
            may.push(Class::Transient);
        }
        if struck == 0 || may.is_empty() {
            finding.add(format!("it should survive: {:?}", ended.problems));
        } else if ended.problems.is_empty() {
            finding.add(format!("it fails without a problem: {ended:?}"));
        } else if let Some((class, problem)) = ended.problems.iter().find(|(class, _)| !may.contains(class)) {
            finding.add(format!("the class of a problem is {class:?}, and not one of {may:?}: {problem:?}"));
        }
    }

    /// Whether what was asked to be waited was waited.
    fn check_wait(&self, ended: &Ended, armed: &[Strikes], finding: &mut Finding) {
        let met = self.strikes.iter().zip(armed).filter(|(_, strikes)| strikes.count() > 0);
        let least = met.map(|(strike, _)| strike.kind.wait).max().unwrap_or_default();
        if ended.took < least {
            finding.add(format!("{least:?} were to be waited, and {:?} were", ended.took));
        }
    }

    /// Whether the run did no more than the faults explain.
    fn check_costs(&self, scene: &Scene, ended: &Ended, struck: u64, finding: &mut Finding) {
        let (asked, asks) = (scene.sandbox.journal().count(), self.clean.spots.len() as u64);
        if asked > asks + struck * REQUESTS_OF_A_FAULT {
            finding.add(format!("{asked} requests instead of {asks}, by {struck} faults"));
        }
        let (received, least) = (ended.received_bytes, self.clean.received_bytes);
        if received > least + struck * BYTES_OF_A_FAULT {
            finding.add(format!("{received} bytes taken instead of {least}, by {struck} faults"));
        }
        let again: u64 = pushes(scene).values().map(|times| times - 1).sum();
        if again > struck {
            finding.add(format!("blobs were sent again {again} times, by {struck} faults"));
        }
    }

    /// Whether the target says wrongly what a tag names: nobody can tell it better.
    fn is_lied_to(&self) -> bool {
        self.strikes.iter().any(|strike| match (strike.kind.expect)(strike.spot) {
            Expect::MayFail(classes) => {
                strike.spot.asked == Asked::TargetManifest && classes.contains(&Class::Integrity)
            }
            Expect::Survives => false,
        })
    }

    /// Whether two faults strike the same request: then both may fall on its repetitions, which are not endless.
    fn is_compounded(&self) -> bool {
        matches!(&self.strikes[..], [one, other] if one.spot.is_like(other.spot))
    }
}

impl Finding {
    fn add(&mut self, what: String) {
        self.what.push(what);
    }
}

/// One run, and what must hold after each; `None` where it hangs.
async fn run(scene: &Scene, which: &str, is_led_away: bool, finding: &mut Finding) -> Option<Ended> {
    let Ok(ended) = scene.copy().await else {
        finding.add(format!("{which} hangs"));
        return None;
    };
    let mut found = wrong_tags(scene);
    found.extend(untrue(scene, &ended));
    finding.is_silent |= !found.is_empty();
    found.extend(indiscretions(scene, is_led_away));
    found.extend(leaks(scene, &ended));
    if ended.left_open {
        found.push("an effect was begun in the journal and not ended".to_owned());
    }
    for what in found {
        finding.add(format!("after {which}: {what}"));
    }
    Some(ended)
}
