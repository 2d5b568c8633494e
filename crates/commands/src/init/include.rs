//! The includes of a `.gitlab-ci.yml` that is there: which of them are old files, and the change that makes them the rendered ones.

use std::ops::Range;

use landfall_pipeline::gitlab;

use super::ci_yaml::{Kind, Node, line_of, read};

/// Lines, from 0, with what stands in their place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Edit {
    pub(super) lines: Range<usize>,
    pub(super) new: Vec<String>,
}

/// What becomes of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// It includes no old file.
    None,
    /// These lines, and nothing else.
    Lines(Vec<Edit>),
    /// It has old files in a form that is left to a person: the line, and what should stand there.
    ByHand { line: usize, wanted: Vec<String> },
}

/// The known file that a path or an address names, by its end.
pub(super) fn known(path: &str) -> Option<String> {
    let path = path.trim_start_matches('/');
    let is_it = |known: &String| path == *known || path.ends_with(&format!("/{known}"));
    gitlab::included_files().into_iter().map(|(known, _)| known).find(is_it)
}

/// The known files that are included, wherever from.
pub(super) fn included(root: &Node) -> Vec<String> {
    let items = root.get("include").map(Node::items).unwrap_or_default();
    let mut files: Vec<String> = items.iter().flat_map(files_of).filter_map(|file| known(&file)).collect();
    files.sort();
    files.dedup();
    files
}

fn files_of(item: &Node) -> Vec<String> {
    let files = |node: &Node| -> Vec<String> {
        node.items().iter().filter_map(Node::text).map(str::to_owned).collect()
    };
    match &item.kind {
        Kind::Text(text) => vec![text.clone()],
        Kind::Map(_) => {
            ["local", "remote", "file"].iter().filter_map(|key| item.get(key)).flat_map(files).collect()
        }
        Kind::List(_) | Kind::Alias => Vec::new(),
    }
}

/// Whether an item is of another repo or host, and what else it says than that.
fn is_from_elsewhere(item: &Node) -> bool {
    match &item.kind {
        Kind::Text(text) => text.contains("://"),
        Kind::Map(_) => item.get("project").is_some() || item.get("remote").is_some(),
        Kind::List(_) | Kind::Alias => false,
    }
}

/// Decides what is changed. A change is one of whole lines, and after it the file says the same but for its includes.
pub(super) fn change(root: &Node, text: &str) -> Change {
    let Some(include) = root.members().iter().find(|member| member.key == "include") else {
        return Change::None;
    };
    let old: Vec<&Node> = include
        .value
        .items()
        .iter()
        .filter(|item| is_from_elsewhere(item) && files_of(item).iter().any(|file| known(file).is_some()))
        .collect();
    if old.is_empty() {
        return Change::None;
    }
    let lines: Vec<&str> = text.lines().collect();
    let next = root.members().iter().map(|member| member.at).filter(|at| *at > include.at).min();
    let end = next.map_or(lines.len(), |at| line_of(text, at) - 1);
    let mut there: Vec<String> = Vec::new();
    let (mut edits, mut sure) = (Vec::new(), true);
    for item in include.value.items() {
        if !old.iter().any(|one| std::ptr::eq(*one, item)) {
            there.extend(
                files_of(item).iter().filter(|_| !is_from_elsewhere(item)).filter_map(|file| known(file)),
            );
            continue;
        }
        let wanted = |there: &mut Vec<String>| -> Vec<String> {
            let mut new: Vec<String> = files_of(item).iter().filter_map(|file| known(file)).collect();
            new.retain(|file| !there.contains(file));
            there.extend(new.iter().cloned());
            new
        };
        match edit(item, &include.value, text, &lines, end, &wanted(&mut there)) {
            Some(edit) => edits.push(edit),
            None => sure = false,
        }
    }
    let by_hand = || Change::ByHand {
        line: line_of(text, include.at),
        wanted: there.iter().map(|file| format!("- local: '/{file}'")).collect(),
    };
    if sure && is_only_the_include(root, &applied(text, &edits), &there) {
        Change::Lines(edits)
    } else {
        by_hand()
    }
}

/// The change of one item; `None` where it is in a form that is not known well enough.
fn edit(item: &Node, include: &Node, text: &str, lines: &[&str], end: usize, new: &[String]) -> Option<Edit> {
    let is_flow = |node: &Node| text.get(node.start..).is_some_and(|rest| rest.starts_with(['[', '{']));
    let other_keys = item
        .members()
        .iter()
        .any(|member| !["project", "ref", "file", "remote"].contains(&member.key.as_str()));
    if is_flow(include)
        || is_flow(item)
        || other_keys
        || files_of(item).iter().any(|file| known(file).is_none())
    {
        return None;
    }
    let first = line_of(text, item.start) - 1;
    let line = *lines.get(first)?;
    let local = |indent: &str, file: &String| format!("{indent}- local: '/{file}'");
    let Kind::List(items) = &include.kind else {
        // One alone, behind the key or below it.
        let head = match line.strip_prefix("include:") {
            Some(_) => vec!["include:".to_owned()],
            None => Vec::new(),
        };
        let new = head.into_iter().chain(new.iter().map(|file| local("  ", file))).collect();
        return Some(Edit { lines: first..last_of(lines, first, end), new });
    };
    let indent = line.get(..line.len() - line.trim_start().len())?;
    if !line.trim_start().starts_with("- ") {
        return None;
    }
    let following = items.iter().map(|other| other.start).filter(|start| *start > item.start).min();
    let until = following.map_or(end, |start| line_of(text, start) - 1);
    let range = first..last_of(lines, first, until);
    let comments = lines.get(range.clone())?.iter().filter(|line| line.trim_start().starts_with('#'));
    let new =
        comments.map(|line| (*line).to_owned()).chain(new.iter().map(|file| local(indent, file))).collect();
    Some(Edit { lines: range, new })
}

