//! An alias: the name that callers use, and the versions that their calls go to.

use std::collections::BTreeMap;

use aws_sdk_lambda::types::AliasRoutingConfiguration;
use landfall_artifacts::{AliasName, AliasState};

/// An alias as it was seen. Foreign texts are escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Alias {
    /// Its name.
    pub name: AliasName,
    /// The version that it points to, a number or `$LATEST`.
    pub version: String,
    /// The share of the calls, 0.0 to 1.0, that goes to another version; Lambda knows one at most.
    pub weights: BTreeMap<String, f64>,
    /// Changes with every change of the alias.
    pub revision_id: Option<String>,
}

/// Where an alias is to point.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pointing {
    pub(crate) version: String,
    pub(crate) weights: BTreeMap<String, f64>,
}

impl Alias {
    pub(crate) fn new(
        name: &AliasName,
        version: Option<&str>,
        routing: Option<&AliasRoutingConfiguration>,
        revision_id: Option<&str>,
    ) -> Option<Self> {
        let text = |text: &str| landfall_secret::escape(text, 200);
        let weights = routing.and_then(AliasRoutingConfiguration::additional_version_weights);
        let weights = weights.into_iter().flatten().map(|(version, weight)| (text(version), *weight));
        Some(Self {
            name: name.clone(),
            version: text(version?),
            weights: weights.collect(),
            revision_id: revision_id.map(text),
        })
    }

    /// Whether all calls go to this version.
    pub fn is_wholly(&self, version: &str) -> bool {
        self.version == version && self.weights.values().all(|weight| *weight == 0.0)
    }

    /// The share of the calls that goes to a version, in percent.
    pub(crate) fn percent_of(&self, version: &str) -> f64 {
        let others: f64 = self.weights.values().sum();
        if self.version == version {
            (1.0 - others) * 100.0
        } else {
            self.weights.get(version).copied().unwrap_or_default() * 100.0
        }
    }

    pub(crate) fn pointing(&self) -> Pointing {
        Pointing { version: self.version.clone(), weights: self.weights.clone() }
    }

    pub(crate) fn points(&self, wanted: &Pointing) -> bool {
        let near = |a: f64, b: f64| (a - b).abs() < 1e-6;
        let share =
            |weights: &BTreeMap<String, f64>, version| weights.get(version).copied().unwrap_or_default();
        self.version == wanted.version
            && self
                .weights
                .keys()
                .chain(wanted.weights.keys())
                .all(|version| near(share(&self.weights, version), share(&wanted.weights, version)))
    }

    /// As a deployment report has it.
    pub(crate) fn reported(&self) -> AliasState {
        AliasState {
            name: self.name.to_string(),
            version: self.version.clone(),
            weights: self.weights.clone(),
        }
    }
}

impl Pointing {
    /// Where an alias pointed that a report tells of.
    pub(crate) fn of(state: &AliasState) -> Self {
        Self { version: state.version.clone(), weights: state.weights.clone() }
    }

    /// All calls to one version.
    pub(crate) fn wholly(version: &str) -> Self {
        Self { version: version.to_owned(), weights: BTreeMap::new() }
    }

    /// The alias stays where it is, and so many percent of the calls go to another version.
    pub(crate) fn shared(version: &str, other: &str, percent: u8) -> Self {
        let weights = [(other.to_owned(), f64::from(percent) / 100.0)].into();
        Self { version: version.to_owned(), weights }
    }

    /// As UpdateAlias wants it: weights that are not said would stay, so none are said explicitly.
    pub(crate) fn routing(&self) -> AliasRoutingConfiguration {
        let weights = self.weights.iter().map(|(version, weight)| (version.clone(), *weight)).collect();
        AliasRoutingConfiguration::builder().set_additional_version_weights(Some(weights)).build()
    }
}

#[cfg(test)]
mod tests {
    use super::{Alias, Pointing};

    #[test]
    fn shares_of_the_calls() {
        let alias = |version: &str, weights: &[(&str, f64)]| Alias {
            name: "live".parse().expect("a name"),
            version: version.to_owned(),
            weights: weights.iter().map(|(version, weight)| ((*version).to_owned(), *weight)).collect(),
            revision_id: None,
        };
        let shared = alias("3", &[("4", 0.1)]);
        assert!(shared.points(&Pointing::shared("3", "4", 10)) && !shared.points(&Pointing::wholly("3")));
        assert!((shared.percent_of("4") - 10.0).abs() < 1e-6 && (shared.percent_of("3") - 90.0).abs() < 1e-6);
        assert!(!shared.is_wholly("3") && alias("3", &[]).is_wholly("3"));
        let nothing = alias("3", &[("4", 0.0)]);
        assert!(nothing.is_wholly("3") && nothing.points(&Pointing::wholly("3")), "a share of none is none");
    }
}
