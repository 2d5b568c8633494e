//! What people and reports are told of a merge.

use landfall_artifacts::{Digest, WrittenFile};
use landfall_config_merge::{Choice, Error, Layers, PlannedFile, Reason, Suspect, Told, Way, explain};
use serde_json::json;

use super::{Config, Made, as_output};
use crate::{Finished, Item, Outcome, Output};

/// Suspects that are told one by one.
const MOST_SUSPECTS: usize = 50;
/// Lines about files.
const MOST_LINES: usize = 500;

/// Choices of versions, and what should be looked at.
pub(super) fn notes(made: &Made, layers: &Layers, finished: &mut Finished) {
    for choice in &made.plan.choices {
        finished.lines.push(chosen(choice));
        finished.items.push(
            Item::new(&choice.component, "chosen")
                .with("version", choice.folder.clone())
                .with("reason", why(choice.reason))
                .with("others", choice.others.clone()),
        );
    }
    finished.warnings.extend(made.plan.warnings.iter().cloned());
    if layers.chosen().is_empty() && !made.plan.left_out.is_empty() {
        finished.warnings.push(format!(
            "no overlay is chosen, and {} are left out: name the environment, the platform or the region",
            made.plan.left_out.len()
        ));
    }
    for append in &made.assembled.unmet {
        let shown = landfall_secret::escape(&append.to_string(), 200);
        finished.warnings.push(format!("no overlay adds to the list {shown}: it may be misspelt"));
    }
    suspects(&made.assembled.suspects, finished);
}

/// Warns of what looks like a secret; the value is not told.
pub(super) fn suspects(suspects: &[Suspect], finished: &mut Finished) {
    for one in suspects.iter().take(MOST_SUSPECTS) {
        let key = if one.pointer.is_empty() {
            String::new()
        } else {
            format!(" {}", landfall_secret::escape(&one.pointer, 200))
        };
        finished.warnings.push(format!(
            "{}{key} looks like a secret ({}): keep it where secrets are kept, and refer to it",
            one.place, one.why
        ));
    }
    if suspects.len() > MOST_SUSPECTS {
        finished.warnings.push(format!("and {} more look like secrets", suspects.len() - MOST_SUSPECTS));
    }
}

fn chosen(choice: &Choice) -> String {
    let component = landfall_secret::escape(&choice.component, 200);
    let others = match choice.others.len() {
        0 => "the only one".to_owned(),
        count => format!("of {}", count + 1),
    };
    format!("{component}: {}, {}, {others}", landfall_secret::escape(&choice.folder, 100), why(choice.reason))
}

fn why(reason: Reason) -> &'static str {
    match reason {
        Reason::Pinned => "pinned",
        Reason::Newest => "the newest",
        Reason::NewestPreRelease => "the newest pre-release, for there is no release",
    }
}

/// An item for each file, and lines for those that are worth one.
pub(super) fn files(
    made: &Made,
    digests: &[(String, Digest)],
    config: &Config,
    is_there: bool,
    output: &Output,
    finished: &mut Finished,
) {
    let mut lines = Vec::new();
    let (mut merged, mut copied) = (0, 0);
    for ((file, planned), (path, digest)) in made.assembled.files.iter().zip(&made.plan.files).zip(digests) {
        let (word, said) = match file.way {
            Way::Merged => ("merged", "+"),
            Way::Replaced => ("replaced", "<-"),
            Way::Copied => ("copied", ""),
        };
        if file.way == Way::Copied {
            copied += 1;
        } else {
            merged += 1;
        }
        if file.way != Way::Copied || output.is_dry_run() {
            lines.push(line(planned, said));
        }
        let outcome = match (is_there, output.is_dry_run()) {
            (true, _) => "unchanged",
            (false, true) => "planned",
            (false, false) => word,
        };
        let size = file.bytes.len() as u64;
        let overlays: Vec<_> =
            planned.overlays.iter().map(|laid| json!({ "name": laid.name, "file": laid.source })).collect();
        let mut item = Item::new(path, outcome)
            .with("way", word)
            .with("base", planned.source.clone())
            .with("overlays", overlays)
            .with("sha256", digest.to_string())
            .with("sizeBytes", size);
        item.changed = !is_there && !output.is_dry_run();
        item.bytes = if item.changed { size } else { 0 };
        finished.items.push(item);
        let place = config.out.join(path).to_string_lossy().into_owned();
        finished.files.push(WrittenFile { path: place, sha256: *digest, size_bytes: size });
    }
    let further = lines.len().saturating_sub(MOST_LINES);
    finished.lines.extend(lines.into_iter().take(MOST_LINES));
    if further > 0 {
        finished.lines.push(format!("and {further} more files"));
    }
    let overlays: Vec<&str> = config.layers.chosen().into_iter().map(|(name, _)| name).collect();
    let with = if overlays.is_empty() { "no overlays".to_owned() } else { overlays.join(", ") };
    let out = landfall_secret::escape(&config.out.to_string_lossy(), 200);
    let done = match (is_there, output.is_dry_run()) {
        (true, _) => format!("{out} has these files already"),
        (false, true) => format!("{out} would be written"),
        (false, false) => format!("{out} is written"),
    };
    finished.summary = format!("{merged} files merged and {copied} copied, with {with}: {done}");
}

