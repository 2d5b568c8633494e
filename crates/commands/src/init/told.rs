//! What a person is told: what was seen, why each value is what it is, and what is left to look at.

use landfall_artifacts::{EnvironmentName, Settings};
use landfall_run::counted;
use landfall_stages::Finished;

use super::choice::{Choice, Value, shown};
use super::ci_files::CiFiles;
use super::seen::{Seen, System};

/// Variables of old files that nothing reads any more, with what does their work now.
const UNUSED: [(&str, &str); 3] = [
    ("AWS_CREDENTIAL_SCRIPT_PATH", "aws-credentials speaks to Vault itself"),
    ("BUILD_ARTIFACTORY", "registries.docker_host says where images are"),
    ("NODE_20_INTERNAL_CURRENT", "ci.image is the image of jobs"),
];

/// What was seen of the repo.
pub(super) fn seen(seen: &Seen, system: System, why: &str) -> Vec<String> {
    let system = match system {
        System::GitLab => "GitLab",
        System::GitHub => "GitHub",
    };
    let mut tools = Vec::new();
    if seen.has_nx {
        tools.push("an Nx workspace".to_owned());
    }
    tools.extend(seen.packages.map(|packages| format!("packages by {}", packages.lockfile)));
    tools.extend(seen.has_configs.then(|| "configuration in configs".to_owned()));
    let functions = if seen.has_functions {
        counted(seen.functions, "function")
    } else {
        "no folder functions".to_owned()
    };
    tools.insert(0, functions);
    vec![format!("seen: {}", tools.join(", ")), format!("CI files are for {system}: {why}")]
}

/// Each value with where it comes from.
pub(super) fn choices(choices: &[Choice]) -> Vec<String> {
    let line = |choice: &Choice| match &choice.value {
        Value::Blank(wanted) => format!("  {}: to be filled in: {wanted}", choice.path()),
        value => format!("  {} = {} ({})", choice.path(), shown(value), choice.why),
    };
    choices.iter().map(|choice| landfall_secret::escape(&line(choice), 400)).collect()
}

/// What a file that is there says otherwise than the repo shows it now.
pub(super) fn differences(choices: &[Choice], settings: &Settings) -> Vec<String> {
    let mut lines = vec!["landfall.toml is there, and stays as it is".to_owned()];
    for choice in choices.iter().filter(|choice| !choice.is_blank()) {
        let (environment, key) = match choice.table.split_first() {
            Some((first, rest)) if first == "environment" => {
                let Some((name, rest)) = rest.split_first() else { continue };
                let Ok(name) = name.parse::<EnvironmentName>() else { continue };
                let steps: Vec<&str> = rest.iter().map(String::as_str).chain([choice.key]).collect();
                (Some(name), format!("environment.{}", steps.join(".")))
            }
            // Jobs are the repo's own from the first day, and are no values.
            Some((first, _)) if first == "pipelines" => continue,
            _ => (None, choice.path()),
        };
        let seen = match &choice.value {
            Value::Text(text) => text.clone(),
            Value::Texts(texts) => texts.join(","),
            Value::Truth(truth) => truth.to_string(),
            Value::Commands(_) | Value::Blank(_) => continue,
        };
        let layer = settings.layer(environment.as_ref());
        let line = match layer.get(&key) {
            Some(there) if *there == seen => continue,
            Some(there) => {
                format!("  {} is `{there}` there, and `{seen}` here: {}", choice.path(), choice.why)
            }
            None => format!("  {} is not there, and `{seen}` here: {}", choice.path(), choice.why),
        };
        lines.push(landfall_secret::escape(&line, 400));
    }
    lines
}

/// What a person has to look at.
pub(super) fn warnings(seen: &Seen, ci: Option<&CiFiles>) -> Vec<String> {
    let mut warnings = Vec::new();
    if !seen.nameless.is_empty() {
        let some: Vec<&str> = seen.nameless.iter().take(5).map(String::as_str).collect();
        let more = seen.nameless.len().saturating_sub(some.len());
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        warnings.push(format!(
            "no .deployment names the Lambda function of {}{more}: deployments refuse them until one does",
            some.join(", ")
        ));
    }
    let every = seen.old.as_ref().map(|old| &old.every_variable);
    for (variable, instead) in UNUSED {
        if let Some(place) = every.and_then(|every| every.get(variable)) {
            warnings
                .push(format!("{variable} in {} is unused: {instead}", landfall_secret::escape(place, 200)));
        }
    }
    warnings.extend(ci.iter().flat_map(|ci| ci.warnings.clone()));
    warnings
}

/// One line for all.
pub(super) fn summary(finished: &Finished, blanks: usize, is_dry: bool) -> String {
    if blanks > 0 {
        let done = match (is_dry, blanks) {
            (true, _) => "would be left",
            (false, 1) => "is left",
            (false, _) => "are left",
        };
        let values = counted(blanks, "value");
        return format!("{values} {done} to be filled in; then `landfall init` again writes the CI files");
    }
    let foretold = finished.lines.iter().filter(|line| line.starts_with("would write ")).count();
    match (is_dry, finished.files.len()) {
        (true, 0) if foretold == 0 => "nothing to do".to_owned(),
        (true, _) => format!("{} would be written", counted(foretold, "file")),
        (false, 0) => "nothing to do".to_owned(),
        (false, 1) => "1 file written; look at it, then commit it".to_owned(),
        (false, written) => format!("{written} files written; look at them, then commit them"),
    }
}
