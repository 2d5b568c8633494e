//! What a commit's message says: the changes it names, and the commits it takes back.
//!
//! Conventional Commits 1.0.0 is read by the crate `git-conventional`. Beside it stand the habits of forges: a squashed merge
//! request lists the subjects of its commits in its body, each on a line of its own, and `git revert` writes its own subject.

use git_conventional::Commit;

/// The longest part of a message that is looked at, in bytes; a change that is named later is not seen.
const LONGEST: usize = 256 * 1024;
/// The most changes that one message is taken to name.
const MOST_CHANGES: usize = 1000;

/// Types that a line in a body must have to be taken for a change: prose has colons too.
const KNOWN_TYPES: [&str; 12] =
    ["build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test", "deps"];

/// One change that a message names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its type in lower case, such as `feat`; empty where a message without type announces a breaking change.
    pub kind: String,
    /// Its scope, without brackets.
    pub scope: Option<String>,
    /// What was done, on one line.
    pub description: String,
    /// Whether it breaks what others rely on: by `!`, or by a line `BREAKING CHANGE:`.
    pub is_breaking: bool,
}

/// A message as it is counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    /// Its first line, trimmed.
    pub subject: String,
    /// The changes it names, the subject's first. Empty where it parses as nothing.
    pub changes: Vec<Change>,
    /// Commits that it takes back, as it names them: 7 to 64 hex digits.
    pub reverts: Vec<String>,
}

impl Message {
    /// Reads a message. Every text is one; what parses as nothing has no changes.
    pub fn parse(text: &str) -> Self {
        Self::parse_knowing(text, |_| false)
    }

    /// The same, where lines of a body may have further types, in lower case.
    pub fn parse_knowing(text: &str, is_type: impl Fn(&str) -> bool) -> Self {
        let text = bounded(text);
        let mut lines = text.lines();
        let subject = lines.find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
        let body: Vec<&str> = lines.collect();
        let mut changes: Vec<Change> = subject_change(&subject).into_iter().collect();
        changes.extend(body.iter().filter_map(|line| listed_change(line, &is_type)).take(MOST_CHANGES));
        if body.iter().any(|line| announces_break(line)) {
            match changes.first_mut() {
                Some(first) => first.is_breaking = true,
                None => changes.push(Change {
                    kind: String::new(),
                    scope: None,
                    description: subject.clone(),
                    is_breaking: true,
                }),
            }
        }
        let reverts = body.iter().filter_map(|line| reverted(line)).take(MOST_CHANGES).collect();
        Self { subject, changes, reverts }
    }
}

