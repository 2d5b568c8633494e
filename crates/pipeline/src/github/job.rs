//! A job as GitHub Actions has it.

use landfall_artifacts::{JobWhen, KeepWhen, MayFail, OnBranches, PipelineStart, Settings};

use super::expression::{id, literal, names};
use super::prepared::Prepared;
use super::secrets;
use crate::model::{Job, Login, Need, Pipeline, Work};
use crate::shell;
use crate::variables;
use crate::yaml::{Map, Yaml};

/// What `needs`, `if`, `steps` and the rest of a job are.
pub(super) fn job(pipeline: &Pipeline, prepared: &Prepared, settings: &Settings) -> Map {
    let job = &prepared.job;
    let mut map = Map::default();
    let runs_on = &settings.ci.runs_on;
    match runs_on.as_slice() {
        [] => map.set("runs-on", "ubuntu-latest"),
        [one] => map.set("runs-on", literal(one)),
        several => map.set("runs-on", several.iter().map(|label| literal(label)).collect::<Yaml>()),
    };
    if !job.needs.is_empty() {
        map.set("needs", job.needs.iter().map(|need| id(&need.job)).collect::<Yaml>());
    }
    map.set_some("if", condition(pipeline, job, settings));
    if let Some(environment) = job.environment.as_ref().filter(|_| shows_environment(pipeline, job)) {
        map.set("environment", environment.as_str());
    }
    if job.is_exclusive() && job.parallel.is_none() {
        let group = job.environment.as_ref().map(|name| format!("landfall-{name}")).unwrap_or_default();
        map.set(
            "concurrency",
            Map::from_iter([("group", Yaml::from(group)), ("cancel-in-progress", false.into())]),
        );
    }
    map.set("permissions", permissions(pipeline, job));
    map.set("timeout-minutes", job.timeout.as_secs().div_ceil(60).max(1));
    if let Some(parts) = job.parallel {
        let shards: Yaml = (1..=parts).map(|part| format!("{part}/{parts}")).collect();
        let matrix = Map::from_iter([("shard", shards)]);
        map.set("strategy", Map::from_iter([("fail-fast", Yaml::from(false)), ("matrix", matrix.into())]));
    }
    let ours = job.commands().iter().any(|words| words.first().is_some_and(|word| word == "landfall"));
    let image = match (&job.image, &settings.ci.image) {
        (Some(image), _) => Some(literal(image)),
        (None, Some(image)) if ours => Some(literal(image)),
        (None, None) if ours => Some("${{ vars.LANDFALL_IMAGE }}".to_owned()),
        (None, _) => None,
    };
    map.set_some("container", image);
    let environment = environment(pipeline, prepared);
    if !environment.is_empty() {
        map.set("env", environment);
    }
    map.set("steps", Yaml::List(steps(pipeline, prepared).into_iter().map(Yaml::from).collect()));
    map
}

/// A job that waits for somebody is one of an environment with reviewers. The others of that environment do not name it, since GitHub
/// would ask again for each.
fn shows_environment(pipeline: &Pipeline, job: &Job) -> bool {
    let waits = |other: &Job| other.when == JobWhen::Manual && other.environment == job.environment;
    job.when == JobWhen::Manual
        || !pipeline.jobs.iter().any(waits) && (job.is_exclusive() || job.is_deployment_command())
}

fn condition(pipeline: &Pipeline, job: &Job, settings: &Settings) -> Option<String> {
    let mut terms: Vec<String> = Vec::new();
    match pipeline.start {
        PipelineStart::Push => {
            let branch = settings.ci.branch.as_deref().unwrap_or("main");
            let here = format!("github.ref == 'refs/heads/{branch}'");
            match job.branches {
                OnBranches::Never => terms.push(here),
                OnBranches::Manual => {
                    terms.push(format!("({here} || github.event_name == 'workflow_dispatch')"));
                }
                OnBranches::Same => {}
            }
        }
        PipelineStart::ByHand => {
            terms.extend(job.environment.as_ref().filter(|_| pipeline.chosen).map(names));
        }
        PipelineStart::Call => terms.push("github.event.workflow_run.conclusion == 'success'".to_owned()),
    }
    let (optional, needed): (Vec<&Need>, Vec<&Need>) = job.needs.iter().partition(|need| need.optional);
    let went_well = |need: &&Need| format!("needs.{}.result == 'success'", id(&need.job));
    if job.when == JobWhen::Always {
        terms.insert(0, "always()".to_owned());
    } else if !optional.is_empty() {
        // A need that was skipped would skip this job too, unless it says when it runs.
        terms.insert(0, "!cancelled() && !failure()".to_owned());
        terms.extend(needed.iter().map(went_well));
        if pipeline.chosen && job.environment.is_none() {
            terms.push(format!("({})", optional.iter().map(went_well).collect::<Vec<_>>().join(" || ")));
        }
    }
    (!terms.is_empty()).then(|| format!("${{{{ {} }}}}", terms.join(" && ")))
}

fn permissions(pipeline: &Pipeline, job: &Job) -> Map {
    let pushes = job.runs("semantic-versioning") || job.runs("sync-project-versions");
    let mut map = Map::from_iter([("contents", if pushes { "write" } else { "read" })]);
    let login = match &job.login {
        Login::Own(name) => pipeline.row(name).and_then(|row| row.settings.vault.login.as_deref()),
        Login::Ambient | Login::Shared => None,
    };
    if matches!(login, Some("jwt" | "web-identity")) {
        map.set("id-token", "write");
    }
    if job.runs("gate") {
        map.set("actions", "read");
    }
    map
}

