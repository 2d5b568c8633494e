//! Writes the CI files of a `landfall.toml`: `cargo run -p landfall-pipeline --example render -- docs/ci/lambda`.
//!
//! The folder has the `landfall.toml`, and gets `gitlab/` and `github/`, each as a repo would have them at its root.

use std::error::Error;
use std::path::Path;

use landfall_artifacts::{FileErrors, Settings};
use landfall_pipeline::{Pipelines, Rendered, github, gitlab};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("give the folder of landfall.toml")?;
    let folder = Path::new(&folder);
    let text = std::fs::read_to_string(folder.join(Settings::FILE_NAME))?;
    let settings = Settings::parse(text.as_bytes(), Settings::FILE_NAME, &[])?;
    let pipelines =
        Pipelines::new(&settings, &text).for_ci().map_err(|errors: FileErrors| errors.to_string())?;
    write(&folder.join("gitlab"), gitlab::render(&pipelines, &settings)?)?;
    write(&folder.join("github"), github::render(&pipelines, &settings)?)?;
    Ok(())
}

fn write(folder: &Path, files: Vec<Rendered>) -> Result<(), Box<dyn Error>> {
    for file in files {
        let path = folder.join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
        std::fs::write(&path, file.text)?;
        println!("{}", path.display());
    }
    Ok(())
}
