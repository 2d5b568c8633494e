//! What a ticket covers, as machines read it: entity properties that go with the create.
//!
//! A property holds at most 32,768 characters (API page of "Set issue property"), and a search gives at most five properties: so
//! many there are, the first with the facts and all of them with projects.

use std::collections::BTreeMap;

use landfall_artifacts::{ProjectName, ProjectVersion, ReleaseId};
use semver::Version;
use serde_json::{Value, json};

use crate::ReleaseTicket;

/// The properties, in order.
pub(crate) const PROPERTIES: [&str; 5] = [
    "landfall.release",
    "landfall.release.2",
    "landfall.release.3",
    "landfall.release.4",
    "landfall.release.5",
];

/// Bytes of projects in one property; the rest of it are facts.
const MOST_BYTES: usize = 28_000;

/// The properties of a new ticket. What does not fit into all of them is left out: some 3,000 projects are there then.
pub(crate) fn properties(ticket: &ReleaseTicket) -> Vec<Value> {
    let mut parts: Vec<Vec<String>> = vec![Vec::new()];
    let mut size = 0;
    for row in &ticket.services {
        let project = format!("{}@{}", row.project, row.version);
        let needed = Value::from(project.as_str()).to_string().len() + 1;
        if size + needed > MOST_BYTES {
            parts.push(Vec::new());
            size = 0;
        }
        size += needed;
        if let Some(part) = parts.last_mut() {
            part.push(project);
        }
    }
    let value = |(at, projects): (usize, &Vec<String>)| match at {
        0 => json!({
            "schema": 1, "release": ticket.release, "region": ticket.region.as_str(),
            "environment": ticket.environment, "pipeline": short(ticket.pipeline.as_deref()), "projects": projects,
        }),
        _ => json!({ "schema": 1, "release": ticket.release, "projects": projects }),
    };
    let values = parts.iter().enumerate().map(value);
    PROPERTIES.iter().zip(values).map(|(key, value)| json!({ "key": key, "value": value })).collect()
}

/// An address, unless it is absurdly long.
fn short(address: Option<&str>) -> Option<&str> {
    address.filter(|address| address.len() <= 2_000)
}

/// What the properties of a ticket say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Covered {
    pub(crate) release: Option<ReleaseId>,
    pub(crate) projects: BTreeMap<ProjectName, Version>,
}

impl Covered {
    pub(crate) fn of(properties: &BTreeMap<String, Value>) -> Self {
        let values = || PROPERTIES.iter().filter_map(|key| properties.get(*key));
        let listed = values().filter_map(|value| value.get("projects")?.as_array()).flatten();
        let parsed = listed.filter_map(|one| one.as_str()?.parse::<ProjectVersion>().ok());
        Self {
            release: values().find_map(|value| value.get("release")?.as_str()?.parse().ok()),
            projects: parsed.map(|one| (one.project, one.version)).collect(),
        }
    }

    /// Whether all of `projects`, of which there is at least one, are covered.
    pub(crate) fn holds(&self, projects: &[ProjectVersion]) -> bool {
        !projects.is_empty()
            && projects.iter().all(|one| self.projects.get(&one.project) == Some(&one.version))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::{ProjectVersion, ReleaseId};
    use serde_json::Value;

    use super::{Covered, properties};
    use crate::ticket::tests::ticket_of;

    fn stored(count: usize) -> BTreeMap<String, Value> {
        let properties = properties(&ticket_of(count));
        assert!(properties.iter().all(|property| property["value"].to_string().len() < 32_768));
        let pair = |property: Value| {
            (property["key"].as_str().expect("a key").to_owned(), property["value"].clone())
        };
        properties.into_iter().map(pair).collect()
    }

    fn asked(numbers: &[usize]) -> Vec<ProjectVersion> {
        numbers.iter().map(|n| format!("service{n}@1.4.2").parse().expect("a project")).collect()
    }

    #[test]
    fn what_is_stored_is_read_again_also_where_it_is_much() {
        for count in [0, 2, 3_000] {
            let properties = stored(count);
            let covered = Covered::of(&properties);
            assert_eq!(covered.projects.len(), count);
            assert_eq!(covered.release.as_ref().map(ReleaseId::as_str), Some("r-6b1f0c2d9e77"));
            assert_eq!(properties.len(), if count == 3_000 { 3 } else { 1 });
        }
        assert_eq!(stored(50_000).len(), 5, "never more than a search gives");
    }

    #[test]
    fn a_part_is_covered_and_another_version_is_not() {
        let covered = Covered::of(&stored(5));
        assert!(covered.holds(&asked(&[0, 4])) && !covered.holds(&asked(&[0, 5])) && !covered.holds(&[]));
        let other = ["service0@1.4.3".parse().expect("a project")];
        assert!(!covered.holds(&other));
        assert_eq!(
            Covered::of(&BTreeMap::from([("landfall.release".to_owned(), Value::from(7))])),
            Covered::default()
        );
    }
}
