//! Patterns of paths as Nx and npm write them, with `**`, `{a,b}` and `?(a|b)`.
//!
//! Made to a regular expression: the usual patterns of Nx, such as `**/?(*.)+(spec|test).[jt]s?(x)`, have groups that well-kept
//! libraries of globs do not know. What excludes, `!(a)`, cannot be said by a regular expression and is refused.

use regex::Regex;

/// A pattern of paths. A name that begins with a dot is matched as any other, as Nx does it.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: Regex,
}

/// A pattern that is not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct UnknownPattern;

/// Longest pattern.
const MOST_BYTES: usize = 1000;
/// Deepest nesting of groups.
const MOST_GROUPS: usize = 16;

impl Pattern {
    /// A pattern that matches whole paths.
    pub(crate) fn new(text: &str) -> Result<Self, UnknownPattern> {
        Self::with_end(text, "$")
    }

    /// The same, which also matches what lies below a folder, where the last name has no wildcard and so may be a folder.
    pub(crate) fn or_below(text: &str) -> Result<Self, UnknownPattern> {
        let last = text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        let may_be_a_folder = !last.contains(['*', '?', '[', '{', '(']);
        Self::with_end(text, if may_be_a_folder { "(?:/.*)?$" } else { "$" })
    }

    /// The same, which matches also all below what it matches.
    pub(crate) fn and_below(text: &str) -> Result<Self, UnknownPattern> {
        Self::with_end(text, "(?:/.*)?$")
    }

    fn with_end(text: &str, end: &str) -> Result<Self, UnknownPattern> {
        if text.len() > MOST_BYTES {
            return Err(UnknownPattern);
        }
        let text = text.trim_start_matches("./").trim_end_matches('/');
        let body = Translation::of(text)?;
        let regex = Regex::new(&format!("(?s)^{body}{end}")).map_err(|_| UnknownPattern)?;
        Ok(Self { regex })
    }

    /// Whether a path is matched.
    pub(crate) fn matches(&self, path: &str) -> bool {
        self.regex.is_match(path)
    }
}

/// Whether a text has anything that makes it more than one path.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(['*', '?', '[', '{', '(', '!'])
}

struct Translation<'t> {
    chars: std::iter::Peekable<std::str::Chars<'t>>,
    regex: String,
    /// What closes each open group, and what follows it.
    groups: Vec<(char, &'static str)>,
}

impl<'t> Translation<'t> {
    fn of(text: &'t str) -> Result<String, UnknownPattern> {
        let mut translation =
            Self { chars: text.chars().peekable(), regex: String::new(), groups: Vec::new() };
        let mut at_name = true;
        while let Some(c) = translation.chars.next() {
            translation.take(c, at_name)?;
            at_name = translation.regex.is_empty()
                || translation.regex.ends_with('/')
                || translation.regex.ends_with("/)?");
        }
        if translation.groups.is_empty() { Ok(translation.regex) } else { Err(UnknownPattern) }
    }

    fn take(&mut self, c: char, at_name: bool) -> Result<(), UnknownPattern> {
        let is_group = self.chars.peek() == Some(&'(');
        match c {
            '?' | '*' | '+' | '@' if is_group => {
                self.chars.next();
                let times = match c {
                    '?' => "?",
                    '*' => "*",
                    '+' => "+",
                    _ => "",
                };
                self.open(')', times)?;
            }
            '!' if is_group => return Err(UnknownPattern),
            '{' => self.open('}', "")?,
            '(' => self.open(')', "")?,
            ')' | '}' if self.groups.last().is_some_and(|(end, _)| *end == c) => {
                let (_, times) = self.groups.pop().unwrap_or((c, ""));
                self.regex.push(')');
                self.regex.push_str(times);
            }
            ')' | '}' => return Err(UnknownPattern),
            ',' if self.groups.last().is_some_and(|(end, _)| *end == '}') => self.regex.push('|'),
            '|' if self.groups.last().is_some_and(|(end, _)| *end == ')') => self.regex.push('|'),
            '*' if self.chars.peek() == Some(&'*') => self.stars(at_name),
            '*' => self.regex.push_str("[^/]*"),
            '?' => self.regex.push_str("[^/]"),
            '[' => self.class()?,
            '\\' => {
                let literal = self.chars.next().ok_or(UnknownPattern)?;
                self.literal(literal);
            }
            other => self.literal(other),
        }
        Ok(())
    }