fn environment(pipeline: &Pipeline, prepared: &Prepared) -> Map {
    let job = &prepared.job;
    let mut map = Map::default();
    if let Some(environment) = &job.environment {
        map.set("CI_ENVIRONMENT_NAME", environment.as_str());
    }
    for other in prepared.before.iter().chain([job]) {
        for (name, value) in variables::of(pipeline, other) {
            map.set(name, literal(&value));
        }
    }
    map.remove("GIT_DEPTH");
    if needs_history(job) {
        // The checkout belongs to another user than the one in the container.
        let safe =
            [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "safe.directory"), ("GIT_CONFIG_VALUE_0", "*")];
        for (name, value) in safe {
            map.set(name, value);
        }
    }
    for (name, value) in secrets::of(pipeline, job, &prepared.before) {
        map.set(name, value);
    }
    map
}

fn needs_history(job: &Job) -> bool {
    job.variables.get("GIT_DEPTH").is_some_and(|depth| depth == "0")
}

fn steps(pipeline: &Pipeline, prepared: &Prepared) -> Vec<Map> {
    let job = &prepared.job;
    let mut checkout = Map::from_iter([("persist-credentials", Yaml::from(false))]);
    if needs_history(job) {
        checkout.set("fetch-depth", 0);
    }
    if pipeline.start == PipelineStart::Call {
        checkout.set("ref", "${{ github.event.workflow_run.head_sha }}");
    }
    let mut steps =
        vec![Map::from_iter([("uses", Yaml::from("actions/checkout@v4")), ("with", checkout.into())])];
    let needed = || job.needs.iter().filter_map(|need| Some((need, pipeline.job(&need.job)?)));
    for (need, other) in needed().filter(|(_, other)| leaves_files(other)) {
        let mut step = Map::from_iter([("uses", "actions/download-artifact@v4")]);
        // What is split leaves an artifact for each part; what is hidden behind `if` may have left none.
        let with = if other.parallel.is_some() {
            Map::from_iter([
                ("pattern", Yaml::from(format!("{}-*", id(&other.name)))),
                ("merge-multiple", true.into()),
            ])
        } else {
            Map::from_iter([("name", id(&other.name))])
        };
        step.set("with", with);
        if need.optional {
            step.set("continue-on-error", true);
        }
        steps.push(step);
    }
    for file in needed().filter_map(|(_, other)| other.hands_over.as_deref()) {
        let line = format!("cat {} >> \"$GITHUB_ENV\"", shell::quoted(file));
        steps.push(Map::from_iter([("run", literal(&line))]));
    }
    for other in &prepared.before {
        steps.push(Map::from_iter([("run", literal(&script(other)))]));
    }
    let mut main = Map::from_iter([("run", literal(&script(job)))]);
    if job.parallel.is_some() {
        main.set("env", Map::from_iter([("SHARD", "${{ matrix.shard }}")]));
    }
    if matches!(job.may_fail, MayFail::Always(true)) {
        main.set("continue-on-error", true);
    }
    steps.push(main);
    steps.extend(upload(job));
    steps
}

/// The lines that a shell runs, which ends with the first that fails.
fn script(job: &Job) -> String {
    let mut lines: Vec<String> = job.commands().iter().map(|words| shell::line(words)).collect();
    if let (Work::Stage { .. }, Some(line)) = (&job.work, lines.last_mut()) {
        line.push_str(&format!(" --report {}", report(job)));
        if let Some(parts) = job.parallel {
            line.push_str(&format!(" --shard \"$SHARD\" --rate-share 1/{parts}"));
            if job.runs("deploy-lambda") {
                line.push_str(" --deploy-report \"deploy-report-${SHARD%/*}.json\"");
            }
        }
    }
    if let MayFail::Codes(codes) = &job.may_fail {
        let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
        let allowed = codes.join("|");
        for line in &mut lines {
            line.push_str(&format!(
                " || {{ code=$?; case $code in {allowed}) echo \"::warning::ended with $code\" ;; *) exit $code ;; esac; }}"
            ));
        }
    }
    lines.join("\n")
}

fn report(job: &Job) -> String {
    format!("landfall-{}.json", id(&job.name))
}

fn leaves_files(job: &Job) -> bool {
    !job.keeps.is_empty() || job.hands_over.is_some()
}

fn upload(job: &Job) -> Option<Map> {
    if !leaves_files(job) && !matches!(job.work, Work::Stage { .. }) {
        return None;
    }
    let mut step = Map::default();
    if job.keep_when == KeepWhen::Always {
        step.set("if", "${{ always() }}");
    }
    step.set("uses", "actions/upload-artifact@v4");
    let name = if job.parallel.is_some() {
        format!("{}-${{{{ strategy.job-index }}}}", id(&job.name))
    } else {
        id(&job.name)
    };
    // The report is always among the paths, though it need not be there: of several paths GitHub keeps the folders, of one it does not.
    let mut paths: Vec<String> = job.keeps.iter().chain(&job.hands_over).map(|path| literal(path)).collect();
    paths.push(report(job));
    let days = job.keep_for.as_secs().div_ceil(86_400).clamp(1, 400);
    let with: [(&str, Yaml); 6] = [
        ("name", name.into()),
        ("path", paths.join("\n").into()),
        ("retention-days", days.into()),
        ("if-no-files-found", "ignore".into()),
        ("include-hidden-files", true.into()),
        ("overwrite", true.into()),
    ];
    step.set("with", Map::from_iter(with));
    Some(step)
}
