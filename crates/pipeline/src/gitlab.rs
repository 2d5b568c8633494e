//! CI files for GitLab.
//!
//! The files have the names that existing repos include, and templates those that they extend. Each lists all stages of all files in one
//! order, so that any set of them can be included together. Source: GitLab's CI/CD YAML syntax reference and its published schema.

mod job;
mod names;
mod rules;
mod stages;

use std::collections::BTreeMap;

use landfall_artifacts::{PipelineStart, Settings};

use crate::expand::plain_job;
use crate::inputs;
use crate::model::{Job, Pipeline, Work};
use crate::rendered::{RenderError, Rendered};
use crate::variables;
use crate::yaml::{Map, Yaml, document};

const HEAD: &str = "Written by `landfall render gitlab`; change landfall.toml and render again.";

/// The files of these pipelines: one for each, the templates and rules that they use, the variables, and the `.gitlab-ci.yml` that
/// includes them. The same pipelines and settings give the same bytes.
///
/// # Errors
/// [`RenderError`] where the pipelines have stages in opposite orders.
pub fn render(pipelines: &[Pipeline], settings: &Settings) -> Result<Vec<Rendered>, RenderError> {
    let order = stages::merged(pipelines).map_err(|opposed| RenderError::Stages { stages: opposed.0 })?;
    let files = Files { pipelines, settings, stages: order.iter().map(String::as_str).collect() };
    let mut rendered = vec![files.variables(), files.rules()];
    for (file, templates) in names::FILES {
        rendered.push(files.templates(file, templates));
    }
    for pipeline in pipelines {
        rendered.push(files.pipeline(pipeline));
    }
    rendered.extend(files.versioning());
    if settings.ci.own_root != Some(true) {
        rendered.push(files.root());
    }
    rendered.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(rendered)
}

/// The files that existing repos include by these paths, with the pipeline that each is of; templates are of none.
pub fn included_files() -> Vec<(String, Option<&'static str>)> {
    let pipelines = ["staging", "staging-on-demand", "production", "s3-config"];
    let of_pipelines = pipelines.into_iter().filter_map(|name| {
        let path = names::file_of_pipeline(&name.parse().ok()?);
        Some((path, Some(name)))
    });
    let templates = names::FILES.iter().map(|(file, _)| *file).chain([names::RULES]);
    of_pipelines
        .chain([(names::VERSIONING.to_owned(), Some("staging")), (names::VARIABLES.to_owned(), None)])
        .chain(templates.map(|file| (names::template_path(file), None)))
        .collect()
}

struct Files<'f> {
    pipelines: &'f [Pipeline],
    settings: &'f Settings,
    stages: Yaml,
}

/// Where a job stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Home {
    /// In the file of its pipeline.
    Pipeline,
    /// In the file that makes versions.
    Versioning,
    /// In the repo's own file: it is the repo's to fill in, and other repos have jobs of this name.
    Root,
}

fn home(pipeline: &Pipeline, job: &Job) -> Home {
    let is_staging = pipeline.name.as_str() == "staging" && job.environment.is_none();
    match job.part.as_str() {
        "semantic-versioning" | "docker-build" if is_staging => Home::Versioning,
        _ if is_staging && matches!(job.work, Work::Commands(_)) => Home::Root,
        _ => Home::Pipeline,
    }
}

fn written(path: String, about: &str, map: &Map) -> Rendered {
    Rendered { path, text: document(&[HEAD, about], map) }
}

