//! Texts with placeholders, as `landfall.toml` has them.

use std::borrow::Cow;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    /// One of the known names.
    Slot(&'static str),
}

/// A text with placeholders such as `{release}`; `{{` and `}}` stand for single braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextTemplate(Vec<Part>);

/// A text with a placeholder that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` has {what}; known are {known}")]
pub struct TemplateError {
    shown: String,
    what: String,
    known: String,
}

impl TemplateError {
    /// What is wrong, without the text itself.
    pub fn what(&self) -> &str {
        &self.what
    }
}

impl TextTemplate {
    /// A text with placeholders of these names, without braces.
    ///
    /// # Errors
    /// A placeholder of another name, and a brace that is alone.
    pub fn parse(text: &str, known: &'static [&'static str]) -> Result<Self, TemplateError> {
        let odd = |what: String| TemplateError {
            shown: landfall_secret::escape(text, 120),
            what,
            known: placeholders(known),
        };
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
                let slot = known.iter().copied().find(|known| *known == name).ok_or_else(|| {
                    odd(format!("the unknown placeholder {{{}}}", landfall_secret::escape(name, 40)))
                })?;
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Slot(slot));
                rest = after;
            } else {
                return Err(odd("a brace that is alone, for which two are written".to_owned()));
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(plain));
        Ok(Self(parts))
    }

    /// A text that has no placeholders, whatever it holds.
    pub fn fixed(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// The text with every placeholder replaced by what `of` says of its name. What stands for one is not looked into again.
    pub fn apply<'a>(&'a self, of: impl Fn(&'static str) -> Cow<'a, str>) -> String {
        let part = |part: &'a Part| match part {
            Part::Text(text) => Cow::Borrowed(text.as_str()),
            Part::Slot(name) => of(name),
        };
        self.0.iter().map(part).collect()
    }
}

/// The names as they are written in a text: `{release} {region}`.
pub(crate) fn placeholders(known: &[&str]) -> String {
    known.iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::TextTemplate;

    const KNOWN: &[&str] = &["release", "branch"];

    fn applied(text: &str) -> Result<String, String> {
        let template = TextTemplate::parse(text, KNOWN).map_err(|error| error.to_string())?;
        Ok(template.apply(|name| if name == "release" { "v1.4.0".into() } else { "{release}".into() }))
    }

    #[test]
    fn placeholders_are_replaced_once() {
        assert_eq!(
            applied("Release {release}: {{x}} {branch}.").as_deref(),
            Ok("Release v1.4.0: {x} {release}.")
        );
        assert_eq!(applied("").as_deref(), Ok(""));
        assert_eq!(TextTemplate::fixed("{release}").apply(|_| "x".into()), "{release}");
    }

    #[test]
    fn what_is_no_placeholder_is_refused_by_name() {
        let refused = |text: &str| applied(text).expect_err("refused");
        assert_eq!(
            refused("{relase}"),
            "`{relase}` has the unknown placeholder {relase}; known are {release} {branch}"
        );
        assert!(refused("a } b").contains("`a } b` has a brace that is alone"));
        assert!(refused("{release").contains("has a brace that is alone"));
        assert!(refused("{}").contains("the unknown placeholder {}"));
    }

    proptest! {
        #[test]
        fn no_text_panics_and_doubled_braces_give_it_back(text in "\\PC{0,40}") {
            let _ = applied(&text);
            let doubled = text.replace('{', "{{").replace('}', "}}");
            prop_assert_eq!(applied(&doubled).expect("no placeholder"), text);
        }
    }
}
