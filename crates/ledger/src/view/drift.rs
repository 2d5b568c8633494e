//! What the ledger says runs against what was seen to run.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName, ReleaseId};
use schemars::JsonSchema;
use semver::Version;
use serde::Serialize;

use super::mark::Mark;
use super::standing::Running;

/// What was seen of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It runs this content.
    Runs(Digest),
    /// It runs something that has no digest that could be compared; the text says what.
    Other(String),
    /// It is not there.
    Absent,
    /// It could not be read; the text says why.
    NotSeen(String),
}

/// How a function stands against the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It runs what the ledger says.
    Same,
    /// It runs something else.
    Differs,
    /// The ledger says that it runs, and it is not there.
    Absent,
    /// It runs, and the ledger knows no deployment of it.
    Unrecorded,
    /// The ledger knows a deployment of it and not of which content.
    NoDigest,
    /// It could not be read.
    NotSeen,
}

impl Standing {
    /// The word for it, which JSON has too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Absent => "absent",
            Self::Unrecorded => "unrecorded",
            Self::NoDigest => "no-digest",
            Self::NotSeen => "not-seen",
        }
    }

    /// Whether the world is not as the ledger says.
    pub fn is_drift(self) -> bool {
        match self {
            Self::Differs | Self::Absent | Self::Unrecorded => true,
            Self::Same | Self::NoDigest | Self::NotSeen => false,
        }
    }
}

/// A function in an environment, as the ledger has it and as it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Compared<'a> {
    /// The environment.
    pub environment: &'a EnvironmentName,
    /// The function.
    pub function: &'a str,
    /// How it stands.
    pub standing: Standing,
    /// The version that the ledger says runs.
    #[schemars(with = "Option<String>")]
    pub version: Option<&'a Version>,
    /// The release of its last deployment.
    pub release: Option<&'a ReleaseId>,
    /// The content that the ledger says runs.
    pub recorded: Option<Digest>,
    /// The content that was seen.
    pub running: Option<Digest>,
    /// The record by which the content came that should run.
    pub since: Option<Mark<'a>>,
    /// What else is to be said: why it could not be read, what it runs instead.
    pub note: Option<&'a str>,
}

/// What the ledger says runs against what was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Drift<'a> {
    /// How many functions were compared.
    pub compared: u64,
    /// How many do not stand as the ledger says.
    pub drifted: u64,
    /// Each of them, by environment and function.
    pub functions: Vec<Compared<'a>>,
}

/// What was seen, by environment and function.
pub type Sight = BTreeMap<(EnvironmentName, String), Seen>;

/// Compares. A function that the ledger knows in an environment of `seen` and that was not looked at there is left out, as is
/// every environment that was not looked at.
pub fn drift<'a>(standing: &[Running<'a>], seen: &'a Sight) -> Drift<'a> {
    let recorded: BTreeMap<(&str, &str), &Running<'a>> =
        standing.iter().map(|running| ((running.environment.as_str(), running.function), running)).collect();
    let mut drift = Drift::default();
    for ((environment, function), seen) in seen {
        let known = recorded.get(&(environment.as_str(), function.as_str())).copied();
        let compared = compare(environment, function, known, seen);
        drift.compared += 1;
        drift.drifted += u64::from(compared.standing.is_drift());
        drift.functions.push(compared);
    }
    drift
}

fn compare<'a>(
    environment: &'a EnvironmentName,
    function: &'a str,
    known: Option<&Running<'a>>,
    seen: &'a Seen,
) -> Compared<'a> {
    let recorded = known.and_then(|known| known.digest);
    let (standing, running, note) = match (seen, known, recorded) {
        (Seen::NotSeen(why), _, _) => (Standing::NotSeen, None, Some(why.as_str())),
        (Seen::Absent, Some(_), _) => (Standing::Absent, None, None),
        // Neither has it.
        (Seen::Absent, None, _) => (Standing::Same, None, None),
        (Seen::Runs(digest), None, _) => (Standing::Unrecorded, Some(*digest), None),
        (Seen::Other(what), None, _) => (Standing::Unrecorded, None, Some(what.as_str())),
        (Seen::Runs(digest), Some(_), None) => (Standing::NoDigest, Some(*digest), None),
        (Seen::Other(what), Some(_), None) => (Standing::NoDigest, None, Some(what.as_str())),
        (Seen::Runs(digest), Some(_), Some(recorded)) if *digest == recorded => {
            (Standing::Same, Some(*digest), None)
        }
        (Seen::Runs(digest), Some(_), Some(_)) => (Standing::Differs, Some(*digest), None),
        (Seen::Other(what), Some(_), Some(_)) => (Standing::Differs, None, Some(what.as_str())),
    };
    Compared {
        environment,
        function,
        standing,
        version: known.and_then(|known| known.version),
        release: known.and_then(|known| known.release),
        recorded,
        running,
        since: known.map(|known| known.since),
        note,
    }
}
