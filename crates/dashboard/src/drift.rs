//! Where environments differ.

use landfall_artifacts::EnvironmentName;
use semver::Version;

use crate::{Cell, FunctionRow, Seen, Site};

/// How a function stands in one environment, against the others of its region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It runs the newest version of its region.
    Newest,
    /// Another environment of its region runs a newer version.
    Behind,
    /// Versions cannot be put in an order, and differ.
    Differs,
    /// The same version is another content elsewhere.
    OtherContent,
    /// It was seen to run something that no deployment put there.
    Changed,
}

/// A function that does not stand as its neighbours do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// The function.
    pub function: String,
    /// The environment.
    pub environment: EnvironmentName,
    /// How it stands there.
    pub standing: Standing,
}

/// All functions that are not [`Standing::Newest`], in the site's order.
pub fn drifts(site: &Site) -> Vec<Drift> {
    let mut found = Vec::new();
    for function in &site.functions {
        for environment in &site.environments {
            match standing(site, function, &environment.name) {
                None | Some(Standing::Newest) => {}
                Some(standing) => found.push(Drift {
                    function: function.name.clone(),
                    environment: environment.name.clone(),
                    standing,
                }),
            }
        }
    }
    found
}

/// How a function stands in an environment; `None` where it is not there.
pub(crate) fn standing(site: &Site, function: &FunctionRow, at: &EnvironmentName) -> Option<Standing> {
    let here = function.cells.get(at)?;
    match &here.seen {
        Some(Seen::Runs(digest)) if Some(*digest) == here.digest => {}
        Some(Seen::Runs(_) | Seen::Other(_)) => return Some(Standing::Changed),
        None => {}
    }
    let everywhere = || function.cells.iter().filter(|(name, _)| *name != at).map(|(_, cell)| cell);
    // A version is one content everywhere, whatever the region.
    if everywhere().any(|other| same_version(here, other) && digests_differ(here, other)) {
        return Some(Standing::OtherContent);
    }
    let region = |name: &EnvironmentName| {
        site.environments.iter().find(|one| one.name == *name).map(|one| one.region.as_str())
    };
    let neighbours = function.cells.iter().filter(|(name, _)| *name != at && region(name) == region(at));
    let worst = neighbours.map(|(_, other)| against(here, other)).max();
    Some(worst.unwrap_or(Standing::Newest))
}

fn against(here: &Cell, other: &Cell) -> Standing {
    let version = |cell: &Cell| cell.version.as_deref().and_then(|text| text.parse::<Version>().ok());
    match (version(here), version(other)) {
        (Some(one), Some(newer)) if one < newer => Standing::Behind,
        (Some(_), Some(_)) => Standing::Newest,
        (_, _) if here.version != other.version || digests_differ(here, other) => Standing::Differs,
        (_, _) => Standing::Newest,
    }
}

fn same_version(one: &Cell, other: &Cell) -> bool {
    one.version.is_some() && one.version == other.version
}

fn digests_differ(one: &Cell, other: &Cell) -> bool {
    one.digest.is_some() && other.digest.is_some() && one.digest != other.digest
}
