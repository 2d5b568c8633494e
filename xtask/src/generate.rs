//! `cargo xtask generate`: the parts of docs/ that the code decides.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::{exit_codes, files_table};

/// The folder that holds schemas and nothing else, so that one without a format is seen.
const SCHEMAS: &str = "docs/schemas";

/// Every generated file with its text, by path below the workspace.
fn files() -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    let views = ("ledger-view", landfall_ledger::view::Answer::schema());
    for (name, schema) in landfall_artifacts::schemas().into_iter().chain([views]) {
        let text = serde_json::to_string_pretty(&schema).with_context(|| format!("the schema of {name}"))?;
        files.insert(Path::new(SCHEMAS).join(schema_file(name)), format!("{text}\n"));
    }
    files.insert("docs/exit-codes.md".into(), exit_codes::page());
    files.insert("docs/files.md".into(), files_table::page());
    Ok(files)
}

/// `versions.json` and `versions` both have their schema in `versions.schema.json`.
fn schema_file(name: &str) -> String {
    format!("{}.schema.json", name.strip_suffix(".json").unwrap_or(name))
}

/// Writes what differs, removes schemas of formats that are gone, and says which.
pub(crate) fn write(root: &Path) -> Result<()> {
    let files = files()?;
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
    let files = files()?;
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
    let Ok(entries) = std::fs::read_dir(root.join(SCHEMAS)) else { return Ok(Vec::new()) };
    let mut left = Vec::new();
    for entry in entries {
        let path = Path::new(SCHEMAS).join(entry.context("cannot list the schemas")?.file_name());
        if !files.contains_key(&path) {
            left.push(path);
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
}
