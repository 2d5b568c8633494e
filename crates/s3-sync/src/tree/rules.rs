//! What of a tree is published, what is left alone, and with which headers.

use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};

use super::headers::Headers;
use super::patterns::{PatternError, Patterns};

/// What is left out where nothing else is said: files and folders whose names begin with a dot.
pub const HIDDEN: &str = ".*";

/// What else is left out where the environment is not production: folders of production's own configuration.
pub const PRODUCTION: &str = "prod/";

/// Which names are published, which are protected, and the headers of each.
///
/// What is left out is neither uploaded nor deleted, on both sides.
#[derive(Clone, Debug)]
pub struct Rules {
    leave_out: Patterns,
    exclude: Patterns,
    include: Patterns,
    protect: Patterns,
    headers: Patterns,
    header_values: Vec<(String, String)>,
    last: Patterns,
    rounds: usize,
}

/// Rules as they are written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleTexts {
    /// Patterns of what is left out whatever `include` says.
    pub leave_out: Vec<String>,
    /// Patterns of what is left out.
    pub exclude: Vec<String>,
    /// Patterns of what is taken in again that `exclude` leaves out.
    pub include: Vec<String>,
    /// Patterns of what is never deleted: a plan that would is refused.
    pub protect: Vec<String>,
    /// Headers by pattern: `PATTERN=Name: value`. The last one that fits says it, header by header.
    pub headers: Vec<String>,
    /// Patterns of what is uploaded after all else, and only when all else is there: what leads to other files. Each is a round of its own, in
    /// this order; the last one that fits says it.
    pub last: Vec<String>,
}

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A pattern is none.
    #[error(transparent)]
    Pattern(#[from] PatternError),
    /// A header rule is none.
    #[error("`{shown}` is not a header by pattern: {why}")]
    Header {
        /// The rule, escaped.
        shown: String,
        /// Why.
        why: &'static str,
    },
}

/// Headers that an object may have besides `x-amz-meta-*`.
const KNOWN: [&str; 6] = [
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
];

/// Most bytes of all headers of an object (S3 User Guide, "Working with object metadata": 2 KB of user-defined metadata).
const MOST_HEADER_BYTES: usize = 2048;

impl Rules {
    /// Reads rules.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn new(texts: &RuleTexts) -> Result<Self, Vec<RuleError>> {
        let mut errors = Vec::new();
        let mut patterns = |texts: &[String]| {
            Patterns::new(texts.iter().map(String::as_str)).unwrap_or_else(|found| {
                errors.extend(found.into_iter().map(RuleError::from));
                Patterns::default()
            })
        };
        let (leave_out, exclude) = (patterns(&texts.leave_out), patterns(&texts.exclude));
        let (include, protect) = (patterns(&texts.include), patterns(&texts.protect));
        let last = patterns(&texts.last);
        let (mut of, mut header_values) = (Vec::new(), Vec::new());
        for text in &texts.headers {
            match header(text) {
                Ok((pattern, name, value)) => {
                    of.push(pattern.to_owned());
                    header_values.push((name, value));
                }
                Err(why) => {
                    errors.push(RuleError::Header { shown: landfall_secret::escape(text, 100), why });
                }
            }
        }
        let headers = match Patterns::new(of.iter().map(String::as_str)) {
            Ok(headers) => headers,
            Err(found) => {
                errors.extend(found.into_iter().map(RuleError::from));
                return Err(errors);
            }
        };
        if header_values.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>()
            > MOST_HEADER_BYTES
        {
            let why = "all header rules together are longer than 2048 bytes";
            errors.push(RuleError::Header { shown: "all of them".to_owned(), why });
        }
        if errors.is_empty() {
            let rounds = texts.last.len() + 1;
            Ok(Self { leave_out, exclude, include, protect, headers, header_values, last, rounds })
        } else {
            Err(errors)
        }
    }

    /// Whether a name is published and may be deleted; else it is left alone on both sides.
    pub fn takes(&self, name: &str) -> bool {
        !self.leave_out.fit(name) && (!self.exclude.fit(name) || self.include.fit(name))
    }

    /// Whether nothing below a folder is taken.
    pub(crate) fn leaves_out_folder(&self, name: &str) -> bool {
        self.leave_out.fit_folder(name) || (self.include.is_empty() && self.exclude.fit_folder(name))
    }

    /// Whether a name must not be deleted.
    pub fn protects(&self, name: &str) -> bool {
        self.protect.fit(name)
    }

    /// How many rounds of uploads there are.
    pub(crate) fn rounds(&self) -> usize {
        self.rounds
    }

    /// The round that a name is uploaded in, from 0.
    pub(crate) fn round(&self, name: &str) -> usize {
        if self.last.is_empty() {
            return 0;
        }
        self.last.fitting(name).last().map_or(0, |number| number + 1)
    }

    /// The headers of a name: its content type by its ending, and what the rules say.
    pub fn headers(&self, name: &str) -> Headers {
        let guessed = mime_guess::from_path(name).first_or_octet_stream();
        let mut headers = Headers::from([("content-type".to_owned(), guessed.to_string())]);
        for number in self.headers.fitting(name) {
            if let Some((name, value)) = self.header_values.get(number) {
                headers.insert(name.clone(), value.clone());
            }
        }
        headers
    }
}