fn line(planned: &PlannedFile, said: &str) -> String {
    let shown = |path: &str| landfall_secret::escape(path, 200);
    let mut text = shown(&planned.output);
    if planned.source != planned.output {
        text.push_str(&format!(" from {}", shown(&planned.source)));
    }
    if !said.is_empty() {
        for laid in &planned.overlays {
            text.push_str(&format!(" {said} {}", shown(&laid.source)));
        }
    }
    text
}

/// Which file set each value of one file of the output.
pub(super) fn explained(path: &str, made: &Made) -> Outcome {
    let files = made.assembled.files.iter().zip(&made.plan.files);
    let Some((file, planned)) = files.into_iter().find(|(file, _)| file.output == path) else {
        return Err(no_such(path, made).into());
    };
    let mut finished = Finished::default();
    for choice in
        made.plan.choices.iter().filter(|choice| path.starts_with(&format!("{}/", choice.component)))
    {
        finished.lines.push(chosen(choice));
    }
    let mut item = Item::new(path, "explained").with("base", planned.source.clone());
    match (&*file.documents, file.way) {
        ([_, ..], _) => {
            let mut values = Vec::new();
            for (number, root) in (1..).zip(&file.documents) {
                let told = explain(root, &file.changes);
                if file.documents.len() > 1 {
                    finished.lines.push(format!("document {number}:"));
                }
                finished.lines.extend(told.iter().map(Told::to_string));
                values.extend(told.iter().map(|one| value(one, number)));
            }
            finished.summary = match file.documents.len() {
                1 => format!("{} values, from {} files", values.len(), 1 + planned.overlays.len()),
                several => format!("{} values of {several} documents, from one file", values.len()),
            };
            item = item.with("values", values);
        }
        ([], Way::Replaced) => {
            let by = planned.overlays.last().map_or("", |laid| laid.source.as_str());
            finished.summary = format!(
                "the bytes are those of {}, over {}",
                landfall_secret::escape(by, 200),
                landfall_secret::escape(&planned.source, 200)
            );
        }
        ([], Way::Copied | Way::Merged) => {
            finished.summary =
                format!("the bytes are those of {}", landfall_secret::escape(&planned.source, 200));
        }
    }
    finished.items.push(item);
    Ok(finished)
}

/// A value of the document of a number, for the report.
fn value(one: &Told, document: u32) -> serde_json::Value {
    json!({
        "document": document, "pointer": one.pointer, "file": &*one.place.file, "line": one.place.line,
        "column": one.place.column, "removed": one.is_removed,
        "over": one.over.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn no_such(path: &str, made: &Made) -> Error {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let near: Vec<&str> = made
        .assembled
        .files
        .iter()
        .map(|file| file.output.as_str())
        .filter(|output| !name.is_empty() && output.to_lowercase().contains(&name))
        .take(3)
        .collect();
    Error::NoSuchOutput { path: path.to_owned(), near: near.join(" or ") }
}

/// The path to be explained as the output has it.
pub(super) fn wanted(config: &Config) -> Option<String> {
    config.explain.as_deref().map(|path| as_output(path, &config.out))
}
