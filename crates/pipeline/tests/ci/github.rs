use landfall_pipeline::{Rendered, github};
use serde_json::Value;

use crate::support::{EXAMPLES, faults, of_example, read, schema, yaml};

fn rendered(name: &str) -> Vec<(Rendered, Value)> {
    let (settings, pipelines) = of_example(name);
    let files = github::render(&pipelines, &settings).expect("rendered");
    files.into_iter().map(|file| (yaml(&file.text), file)).map(|(value, file)| (file, value)).collect()
}

fn workflow(name: &str, pipeline: &str) -> Value {
    let path = format!(".github/workflows/{pipeline}.yml");
    rendered(name).into_iter().find(|(file, _)| file.path == path).expect("a workflow").1
}

#[test]
fn every_workflow_follows_the_schema() {
    let Some(schema) = schema("github-workflow.schema.json") else { return };
    for name in EXAMPLES {
        for (file, value) in rendered(name) {
            let found = faults(&schema, &value);
            assert!(found.is_empty(), "{name}/{}:\n{}", file.path, found.join("\n"));
        }
    }
}

#[test]
fn jobs_find_what_they_need_and_no_secret_is_handed_on() {
    for name in EXAMPLES {
        for (file, value) in rendered(name) {
            let jobs = value.get("jobs").and_then(Value::as_object).expect("jobs");
            assert!(!jobs.is_empty(), "{}", file.path);
            for (job, body) in jobs {
                for need in body.get("needs").and_then(Value::as_array).into_iter().flatten() {
                    assert!(
                        jobs.contains_key(need.as_str().expect("a name")),
                        "{job} of {} needs {need}",
                        file.path
                    );
                }
                for step in body.get("steps").and_then(Value::as_array).expect("steps") {
                    let kept = step
                        .get("with")
                        .and_then(|with| with.get("path"))
                        .and_then(Value::as_str)
                        .unwrap_or_default();
                    assert!(
                        !kept.contains("aws_auth.env") && !kept.contains("docker-config.json"),
                        "{job} keeps {kept}"
                    );
                    let run = step.get("run").and_then(Value::as_str).unwrap_or_default();
                    assert!(!run.contains("${{"), "{job}: what people type stays out of {run}");
                }
            }
        }
    }
}

#[test]
fn a_gate_is_an_environment_with_reviewers_and_asks_once() {
    let release = workflow("immutable-release", "immutable-release");
    let named = |job: &str| {
        release.get("jobs").and_then(|jobs| jobs.get(job)?.get("environment")?.as_str()).map(str::to_owned)
    };
    assert_eq!(named("approve-uat").as_deref(), Some("uat"));
    assert_eq!((named("deploy-uat"), named("smoke-test-uat")), (None, None), "GitHub would ask again");
    assert_eq!(named("deploy-dev").as_deref(), Some("dev"));
    let approve = release.get("jobs").and_then(|jobs| jobs.get("approve-uat")).expect("a job");
    insta::assert_snapshot!(serde_json::to_string(approve.get("permissions").expect("permissions")).expect("JSON"), @r#"{"actions":"read","contents":"read","id-token":"write"}"#);
    let dr = workflow("immutable-release", "dr-sync");
    insta::assert_snapshot!(serde_json::to_string(dr.get("on").expect("a start")).expect("JSON"), @r#"{"workflow_run":{"types":["completed"],"workflows":["immutable-release"]}}"#);
}

#[test]
fn a_job_that_is_split_runs_its_part() {
    let text = include_str!("../../../../docs/ci/lambda/landfall.toml");
    let split = format!("{text}\n[pipelines.staging.jobs.deploy-lambda]\nparallel = 2\n");
    let (settings, pipelines) = read(&split);
    let files = github::render(&pipelines, &settings).expect("rendered");
    let staging = files.iter().find(|file| file.path.ends_with("/staging.yml")).expect("a workflow");
    let staging = yaml(&staging.text);
    let job = |name: &str| staging.get("jobs").and_then(|jobs| jobs.get(name)).expect("a job").clone();
    let deploy = job("deploy-lambda-staging-eu");
    assert_eq!(deploy.get("concurrency"), None);
    let of = |job: &Value, way: &str| -> Vec<String> {
        let steps = job.get("steps").and_then(Value::as_array).cloned().unwrap_or_default();
        steps
            .iter()
            .filter_map(|step| step.pointer(way))
            .map(|value| value.as_str().unwrap_or_default().to_owned())
            .collect()
    };
    insta::assert_snapshot!(of(&deploy, "/run").join("\n"), @r#"landfall stage deploy-lambda --report-is-kept --report landfall-deploy-lambda-staging-eu.json --shard "$SHARD" --rate-share 1/2 --deploy-report "deploy-report-${SHARD%/*}.json""#);
    assert_eq!(
        of(&deploy, "/with/name").last().map(String::as_str),
        Some("deploy-lambda-staging-eu-${{ strategy.job-index }}")
    );
    assert_eq!(of(&job("create-jira-tickets-staging-eu"), "/with/pattern"), ["deploy-lambda-staging-eu-*"]);
}

#[test]
fn names_that_github_cannot_tell_apart_are_refused() {
    let text = "[ci]\npipelines = [\"x\"]\n[pipelines.x.jobs.a]\nname = \"a.b\"\ncommands = [\"true\"]\n[pipelines.x.jobs.b]\nname = \"a-b\"\ncommands = [\"true\"]\n";
    let (settings, pipelines) = read(text);
    insta::assert_snapshot!(github::render(&pipelines, &settings).expect_err("refused"), @r"two jobs of x are called a-b on GitHub, which has no dots in names");
}
