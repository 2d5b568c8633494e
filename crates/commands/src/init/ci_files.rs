//! The CI files that follow from the settings, and what becomes of the repo's own.

use std::path::Path;

use landfall_artifacts::{Problem, Settings};
use landfall_pipeline::{Pipelines, Rendered, github, gitlab};
use landfall_stages::Refusal;

use super::include::{self, Change, Edit};
use super::propose::is_of_others;
use super::seen::{Seen, System};
use crate::pipelines::plan::{State, plan};
use crate::pipelines::render::{FOREIGN, refuse_foreign};

/// What is to be written.
#[derive(Debug, Default)]
pub(super) struct CiFiles {
    /// Files that are missing or not as they would be rendered.
    pub(super) stale: Vec<Rendered>,
    /// The repo's own file, where its includes change.
    pub(super) root: Option<String>,
    /// That change, a line each.
    pub(super) patch: Vec<String>,
    /// What a person has to look at.
    pub(super) warnings: Vec<String>,
}

/// Decides it; nothing is written.
///
/// # Errors
/// Settings that cannot be rendered; files of somebody else, and links, in the place of rendered ones.
pub(super) fn decide(repo: &Path, text: &str, seen: &Seen, system: System) -> Result<CiFiles, Refusal> {
    let settings = Settings::parse(text.as_bytes(), Settings::FILE_NAME, &[])?;
    let pipelines = Pipelines::new(&settings, text).for_ci()?;
    if pipelines.is_empty() {
        let warning = "no pipeline was seen to write CI files of: add rows such as [environment.stg_eu00] to landfall.toml, then run `landfall init` again";
        return Ok(CiFiles { warnings: vec![warning.to_owned()], ..CiFiles::default() });
    }
    let (rendered, word) = match system {
        System::GitLab => (gitlab::render(&pipelines, &settings)?, "gitlab"),
        System::GitHub => (github::render(&pipelines, &settings)?, "github"),
    };
    let stages: Vec<String> = pipelines.iter().flat_map(|pipeline| pipeline.ci_stages.clone()).collect();
    let paths: Vec<String> = rendered.iter().map(|file| file.path.clone()).collect();
    let plan = plan(repo, &format!("# Written by `landfall render {word}`"), rendered)?;
    refuse_foreign(&plan, false).map_err(|Refusal(problems)| {
        let remedy =
            "delete it where it is a copy of an old file, else move it; then run `landfall init` again";
        let in_own_words = |problem: Problem| match problem.code.as_str() {
            FOREIGN => problem.with_remedy(remedy),
            _ => problem,
        };
        Refusal(problems.into_iter().map(in_own_words).collect())
    })?;
    let mut files = CiFiles::default();
    for path in &plan.left_over {
        let shown = landfall_secret::escape(path, 200);
        files
            .warnings
            .push(format!("{shown}: no pipeline has it any more; delete it, since CI may still read it"));
    }
    let stale = plan.files.into_iter().filter(|(_, state)| *state != State::Fresh);
    files.stale = stale.map(|(file, _)| file).collect();
    if system == System::GitLab && is_of_others(seen) {
        files.of_root(seen, &stages, &paths);
    }
    Ok(files)
}

impl CiFiles {
    /// What becomes of a `.gitlab-ci.yml` that is the repo's own.
    fn of_root(&mut self, seen: &Seen, stages: &[String], paths: &[String]) {
        let Some(old) = &seen.old else { return };
        let included = include::included(&old.root);
        match include::change(&old.root, &old.text) {
            Change::None if included.is_empty() => {
                let of_pipelines = gitlab::included_files();
                let wanted = of_pipelines.iter().filter(|(file, of)| of.is_some() && paths.contains(file));
                let lines: Vec<String> = wanted.map(|(file, _)| format!("`- local: '/{file}'`")).collect();
                self.warnings.push(format!(
                    ".gitlab-ci.yml includes no pipeline yet: add {} to its `include`",
                    lines.join(", ")
                ));
            }
            Change::None => {}
            Change::Lines(edits) if old.is_link => {
                // It would be replaced by a file, and what it leads to would stay as it is.
                self.warnings.push(".gitlab-ci.yml is a link: change the include in the file that it leads to".to_owned());
                self.patch = patch("to be changed there:", &old.text, &edits);
            }
            Change::Lines(edits) => {
                self.patch = patch("changed in .gitlab-ci.yml:", &old.text, &edits);
                self.root = Some(include::applied(&old.text, &edits));
            }
            Change::ByHand { line, wanted } => self.warnings.push(format!(
                ".gitlab-ci.yml, line {line}: the include has a form that is not changed by a program; put {} in the place of the old files",
                wanted.iter().map(|line| format!("`{line}`")).collect::<Vec<_>>().join(", ")
            )),
        }
        for file in included.iter().filter(|file| !paths.contains(file)) {
            self.warnings.push(format!("{file} is included, and no pipeline of landfall.toml has it"));
        }
        let has = |name: &str| included.iter().any(|file| file.contains(name));
        let missing: Vec<&str> = ["semantic-versioning", "docker-build"]
            .into_iter()
            .filter(|job| !old.jobs.contains(*job))
            .collect();
        if has("/staging-deploy.") && !has("nx.semantic.versioning.") && !missing.is_empty() {
            self.warnings.push(format!(
                ".gitlab-ci.yml has no job {}, which staging needs: add one, or include `- local: '/nx.semantic.versioning.gitlab-ci.yml'`",
                missing.join(" and no job ")
            ));
        }
        if let Some(own) = &old.stages {
            let mut missing: Vec<&str> = Vec::new();
            for stage in stages.iter().filter(|stage| !own.contains(stage)) {
                if !missing.contains(&stage.as_str()) {
                    missing.push(stage);
                }
            }
            if !missing.is_empty() {
                self.warnings.push(format!(
                    ".gitlab-ci.yml has `stages` of its own without {}: add them, or delete `stages`, since every included file lists all",
                    missing.join(", ")
                ));
            }
        }
    }
}

/// The change as people read one.
fn patch(head: &str, text: &str, edits: &[Edit]) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut shown = vec![head.to_owned()];
    for edit in edits {
        shown.push(format!("  line {}", edit.lines.start + 1));
        let old = lines.get(edit.lines.clone()).unwrap_or_default();
        shown.extend(old.iter().map(|line| format!("  - {}", landfall_secret::escape(line, 200))));
        shown.extend(edit.new.iter().map(|line| format!("  + {}", landfall_secret::escape(line, 200))));
    }
    shown
}
