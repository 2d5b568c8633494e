//! Images of this machine that nobody needs after a release.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::Duration;

use landfall_run::Run;

use super::names::Build;
use super::{CleanUp, Config};
use crate::Finished;
use crate::build_docker_images::Builder;
use crate::child::Program;

/// How long listing or removing may take.
const MOST_TIME: Duration = Duration::from_secs(600);
/// How many are removed by one call.
const AT_ONCE: usize = 50;

/// Removes the release's own images, and those of development of the same names. What cannot be removed is a warning: the release is
/// there.
pub(super) async fn remove(
    config: &Config,
    clean_up: &CleanUp,
    builds: &[Build],
    finished: &mut Finished,
    run: &Run,
) {
    let (list, remove): (&[&str], &[&str]) = match config.build.builder {
        Builder::Docker(_) | Builder::Nx => {
            (&["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"], &["docker", "image", "rm"])
        }
        Builder::Buildah(_) => {
            (&["buildah", "images", "--noheading", "--format", "{{.Name}}:{{.Tag}}"], &["buildah", "rmi"])
        }
        Builder::Command { .. } => {
            let text = "images on this machine are left: nobody knows where the builder keeps them (--no-cleanup leaves this out)";
            finished.warnings.push(text.to_owned());
            return;
        }
    };
    let listed = match ended(config, list, &[], run).await {
        Ok(listed) => listed,
        Err(why) => {
            finished.warnings.push(format!("images on this machine are left: {why}"));
            return;
        }
    };
    let chosen = chosen(&listed, clean_up, builds);
    for part in chosen.chunks(AT_ONCE) {
        if let Err(why) = ended(config, remove, part, run).await {
            finished.warnings.push(format!("images on this machine are left: {why}"));
            return;
        }
    }
    if !chosen.is_empty() {
        finished.lines.push(format!("{} images removed from this machine", chosen.len()));
    }
}

/// Which of the machine's images are removed.
fn chosen(listed: &str, clean_up: &CleanUp, builds: &[Build]) -> Vec<String> {
    let released: BTreeSet<String> =
        builds.iter().map(|build| build.repository.tagged(build.image.tag.clone()).to_string()).collect();
    let of_development: BTreeSet<String> =
        builds.iter().map(|build| format!("{}/{}", clean_up.dev, build.name)).collect();
    let is_chosen = |line: &&str| {
        let repository = line.rsplit_once(':').map_or("", |(repository, _)| repository);
        released.contains(*line) || (of_development.contains(repository) && !line.ends_with(":<none>"))
    };
    let found: BTreeSet<&str> = listed.lines().map(str::trim).filter(is_chosen).collect();
    found.into_iter().map(str::to_owned).collect()
}

/// What a program printed, where it ended well; else what is to be said of it.
async fn ended(config: &Config, words: &[&str], more: &[String], run: &Run) -> Result<String, String> {
    let words: Vec<String> =
        words.iter().map(|word| (*word).to_owned()).chain(more.iter().cloned()).collect();
    let program =
        Program { words: &words, variables: &config.build.variables, folder: Some(&config.build.root) };
    let shown = words.iter().take(3).cloned().collect::<Vec<_>>().join(" ");
    let (child, group) = program
        .start(Stdio::piped(), Stdio::piped())
        .map_err(|cause| format!("`{shown}` cannot be started: {cause}"))?;
    let output = tokio::select! {
        output = tokio::time::timeout(MOST_TIME, child.wait_with_output()) => output,
        () = run.stop().wait() => return Err("the run was stopped".to_owned()),
    };
    drop(group);
    match output {
        Ok(Ok(output)) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(Ok(output)) => {
            let told = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(format!("`{shown}` failed: {}", landfall_secret::escape(&run.redactor().redact(&told), 400)))
        }
        Ok(Err(cause)) => Err(format!("the end of `{shown}` cannot be seen: {cause}")),
        Err(_) => Err(format!("`{shown}` did not end in {} s", MOST_TIME.as_secs())),
    }
}
