//! `CHANGELOG.md` of a project: what its next version brings, and through which libraries it came.

use std::fmt::Write as _;

use landfall_artifacts::ProjectName;
use semver::Version;
use time::Date;

use crate::bump::Bump;
use crate::message::Change;
use crate::plan::{Counting, Planned};

/// The most changes that one version lists.
const MOST: usize = 500;

/// The changelog with a section for the next version, above the older ones.
///
/// A heading of the first level stays at the top; where there is none, one is put there. The old sections stay as they are.
pub(crate) fn with_section(
    old: &[u8],
    project: &ProjectName,
    planned: &Planned,
    version: &Version,
    date: Date,
) -> Vec<u8> {
    let section = section(project, planned, version, date);
    let (heading, rest) = match old.iter().position(|byte| *byte == b'\n') {
        Some(end) if old.starts_with(b"# ") => old.split_at(end + 1),
        None if old.starts_with(b"# ") => (old, b"".as_slice()),
        _ => (b"# Changelog\n".as_slice(), old),
    };
    let mut text = heading.to_vec();
    if !text.ends_with(b"\n") {
        text.push(b'\n');
    }
    text.push(b'\n');
    text.extend_from_slice(section.as_bytes());
    let rest_begins = rest.iter().position(|byte| !matches!(byte, b'\n' | b'\r')).unwrap_or(rest.len());
    if let Some(older) = rest.get(rest_begins..).filter(|older| !older.is_empty()) {
        text.push(b'\n');
        text.extend_from_slice(older);
    }
    text
}

/// The section of one version.
fn section(project: &ProjectName, planned: &Planned, version: &Version, date: Date) -> String {
    let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
    let mut text = format!("## {version} ({year:04}-{month:02}-{day:02})\n");
    let counted: Vec<&Counting> =
        planned.causes.iter().filter(|counting| counting.bump() > Bump::None).collect();
    let mut left = MOST;
    for (title, holds) in GROUPS {
        let lines: Vec<String> = counted
            .iter()
            .flat_map(|counting| counting.commit.changes.iter().map(move |change| (*counting, change)))
            .filter(|(_, change)| holds(change))
            .map(|(counting, change)| line(project, counting, change))
            .collect();
        let shown = lines.len().min(left);
        if shown > 0 {
            let _ = write!(text, "\n### {title}\n\n");
            text.extend(lines.iter().take(shown).map(String::as_str));
            left -= shown;
        }
        if lines.len() > shown {
            let _ = writeln!(text, "- and {} more", lines.len() - shown);
        }
    }
    let unparsed: Vec<&&Counting> =
        counted.iter().filter(|counting| counting.commit.changes.is_empty()).collect();
    if !unparsed.is_empty() {
        text.push_str("\n### Other changes\n\n");
        for counting in unparsed.iter().take(left.max(1)) {
            let change = Change {
                kind: String::new(),
                scope: None,
                description: counting.commit.subject.clone(),
                is_breaking: false,
            };
            text.push_str(&line(project, counting, &change));
        }
    }
    if counted.is_empty() {
        let why = match (planned.last.is_none(), planned.is_forced) {
            (true, _) => "First release.",
            (false, true) => "Released on request, without changes of its own.",
            (false, false) => "Released with the others of this repo, without changes of its own.",
        };
        let _ = write!(text, "\n{why}\n");
    }
    text
}

type Holds = fn(&Change) -> bool;

/// Headings in their order, and which changes stand below them: each below one.
const GROUPS: [(&str, Holds); 4] = [
    ("Breaking changes", |change| change.is_breaking),
    ("Features", |change| !change.is_breaking && change.kind == "feat"),
    ("Fixes", |change| !change.is_breaking && ["fix", "perf", "revert"].contains(&change.kind.as_str())),
    ("Other changes", |change| {
        !change.is_breaking && !["feat", "fix", "perf", "revert"].contains(&change.kind.as_str())
    }),
];

/// One change: scope, what, commit, and the library that it came through.
fn line(project: &ProjectName, counting: &Counting, change: &Change) -> String {
    let scope = change.scope.as_ref().map(|scope| format!("**{}:** ", marked(scope, 60))).unwrap_or_default();
    let id: String = counting.commit.id.as_str().chars().take(8).collect();
    let origin = &counting.cause.way.origin;
    let through = if origin == project { String::new() } else { format!(", in {origin}") };
    format!("- {scope}{} ({id}{through})\n", marked(&change.description, 300))
}

/// Text of others in Markdown: on one line, and without HTML.
fn marked(text: &str, longest: usize) -> String {
    landfall_secret::escape(text, longest).replace('&', "&amp;").replace('<', "&lt;")
}
