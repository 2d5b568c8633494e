//! `docs/files.md`: who reads and writes which file, from the stages' own descriptions.

use std::collections::BTreeMap;

use landfall_artifacts::{FileUse, STAGES};

const HEAD: &str = "\
<!-- Written by `cargo xtask generate`; do not edit. -->
# Who reads and writes which file

A `?` behind a name means: not always. Such a file is read where it is there, and written where there is cause. Besides these,
every stage writes [its report](formats/report.md) where `--report` asks for one.

| file | written by | read by |
|---|---|---|
";

/// Files with a page of their own under docs/formats/.
const PAGES: [(&str, &str); 20] = [
    (".env", "dot-env"),
    ("<ledger>/<sequence>.json", "ledger-event"),
    ("<release>/manifest.json", "release-manifest"),
    ("aws_auth.env", "aws-auth-env"),
    ("changed-images.json", "changed-images"),
    ("configs/<path>", "configs"),
    ("copy-plan.json", "copy-plan"),
    ("deploy-report.json", "deploy-report"),
    ("docker-config.json", "docker-config"),
    ("functions/<folder>/.deployment", "deployment"),
    ("functions/<folder>/project.json", "project"),
    ("image-lock.json", "image-lock"),
    ("jira-tickets.json", "jira-tickets"),
    ("lambda-ecr-mappings.json", "lambda-ecr-mappings"),
    ("landfall.toml", "landfall"),
    ("merged-files/<path>", "configs"),
    ("promotion-log-<type>.json", "promotion-log"),
    ("rollback-report.json", "deploy-report"),
    ("s3-sync-record.json", "s3-sync-record"),
    ("versions.json", "versions"),
];

#[derive(Default)]
struct Users {
    writers: Vec<String>,
    readers: Vec<String>,
}

/// The page.
pub(crate) fn page() -> String {
    let mut files: BTreeMap<&str, Users> = BTreeMap::new();
    for stage in STAGES {
        for used in stage.writes {
            files.entry(used.file).or_default().writers.push(user(stage.name, used));
        }
        for used in stage.reads {
            files.entry(used.file).or_default().readers.push(user(stage.name, used));
        }
    }
    let mut page = HEAD.to_owned();
    for (file, users) in &files {
        let writers = list(&users.writers, "people");
        // Settings are read by nearly all: naming each would hide the rest of the table.
        let readers = if users.readers.len() == STAGES.len() {
            "every stage?".to_owned()
        } else {
            list(&users.readers, "people and audits")
        };
        page.push_str(&format!("| {} | {writers} | {readers} |\n", linked(file)));
    }
    page.push_str(
        "\n# What each stage reads and writes\n\n| stage | does | reads | writes |\n|---|---|---|---|\n",
    );
    for stage in STAGES {
        let names = |uses: &[FileUse]| uses.iter().map(|used| user(used.file, used)).collect::<Vec<_>>();
        let (reads, writes) = (list(&names(stage.reads), "nothing"), list(&names(stage.writes), "nothing"));
        page.push_str(&format!("| `{}` | {} | {reads} | {writes} |\n", stage.name, stage.summary));
    }
    page
}

/// A stage or file, with whether it must be there.
fn user(name: &str, used: &FileUse) -> String {
    if used.optional { format!("`{name}`?") } else { format!("`{name}`") }
}

fn list(names: &[String], none: &str) -> String {
    if names.is_empty() { none.to_owned() } else { names.join(", ") }
}

fn linked(file: &str) -> String {
    match PAGES.iter().find(|(name, _)| *name == file) {
        Some((_, page)) => format!("[`{file}`](formats/{page}.md)"),
        None => format!("`{file}`"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{PAGES, page};

    #[test]
    fn every_linked_page_is_there() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        for (file, name) in PAGES {
            assert!(docs.join(format!("formats/{name}.md")).is_file(), "{file}");
            assert!(
                page().contains(&format!("[`{file}`]")),
                "{file} is in the table of pages, and no stage knows it"
            );
        }
    }

    #[test]
    fn writers_and_readers_are_told_apart() {
        let page = page();
        let row =
            page.lines().find(|line| line.starts_with("| [`lambda-ecr-mappings.json`]")).expect("a row");
        let cells: Vec<&str> = row.split('|').collect();
        assert!(cells[2].contains("`retag-push-ecr`") && !cells[2].contains("`deploy-lambda`"), "{row}");
        assert!(cells[3].contains("`deploy-lambda`") && !cells[3].contains("`retag-push-ecr`"), "{row}");
    }
}