fn header(text: &str) -> Result<(&str, String, String), &'static str> {
    let (pattern, header) = text.split_once('=').ok_or("expected PATTERN=Name: value")?;
    let (name, value) = header.split_once(':').ok_or("expected PATTERN=Name: value")?;
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    let is_own =
        name.strip_prefix("x-amz-meta-").is_some_and(|own| !own.is_empty() && own.bytes().all(is_token));
    if !is_own && !KNOWN.contains(&name.as_str()) {
        return Err(
            "known are Cache-Control, Content-Disposition, Content-Encoding, Content-Language, Content-Type, Expires and x-amz-meta-*",
        );
    }
    if value.is_empty() || !value.bytes().all(|b| (b' '..=b'~').contains(&b)) {
        return Err("the value must be printable ASCII");
    }
    if name == "expires" && DateTime::from_str(value, DateTimeFormat::HttpDate).is_err() {
        return Err("Expires is a date such as Thu, 01 Dec 2033 16:00:00 GMT");
    }
    Ok((pattern.trim(), name, value.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::{RuleTexts, Rules};

    fn texts(list: &[&str]) -> Vec<String> {
        list.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn include_takes_in_again_what_exclude_leaves_out() {
        let rules = Rules::new(&RuleTexts {
            exclude: texts(&[".*", "prod/"]),
            include: texts(&[".well-known"]),
            ..RuleTexts::default()
        })
        .expect("rules");
        for (name, taken) in [
            ("a.json", true),
            (".env", false),
            ("x/.git/a", false),
            (".well-known/x", true),
            ("x/prod/a", false),
            ("prod", true),
            ("production/a", true),
        ] {
            assert_eq!(rules.takes(name), taken, "{name}");
        }
        assert!(!rules.leaves_out_folder(".git"), "something below could be taken in again");
        let plain =
            Rules::new(&RuleTexts { exclude: texts(&[".*"]), ..RuleTexts::default() }).expect("rules");
        assert!(plain.leaves_out_folder("x/.git") && !plain.leaves_out_folder("x"));
    }

    #[test]
    fn what_is_always_left_out_is_not_taken_in_again() {
        let rules = Rules::new(&RuleTexts {
            leave_out: texts(&["prod/"]),
            exclude: texts(&["*"]),
            include: texts(&["*.json"]),
            ..RuleTexts::default()
        })
        .expect("rules");
        assert!(rules.takes("a/b.json") && !rules.takes("a/b.txt"));
        assert!(!rules.takes("prod/a.json") && !rules.takes("x/prod/y/a.json"));
        assert!(rules.leaves_out_folder("x/prod") && !rules.leaves_out_folder("x"));
    }

    #[test]
    fn headers_are_those_of_the_last_rule_that_fits() {
        let rules = Rules::new(&RuleTexts {
            headers: texts(&[
                "*=Cache-Control: no-cache",
                "static/=cache-control: public, max-age=31536000",
                "*.conf=Content-Type: text/plain; charset=utf-8",
                "*.conf=x-amz-meta-team: lobby",
            ]),
            ..RuleTexts::default()
        })
        .expect("rules");
        let told = |name: &str| format!("{:?}", rules.headers(name));
        insta::assert_snapshot!(told("a.json"), @r#"{"cache-control": "no-cache", "content-type": "application/json"}"#);
        insta::assert_snapshot!(told("static/a.js"), @r#"{"cache-control": "public, max-age=31536000", "content-type": "text/javascript"}"#);
        insta::assert_snapshot!(told("x/a.conf"), @r#"{"cache-control": "no-cache", "content-type": "text/plain; charset=utf-8", "x-amz-meta-team": "lobby"}"#);
        assert_eq!(rules.headers("LICENSE")["content-type"], "application/octet-stream");
    }

    #[test]
    fn what_leads_to_others_has_a_later_round() {
        let rules = |last: &[&str]| Rules::new(&RuleTexts { last: texts(last), ..RuleTexts::default() });
        let rules = rules(&["lists/", "/index.html"]).expect("rules");
        assert_eq!(rules.rounds(), 3);
        for (name, round) in [("a", 0), ("lists/a", 1), ("index.html", 2), ("x/index.html", 0)] {
            assert_eq!(rules.round(name), round, "{name}");
        }
        let usual = Rules::new(&RuleTexts::default()).expect("rules");
        assert_eq!((usual.rounds(), usual.round("index.html")), (1, 0));
    }

    #[test]
    fn all_that_is_wrong_with_rules_is_told_at_once() {
        let bad = RuleTexts {
            leave_out: Vec::new(),
            exclude: texts(&["["]),
            include: texts(&[""]),
            protect: texts(&["{a"]),
            headers: texts(&[
                "x",
                "a=b",
                "a=Host: b",
                "a=Expires: ",
                "a=Expires: \n",
                "a=x-amz-meta-: b",
                "[=Cache-Control: 0",
            ]),
            last: texts(&["["]),
        };
        assert_eq!(Rules::new(&bad).expect_err("bad").len(), 11);
        let long = RuleTexts {
            headers: vec![format!("a=Cache-Control: {}", "x".repeat(3000))],
            ..RuleTexts::default()
        };
        assert_eq!(Rules::new(&long).expect_err("long").len(), 1);
    }
}
