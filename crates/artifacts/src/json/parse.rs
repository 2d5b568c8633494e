//! The parser.

use std::collections::BTreeMap;

use super::node::{Kind, Member, Node};
use crate::file_error::{FileErrors, Problems};

/// What a reader of foreign JSON accepts at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the whole text. Default 8 MiB.
    pub max_bytes: usize,
    /// Nesting of lists and objects. Default 64, at most 128.
    pub max_depth: usize,
    /// Values of all kinds together. Default 500,000.
    pub max_values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_bytes: 8 * 1024 * 1024, max_depth: 64, max_values: 500_000 }
    }
}

impl Limits {
    /// The default limits with another size.
    pub fn bytes(max_bytes: usize) -> Self {
        Self { max_bytes, ..Self::default() }
    }
}

/// A text that was read, and what is wrong with it so far.
pub(crate) struct Parsed<'t> {
    pub(crate) root: Option<Node>,
    pub(crate) problems: Problems<'t>,
}

/// Reads one JSON value strictly and forgets where its parts stood.
///
/// `name` stands for the text in messages: a file name, or what answered.
///
/// # Errors
/// [`FileErrors`] where the text is no JSON, a key stands twice, or a limit is passed.
pub fn strict_value(bytes: &[u8], name: &str, limits: Limits) -> Result<serde_json::Value, FileErrors> {
    let parsed = parse(bytes, name, limits, false);
    parsed.problems.finish(parsed.root.map(Node::into_value))
}

/// Reads one JSON value. Where `conceal` is set, no message shows a value.
pub(crate) fn parse<'t>(bytes: &'t [u8], name: &str, limits: Limits, conceal: bool) -> Parsed<'t> {
    let mut problems = Problems::new(name, "", conceal);
    if bytes.len() > limits.max_bytes {
        problems.add_whole(format!("{} bytes", bytes.len()), format!("at most {} bytes", limits.max_bytes));
        return Parsed { root: None, problems };
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(cause) => {
            problems.add_whole(
                format!("a byte that is not UTF-8 at offset {}", cause.valid_up_to()),
                "UTF-8 text",
            );
            return Parsed { root: None, problems };
        }
    };
    let mut problems = Problems::new(name, text, conceal);
    if text.trim().is_empty() {
        problems.add_whole("nothing", "a JSON value");
        return Parsed { root: None, problems };
    }
    let mut parser =
        Parser { text, bytes: text.as_bytes(), at: 0, values: 0, limits, way: Vec::new(), problems };
    let root = match parser.document() {
        Ok(node) => Some(node),
        Err(Stop { at, expected }) => {
            let found = parser.found_at(at);
            let pointer = parser.pointer();
            parser.problems.add_at(at, pointer, found, expected);
            None
        }
    };
    Parsed { root, problems: parser.problems }
}

/// Where reading cannot go on, and what should have stood there.
struct Stop {
    at: usize,
    expected: String,
}

struct Parser<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    values: usize,
    limits: Limits,
    way: Vec<Step>,
    problems: Problems<'t>,
}

/// A step of the way to a value. Made to a text only where something is wrong: large files have many values and few faults.
#[derive(Clone, Copy)]
enum Step {
    /// The value of the key that stands there.
    Key(usize),
    Index(usize),
}

/// The keys of an object so far.
#[derive(Default)]
struct Seen {
    /// Where they stand, of the first `counted` members.
    places: BTreeMap<String, usize>,
    counted: usize,
}

impl Seen {
    /// Up to so many keys are looked through one by one: most objects have few, and a map of them takes longer than all else. Of
    /// more a map is made, so that an object of very many keys is no burden either.
    const FEW: usize = 24;

    /// Where a key stands already.
    fn place(&mut self, key: &str, members: &[Member]) -> Option<usize> {
        if members.len() <= Self::FEW {
            return members.iter().find(|member| member.key == key).map(|member| member.at);
        }
        for member in members.get(self.counted..).unwrap_or_default() {
            self.places.insert(member.key.clone(), member.at);
        }
        self.counted = members.len();
        self.places.get(key).copied()
    }
}

