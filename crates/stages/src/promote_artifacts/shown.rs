//! What people read: a row an image, and what it comes to.

use landfall_artifacts::{Class, Digest, Problem};
use landfall_run::counted;

use super::asked::Asked;
use super::record::{Ended, How, word};
use super::{Config, Way};
use crate::Finished;
use crate::table::table;

/// One image, in the order of the columns.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row([String; 4]);

impl Row {
    pub(super) fn new(asked: &Asked, outcome: &str, digest: Option<Digest>, note: String) -> Self {
        Self([
            asked.name(),
            outcome.to_owned(),
            digest.map_or_else(|| "-".to_owned(), |digest| digest.short()),
            note,
        ])
    }
}

pub(super) fn row(asked: &Asked, ended: &Ended, foretold: bool) -> Row {
    match &ended.how {
        How::Promoted { digest, replaced, .. } => {
            let note = replaced.map_or_else(|| "new".to_owned(), |held| format!("replaced {}", held.short()));
            Row::new(asked, "promoted", Some(*digest), note)
        }
        How::Planned { digest, replaces } => {
            let note = replaces.map_or_else(|| "new".to_owned(), |held| format!("replaces {}", held.short()));
            Row::new(asked, "to promote", Some(*digest), note)
        }
        How::Already { digest } => Row::new(asked, "there already", Some(*digest), "same".to_owned()),
        How::Failed { problem, .. } => {
            Row::new(asked, word(problem, foretold), ended.source_digest, problem.code.clone())
        }
    }
}

/// All rows below their headings; nothing where there is none.
pub(super) fn listed(rows: &[Row]) -> Vec<String> {
    if rows.is_empty() {
        return Vec::new();
    }
    let heading = ["image", "promotion", "at the source", "at the target"].map(str::to_owned);
    let rows = std::iter::once(heading).chain(rows.iter().map(|Row(cells)| cells.clone()));
    table(&rows.collect::<Vec<_>>(), 0)
}

fn count(finished: &Finished, word: &str) -> usize {
    finished.items.iter().filter(|item| item.outcome == word).count()
}

/// What a dry run comes to.
pub(super) fn foretell(way: &Way, finished: &mut Finished) {
    let unseen = match count(finished, "failed") + count(finished, "unknown") + count(finished, "not-tried") {
        0 => String::new(),
        count => format!(", {count} could not be looked at"),
    };
    finished.summary = format!(
        "{} of {} would be promoted from {} to {}; {} there already, {} refused{unseen}",
        count(finished, "planned"),
        counted(finished.items.len(), "image"),
        way.source(),
        way.target(),
        count(finished, "unchanged"),
        count(finished, "refused")
    );
}

/// What a run came to, and whether failures are borne.
pub(super) fn conclude(config: &Config, way: &Way, finished: &mut Finished) {
    let (promoted, already, unknown) =
        (count(finished, "promoted"), count(finished, "unchanged"), count(finished, "unknown"));
    let left = count(finished, "not-tried");
    finished.summary = format!(
        "{promoted} promoted, {already} already there, {} failed, {unknown} unknown, {left} not tried; from {} to {}",
        count(finished, "failed"),
        way.source(),
        way.target()
    );
    let failed = count(finished, "failed") + unknown;
    // Where nothing came through there is nothing to be lenient about: the problems themselves say how the stage ended.
    if failed == 0 || promoted + already == 0 {
        return;
    }
    let untried = match left {
        0 => String::new(),
        left => format!(", and {left} were not tried"),
    };
    let what = format!("{failed} of {} promotions failed{untried}", finished.items.len() - left);
    if config.strict {
        let remedy = "see the log for each; running again promotes what is left";
        finished.problems.push(Problem::new("LF-PROMOTE-PARTIAL", Class::Partial, what).with_remedy(remedy));
        return;
    }
    finished.lenient = true;
    let problems: Vec<String> = finished
        .items
        .iter()
        .filter_map(|item| Some(in_one_line(&item.name, item.problem.as_ref()?)))
        .collect();
    finished.warnings.extend(problems);
    finished.warnings.push(format!(
        "{what}; the stage succeeds all the same, since the release already runs (--strict fails)"
    ));
}

fn in_one_line(name: &str, problem: &Problem) -> String {
    let remedy = problem.remedy.as_deref().map(|remedy| format!("; next: {remedy}")).unwrap_or_default();
    format!("{} {name}: {}{remedy}", problem.code, problem.told())
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{Row, listed};
    use crate::promote_artifacts::asked::Asked;

    #[test]
    fn a_row_an_image_below_the_headings() {
        let asked = |project: &str| Asked {
            project: project.parse().expect("a name"),
            version: semver::Version::new(1, 4, 2),
            tag: "1.4.2".parse().expect("a tag"),
            expected: None,
        };
        let digest = Some(Digest::of(b"1"));
        let rows = [
            Row::new(&asked("orderService"), "to promote", digest, "new".to_owned()),
            Row::new(&asked("a"), "refused", None, "LF-ART-SOURCE".to_owned()),
            Row::new(&asked("b"), "not tried", None, String::new()),
        ];
        insta::assert_snapshot!(listed(&rows).join("\n"), @r"
        image               promotion   at the source        at the target
        orderService:1.4.2  to promote  sha256:6b86b273ff34  new
        a:1.4.2             refused     -                    LF-ART-SOURCE
        b:1.4.2             not tried   -
        ");
        assert!(listed(&[]).is_empty());
    }
}
