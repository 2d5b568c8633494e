//! Values that look like secrets: where they stand and why, and never what they are.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use regex::Regex;

use crate::value::{Node, Place, ScalarKind, Value};

/// Something that looks like a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suspect {
    /// Where it stands.
    pub place: Place,
    /// JSON pointer, where it stands in a document.
    pub pointer: String,
    /// What it looks like.
    pub why: &'static str,
}

/// Most suspects of a file that are told.
const MOST: usize = 100;

/// Shapes of tokens, as their makers document them.
const SHAPES: [(&str, &str); 12] = [
    (r"(?-u:\b)(?:AKIA|ASIA)[A-Z0-9]{16}(?-u:\b)", "an access key id of AWS"),
    (r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----", "a private key"),
    (r"(?-u:\b)gh[pousr]_[A-Za-z0-9]{36}", "a token of GitHub"),
    (r"(?-u:\b)github_pat_[A-Za-z0-9_]{22}", "a token of GitHub"),
    (r"(?-u:\b)glpat-[A-Za-z0-9_-]{20}", "a token of GitLab"),
    (r"(?-u:\b)xox[abeprs]-[A-Za-z0-9-]{10}", "a token of Slack"),
    (r"(?-u:\b)eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8}", "a signed token (JWT)"),
    (r"(?-u:\b)AIza[A-Za-z0-9_-]{35}", "an API key of Google"),
    (r"(?-u:\b)[rs]k_live_[A-Za-z0-9]{16}", "a key of Stripe"),
    (r"(?-u:\b)npm_[A-Za-z0-9]{36}", "a token of npm"),
    (r"(?-u:\b)hvs\.[A-Za-z0-9_-]{20}", "a token of Vault"),
    (r"[a-z][a-z0-9+.-]*://[^/ :@$<{]+:[^/ :@$<{]+@", "an address with a password"),
];

static SHAPE_REGEXES: LazyLock<Vec<(Regex, &'static str)>> = LazyLock::new(|| {
    SHAPES.iter().filter_map(|(pattern, why)| Some((Regex::new(pattern).ok()?, *why))).collect()
});

/// Last words of keys whose values are secrets.
const KEYS: [&str; 14] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secretkey",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
    "credentials",
    "signingkey",
    "secretaccesskey",
];

/// What in a document looks like a secret: by its shape, or by its key.
pub fn suspects_of_document(root: &Node) -> Vec<Suspect> {
    let mut suspects = Vec::new();
    root.each_leaf(&mut |pointer, leaf, member| {
        let Value::Scalar(scalar) = &leaf.value else { return };
        if !matches!(scalar.kind, ScalarKind::Text | ScalarKind::Number) || suspects.len() >= MOST {
            return;
        }
        let by_key = || {
            let key = member.map(|member| member.key.text.as_str())?;
            is_secret_by_key(key, &scalar.text).then_some("the value of a key for secrets")
        };
        if let Some(why) = shape(&scalar.text).or_else(by_key) {
            suspects.push(Suspect { place: leaf.place.clone(), pointer: pointer.to_owned(), why });
        }
    });
    suspects
}

/// What in a file that is no document looks like a secret by its shape, line by line.
pub fn suspects_of_text(bytes: &[u8], file: &str) -> Vec<Suspect> {
    by_line(bytes, file, |_| true)
}

/// What in the comments of YAML and TOML looks like a secret by its shape: whatever stands behind a `#`, which may be a part of a value,
/// too.
pub(crate) fn suspects_of_comments(bytes: &[u8], file: &str) -> Vec<Suspect> {
    by_line(bytes, file, |before| before.contains('#'))
}

/// What looks like a secret, where `is_meant` says so of what stands before it in its line.
fn by_line(bytes: &[u8], file: &str, is_meant: impl Fn(&str) -> bool) -> Vec<Suspect> {
    // What is not text at all is not searched: in noise anything may be found.
    if bytes.iter().take(8000).any(|byte| *byte == 0) {
        return Vec::new();
    }
    let text = String::from_utf8_lossy(bytes);
    let file: Arc<str> = Arc::from(file);
    let lines = text.lines().enumerate().filter_map(|(index, line)| {
        let (at, why) = SHAPE_REGEXES
            .iter()
            .find_map(|(regex, why)| regex.find(line).map(|found| (found.start(), *why)))?;
        let before = line.get(..at).filter(|before| is_meant(before))?;
        let column = before.chars().count() + 1;
        let place = Place { file: Arc::clone(&file), line: index + 1, column };
        Some(Suspect { place, pointer: String::new(), why })
    });
    lines.take(MOST).collect()
}

fn shape(text: &str) -> Option<&'static str> {
    SHAPE_REGEXES.iter().find(|(regex, _)| regex.is_match(text)).map(|(_, why)| *why)
}

