//! Patterns of names in a tree.

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};

/// Patterns, several of which may fit one name.
///
/// `*` and `?` stand for letters between slashes, `**` for any folders, `[a-z]` and `{a,b}` for choices. A pattern with a slash begins at
/// the tree's root, one without fits a file or folder at any depth; a slash at its end means a folder alone. A folder that fits
/// stands for all below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Patterns {
    set: GlobSet,
    /// Of each glob of the set the pattern that it was made from.
    origin: Vec<usize>,
    /// What a folder must be called for a pattern to stand for all below it.
    folders: GlobSet,
}

/// A text that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{shown}` is not a pattern: {why}")]
pub struct PatternError {
    shown: String,
    why: String,
}

impl Patterns {
    /// Patterns in their order.
    ///
    /// # Errors
    /// Every one that is none.
    pub(crate) fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, Vec<PatternError>> {
        let (mut builder, mut origin, mut errors) = (GlobSetBuilder::new(), Vec::new(), Vec::new());
        let mut folders = GlobSetBuilder::new();
        for (number, pattern) in patterns.into_iter().enumerate() {
            match globs(pattern) {
                Ok(Globs { file, folder, below }) => {
                    folders.add(folder);
                    for glob in file.into_iter().chain([below]) {
                        builder.add(glob);
                        origin.push(number);
                    }
                }
                Err(error) => errors.push(error),
            }
        }
        match builder.build().and_then(|set| Ok((set, folders.build()?))) {
            Ok((set, folders)) if errors.is_empty() => Ok(Self { set, origin, folders }),
            Ok(_) => Err(errors),
            Err(error) => {
                errors.push(PatternError { shown: "all patterns".to_owned(), why: error.to_string() });
                Err(errors)
            }
        }
    }

    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.set.is_empty()
    }

    /// Whether one fits a file's name.
    pub(crate) fn fit(&self, name: &str) -> bool {
        self.set.is_match(name)
    }

    /// The patterns that fit a file's name, by their numbers from 0, each once, in order.
    pub(crate) fn fitting(&self, name: &str) -> Vec<usize> {
        let mut numbers: Vec<usize> =
            self.set.matches(name).into_iter().filter_map(|glob| self.origin.get(glob).copied()).collect();
        numbers.dedup();
        numbers
    }

    /// Whether one fits a folder, and so all below it.
    pub(crate) fn fit_folder(&self, name: &str) -> bool {
        self.folders.is_match(name)
    }
}

/// What one pattern is made of.
struct Globs {
    /// Fits a file; `None` where the pattern means folders alone.
    file: Option<Glob>,
    /// Fits a folder.
    folder: Glob,
    /// Fits all below such a folder.
    below: Glob,
}

fn globs(pattern: &str) -> Result<Globs, PatternError> {
    let refused =
        |why: &str| PatternError { shown: landfall_secret::escape(pattern, 100), why: why.to_owned() };
    let is_folder = pattern.ends_with('/');
    let bare = pattern.trim_end_matches('/');
    let anchored = bare.strip_prefix('/').unwrap_or(bare);
    if anchored.is_empty() {
        return Err(refused("it is empty"));
    }
    if anchored.starts_with('!') {
        return Err(refused("what is to be taken in again is said by --include"));
    }
    let base = if bare.contains('/') { anchored.to_owned() } else { format!("**/{anchored}") };
    let glob = |text: &str| {
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
        glob.map_err(|error| refused(&error.kind().to_string()))
    };
    let (folder, below) = (glob(&base)?, glob(&format!("{base}/**"))?);
    let file = (!is_folder).then(|| folder.clone());
    Ok(Globs { file, folder, below })
}

#[cfg(test)]
mod tests {
    use super::Patterns;

    fn fit(pattern: &str, name: &str) -> bool {
        Patterns::new([pattern]).expect("a pattern").fit(name)
    }

    #[test]
    fn patterns_fit_names_and_all_below_folders() {
        for (pattern, name) in [
            ("*.json", "a.json"),
            ("*.json", "x/y/a.json"),
            (".*", ".git/config"),
            (".*", "x/.env"),
            ("prod", "prod/a"),
            ("prod/", "x/prod/a"),
            ("/prod", "prod/a/b"),
            ("/prod", "prod"),
            ("x/*.json", "x/a.json"),
            ("x/**", "x/y/z"),
            ("x/**/z", "x/z"),
            ("{a,b}.toml", "q/b.toml"),
            ("[ab].toml", "a.toml"),
            ("a\\*b", "a*b"),
            ("*", "anything/at/all"),
            ("é*", "é x"),
        ] {
            assert!(fit(pattern, name), "{pattern} fits {name}");
        }
        for (pattern, name) in [
            ("*.json", "a.json5"),
            ("prod/", "prod"),
            ("prod", "production/a"),
            ("prod", "a/prod.json"),
            ("/prod", "x/prod"),
            ("x/*.json", "x/y/a.json"),
            ("x/*.json", "y/x/a.json"),
            ("a\\*b", "aXb"),
            (".*", "a.b/c.d"),
        ] {
            assert!(!fit(pattern, name), "{pattern} does not fit {name}");
        }
        let patterns = Patterns::new(["*.json", "a*"]).expect("patterns");
        assert_eq!(patterns.fitting("a.json"), [0, 1]);
        assert!(Patterns::new([".*"]).expect("patterns").fit_folder("x/.git"));
        assert!(!Patterns::new(["*.json"]).expect("patterns").fit_folder("x"));
    }

    #[test]
    fn a_folder_is_left_out_only_where_all_below_it_is() {
        for pattern in ["?", "[!x]", "x/?", "x/[!a]*", "x/*", "x/**", "{x,y}/", "*", "x", "/x", "**/x/?"] {
            let patterns = Patterns::new([pattern]).expect("a pattern");
            for folder in ["x", "y", "x/y", "x/abc", "long", "y/x"] {
                for below in ["a", "abc", ".b", "a/b", "é"] {
                    let name = format!("{folder}/{below}");
                    assert!(!patterns.fit_folder(folder) || patterns.fit(&name), "{pattern} {folder} {name}");
                }
            }
        }
        let one_letter = Patterns::new(["x/?"]).expect("a pattern");
        assert!(!one_letter.fit_folder("x") && one_letter.fit_folder("x/y"));
    }

    #[test]
    fn what_is_no_pattern_is_refused_all_at_once() {
        let errors = Patterns::new(["[", "a", "", "/", "!x", "{a"]).expect_err("bad");
        assert_eq!(errors.len(), 5, "{errors:?}");
    }
}