impl Parser<'_> {
    fn document(&mut self) -> Result<Node, Stop> {
        if self.text.starts_with('\u{feff}') {
            return self.stop("no byte-order mark");
        }
        self.space();
        let root = self.value(0)?;
        self.space();
        if self.at < self.bytes.len() {
            return self.stop("the end of the file");
        }
        Ok(root)
    }

    fn stop<T>(&self, expected: impl Into<String>) -> Result<T, Stop> {
        Err(Stop { at: self.at, expected: expected.into() })
    }

    /// The JSON pointer of where the parser is, safe to print; empty where nobody will see it.
    fn pointer(&mut self) -> String {
        if self.problems.is_full() {
            return String::new();
        }
        let here = self.at;
        let mut pointer = String::new();
        for step in self.way.clone() {
            pointer.push('/');
            match step {
                Step::Index(index) => pointer.push_str(&index.to_string()),
                Step::Key(at) => {
                    self.at = at;
                    // It was read before.
                    let key = self.string().unwrap_or_default();
                    pointer.push_str(&escape_step(&key));
                }
            }
        }
        self.at = here;
        pointer
    }

    fn found_at(&self, at: usize) -> String {
        match self.text.get(at..).and_then(|rest| rest.chars().next()) {
            Some(character) => format!("`{}`", landfall_secret::escape(&character.to_string(), 1)),
            None => "the end of the file".to_owned(),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, wanted: u8) -> bool {
        let found = self.peek() == Some(wanted);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Result<Node, Stop> {
        self.values += 1;
        if self.values > self.limits.max_values {
            return self.stop(format!("at most {} values", self.limits.max_values));
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Kind::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        };
        Ok(Node { start, end: self.at, kind })
    }

    fn word(&mut self) -> Result<Kind, Stop> {
        for (word, kind) in [("null", Kind::Null), ("true", Kind::Bool(true)), ("false", Kind::Bool(false))] {
            if self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
                self.at += word.len();
                return Ok(kind);
            }
        }
        self.stop("a JSON value")
    }

    fn deeper(&self, depth: usize) -> Result<usize, Stop> {
        if depth >= self.limits.max_depth.min(128) {
            return self.stop(format!("at most {} levels of nesting", self.limits.max_depth));
        }
        Ok(depth + 1)
    }

    fn array(&mut self, depth: usize) -> Result<Kind, Stop> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut values = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Kind::Array(values));
        }
        loop {
            self.way.push(Step::Index(values.len()));
            self.space();
            values.push(self.value(depth)?);
            self.way.pop();
            self.space();
            if self.take(b']') {
                return Ok(Kind::Array(values));
            }
            if !self.take(b',') {
                return self.stop("`,` or `]`");
            }
        }
    }

    fn object(&mut self, depth: usize) -> Result<Kind, Stop> {
        let depth = self.deeper(depth)?;
        self.at += 1;
        let mut members: Vec<Member> = Vec::new();
        let mut seen = Seen::default();
        self.space();
        if self.take(b'}') {
            return Ok(Kind::Object(members));
        }
        loop {
            self.space();
            let at = self.at;
            if self.peek() != Some(b'"') {
                return self.stop("a key in quotes");
            }
            let key = self.string()?;
            self.way.push(Step::Key(at));
            self.space();
            if !self.take(b':') {
                return self.stop("`:`");
            }
            self.space();
            let value = self.value(depth)?;
            if let Some(first) = seen.place(&key, &members) {
                let pointer = self.pointer();
                self.problems.add_duplicate(at, first, pointer);
                self.way.pop();
            } else {
                self.way.pop();
                members.push(Member { at, key, value });
            }
            self.space();
            if self.take(b'}') {
                return Ok(Kind::Object(members));
            }
            if !self.take(b',') {
                return self.stop("`,` or `}`");
            }
        }
    }

    fn number(&mut self) -> Result<Kind, Stop> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') && self.digits() == 0 {
            return self.stop("a digit");
        }
        if self.take(b'.') && self.digits() == 0 {
            return self.stop("a digit");
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            if self.digits() == 0 {
                return self.stop("a digit");
            }
        }
        if self.at - start > 64 {
            self.at = start;
            return self.stop("a number of at most 64 characters");
        }
        Ok(Kind::Number(self.text.get(start..self.at).unwrap_or_default().to_owned()))
    }

    fn digits(&mut self) -> usize {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        self.at - start
    }

    fn string(&mut self) -> Result<String, Stop> {
        self.at += 1;
        let mut text = String::new();
        loop {
            let run = self.at;
            while self.peek().is_some_and(|b| b != b'"' && b != b'\\' && b >= 0x20) {
                self.at += 1;
            }
            text.push_str(self.text.get(run..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    self.at += 1;
                    text.push(self.escaped()?);
                }
                Some(_) => return self.stop("no bare control character in a text"),
                None => return self.stop("the closing quote of a text"),
            }
        }
    }

    fn escaped(&mut self) -> Result<char, Stop> {
        let character = match self.peek() {
            Some(plain @ (b'"' | b'\\' | b'/')) => char::from(plain),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.at += 1;
                return self.unicode();
            }
            _ => return self.stop("an escape of RFC 8259"),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode(&mut self) -> Result<char, Stop> {
        let first = self.four_hex()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !(self.take(b'\\') && self.take(b'u')) {
                    return self.stop("the second half of a surrogate pair");
                }
                let second = self.four_hex()?;
                if !(0xdc00..=0xdfff).contains(&second) {
                    return self.stop("the second half of a surrogate pair");
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            code => code,
        };
        match char::from_u32(code) {
            Some(character) => Ok(character),
            None => self.stop("a surrogate pair, not half of one"),
        }
    }

    fn four_hex(&mut self) -> Result<u32, Stop> {
        let mut code = 0;
        for _ in 0..4 {
            let Some(digit) = self.peek().and_then(|b| char::from(b).to_digit(16)) else {
                return self.stop("four hex digits");
            };
            code = code * 16 + digit;
            self.at += 1;
        }
        Ok(code)
    }
}

