//! `docs/ci`: what each of its `landfall.toml` is rendered to.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use landfall_artifacts::Settings;
use landfall_pipeline::{Pipelines, github, gitlab};

/// The folder of the examples: each a folder with a `landfall.toml`.
const EXAMPLES: &str = "docs/ci";

/// The folders, by path below the workspace, that hold rendered files and nothing else.
pub(crate) fn folders(root: &Path) -> Result<Vec<PathBuf>> {
    let examples = examples(root)?;
    Ok(examples.iter().flat_map(|example| [example.join("gitlab"), example.join("github")]).collect())
}

/// Every file with its text, by path below the workspace.
pub(crate) fn files(root: &Path) -> Result<BTreeMap<PathBuf, String>> {
    let mut files = BTreeMap::new();
    for example in examples(root)? {
        let path = example.join(Settings::FILE_NAME);
        let shown = path.display().to_string();
        let text =
            std::fs::read_to_string(root.join(&path)).with_context(|| format!("cannot read {shown}"))?;
        let settings = Settings::parse(text.as_bytes(), &shown, &[])?;
        let pipelines = Pipelines::new(&settings, &text).for_ci().with_context(|| format!("in {shown}"))?;
        for (folder, rendered) in [
            ("gitlab", gitlab::render(&pipelines, &settings)),
            ("github", github::render(&pipelines, &settings)),
        ] {
            for file in rendered.with_context(|| format!("cannot render {shown}"))? {
                files.insert(example.join(folder).join(file.path), file.text);
            }
        }
    }
    Ok(files)
}

fn examples(root: &Path) -> Result<Vec<PathBuf>> {
    // A workspace may have none, as that of a test.
    let Ok(entries) = std::fs::read_dir(root.join(EXAMPLES)) else { return Ok(Vec::new()) };
    let mut examples = Vec::new();
    for entry in entries {
        let example = Path::new(EXAMPLES).join(entry.context("cannot list docs/ci")?.file_name());
        if root.join(&example).join(Settings::FILE_NAME).is_file() {
            examples.push(example);
        }
    }
    examples.sort();
    Ok(examples)
}