impl Files<'_> {
    fn start(&self, includes: &[String]) -> Map {
        let mut map = Map::default();
        let include = |path: &String| Yaml::from(Map::from_iter([("local", format!("/{path}"))]));
        if !includes.is_empty() {
            map.set("include", Yaml::List(includes.iter().map(include).collect()));
        }
        map.set("stages", self.stages.clone());
        map
    }

    fn variables(&self) -> Rendered {
        let mut map = self.start(&[]);
        let variables = variables::common(self.settings);
        if !variables.is_empty() {
            map.set(
                "variables",
                variables.into_iter().map(|(name, value)| (name, value.replace('$', "$$"))).collect::<Map>(),
            );
        }
        written(
            names::VARIABLES.to_owned(),
            "What all jobs have alike; variables of the project stand above it.",
            &map,
        )
    }

    /// The rules that several jobs have alike, by the name of the hidden job that has them.
    fn shared_rules(&self) -> Vec<(String, Yaml)> {
        let mut counts: BTreeMap<String, (usize, Yaml)> = BTreeMap::new();
        for pipeline in self.pipelines {
            for job in &pipeline.jobs {
                let name = rules_name(pipeline, job);
                let rules = rules::rules(pipeline, job, self.settings);
                let usual = plain_rules(pipeline, job, self.settings);
                if rules == usual {
                    counts.entry(name).or_insert((0, rules)).0 += 1;
                }
            }
        }
        counts.into_iter().map(|(name, (_, rules))| (name, rules)).collect()
    }

    fn rules(&self) -> Rendered {
        let mut map = self.start(&[]);
        for (name, rules) in self.shared_rules() {
            map.set(name, Map::from_iter([("rules", rules)]));
        }
        written(names::template_path(names::RULES), "When the jobs of each pipeline run.", &map)
    }

    fn template_body(&self, template: &str) -> Option<Map> {
        let settings = names::job_of_template(template)?;
        Some(job::body(&plain_job(&settings)?, self.settings))
    }

    fn templates(&self, file: &str, templates: &[&str]) -> Rendered {
        let mut map = self.start(&[names::VARIABLES.to_owned()]);
        for template in templates {
            if let Some(body) = self.template_body(template) {
                map.set(*template, body);
            }
        }
        written(names::template_path(file), "Templates to extend.", &map)
    }

    /// A job, without what its template and the shared rules have.
    fn job(
        &self,
        pipeline: &Pipeline,
        job: &Job,
        shared: &[(String, Yaml)],
        own: &BTreeMap<String, Map>,
    ) -> Map {
        let mut map = Map::default();
        let template = job.template.as_deref();
        let inherited = template.and_then(|name| own.get(name).cloned().or_else(|| self.template_body(name)));
        let rules = rules::rules(pipeline, job, self.settings);
        let named = rules_name(pipeline, job);
        let is_shared = shared.iter().any(|(name, shared)| *name == named && *shared == rules);
        let template = template.filter(|_| inherited.is_some());
        let extends: Vec<&str> = template.into_iter().chain(is_shared.then_some(named.as_str())).collect();
        match extends.as_slice() {
            [] => {}
            [one] => {
                map.set("extends", *one);
            }
            several => {
                map.set("extends", several.iter().copied().collect::<Yaml>());
            }
        }
        for (key, value) in job::around(pipeline, job).entries() {
            map.set(key.clone(), value.clone());
        }
        for (key, value) in job::body(job, self.settings).entries() {
            if inherited.as_ref().and_then(|inherited| inherited.get(key)) != Some(value) {
                map.set(key.clone(), value.clone());
            }
        }
        if !is_shared {
            map.set("rules", rules);
        }
        map
    }

    /// Templates that only this pipeline has: what its jobs that extend them have alike.
    fn own_templates(&self, jobs: &[&Job]) -> BTreeMap<String, Map> {
        let mut own: BTreeMap<String, Map> = BTreeMap::new();
        for job in jobs {
            let Some(template) = job.template.as_ref().filter(|name| names::file_of_template(name).is_none())
            else {
                continue;
            };
            let body = job::body(job, self.settings);
            match own.get_mut(template) {
                None => {
                    own.insert(template.clone(), body);
                }
                Some(alike) => {
                    let kept: Map = alike
                        .entries()
                        .iter()
                        .filter(|(key, value)| body.get(key) == Some(value))
                        .cloned()
                        .collect();
                    *alike = kept;
                }
            }
        }
        own.retain(|name, body| !body.is_empty() && name.starts_with('.'));
        own
    }

    fn jobs_of(&self, pipeline: &Pipeline, wanted: Home) -> Option<(Vec<String>, Map)> {
        let jobs: Vec<&Job> = pipeline.jobs.iter().filter(|job| home(pipeline, job) == wanted).collect();
        if jobs.is_empty() {
            return None;
        }
        let mut includes: Vec<String> =
            jobs.iter().filter_map(|job| names::file_of_template(job.template.as_deref()?)).collect();
        includes.push(names::template_path(names::RULES));
        includes.push(names::VARIABLES.to_owned());
        includes.sort();
        includes.dedup();
        let (shared, own) = (self.shared_rules(), self.own_templates(&jobs));
        let mut map = Map::default();
        for (name, body) in &own {
            map.set(name.clone(), body.clone());
        }
        for job in jobs {
            map.set(job.name.clone(), self.job(pipeline, job, &shared, &own));
        }
        Some((includes, map))
    }

    fn pipeline(&self, pipeline: &Pipeline) -> Rendered {
        let (includes, jobs) = self.jobs_of(pipeline, Home::Pipeline).unwrap_or_default();
        let mut map = self.start(&includes);
        let inputs = web_form(&[pipeline], self.settings);
        if !inputs.is_empty() {
            map.set("variables", inputs);
        }
        for (key, value) in jobs.entries() {
            map.set(key.clone(), value.clone());
        }
        written(
            names::file_of_pipeline(&pipeline.name),
            &format!("{}: {}.", pipeline.name, pipeline.summary),
            &map,
        )
    }

    fn versioning(&self) -> Option<Rendered> {
        let staging = self.pipelines.iter().find(|pipeline| pipeline.name.as_str() == "staging")?;
        let (includes, jobs) = self.jobs_of(staging, Home::Versioning)?;
        let mut map = self.start(&includes);
        for (key, value) in jobs.entries() {
            map.set(key.clone(), value.clone());
        }
        Some(written(names::VERSIONING.to_owned(), "Versions and images of what changed.", &map))
    }

    /// The repo's own file.
    fn root(&self) -> Rendered {
        let is_called = |pipeline: &&Pipeline| pipeline.start == PipelineStart::Call;
        let mut includes: Vec<String> = self
            .pipelines
            .iter()
            .filter(|pipeline| !is_called(pipeline))
            .map(|pipeline| names::file_of_pipeline(&pipeline.name))
            .collect();
        let staging = self.pipelines.iter().find(|pipeline| pipeline.name.as_str() == "staging");
        let own = staging.and_then(|staging| self.jobs_of(staging, Home::Root));
        if staging.is_some_and(|staging| self.jobs_of(staging, Home::Versioning).is_some()) {
            includes.push(names::VERSIONING.to_owned());
        }
        let mut map = self.start(&includes);
        let inputs = web_form(&self.pipelines.iter().collect::<Vec<_>>(), self.settings);
        if !inputs.is_empty() {
            map.set("variables", inputs);
        }
        for (key, value) in own.iter().flat_map(|(_, jobs)| jobs.entries()) {
            map.set(key.clone(), value.clone());
        }
        written(".gitlab-ci.yml".to_owned(), "Jobs that are the repo's own are filled in here.", &map)
    }
}

/// The hidden job that has the rules of a job.
fn rules_name(pipeline: &Pipeline, job: &Job) -> String {
    match job.environment.as_ref().and_then(|name| pipeline.row(name)).filter(|_| pipeline.chosen) {
        Some(row) => format!(".rules-{}-{}", pipeline.name, row.name),
        None => format!(".rules-{}", pipeline.name),
    }
}

/// The rules that a job of this kind has where nothing is said of it.
fn plain_rules(pipeline: &Pipeline, job: &Job, settings: &Settings) -> Yaml {
    let mut plain = job.clone();
    plain.when = landfall_artifacts::JobWhen::OnSuccess;
    plain.branches = landfall_artifacts::OnBranches::Never;
    plain.changes = Vec::new();
    if rules::checks_targets(job) {
        plain.work = Work::Commands(Vec::new());
    }
    rules::rules(pipeline, &plain, settings)
}

/// The fields of the web form.
fn web_form(pipelines: &[&Pipeline], settings: &Settings) -> Map {
    let field = |(name, description): (String, String)| {
        (name, Map::from_iter([("value", String::new()), ("description", description.replace('$', "$$"))]))
    };
    inputs::of(pipelines, settings).into_iter().map(field).collect()
}