/// Where an item ends: empty lines and comments before the next thing belong to that.
fn last_of(lines: &[&str], first: usize, until: usize) -> usize {
    let is_of_it = |at: &usize| {
        lines.get(*at).is_some_and(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))
    };
    (first..until).rev().find(is_of_it).map_or(first + 1, |at| at + 1)
}

/// The text with the changes.
pub(super) fn applied(text: &str, edits: &[Edit]) -> String {
    let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let mut out = String::with_capacity(text.len());
    for (at, line) in text.split_inclusive('\n').enumerate() {
        if let Some(edit) = edits.iter().find(|edit| edit.lines.start == at) {
            for new in &edit.new {
                out.push_str(new.trim_end_matches('\r'));
                out.push_str(ending);
            }
        }
        if !edits.iter().any(|edit| edit.lines.contains(&at)) {
            out.push_str(line);
        }
    }
    out
}

/// Whether a text says the same as before but for its includes, which have the wanted files and nothing old.
fn is_only_the_include(before: &Node, text: &str, wanted: &[String]) -> bool {
    let Ok(after) = read(text, "") else { return false };
    let items = after.get("include").map(Node::items).unwrap_or_default();
    let is_old =
        |item: &Node| is_from_elsewhere(item) && files_of(item).iter().any(|file| known(file).is_some());
    let others = |node: &Node| {
        let members = node.members().iter().filter(|member| member.key != "include").cloned().collect();
        Node { start: 0, kind: Kind::Map(members) }
    };
    others(before).is_same(&others(&after))
        && !items.iter().any(is_old)
        && included(&after) == {
            let mut wanted = wanted.to_vec();
            wanted.sort();
            wanted
        }
}

#[cfg(test)]
mod tests {
    use super::{Change, applied, change};
    use crate::init::ci_yaml::read;

    const FOLDER: &str = "aws/lambda/build-deploy";

    fn changed(text: &str) -> String {
        let text = text.replace('@', FOLDER);
        match change(&read(&text, "x").expect("YAML"), &text) {
            Change::None => "nothing".to_owned(),
            Change::Lines(edits) => applied(&text, &edits),
            Change::ByHand { line, wanted } => format!("by hand, line {line}:\n{}", wanted.join("\n")),
        }
    }

    #[test]
    fn the_includes_are_changed_and_nothing_else() {
        insta::assert_snapshot!(changed("# ours\ninclude:\n  # the pipelines of all\n  - project: 'platform/pipelines'\n    ref: v3\n    # both\n    file:\n      - '/@/staging-deploy.gitlab-ci.yml' # every push\n      - '@/prod-deploy.gitlab-ci.yml'\n  - local: ci/mine.yml\n  - project: platform/pipelines\n    file: aws/s3-deploy.yml\n\n# jobs\nbuild: { script: [\"make # all\"] }\n"), @r#"
        # ours
        include:
          # the pipelines of all
            # both
          - local: '/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml'
          - local: '/aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml'
          - local: ci/mine.yml
          - local: '/aws/s3-deploy.yml'

        # jobs
        build: { script: ["make # all"] }
        "#);
        insta::assert_snapshot!(changed("include:\n  project: platform/pipelines\n  file:\n    - '@/prod-deploy.gitlab-ci.yml'\nx: 1\n"), @r"
        include:
          - local: '/aws/lambda/build-deploy/prod-deploy.gitlab-ci.yml'
        x: 1
        ");
        insta::assert_snapshot!(changed("include: 'https://git.example.com/raw/main/aws/s3-deploy.yml'\nx: 1"), @r"
        include:
          - local: '/aws/s3-deploy.yml'
        x: 1
        ");
        assert_eq!(
            changed("include:\r\n- remote: https://a/aws/s3-deploy.yml\r\nx: 1\r\n"),
            "include:\r\n- local: '/aws/s3-deploy.yml'\r\nx: 1\r\n"
        );
    }

    #[test]
    fn what_is_not_plain_is_left_to_a_person() {
        for text in [
            "include: [{ project: a/b, file: aws/s3-deploy.yml }]\n",
            "include:\n  - { project: a/b, file: aws/s3-deploy.yml }\n",
            "include:\n  - project: a/b\n    file: aws/s3-deploy.yml\n    rules: [{ if: $X }]\n",
            "include:\n  - project: a/b\n    file: [aws/s3-deploy.yml, other.yml]\n",
        ] {
            assert_eq!(changed(text), "by hand, line 1:\n- local: '/aws/s3-deploy.yml'", "{text}");
        }
    }

    #[test]
    fn what_includes_nothing_old_is_left_alone() {
        for text in [
            "x: 1\n",
            "include: ci/x.yml\n",
            "include:\n  - local: '/aws/s3-deploy.yml'\n  - template: Jobs/Build.gitlab-ci.yml\n",
            "- a\n",
            "",
        ] {
            assert_eq!(changed(text), "nothing", "{text}");
        }
    }
}
