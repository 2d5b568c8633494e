//! Texts with placeholders, as `landfall.toml` has them for tickets.

use std::str::FromStr;

use landfall_artifacts::{TemplateError, TextTemplate};

/// What a placeholder stands for. What is not known stands for nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// `{release}`.
    pub release: String,
    /// `{region}`.
    pub region: String,
    /// `{environment}`.
    pub environment: String,
    /// `{services}`: the first three with their versions, and how many more.
    pub services: String,
    /// `{count}`: how many services.
    pub count: String,
    /// `{branch}`.
    pub branch: String,
    /// `{commits}`.
    pub commits: String,
    /// `{pipeline}`: its address.
    pub pipeline: String,
    /// `{dashboard}`: its address.
    pub dashboard: String,
}

/// A placeholder's name and what it stands for.
type Known = (&'static str, fn(&Facts) -> &str);

const KNOWN: [Known; 9] = [
    ("release", |facts| &facts.release),
    ("region", |facts| &facts.region),
    ("environment", |facts| &facts.environment),
    ("services", |facts| &facts.services),
    ("count", |facts| &facts.count),
    ("branch", |facts| &facts.branch),
    ("commits", |facts| &facts.commits),
    ("pipeline", |facts| &facts.pipeline),
    ("dashboard", |facts| &facts.dashboard),
];

/// The names of [`KNOWN`].
const NAMES: [&str; KNOWN.len()] = {
    let mut names = [""; KNOWN.len()];
    let mut at = 0;
    while at < KNOWN.len() {
        names[at] = KNOWN[at].0;
        at += 1;
    }
    names
};

/// A text with placeholders such as `{release}`; `{{` and `}}` stand for single braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(TextTemplate);

impl Template {
    /// A text that has no placeholders, whatever it holds.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self(TextTemplate::fixed(text))
    }

    /// The text with every placeholder replaced. What stands for one is not looked into again.
    pub fn apply(&self, facts: &Facts) -> String {
        let of = |name: &str| KNOWN.iter().find(|(known, _)| *known == name).map(|(_, of)| of(facts));
        self.0.apply(|name| of(name).unwrap_or_default().into())
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        TextTemplate::parse(text, &NAMES).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::{Facts, KNOWN, Template};

    #[test]
    fn every_placeholder_stands_for_its_fact() {
        let facts = Facts {
            release: "release".into(),
            region: "region".into(),
            environment: "environment".into(),
            services: "services".into(),
            count: "count".into(),
            branch: "branch".into(),
            commits: "commits".into(),
            pipeline: "pipeline".into(),
            dashboard: "dashboard".into(),
        };
        for (name, _) in KNOWN {
            let template: Template = format!("<{{{name}}}>").parse().expect("known");
            assert_eq!(template.apply(&facts), format!("<{name}>"));
        }
        assert_eq!(Template::fixed("{release}").apply(&facts), "{release}");
    }

    #[test]
    fn what_is_no_placeholder_is_refused_by_name() {
        let refused = "{relase}".parse::<Template>().expect_err("refused").to_string();
        assert_eq!(
            refused,
            "`{relase}` has the unknown placeholder {relase}; known are {release} {region} {environment} {services} {count} {branch} {commits} {pipeline} {dashboard}"
        );
    }
}