/// The beginning of a text, cut between two characters.
fn bounded(text: &str) -> &str {
    let end = (0..=LONGEST.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    text.get(..end).unwrap_or_default()
}

/// The change that a subject names.
fn subject_change(subject: &str) -> Option<Change> {
    // What `git commit --fixup` puts before a subject is no part of it.
    let bare = ["fixup! ", "squash! ", "amend! "].iter().find_map(|mark| subject.strip_prefix(mark));
    let bare = bare.unwrap_or(subject);
    // From 2.43 on, git writes the second for a revert of a revert.
    let quoted = bare.strip_prefix("Revert \"").or_else(|| bare.strip_prefix("Reapply \""));
    if let Some(quoted) = quoted {
        let description = quoted.strip_suffix('"').unwrap_or(quoted).to_owned();
        return Some(Change { kind: "revert".to_owned(), scope: None, description, is_breaking: false });
    }
    conventional(bare)
}

/// The change that a line of a body names: a squashed commit's subject, with or without a bullet.
fn listed_change(line: &str, is_type: &impl Fn(&str) -> bool) -> Option<Change> {
    let line = line.trim_end();
    let bare = ["* ", "- "].iter().find_map(|bullet| line.strip_prefix(bullet)).unwrap_or(line);
    conventional(bare).filter(|change| KNOWN_TYPES.contains(&change.kind.as_str()) || is_type(&change.kind))
}

fn conventional(line: &str) -> Option<Change> {
    let commit = Commit::parse(line).ok()?;
    Some(Change {
        kind: commit.type_().as_str().to_ascii_lowercase(),
        scope: commit.scope().map(|scope| scope.as_str().to_owned()),
        description: commit.description().trim().to_owned(),
        is_breaking: commit.breaking(),
    })
}

/// Whether a line announces a breaking change, as a footer does; the body of a squashed commit may be indented, and what breaks may
/// stand on the next line.
fn announces_break(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t', '*', '-']);
    if ["BREAKING CHANGE:", "BREAKING-CHANGE:"].contains(&line.trim_end()) {
        return true;
    }
    ["BREAKING CHANGE: ", "BREAKING-CHANGE: ", "BREAKING CHANGE #", "BREAKING-CHANGE #"]
        .iter()
        .any(|mark| line.starts_with(mark))
}

/// The commit that a line of `git revert` names: `This reverts commit <id>.`, or `This reverts commit <id>, reversing`.
fn reverted(line: &str) -> Option<String> {
    let rest = line.trim().strip_prefix("This reverts commit ")?;
    let id: String = rest.chars().take_while(char::is_ascii_hexdigit).take(64).collect();
    (id.len() >= 7).then(|| id.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Change, Message};

    fn shown(text: &str) -> String {
        let told = |change: &Change| {
            let scope = change.scope.as_ref().map(|scope| format!("({scope})")).unwrap_or_default();
            format!(
                "{}{scope}{} {}",
                change.kind,
                if change.is_breaking { "!" } else { "" },
                change.description
            )
        };
        Message::parse(text).changes.iter().map(told).collect::<Vec<_>>().join(" | ")
    }

    #[test]
    fn conventional_subjects() {
        for (text, expected) in [
            ("feat: a", "feat a"),
            ("feat(orders): a\n\nbody", "feat(orders) a"),
            ("Fix(a/b c)!: x (#12)", "fix(a/b c)! x (#12)"),
            ("feat: a\nno blank line", "feat a"),
            ("\n\n  fix: late  \n", "fix late"),
            ("fix: a\n\nBREAKING CHANGE: b", "fix! a"),
            ("fix: a\n\nRefs: #1\nBREAKING-CHANGE: b", "fix! a"),
            ("fix: a\n\nBREAKING CHANGE:\nb", "fix! a"),
            ("fix: a\n\nBREAKING-CHANGE:  \r\n\r\n- b", "fix! a"),
            ("fix: a\n\nBREAKING CHANGES: none", "fix a"),
            ("fixup! feat: a", "feat a"),
            ("Change all\n\nBREAKING CHANGE: b", "! Change all"),
            ("anything: goes", "anything goes"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
    }

    #[test]
    fn what_parses_as_nothing() {
        for text in [
            "",
            "\n",
            "wip",
            "Merge branch 'x'",
            "feat:",
            "feat : a",
            "feat",
            ": a",
            "(a): b",
            "two words: x",
        ] {
            assert_eq!(shown(text), "", "{text}");
        }
    }

    #[test]
    fn squashed_messages_name_several_changes() {
        let github = "Orders (#7)\n\n* feat(api): one\n\n* fix: two\n\n  BREAKING CHANGE: three\n\nCo-authored-by: A <a@b>";
        assert_eq!(shown(github), "feat(api)! one | fix two");
        let gitlab = "feat: all\n\nfix: one\nnote: this is prose\n- docs: two\n\nSee merge request a!1";
        assert_eq!(shown(gitlab), "feat all | fix one | docs two");
    }

    #[test]
    fn reverts_name_their_commits() {
        let message = Message::parse("Revert \"feat: a\"\n\nThis reverts commit 0123456789ABCDEF.\n");
        assert_eq!(message.reverts, ["0123456789abcdef"]);
        assert_eq!(message.changes.len(), 1);
        assert_eq!(shown("Revert \"feat: a\"\n\nThis reverts commit 0123456."), "revert feat: a");
        assert_eq!(shown("revert: feat: a"), "revert feat: a");
        assert_eq!(shown("Reapply \"feat: a\"\n\nThis reverts commit 0123456."), "revert feat: a");
        assert_eq!(
            Message::parse("Reapply \"feat: a\"\n\nThis reverts commit 0123456.").reverts,
            ["0123456"]
        );
        assert!(Message::parse("x\n\nThis reverts commit 01.").reverts.is_empty());
    }

    #[test]
    fn a_long_message_is_read_to_its_bound() {
        let long = format!("feat: a\n\n{}\nBREAKING CHANGE: far\n", "é".repeat(1024 * 1024));
        assert_eq!(shown(&long), "feat a");
        assert_eq!(Message::parse(&"x".repeat(1024 * 1024)).changes, []);
        let many = format!("feat: a\n\n{}", "fix: b\n".repeat(20_000));
        assert!(Message::parse(&many).changes.len() <= 1001);
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = Message::parse(&text);
        }

        #[test]
        fn a_type_and_text_are_read_back(
            kind in "[a-z]{1,10}", scope in "[a-z][a-z0-9-]{0,8}", mark in "!?", text in "[a-zA-Z0-9][a-zA-Z0-9 '#.]{0,20}[a-z]"
        ) {
            let message = Message::parse(&format!("{kind}({scope}){mark}: {text}"));
            let expected = Change { kind, scope: Some(scope), description: text, is_breaking: mark == "!" };
            prop_assert_eq!(message.changes, [expected]);
        }
    }
}