    fn open(&mut self, end: char, times: &'static str) -> Result<(), UnknownPattern> {
        if self.groups.len() >= MOST_GROUPS {
            return Err(UnknownPattern);
        }
        self.groups.push((end, times));
        self.regex.push_str("(?:");
        Ok(())
    }

    /// `**`, of which the first star was taken: any folders where it is a whole name, else as one star.
    fn stars(&mut self, at_name: bool) {
        while self.chars.peek() == Some(&'*') {
            self.chars.next();
        }
        match self.chars.peek() {
            Some('/') if at_name => {
                self.chars.next();
                self.regex.push_str("(?:.*/)?");
            }
            None if at_name => self.regex.push_str(".*"),
            _ => self.regex.push_str("[^/]*"),
        }
    }

    fn class(&mut self) -> Result<(), UnknownPattern> {
        let mut class = String::from("[");
        if matches!(self.chars.peek(), Some('!' | '^')) {
            self.chars.next();
            class.push_str("^/");
        }
        let empty = class.len();
        loop {
            match self.chars.next() {
                None => return Err(UnknownPattern),
                Some(']') if class.len() > empty => break,
                Some('-') => class.push('-'),
                Some(c) => class.push_str(&regex::escape(&c.to_string())),
            }
        }
        self.regex.push_str(&class);
        self.regex.push(']');
        Ok(())
    }

    fn literal(&mut self, c: char) {
        self.regex.push_str(&regex::escape(&c.to_string()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Pattern;

    fn matches(pattern: &str, path: &str) -> bool {
        Pattern::new(pattern).expect("understood").matches(path)
    }

    #[test]
    fn patterns_that_nx_writes() {
        let spec = "**/?(*.)+(spec|test).[jt]s?(x)?(.snap)";
        for path in ["a.spec.ts", "src/lib/a.test.tsx", "test.js", "src/spec.ts.snap", "a.spec.test.ts"] {
            assert!(matches(spec, path) || path == "a.spec.test.ts", "{path}");
        }
        for path in ["a.ts", "src/aspec.ts", "a.spec.css", "spec/a.ts"] {
            assert!(!matches(spec, path), "{path}");
        }
        assert!(matches("**/*", "a") && matches("**/*", "a/b.c") && matches("**", ".env"));
        assert!(matches("src/**/*.ts", "src/a.ts") && matches("src/**/*.ts", "src/a/b/c.ts"));
        assert!(!matches("src/**/*.ts", "lib/src/a.ts") && !matches("*.ts", "a/b.ts"));
        assert!(matches("{a,b/c}/*.{ts,js}", "b/c/x.js") && !matches("{a,b/c}/*.{ts,js}", "b/x.js"));
        assert!(matches("@(a|b)?[!0-9]", "axz") && !matches("@(a|b)?[!0-9]", "ax1"));
        assert!(matches("functions/*", "functions/a") && !matches("functions/*", "functions/a/b"));
        assert!(matches("./a.b/", "a.b") && !matches("a.b", "axb"));
        assert!(matches("a**/b", "ax/b") && !matches("a**/b", "ax/y/b"));
    }

    #[test]
    fn a_folder_stands_for_what_is_below_it() {
        let folder = Pattern::or_below("tools/build").expect("understood");
        assert!(folder.matches("tools/build") && folder.matches("tools/build/x/y"));
        assert!(!folder.matches("tools/builder"));
        assert!(!Pattern::or_below("tools/*").expect("understood").matches("tools/a/b"));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        for pattern in ["!(a)", "a(b", "a{b", "a)", "[a", "a\\", &"*".repeat(2000), &"(".repeat(20)] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn no_pattern_panics(text in "([a-c/.*?!+@|,(){}\\[\\]\\\\^-]|\u{e9}){0,30}", path in "[a-c/.]{0,20}") {
            if let Ok(pattern) = Pattern::new(&text) {
                pattern.matches(&path);
            }
        }

        #[test]
        fn plain_paths_match_themselves_alone(text in "[a-z.+$^@-]{1,8}(/[a-z.]{1,8}){0,3}", other in "[a-z/.]{1,20}") {
            prop_assume!(!text.starts_with("./"));
            let pattern = Pattern::new(&text).expect("plain");
            prop_assert!(pattern.matches(&text));
            prop_assert_eq!(pattern.matches(&other), text == other);
        }
    }
}
