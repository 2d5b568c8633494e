//! Files that are copied without being looked into.

use regex::Regex;

/// Patterns of paths whose files are copied without being looked into: `*` stands for anything but `/`, `**` for anything, `?`
/// for one character but `/`.
#[derive(Clone, Debug, Default)]
pub struct Unread(Vec<Regex>);

/// A pattern that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the pattern of paths is empty or longer than 1,000 characters")]
pub struct UnreadError;

impl Unread {
    /// Takes patterns.
    ///
    /// # Errors
    /// [`UnreadError`] for a pattern without characters or with too many.
    pub fn new<'p>(patterns: impl IntoIterator<Item = &'p str>) -> Result<Self, UnreadError> {
        patterns.into_iter().map(regex).collect::<Result<_, _>>().map(Self)
    }

    /// Whether a path is one of them.
    pub fn has(&self, path: &str) -> bool {
        self.0.iter().any(|pattern| pattern.is_match(path))
    }
}

fn regex(pattern: &str) -> Result<Regex, UnreadError> {
    if pattern.is_empty() || pattern.len() > 1000 {
        return Err(UnreadError);
    }
    let mut text = String::from("^");
    let mut rest = pattern;
    while let Some(character) = rest.chars().next() {
        let (taken, written) = match character {
            '*' if rest.starts_with("**/") => (3, "(?:.*/)?".to_owned()),
            '*' if rest.starts_with("**") => (2, ".*".to_owned()),
            '*' => (1, "[^/]*".to_owned()),
            '?' => (1, "[^/]".to_owned()),
            plain => (plain.len_utf8(), regex::escape(&plain.to_string())),
        };
        text.push_str(&written);
        rest = rest.get(taken..).unwrap_or_default();
    }
    text.push('$');
    Regex::new(&text).map_err(|_| UnreadError)
}

#[cfg(test)]
mod tests {
    use super::Unread;

    #[test]
    fn stars_stand_for_parts_of_paths() {
        let unread = Unread::new(["templates/**", "*.cfn.yaml", "**/raw.json", "a?.json"]).expect("patterns");
        for path in ["templates/a/b.yaml", "x.cfn.yaml", "raw.json", "d/e/raw.json", "ab.json"] {
            assert!(unread.has(path), "{path}");
        }
        for path in ["d/x.cfn.yaml", "templates", "xraw.json", "a/.json", "abc.json", "xXcfnXyaml"] {
            assert!(!unread.has(path), "{path}");
        }
        assert!(Unread::new([""]).is_err());
    }
}
