//! What `.dockerignore` keeps out of a build context.
//!
//! Source: Docker documentation, "Build context", ".dockerignore files": patterns of Go's `filepath.Match` and `**`, one a line; the
//! last that matches a file or a folder above it decides; `!` takes back.

use crate::workspace::glob::Pattern;

/// The lines of a `.dockerignore`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ignored {
    lines: Vec<(bool, Pattern)>,
}

impl Ignored {
    /// Reads the file; `None` where a line is not understood, so that nothing is certain to be kept out.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut ignored = Self::default();
        for line in text.trim_start_matches('\u{feff}').lines() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (takes_back, pattern) = match line.strip_prefix('!') {
                Some(rest) => (true, rest.trim()),
                None => (false, line),
            };
            ignored.lines.push((takes_back, go_pattern(pattern)?));
        }
        Some(ignored)
    }

    /// Whether a path, relative to the context, is kept out.
    pub(crate) fn has(&self, path: &str) -> bool {
        let last = self.lines.iter().rev().find(|(_, pattern)| pattern.matches(path));
        last.is_some_and(|(takes_back, _)| !takes_back)
    }
}

/// A pattern as Go has it, which matches a path and all below it. Braces and parentheses mean nothing there.
pub(crate) fn go_pattern(text: &str) -> Option<Pattern> {
    let mut escaped = String::new();
    for c in text.trim_start_matches('/').chars() {
        if matches!(c, '{' | '}' | '(' | ')') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    Pattern::and_below(&escaped).ok()
}

#[cfg(test)]
mod tests {
    use super::Ignored;

    #[test]
    fn the_last_line_that_matches_decides() {
        let text = b"# tests\n**/*.md\n!README.md\n/dist\nnode_modules/\n*/temp*\na{b}\n";
        let ignored = Ignored::read(text).expect("understood");
        for path in ["docs/x.md", "dist/x/y", "node_modules/a", "src/temporary/x", "a{b}/c"] {
            assert!(ignored.has(path), "{path}");
        }
        for path in ["README.md", "src/dist/x", "src/a/temp", "ab", "src/node_modules/a"] {
            assert!(!ignored.has(path), "{path}");
        }
        let all_but = Ignored::read(b"*\n!src\n!package.json").expect("understood");
        assert!(all_but.has("x/y") && !all_but.has("src/a/b") && !all_but.has("package.json"));
        assert!(Ignored::read(b"[").is_none() && Ignored::read(b"\xff").is_none());
    }
}
