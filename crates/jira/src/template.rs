//! Texts with placeholders, as `landfall.toml` has them for tickets.

use std::str::FromStr;

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

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// A place in [`KNOWN`].
    Fact(usize),
}

/// A text with placeholders such as `{release}`; `{{` and `}}` stand for single braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Part>);

/// A text with a placeholder that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` has {what}; known are {}", known())]
pub struct TemplateError {
    shown: String,
    what: String,
}

fn known() -> String {
    let names: Vec<String> = KNOWN.iter().map(|(name, _)| format!("{{{name}}}")).collect();
    names.join(" ")
}

impl Template {
    /// A text that has no placeholders, whatever it holds.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// The text with every placeholder replaced. What stands for one is not looked into again.
    pub fn apply(&self, facts: &Facts) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Fact(at) => KNOWN.get(*at).map(|(_, of)| of(facts).to_owned()).unwrap_or_default(),
        };
        self.0.iter().map(part).collect()
    }
}

impl FromStr for Template {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let odd = |what: String| TemplateError { shown: landfall_secret::escape(text, 120), what };
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else if let Some((name, after)) = from.strip_prefix('{').and_then(|from| from.split_once('}')) {
                let place = KNOWN.iter().position(|(known, _)| *known == name).ok_or_else(|| {
                    odd(format!("the unknown placeholder {{{}}}", landfall_secret::escape(name, 40)))
                })?;
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Fact(place));
                rest = after;
            } else {
                return Err(odd("a brace that is alone, for which two are written".to_owned()));
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Facts, Template};

    fn facts() -> Facts {
        Facts { release: "v1.4.0".into(), branch: "{release}".into(), ..Facts::default() }
    }

    #[test]
    fn placeholders_are_replaced_once() {
        let applied = |text: &str| text.parse::<Template>().map(|template| template.apply(&facts()));
        assert_eq!(
            applied("Release {release}: {{x}} {branch}{pipeline}.").as_deref(),
            Ok("Release v1.4.0: {x} {release}.")
        );
        assert_eq!(applied("").as_deref(), Ok(""));
        assert_eq!(Template::fixed("{release}").apply(&facts()), "{release}");
    }

    #[test]
    fn what_is_no_placeholder_is_refused_by_name() {
        let refused = |text: &str| text.parse::<Template>().expect_err("refused").to_string();
        insta_like(
            &refused("{relase}"),
            "`{relase}` has the unknown placeholder {relase}; known are {release} {region}",
        );
        insta_like(&refused("a } b"), "`a } b` has a brace that is alone");
        insta_like(&refused("{release"), "has a brace that is alone");
        insta_like(&refused("{}"), "the unknown placeholder {}");
    }

    fn insta_like(text: &str, part: &str) {
        assert!(text.contains(part), "{text}");
    }

    proptest! {
        #[test]
        fn no_text_panics_and_doubled_braces_give_it_back(text in "\\PC{0,40}") {
            let _ = text.parse::<Template>();
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(doubled.parse::<Template>().expect("no placeholder").apply(&facts()), text);
        }
    }
}