/// A key as a step of a JSON pointer (RFC 6901), safe to print.
pub(crate) fn escape_step(key: &str) -> String {
    landfall_secret::escape(&key.replace('~', "~0").replace('/', "~1"), 120)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Limits, strict_value};

    fn refusal(text: &str) -> String {
        match strict_value(text.as_bytes(), "x.json", Limits::default()) {
            Ok(value) => panic!("accepted {value}"),
            Err(errors) => errors.to_string(),
        }
    }

    #[test]
    fn duplicate_keys_are_named_with_both_places() {
        insta::assert_snapshot!(refusal("{\n  \"a\": {\"b\": 1,\n    \"b\": 2},\n  \"c\": 1, \"c\": 2\n}"), @r"
        2 problems in x.json
          /a/b at 3:5: found the same key a second time, expected one such key; the first stands at 2:9
          /c at 4:11: found the same key a second time, expected one such key; the first stands at 4:3
        ");
    }

    #[test]
    fn a_key_is_found_again_however_many_stand_between() {
        for keys in [1, 24, 25, 26, 60] {
            let all = (0..keys).map(|key| format!("\"k{key}\":{key}")).collect::<Vec<_>>().join(",");
            assert!(strict_value(format!("{{{all}}}").as_bytes(), "x", Limits::default()).is_ok(), "{keys}");
            for again in 0..keys {
                let told = refusal(&format!("{{{all},\"k{again}\":0}}"));
                assert!(told.contains(&format!("/k{again} at")), "{again} of {keys}: {told}");
                assert!(told.contains("the same key a second time"), "{again} of {keys}: {told}");
            }
        }
    }

    #[test]
    fn what_is_not_json_is_refused_at_its_place() {
        let cases = [
            "\u{feff}{}",
            "{} {}",
            "{\"a\":1,}",
            "[1 2]",
            "{a:1}",
            "[01]",
            "[1.]",
            "[-]",
            "[1e]",
            "[nul]",
            "[\"a",
            "[\"\\x\"]",
            "[\"\\ud800\"]",
            "[\"\\ud800\\u0041\"]",
            "[\"\u{1}\"]",
            "{\"a\" 1}",
            "[",
            "   ",
            "[NaN]",
            "{\"a\":{\"b\":[1,}]}}",
        ];
        let shown: Vec<String> = cases.iter().map(|case| refusal(case)).collect();
        insta::assert_snapshot!(shown.join("\n"), @r#"
        x.json: at 1:1: found `\u{feff}`, expected no byte-order mark
        x.json: at 1:4: found `{`, expected the end of the file
        x.json: at 1:8: found `}`, expected a key in quotes
        x.json: at 1:4: found `2`, expected `,` or `]`
        x.json: at 1:2: found `a`, expected a key in quotes
        x.json: at 1:3: found `1`, expected `,` or `]`
        x.json: /0 at 1:4: found `]`, expected a digit
        x.json: /0 at 1:3: found `]`, expected a digit
        x.json: /0 at 1:4: found `]`, expected a digit
        x.json: /0 at 1:2: found `n`, expected a JSON value
        x.json: /0 at 1:4: found the end of the file, expected the closing quote of a text
        x.json: /0 at 1:4: found `x`, expected an escape of RFC 8259
        x.json: /0 at 1:9: found `"`, expected the second half of a surrogate pair
        x.json: /0 at 1:15: found `"`, expected the second half of a surrogate pair
        x.json: /0 at 1:3: found `\u{1}`, expected no bare control character in a text
        x.json: /a at 1:6: found `1`, expected `:`
        x.json: /0 at 1:2: found the end of the file, expected a JSON value
        x.json: found nothing, expected a JSON value
        x.json: /0 at 1:2: found `N`, expected a JSON value
        x.json: /a/b/1 at 1:14: found `}`, expected a JSON value
        "#);
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let nested = |n: usize| "[".repeat(n) + &"]".repeat(n);
        assert!(strict_value(nested(64).as_bytes(), "x", Limits::default()).is_ok());
        insta::assert_snapshot!(refusal(&nested(65)), @r"x.json: /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0 at 1:65: found `[`, expected at most 64 levels of nesting");
        insta::assert_snapshot!(refusal(&nested(1_000_000)), @r"x.json: /0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0/0 at 1:65: found `[`, expected at most 64 levels of nesting");
        let small = Limits { max_bytes: 10, max_depth: 64, max_values: 4 };
        assert!(strict_value(b"[1,2,3]   ", "x", small).is_ok());
        assert!(strict_value(b"[1,2,3]    ", "x", small).is_err());
        assert!(strict_value(b"[1,2,3,4]", "x", small).is_err());
        assert!(strict_value(&[b'"', 0xff, b'"'], "x", Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = strict_value(&bytes, "x", Limits::default());
        }

        /// Text made of JSON's own pieces: what we accept, serde_json accepts with the same meaning.
        #[test]
        fn agrees_with_serde_json(pieces in proptest::collection::vec(
            prop::sample::select(vec!["{", "}", "[", "]", ",", ":", "\"a\"", "\"b\\u00e9\\n\"", "\"\\ud83d\\ude00\"", "1", "-0.5e3", "true", "null", " "]), 0..14)
        ) {
            let text = pieces.concat();
            let theirs = serde_json::from_str::<serde_json::Value>(&text);
            // It refuses numbers that no float holds, which are kept as they are written here.
            let is_too_large = theirs.as_ref().is_err_and(|error| error.to_string().contains("out of range"));
            prop_assume!(!is_too_large);
            let theirs = theirs.ok();
            match strict_value(text.as_bytes(), "x", Limits::default()) {
                Ok(ours) => prop_assert_eq!(Some(ours), theirs),
                Err(errors) => prop_assert!(theirs.is_none() || errors.to_string().contains("second time")),
            }
        }
    }
}
