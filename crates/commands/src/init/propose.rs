//! From what was seen and said to what `landfall.toml` says: decided here, and asked and written elsewhere.

use landfall_artifacts::EnvironmentKind;
use landfall_pipeline::gitlab;

use super::asked::{Answers, Asked, COMMON, blank, said_of, taken};
use super::choice::{Choice, Value};
use super::old_ci::kind_of;
use super::rows::{of_row, rows};
use super::seen::{Seen, System};
use super::{include, old_ci};

/// Everything that the file is to say, table by table.
pub(super) fn choices(seen: &Seen, system: System, answers: &Answers) -> Vec<Choice> {
    let pipelines = pipelines(seen);
    // Who extends templates alone has jobs of its own that deploy images.
    let extends = seen.old.as_ref().is_some_and(|old| !include::included(&old.root).is_empty());
    let has_images =
        pipelines.iter().any(|(name, _)| *name != "s3-config") || pipelines.is_empty() && extends;
    let mut choices = common(seen, answers, "", has_images);
    choices.extend(of_ci(seen, system, answers, &pipelines));
    choices.extend(common(seen, answers, "ci.variables", has_images));
    choices.extend(common(seen, answers, "registries", has_images));
    choices.extend(docker_host(seen, &choices));
    choices.extend(common(seen, answers, "jira", has_images));
    let mut rows: Vec<_> = rows(seen, answers, &pipelines).into_iter().collect();
    rows.sort_by_key(|(name, _)| kind_of(name) == Some(EnvironmentKind::Production));
    for (name, row) in rows {
        choices.extend(of_row(seen, answers, &name, &row, has_images));
    }
    if seen.merges_itself {
        let words = ["sh", "./find_versions.sh"].map(str::to_owned).to_vec();
        choices.push(Choice::new(
            &["configs"],
            "merge_command",
            Value::Texts(words),
            "find_versions.sh is there",
        ));
    }
    choices.extend(builds(seen));
    choices
}

/// The pipelines, each with why: those whose files are included, else those that the repo has something for.
fn pipelines(seen: &Seen) -> Vec<(&'static str, String)> {
    let included = seen.old.as_ref().map(|old| include::included(&old.root)).unwrap_or_default();
    let mut pipelines: Vec<(&str, String)> = Vec::new();
    for (file, pipeline) in gitlab::included_files() {
        if let Some(name) = pipeline.filter(|_| included.contains(&file))
            && !pipelines.iter().any(|(other, _)| *other == name)
        {
            pipelines.push((name, format!("{file} is included")));
        }
    }
    // Who includes templates alone has jobs of its own, and no pipeline is added to them.
    if included.is_empty() {
        if seen.has_functions {
            let why = "there is a folder functions";
            pipelines
                .extend(["staging", "staging-on-demand", "production"].map(|name| (name, why.to_owned())));
        }
        if seen.has_configs {
            pipelines.push(("s3-config", "there is a folder configs".to_owned()));
        }
    }
    pipelines
}

fn of_ci(seen: &Seen, system: System, answers: &Answers, pipelines: &[(&str, String)]) -> Vec<Choice> {
    let mut choices = Vec::new();
    if !pipelines.is_empty() {
        let names = pipelines.iter().map(|(name, _)| (*name).to_owned()).collect();
        let mut whys: Vec<&str> = pipelines.iter().map(|(_, why)| why.as_str()).collect();
        whys.dedup();
        choices.push(Choice::new(&["ci"], "pipelines", Value::Texts(names), whys.join("; ")));
    }
    let image = seen.old.as_ref().and_then(|old| old.common("LANDFALL_IMAGE"));
    if let Some(choice) = taken(answers, &["ci"], "image", image) {
        choices.push(choice);
    }
    if let Some(branch) = seen.branch.as_ref().filter(|branch| *branch != "main") {
        choices.push(Choice::new(
            &["ci"],
            "branch",
            Value::Text(branch.clone()),
            "the first branch of origin",
        ));
    }
    if system == System::GitLab && is_of_others(seen) {
        let why = format!("{} is there and stays the repo's", old_ci::ROOT);
        choices.push(Choice::new(&["ci"], "own_root", Value::Truth(true), why));
    }
    choices
}

/// Whether there is a `.gitlab-ci.yml` that Landfall did not write.
pub(super) fn is_of_others(seen: &Seen) -> bool {
    seen.old.as_ref().is_some_and(|old| !old.text.starts_with("# Written by `landfall render"))
}

/// The values of one table that all environments have alike.
fn common(seen: &Seen, answers: &Answers, table: &str, has_images: bool) -> Vec<Choice> {
    let steps: Vec<&str> = table.split('.').filter(|step| !step.is_empty()).collect();
    let one = |asked: &Asked| {
        let said = seen.old.as_ref().and_then(|old| said_of(old, None, asked.variable));
        taken(answers, &steps, asked.key, said).unwrap_or_else(|| blank(&steps, asked))
    };
    COMMON.iter().filter(|asked| asked.table == table && (has_images || !asked.of_images)).map(one).collect()
}

/// The host that images are pulled from: that of the variable with the place of builds, else Artifactory's own.
fn docker_host(seen: &Seen, choices: &[Choice]) -> Option<Choice> {
    let of_builds = seen.old.as_ref().and_then(|old| said_of(old, None, "BUILD_ARTIFACTORY_URL"));
    let host = |text: &str| {
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        rest.split('/').next().filter(|host| !host.is_empty()).map(str::to_owned)
    };
    if let Some(said) = of_builds {
        return Some(Choice::new(
            &["registries"],
            "docker_host",
            Value::Text(host(&said.value)?),
            said.place,
        ));
    }
    let url = choices.iter().find(|choice| choice.path() == "registries.url")?;
    let Value::Text(text) = &url.value else { return None };
    let why = "the host of Artifactory; change it where images have one of their own";
    Some(Choice::new(&["registries"], "docker_host", Value::Text(host(text)?), why))
}

/// How the repo builds and tests, where the jobs are not its own already.
fn builds(seen: &Seen) -> Vec<Choice> {
    let Some(packages) = seen.packages.filter(|_| seen.has_package && !is_of_others(seen)) else {
        return Vec::new();
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let job = |job: &'static str| {
        let run = if seen.has_nx {
            [words(packages.run), words(&["nx", "run-many"]), vec![format!("--target={job}")]].concat()
        } else {
            let manager = packages.install.first().copied().unwrap_or("npm");
            words(&[manager, "run", job])
        };
        let why = if seen.has_nx {
            format!("nx.json and {} are there", packages.lockfile)
        } else {
            format!("{} is there", packages.lockfile)
        };
        let table = ["pipelines", "staging", "jobs", job];
        Choice::new(&table, "commands", Value::Commands(vec![words(packages.install), run]), why)
    };
    if seen.has_functions { vec![job("build"), job("test")] } else { Vec::new() }
}
