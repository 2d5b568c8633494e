use std::collections::BTreeMap;

use landfall_pipeline::{Rendered, gitlab};
use serde_json::Value;

use crate::support::{EXAMPLES, faults, of_example, read, schema, yaml};

fn rendered(name: &str) -> Vec<Rendered> {
    let (settings, pipelines) = of_example(name);
    gitlab::render(&pipelines, &settings).expect("rendered")
}

/// What GitLab makes of a file and all that it includes: keys of later files over those of earlier ones.
fn merged(files: &[Rendered], path: &str) -> BTreeMap<String, Value> {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("no {path}"));
    let own = yaml(&file.text);
    let mut all = BTreeMap::new();
    for include in own.get("include").and_then(Value::as_array).into_iter().flatten() {
        let path = include.get("local").and_then(Value::as_str).expect("a local file");
        all.extend(merged(files, path.strip_prefix('/').expect("from the root")));
    }
    all.extend(own.as_object().expect("a map").clone());
    all
}

const WORDS: [&str; 3] = ["include", "stages", "variables"];

fn jobs(all: &BTreeMap<String, Value>) -> impl Iterator<Item = (&String, &Value)> {
    all.iter().filter(|(name, _)| !WORDS.contains(&name.as_str()))
}

/// A job with everything that it extends.
fn extended(all: &BTreeMap<String, Value>, job: &Value) -> BTreeMap<String, Value> {
    let mut whole = BTreeMap::new();
    let parents = match job.get("extends") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    for parent in parents {
        let parent = all.get(parent).unwrap_or_else(|| panic!("no {parent} to extend"));
        whole.extend(extended(all, parent));
    }
    whole.extend(job.as_object().expect("a job").clone());
    whole
}

#[test]
fn every_file_follows_the_schema() {
    let Some(schema) = schema("gitlab-ci.schema.json") else { return };
    for name in EXAMPLES {
        for file in rendered(name) {
            let found = faults(&schema, &yaml(&file.text));
            assert!(found.is_empty(), "{name}/{}:\n{}", file.path, found.join("\n"));
        }
    }
}

#[test]
fn jobs_find_what_they_extend_and_need() {
    for name in EXAMPLES {
        let files = rendered(name);
        for path in files
            .iter()
            .map(|file| file.path.as_str())
            .filter(|path| *path == ".gitlab-ci.yml" || path.ends_with("dr-sync.gitlab-ci.yml"))
        {
            let all = merged(&files, path);
            let stages: Vec<&str> = all
                .get("stages")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect();
            let mut count = 0;
            for (name, job) in jobs(&all).filter(|(name, _)| !name.starts_with('.')) {
                count += 1;
                let whole = extended(&all, job);
                assert!(whole.contains_key("script") || whole.contains_key("trigger"), "{name} does nothing");
                assert!(whole.contains_key("rules"), "{name} always runs");
                let place = |stage: Option<&Value>| {
                    stages.iter().position(|known| stage.and_then(Value::as_str) == Some(known))
                };
                let own = place(whole.get("stage"));
                assert!(own.is_some(), "{name} has no stage");
                for need in whole.get("needs").and_then(Value::as_array).into_iter().flatten() {
                    let needed = need.get("job").and_then(Value::as_str).expect("a job");
                    let other = all
                        .get(needed)
                        .unwrap_or_else(|| panic!("{name} needs {needed}, which is not there"));
                    assert!(
                        place(extended(&all, other).get("stage")) <= own,
                        "{name} needs the later {needed}"
                    );
                }
            }
            assert!(count > 0, "{path} has jobs");
        }
    }
}

/// A job that another one always needs runs whenever that one does, or GitLab refuses the whole pipeline.
#[test]
fn what_is_needed_is_there_whenever_it_is_needed() {
    for name in EXAMPLES {
        let all = merged(&rendered(name), ".gitlab-ci.yml");
        for (name, job) in jobs(&all).filter(|(name, _)| !name.starts_with('.')) {
            let conditions = |job: &Value| -> Vec<String> {
                let whole = extended(&all, job);
                let rules = whole.get("rules").and_then(Value::as_array).cloned().unwrap_or_default();
                rules.iter().filter_map(|rule| Some(rule.get("if")?.as_str()?.to_owned())).collect()
            };
            let needs = job.get("needs").and_then(Value::as_array).cloned().unwrap_or_default();
            for need in needs.iter().filter(|need| need.get("optional").is_none()) {
                let needed = need.get("job").and_then(Value::as_str).expect("a job");
                let there = conditions(all.get(needed).expect("a job"));
                for condition in conditions(job) {
                    let covered = |other: &String| {
                        condition.starts_with(other.as_str()) || names_fewer(&condition, other)
                    };
                    assert!(
                        there.iter().any(covered),
                        "{name} runs by {condition} and needs {needed}, which runs by {there:?}"
                    );
                }
            }
        }
    }
}

/// Whether a condition on one environment is part of one on several.
fn names_fewer(narrow: &str, wide: &str) -> bool {
    let split = |text: &str| {
        text.split_once("|[\\s,])(")
            .and_then(|(head, tail)| Some((head.to_owned(), tail.split_once(')')?.0.to_owned())))
    };
    match (split(narrow), split(wide)) {
        (Some((a, few)), Some((b, many))) => {
            a == b && few.split('|').all(|one| many.split('|').any(|other| other == one))
        }
        _ => false,
    }
}

