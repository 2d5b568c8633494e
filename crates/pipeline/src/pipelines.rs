//! The pipelines of a repo.

use landfall_artifacts::{
    EnvironmentKind, EnvironmentName, FileErrors, JobEach, MayFail, PartName, PipelineSettings, Settings,
};

use crate::expand::{Expansion, plain};
use crate::model::{Job, Need, Pipeline, Work};
use crate::order::sort;
use crate::places::{Found, Places, meant};
use crate::row::{Row, rows, stands_by};
use crate::{check, credentials, definitions};

/// The pipelines of a repo, ready to be checked one by one.
#[derive(Debug)]
pub struct Pipelines<'s> {
    settings: &'s Settings,
    places: Places<'s>,
}

impl<'s> Pipelines<'s> {
    /// Of these settings; `text` is the `landfall.toml` that they were read from, which problems point into, and may be empty.
    pub fn new(settings: &'s Settings, text: &'s str) -> Self {
        Self { settings, places: Places::new(text) }
    }

    /// The names of all pipelines, the built-in ones first.
    pub fn names(&self) -> Vec<PartName> {
        definitions::names(self.settings)
    }

    /// The settings that they are of.
    pub fn settings(&self) -> &'s Settings {
        self.settings
    }

    /// Those that CI files are written of: the ones that `[ci]` names, else the usual ones that the repo has environments for and its
    /// own; and those that their success starts.
    ///
    /// # Errors
    /// [`FileErrors`] with everything that is wrong with any of them.
    pub fn for_ci(&self) -> Result<Vec<Pipeline>, FileErrors> {
        let named = &self.settings.ci.pipelines;
        let (mut errors, mut pipelines): (Option<FileErrors>, Vec<Pipeline>) = (None, Vec::new());
        let mut wanted: Vec<PartName> = named.clone();
        if named.is_empty() {
            wanted = self.names().into_iter().filter(|name| self.is_usual(name)).collect();
        }
        let mut next = 0;
        while let Some(name) = wanted.get(next).cloned() {
            next += 1;
            match self.pipeline(&name) {
                Ok(pipeline) => {
                    let called = pipeline.jobs.iter().filter_map(|job| match &job.work {
                        Work::Call(called) => Some(called.clone()),
                        Work::Stage { .. } | Work::Commands(_) => None,
                    });
                    for called in called.collect::<Vec<_>>() {
                        if !wanted.contains(&called) {
                            wanted.push(called);
                        }
                    }
                    pipelines.push(pipeline);
                }
                Err(found) => {
                    errors = Some(match errors {
                        Some(errors) => errors.join(found),
                        None => found,
                    });
                }
            }
        }
        errors.map_or(Ok(pipelines), Err)
    }

    fn is_usual(&self, name: &PartName) -> bool {
        const USUAL: [&str; 5] = ["staging", "staging-on-demand", "production", "s3-config", "rollback"];
        let is_own = self.settings.pipelines.contains_key(name);
        let has_rows =
            || definitions::definition(self.settings, name).is_some_and(|d| !self.rows(&d).is_empty());
        is_own || USUAL.contains(&name.as_str()) && has_rows()
    }

    /// A pipeline, with everything checked.
    ///
    /// # Errors
    /// [`FileErrors`] with everything that is wrong with it, each at its place: an unknown name with those that are known, unknown
    /// stages and jobs, circles, files that nobody makes, environments that are not defined.
    pub fn pipeline(&self, name: &PartName) -> Result<Pipeline, FileErrors> {
        let mut found = Found::default();
        let Some(definition) = definitions::definition(self.settings, name) else {
            let known = self.names();
            let expected = meant(name.as_str(), known.iter().map(PartName::as_str));
            found.add(&self.places, &["pipelines", name.as_str()], format!("no pipeline `{name}`"), expected);
            return found.finish(()).map(|()| unreachable!("a problem was added"));
        };
        check::of_definition(name, &definition, self.settings, &self.places, &mut found);
        let rows = self.rows(&definition);
        if rows.is_empty() && definition.jobs.values().any(|job| job.each == Some(JobEach::Environment)) {
            let (what, expected) =
                ("no environment for it", "rows such as [environment.stg_eu00], of a kind that it is for");
            found.add(&self.places, &["pipelines", name.as_str()], what, expected);
        }
        if !found.is_empty() {
            return found.finish(()).map(|()| unreachable!("a problem was added"));
        }
        let expansion = Expansion { name, definition: &definition, rows: &rows, settings: self.settings };
        let mut pipeline = Pipeline {
            name: name.clone(),
            summary: definition.summary.clone().unwrap_or_default(),
            start: definition.start.unwrap_or_default(),
            changes: definition.changes.clone().unwrap_or_default(),
            chosen: definition.chosen.unwrap_or_default(),
            after: definition.after.clone(),
            ci_stages: expansion.ci_stages(),
            jobs: expansion.jobs(&self.places, &mut found),
            rows: rows.clone(),
        };
        self.add_calls(&mut pipeline);
        check::of_pipeline(&pipeline, &self.places, &mut found);
        if found.is_empty() {
            credentials::give(&mut pipeline, self.settings);
            check::of_files(&pipeline, &self.places, &mut found);
            sort(&mut pipeline);
        }
        found.finish(pipeline)
    }

    fn rows(&self, definition: &PipelineSettings) -> Vec<Row> {
        let environments = &self.settings.environments;
        let by_name = definition.environments.as_deref();
        let kinds: &[EnvironmentKind] = definition.kinds.as_deref().unwrap_or_default();
        let is_for = |name: &&EnvironmentName| {
            by_name.map_or_else(
                || environments.get(*name).is_some_and(|row| kinds.contains(&row.kind)),
                |names| names.contains(name),
            ) && definition.standby.is_none_or(|standby| stands_by(name, self.settings) == standby)
        };
        rows(environments.keys().filter(is_for), self.settings)
    }

    /// A job at the end for each pipeline that the success of this one starts and that has something to do.
    fn add_calls(&self, pipeline: &mut Pipeline) {
        for name in self.names() {
            let called = definitions::definition(self.settings, &name)
                .filter(|definition| definition.after.as_ref() == Some(&pipeline.name))
                .filter(|definition| !self.rows(definition).is_empty());
            if called.is_none() {
                continue;
            }
            let needed: Vec<&str> =
                pipeline.jobs.iter().flat_map(|job| &job.needs).map(|n| n.job.as_str()).collect();
            // What nothing else waits for in production is its success; without production it is that of all.
            let is_end = |job: &&Job| !needed.contains(&job.name.as_str());
            let in_production = |job: &&Job| {
                let row = job.environment.as_ref().and_then(|name| pipeline.row(name));
                row.is_some_and(|row| row.settings.kind == EnvironmentKind::Production)
            };
            let mut ends: Vec<&Job> = pipeline.jobs.iter().filter(is_end).filter(in_production).collect();
            if ends.is_empty() {
                ends = pipeline.jobs.iter().filter(is_end).collect();
            }
            let needs = ends.iter().map(|job| Need { job: job.name.clone(), optional: false }).collect();
            let Some(last) = pipeline.ci_stages.last().cloned() else { continue };
            let mut job = plain(format!("start-{name}"), name.clone(), Work::Call(name.clone()), last);
            job.needs = needs;
            job.may_fail = MayFail::Always(true);
            pipeline.jobs.push(job);
        }
    }
}
