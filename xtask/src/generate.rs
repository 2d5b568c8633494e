//! `cargo xtask generate`: the parts of docs/ that the code decides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use landfall_pipeline::doctor;

use crate::{ci_files, exit_codes, files_table};

/// The folder that holds schemas and nothing else, so that one without a format is seen.
const SCHEMAS: &str = "docs/schemas";
/// The folder that holds the pages of failures and nothing else.
const FAILURES: &str = "docs/failures";

/// Every generated file with its text, by path below the workspace.
fn files(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut files = ci_files::files(root)?;
    let views = ("ledger-view", landfall_ledger::view::Answer::schema());
    for (name, schema) in landfall_artifacts::schemas().into_iter().chain([views]) {
        let text = serde_json::to_string_pretty(&schema).with_context(|| format!("the schema of {name}"))?;
        files.insert(Path::new(SCHEMAS).join(schema_file(name)), format!("{text}\n"));
    }
    files.insert("docs/exit-codes.md".into(), exit_codes::page());
    files.insert("docs/files.md".into(), files_table::page());
    files.insert(Path::new(FAILURES).join("README.md"), doctor::index());
    for failure in doctor::FAILURES.iter().flat_map(|part| part.iter()) {
        files.insert(doctor::place(failure).into(), doctor::page(failure));
    }
    Ok(files)
}

/// `versions.json` and `versions` both have their schema in `versions.schema.json`.
fn schema_file(name: &str) -> String {
    format!("{}.schema.json", name.strip_suffix(".json").unwrap_or(name))
}

/// Writes what differs, removes schemas, pages of failures and CI files that nothing is left of, and says which.
pub(crate) fn write(root: &Path) -> Result<()> {
    let files = files(root)?;
    for path in left_over(root, &files)? {
        std::fs::remove_file(root.join(&path))
            .with_context(|| format!("cannot remove {}", path.display()))?;
        println!("removed {}", path.display());
    }
    for (path, text) in files.iter().filter(|(path, text)| is_stale(root, path, text)) {
        let file = root.join(path);
        if let Some(folder) = file.parent() {
            std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        std::fs::write(&file, text).with_context(|| format!("cannot write {}", path.display()))?;
        println!("wrote {}", path.display());
    }
    Ok(())
}

/// Fails where a generated file is not what the code would write now.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = files(root)?;
    let stale = files.iter().filter(|(path, text)| is_stale(root, path, text)).map(|(path, _)| path.clone());
    let stale: Vec<PathBuf> = stale.chain(left_over(root, &files)?).collect();
    if stale.is_empty() {
        println!("{} generated files are fresh", files.len());
        return Ok(());
    }
    let list = stale.iter().map(|path| format!("  {}", path.display())).collect::<Vec<_>>().join("\n");
    bail!("stale, run `cargo xtask generate` and commit:\n{list}")
}

fn is_stale(root: &Path, path: &Path, text: &str) -> bool {
    std::fs::read_to_string(root.join(path)).ok().as_deref() != Some(text)
}

fn left_over(root: &Path, files: &BTreeMap<PathBuf, String>) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    let mut folders = ci_files::folders(root)?;
    folders.extend([SCHEMAS.into(), FAILURES.into()]);
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(root.join(&folder)) else { continue };
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            let path = folder.join(entry.file_name());
            if entry.file_type().with_context(|| format!("cannot look at {}", path.display()))?.is_dir() {
                folders.push(path);
            } else if !files.contains_key(&path) {
                left.push(path);
            }
        }
    }
    left.sort();
    Ok(left)
}

#[cfg(test)]
mod tests {
    use super::{check, write};

    #[test]
    fn what_is_written_is_fresh_and_what_is_changed_is_stale() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        std::fs::create_dir_all(root.join("docs/schemas")).expect("a folder");
        assert!(check(root).is_err(), "nothing is written yet");
        write(root).expect("written");
        check(root).expect("fresh");
        std::fs::write(root.join("docs/schemas/gone.schema.json"), "{}").expect("written");
        let stale = check(root).expect_err("a schema without a format").to_string();
        assert!(stale.contains("docs/schemas/gone.schema.json"), "{stale}");
        write(root).expect("written");
        std::fs::write(root.join("docs/exit-codes.md"), "by hand").expect("written");
        assert!(check(root).expect_err("changed by hand").to_string().contains("docs/exit-codes.md"));
    }

    #[test]
    fn examples_of_ci_files_follow_their_settings() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        let settings = root.join("docs/ci/one/landfall.toml");
        let rows = "[ci]\npipelines = [\"s3-config\"]\n\n[environment.stg_eu00]\nkind = \"staging\"\n";
        std::fs::create_dir_all(settings.parent().expect("a folder")).expect("a folder");
        std::fs::write(&settings, rows).expect("written");
        write(root).expect("written");
        check(root).expect("fresh");
        let workflow = "docs/ci/one/github/.github/workflows/s3-config.yml";
        assert!(root.join(workflow).is_file() && root.join("docs/ci/one/gitlab/.gitlab-ci.yml").is_file());
        std::fs::write(&settings, rows.replace("s3-config", "images-dev")).expect("written");
        let stale = check(root).expect_err("another pipeline").to_string();
        assert!(stale.contains(workflow) && stale.contains("workflows/images-dev.yml"), "{stale}");
        write(root).expect("written");
        assert!(!root.join(workflow).exists());
        std::fs::write(&settings, "[ci]\npipelines = [\"none\"]\n").expect("written");
        let wrong = format!("{:#}", write(root).expect_err("no such pipeline"));
        assert!(
            wrong.contains("docs/ci/one/landfall.toml") && wrong.contains("no pipeline `none`"),
            "{wrong}"
        );
    }
}