/// Whether a key ends in a word for secrets, and the value is none that only leads to one or says nothing.
fn is_secret_by_key(key: &str, value: &str) -> bool {
    let letters: String = key.chars().filter(char::is_ascii_alphanumeric).collect();
    let letters = letters.to_ascii_lowercase();
    if !KEYS.iter().any(|word| letters.ends_with(word)) {
        return false;
    }
    let leads_elsewhere = value.contains("${")
        || value.contains("{{")
        || value.contains("$(")
        || [
            "arn:",
            "vault:",
            "ssm:",
            "secretsmanager:",
            "env:",
            "ref+",
            "http://",
            "https://",
            "/",
            "<",
            "$",
            "%",
            "*",
        ]
        .iter()
        .any(|start| value.starts_with(start));
    let kinds: BTreeSet<u8> = value
        .bytes()
        .map(|byte| match byte {
            b'a'..=b'z' => 0,
            b'A'..=b'Z' => 1,
            b'0'..=b'9' => 2,
            _ => 3,
        })
        .collect();
    // Words are told from secrets by how their characters are mixed.
    !leads_elsewhere
        && value.len() >= 8
        && !value.contains(char::is_whitespace)
        && (kinds.contains(&2) || kinds.len() > 2 || entropy(value) >= 3.5)
}

/// Bits a character.
fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = text.len() as f64;
    let bits = |count: u32| {
        let part = f64::from(count) / all;
        -part * part.log2()
    };
    counts.into_iter().filter(|count| *count > 0).map(bits).sum()
}

#[cfg(test)]
mod tests {
    use super::{SHAPE_REGEXES, SHAPES, suspects_of_document, suspects_of_text};
    use crate::format::{Format, Purpose, read};
    use crate::limits::Limits;

    #[test]
    fn all_shapes_are_searched_for() {
        assert_eq!(SHAPE_REGEXES.len(), SHAPES.len());
    }

    /// Put together here, so that no scanner of this repo finds them.
    fn tokens() -> Vec<String> {
        let x = |count: usize| "x1".repeat(count);
        vec![
            format!("AKIA{}", "ABCD2345".repeat(2)),
            format!("-----BEGIN {} KEY-----", "RSA PRIVATE"),
            format!("ghp_{}", x(18)),
            format!("github_pat_{}", x(11)),
            format!("glpat-{}", x(10)),
            format!("xoxb-{}", x(5)),
            format!("eyJ{}.eyJ{}.{}", x(4), x(4), x(4)),
            format!("AIza{}y", x(17)),
            format!("sk_live_{}", x(8)),
            format!("npm_{}", x(18)),
            format!("hvs.{}", x(10)),
            "postgres://app:hunter2@db.example.com/x".to_owned(),
        ]
    }

    #[test]
    fn tokens_are_found_and_never_shown() {
        for token in tokens() {
            let json = format!("{{\"a\": [\"see {token}\"]}}");
            let root = read(json.as_bytes(), "x.json", Format::Json, Purpose::Check, Limits::default())
                .expect("valid");
            let found = suspects_of_document(&root.expect("a document"));
            assert_eq!(found.len(), 1, "{token}");
            assert!(!format!("{found:?}").contains(&token));
            assert_eq!(
                suspects_of_text(format!("first\né {token}\n").as_bytes(), "x")
                    .first()
                    .map(|s| (s.place.line, s.place.column)),
                Some((2, 3)),
                "{token}"
            );
        }
        assert!(suspects_of_text(b"\0AKIAABCDEFGHABCDEFGH", "x").is_empty());
    }

    #[test]
    fn keys_tell_secrets_from_words() {
        let text = "db_password: s3cr3t-value\nDB_PASSWORD: 12345678\napi-key: abcdEFGH!jkl\nclientSecret: zqwertyuiopasdfghjkl\n\
                    secretName: my-app-1234\ntokenUrl: https://x.example.com/1\npassword: ${DB_PASSWORD_1}\ntoken: arn:aws:secretsmanager:eu:1:x\n\
                    passwordPolicy: strong-1-and-long\nsecret: changeme\npwd: short1\ntoken_secret: {a: x1234567}\npassword: \"two words 1\"\n"
            .replace("password: \"two", "passphrase: \"two");
        let root =
            read(text.as_bytes(), "x.yaml", Format::Yaml, Purpose::Check, Limits::default()).expect("valid");
        let found = suspects_of_document(&root.expect("a document"));
        let found: Vec<String> =
            found.iter().map(|one| format!("{} {} {}", one.place, one.pointer, one.why)).collect();
        insta::assert_snapshot!(found.join("\n"), @r"
        x.yaml:1:14 /db_password the value of a key for secrets
        x.yaml:2:14 /DB_PASSWORD the value of a key for secrets
        x.yaml:3:10 /api-key the value of a key for secrets
        x.yaml:4:15 /clientSecret the value of a key for secrets
        ");
    }
}