#[test]
fn existing_repos_find_their_files_and_templates() {
    let files = rendered("lambda");
    let root = "aws/lambda/build-deploy";
    let templates = [
        "aws-credentials",
        "prepare-docker-config",
        "retag-push-ecr",
        "deploy-lambda",
        "generate-mappings",
        "rules",
        "update-version-dashboard",
        "create-jira-tickets",
        "transition-jira-tickets",
        "comment-jira-tickets",
        "update-jira-instructions",
        "promote-artifacts",
        "promote-to-rc",
        "promote-to-release",
    ];
    let mut wanted: Vec<String> =
        templates.iter().map(|name| format!("{root}/templates/{name}.gitlab-ci.yml")).collect();
    wanted.extend(
        ["staging-deploy", "staging-on-demand-deploy", "prod-deploy"]
            .map(|name| format!("{root}/{name}.gitlab-ci.yml")),
    );
    wanted.extend(
        ["aws/s3-deploy.yml", "nx.semantic.versioning.gitlab-ci.yml", "common/vars.gitlab-ci.yml"]
            .map(str::to_owned),
    );
    let mut hidden = Vec::new();
    for path in &wanted {
        let all = merged(&files, path);
        let stages = all.get("stages");
        assert_eq!(stages, merged(&files, ".gitlab-ci.yml").get("stages"), "{path} lists all stages");
        hidden.extend(
            jobs(&all)
                .filter(|(name, job)| name.starts_with('.') && job.get("script").is_some())
                .map(|(name, _)| name.clone()),
        );
    }
    hidden.sort();
    hidden.dedup();
    insta::assert_snapshot!(hidden.join("\n"), @r"
    .aws-credentials-template
    .comment-jira-tickets-production-template
    .comment-jira-tickets-staging-template
    .create-jira-tickets-template
    .deploy-lambda-template
    .generate-mappings-template
    .prepare-docker-config-template
    .promote-artifacts-template
    .promote-to-rc-template
    .promote-to-release-template
    .retag-push-ecr-template
    .transition-jira-tickets-closed-template
    .transition-jira-tickets-deploy-pp-template
    .transition-jira-tickets-deploying-template
    .transition-jira-tickets-pp-testing-template
    .transition-jira-tickets-resolved-template
    .update-version-dashboard-template
    .update_jira_instructions_eu
    .update_jira_instructions_na
    ");
    // Any set of them can be included together: what two of them define is the same in both.
    let mut seen: BTreeMap<String, Value> = BTreeMap::new();
    for path in &wanted {
        for (name, value) in merged(&files, path) {
            if !WORDS.contains(&name.as_str()) {
                let other = seen.entry(name.clone()).or_insert_with(|| value.clone());
                assert_eq!(*other, value, "{name} of {path}");
            }
        }
    }
}

#[test]
fn lifetimes_and_access_are_as_agreed() {
    let all = merged(&rendered("lambda"), ".gitlab-ci.yml");
    let kept = |name: &str| {
        let job = extended(&all, all.get(name).unwrap_or_else(|| panic!("no {name}")));
        let of = |key: &str| {
            job.get("artifacts")
                .and_then(|kept| kept.get(key))
                .and_then(Value::as_str)
                .unwrap_or("-")
                .to_owned()
        };
        format!("{name}: {} {} {}", of("expire_in"), of("when"), of("access"))
    };
    let names = [
        "aws-credentials-staging-eu",
        "prepare-docker-config-staging-eu",
        "retag-push-ecr-staging-eu",
        "deploy-lambda-staging-eu",
        "update-jira-instructions-staging-eu",
        "transition-pp-testing-staging-na",
        "promote-to-rc-build-artifacts",
        "generate-on-demand-mappings",
        "comment-production-eu",
    ];
    insta::assert_snapshot!(names.map(kept).join("\n"), @r"
    aws-credentials-staging-eu: 1 hour - none
    prepare-docker-config-staging-eu: 1 hour - none
    retag-push-ecr-staging-eu: 1 year always -
    deploy-lambda-staging-eu: 1 year always -
    update-jira-instructions-staging-eu: 1 hour always -
    transition-pp-testing-staging-na: 1 week always -
    promote-to-rc-build-artifacts: 1 week always -
    generate-on-demand-mappings: 1 year always -
    comment-production-eu: 1 week always -
    ");
}

#[test]
fn a_job_that_is_split_runs_its_part() {
    let text = include_str!("../../../../docs/ci/lambda/landfall.toml");
    let split = format!(
        "{text}\n[pipelines.staging.jobs.deploy-lambda]\nparallel = 4\n[pipelines.staging.jobs.retag-push-ecr]\nparallel = 2\n"
    );
    let (settings, pipelines) = read(&split);
    let files = gitlab::render(&pipelines, &settings).expect("rendered");
    let all = merged(&files, ".gitlab-ci.yml");
    let job = all.get("deploy-lambda-staging-eu").expect("a job");
    assert_eq!((job.get("parallel"), job.get("resource_group")), (Some(&Value::from(4)), None));
    insta::assert_snapshot!(job.get("script").and_then(|lines| lines.get(0)).and_then(Value::as_str).unwrap_or_default(), @r#"landfall stage deploy-lambda --report-is-kept --report "landfall-$CI_JOB_NAME_SLUG.json" --shard "$CI_NODE_INDEX/$CI_NODE_TOTAL" --rate-share "1/$CI_NODE_TOTAL" --deploy-report "deploy-report-$CI_NODE_INDEX.json""#);
}
