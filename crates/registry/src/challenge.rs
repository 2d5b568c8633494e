//! `WWW-Authenticate`: how a registry asks for a login (RFC 9110, 11.6.1).

use std::collections::BTreeMap;

/// The longest header that is looked at, in bytes.
const LONGEST: usize = 8 << 10;
/// The most challenges that are kept.
const MOST_CHALLENGES: usize = 8;
/// The most parameters of one challenge that are kept.
const MOST_PARAMETERS: usize = 16;

/// One way in which a server lets itself be convinced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// The scheme in lower case, such as `bearer`.
    pub scheme: String,
    /// The parameters by their names in lower case.
    pub parameters: BTreeMap<String, String>,
}

impl Challenge {
    /// A parameter, where it is there and not empty.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str).filter(|text| !text.is_empty())
    }
}

/// Reads the challenges of one header. What is not understood ends the reading; what was read before it is kept. A header
/// over 8 KiB holds none; at most 8 challenges of 16 parameters are kept, the first of each name.
pub fn parse_challenges(header: &str) -> Vec<Challenge> {
    let mut found: Vec<Challenge> = Vec::new();
    if header.len() > LONGEST {
        return found;
    }
    let mut rest = Cursor { text: header };
    loop {
        rest.skip(|c| c == ' ' || c == '\t' || c == ',');
        let Some(word) = rest.token() else { return found };
        let before = rest.text;
        rest.skip(|c| c == ' ' || c == '\t');
        // `name=` belongs to the challenge before it; a word without it begins a new one.
        if rest.text.starts_with('=')
            && let Some(current) = found.last_mut()
        {
            rest.text = rest.text.get(1..).unwrap_or_default();
            rest.skip(|c| c == ' ' || c == '\t');
            let Some(value) = rest.value() else { return found };
            if current.parameters.len() < MOST_PARAMETERS {
                current.parameters.entry(word.to_ascii_lowercase()).or_insert(value);
            }
            continue;
        }
        if found.len() == MOST_CHALLENGES {
            return found;
        }
        found.push(Challenge { scheme: word.to_ascii_lowercase(), parameters: BTreeMap::new() });
        rest.text = before;
        rest.skip_token68();
    }
}

struct Cursor<'a> {
    text: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip(&mut self, what: impl Fn(char) -> bool) {
        self.text = self.text.trim_start_matches(what);
    }

    fn token(&mut self) -> Option<&'a str> {
        let end = self.text.find(|c: char| !is_token(c)).unwrap_or(self.text.len());
        let (word, rest) = self.text.split_at(end);
        self.text = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A quoted text with its escapes, or a token.
    fn value(&mut self) -> Option<String> {
        let Some(quoted) = self.text.strip_prefix('"') else { return self.token().map(str::to_owned) };
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        while let Some((at, character)) = characters.next() {
            match character {
                '"' => {
                    self.text = quoted.get(at + 1..)?;
                    return Some(value);
                }
                '\\' => value.push(characters.next()?.1),
                other => value.push(other),
            }
        }
        None
    }

    /// Passes over the one text of schemes such as Negotiate, which none of ours has.
    fn skip_token68(&mut self) {
        let before = self.text;
        let trimmed = before.trim_start_matches([' ', '\t']);
        let end = trimmed.find([' ', '\t', ',']).unwrap_or(trimmed.len());
        let (word, rest) = trimmed.split_at(end);
        let bare = word.trim_end_matches('=');
        let is_parameter =
            bare.contains('=') || (bare != word && word.len() - bare.len() == 1 && !rest.is_empty());
        let alone = rest.trim_start_matches([' ', '\t']);
        let ends = alone.is_empty() || alone.starts_with(',');
        if before.len() != trimmed.len() && !word.is_empty() && !is_parameter && ends {
            self.text = rest;
        }
    }
}

/// `tchar` of RFC 9110, and `/` as it stands in token68.
fn is_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~/".contains(c)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse_challenges;

    fn shown(header: &str) -> Vec<String> {
        parse_challenges(header)
            .into_iter()
            .map(|challenge| {
                let parameters: Vec<_> =
                    challenge.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
                format!("{} {}", challenge.scheme, parameters.join(" "))
            })
            .collect()
    }

    #[test]
    fn what_registries_send_is_understood() {
        assert_eq!(
            shown(r#"Bearer realm="https://h/artifactory/api/docker/key/v2/token",service="artifactory""#),
            ["bearer realm=https://h/artifactory/api/docker/key/v2/token service=artifactory"]
        );
        assert_eq!(
            shown(r#"Basic realm="https://1.dkr.ecr.eu-west-2.amazonaws.com/",service="ecr.amazonaws.com""#),
            ["basic realm=https://1.dkr.ecr.eu-west-2.amazonaws.com/ service=ecr.amazonaws.com"]
        );
        assert_eq!(
            shown(
                r#"Bearer realm="r", scope="repository:a:pull,push" ,error=insufficient_scope, Basic realm="a \"b\"""#
            ),
            ["bearer error=insufficient_scope realm=r scope=repository:a:pull,push", r#"basic realm=a "b""#]
        );
        assert_eq!(shown("Negotiate abc==, Basic realm=x"), ["negotiate ", "basic realm=x"]);
        assert_eq!(shown("Negotiate"), ["negotiate "]);
        assert_eq!(shown(r#"Bearer realm="unclosed"#), ["bearer "]);
        assert_eq!(shown(""), [""; 0]);
        assert!(shown(&format!("Basic realm=\"{}\"", "x".repeat(9000))).is_empty());
    }

    proptest! {
        #[test]
        fn no_header_panics_or_grows(header in any::<String>()) {
            let found = parse_challenges(&header);
            prop_assert!(found.len() <= 8);
        }

        #[test]
        fn no_likely_header_panics(header in r#"(Bearer|Basic|[a-z]{1,3}|[ ,="\\]|realm|x){0,30}"#) {
            for challenge in parse_challenges(&header) {
                prop_assert!(challenge.parameters.len() <= 16);
            }
        }
    }
}
