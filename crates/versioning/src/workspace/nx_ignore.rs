//! `.nxignore`: what Nx does not look at, in the syntax of `.gitignore`.
//!
//! Source: Nx documentation, "Ignoring Files with .nxignore"; gitignore(5).

use super::glob::Pattern;

/// The lines of the file; the last that matches decides.
#[derive(Clone, Debug, Default)]
pub(crate) struct NxIgnore {
    lines: Vec<(bool, Pattern)>,
}

impl NxIgnore {
    /// Reads the file. A line that is not understood is left out and told: what it hides is then looked at.
    pub(crate) fn read(text: &str, doubts: &mut Vec<String>) -> Self {
        let mut ignored = Self::default();
        for line in text.lines().map(str::trim_end).filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let (takes_back, bare) = match line.strip_prefix('!') {
                Some(bare) => (true, bare),
                None => (false, line),
            };
            let name = bare.trim_end_matches('/');
            // Without a slash before its end a line means a name in any folder.
            let pattern = match name.strip_prefix('/') {
                Some(anchored) => anchored.to_owned(),
                None if name.contains('/') => name.to_owned(),
                None => format!("**/{name}"),
            };
            if let Ok(pattern) = Pattern::and_below(&pattern) {
                ignored.lines.push((takes_back, pattern));
            } else {
                let shown = landfall_secret::escape(line, 100);
                doubts.push(format!(
                    "the line {shown} of .nxignore is not understood: what it hides is looked at"
                ));
            }
        }
        ignored
    }

    pub(crate) fn has(&self, path: &str) -> bool {
        let last = self.lines.iter().rev().find(|(_, pattern)| pattern.matches(path));
        last.is_some_and(|(takes_back, _)| !takes_back)
    }
}

#[cfg(test)]
mod tests {
    use super::NxIgnore;

    #[test]
    fn lines_as_git_has_them() {
        let mut doubts = Vec::new();
        let text = "# old code\nattic/\n/templates\nlibs/*/files\n*.gen.ts\n!keep.gen.ts\n[x\n";
        let ignored = NxIgnore::read(text, &mut doubts);
        for path in
            ["attic/x", "libs/a/attic/x/y", "templates/project.json", "libs/a/files/x", "libs/a/x.gen.ts"]
        {
            assert!(ignored.has(path), "{path}");
        }
        for path in ["libs/templates/x", "libs/a/b/files/x", "libs/a/keep.gen.ts", "attics/x"] {
            assert!(!ignored.has(path), "{path}");
        }
        assert_eq!(doubts, ["the line [x of .nxignore is not understood: what it hides is looked at"]);
    }
}
