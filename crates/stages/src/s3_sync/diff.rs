//! What changes in small text files, line by line.

use landfall_run::Run;
use landfall_s3_sync::tree::{Listed, Plan, Source, Tree, Why};
use similar::TextDiff;

use crate::{Finished, Refusal};

/// Largest text that is compared, in bytes.
const MOST_BYTES: u64 = 64 * 1024;

/// Files whose differences are shown; what more there are is said.
const MOST_FILES: usize = 50;

/// Lines that are shown of one file.
const MOST_LINES: usize = 400;

/// Adds the differences of all small texts that change. Each object that is replaced or deleted is read for it.
///
/// # Errors
/// Objects that cannot be read.
pub(super) async fn show(
    plan: &Plan,
    source: &Source,
    tree: &Tree,
    finished: &mut Finished,
    run: &Run,
) -> Result<(), Refusal> {
    let puts = plan
        .puts
        .iter()
        .filter(|put| put.why != Why::Headers)
        .map(|put| (&*put.name, put.before.as_deref(), true));
    let deletes = plan.deletes.iter().map(|extra| (&*extra.name, Some(&extra.listed), false));
    let all: Vec<_> = puts.chain(deletes).collect();
    for (name, before, is_put) in all.iter().take(MOST_FILES) {
        let old = old(name, *before, tree, run).await?;
        let new = if *is_put { source.bytes_of(name, MOST_BYTES) } else { Some(Vec::new()) };
        finished.lines.extend(lines(name, old, new, before.is_some(), *is_put));
    }
    if all.len() > MOST_FILES {
        finished
            .lines
            .push(format!("the differences of {} more files are not shown", all.len() - MOST_FILES));
    }
    Ok(())
}

async fn old(
    name: &str,
    before: Option<&Listed>,
    tree: &Tree,
    run: &Run,
) -> Result<Option<Vec<u8>>, Refusal> {
    match before {
        None => Ok(Some(Vec::new())),
        Some(listed) => Ok(tree.bytes_of(name, listed, MOST_BYTES, run).await?),
    }
}

fn lines(
    name: &str,
    old: Option<Vec<u8>>,
    new: Option<Vec<u8>>,
    was_there: bool,
    is_put: bool,
) -> Vec<String> {
    let shown = landfall_secret::escape(name, 300);
    let text = |bytes: Option<Vec<u8>>| {
        let text = String::from_utf8(bytes?).ok()?;
        (!text.contains('\0')).then_some(text)
    };
    let (Some(old), Some(new)) = (text(old), text(new)) else {
        return vec![format!("{shown}: no difference is shown of what is large or no text")];
    };
    let (from, to) = (
        if was_there { format!("a/{shown}") } else { "/dev/null".to_owned() },
        if is_put { format!("b/{shown}") } else { "/dev/null".to_owned() },
    );
    let diff =
        TextDiff::from_lines(&old, &new).unified_diff().context_radius(3).header(&from, &to).to_string();
    let mut lines: Vec<String> =
        diff.lines().take(MOST_LINES).map(|line| landfall_secret::escape(line, 500)).collect();
    let more = diff.lines().count().saturating_sub(MOST_LINES);
    if more > 0 {
        lines.push(format!("{more} more lines of {shown} are not shown"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::lines;

    fn shown(old: Option<&str>, new: Option<&str>) -> String {
        let bytes = |text: Option<&str>| Some(text.unwrap_or_default().as_bytes().to_vec());
        lines("a.json", bytes(old), bytes(new), old.is_some(), new.is_some()).join("\n")
    }

    #[test]
    fn differences_are_unified() {
        insta::assert_snapshot!(shown(Some("{\n  \"a\": 1\n}\n"), Some("{\n  \"a\": 2\n}\n")), @r#"
        --- a/a.json
        +++ b/a.json
        @@ -1,3 +1,3 @@
         {
        -  "a": 1
        +  "a": 2
         }
        "#);
        insta::assert_snapshot!(shown(None, Some("new\n")), @r"
        --- /dev/null
        +++ b/a.json
        @@ -0,0 +1 @@
        +new
        ");
        insta::assert_snapshot!(shown(Some("old\u{1b}[31m"), None), @r"
        --- a/a.json
        +++ /dev/null
        @@ -1 +0,0 @@
        -old\u{1b}[31m
        \ No newline at end of file
        ");
    }

    #[test]
    fn what_is_no_text_or_too_long_is_not_shown_whole() {
        assert!(lines("a", Some(vec![0xff]), Some(Vec::new()), true, true)[0].contains("no text"));
        assert!(lines("a", None, Some(Vec::new()), true, true)[0].contains("no text"));
        let long = (0..2000).map(|number| number.to_string()).collect::<Vec<_>>().join("\n");
        assert_eq!(shown(None, Some(&long)).lines().count(), 401);
    }
}
