//! From a definition and rows to a pipeline.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{
    EnvironmentKind, EnvironmentName, FileErrors, JobAt, JobCondition, JobEach, JobSettings, JobWhen,
    KeepWhen, MayFail, NeedOf, PartName, PipelineSettings, STAGES, Settings, stage,
};

use crate::model::{Job, Login, Need, Pipeline, Work};
use crate::places::{Found, Places, meant};
use crate::row::{Row, rows, stands_by};
use crate::targets::KnownTargets;
use crate::{check, credentials, definitions, files, split};

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
        const USUAL: [&str; 4] = ["staging", "staging-on-demand", "production", "s3-config"];
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

/// A job of which nothing is said.
fn plain(name: String, part: PartName, work: Work, ci_stage: String) -> Job {
    Job {
        name,
        part,
        environment: None,
        ci_stage,
        template: None,
        work,
        needs: Vec::new(),
        after_stages: false,
        when: JobWhen::OnSuccess,
        may_fail: MayFail::default(),
        branches: landfall_artifacts::OnBranches::Never,
        changes: Vec::new(),
        timeout: Duration::from_secs(3600),
        takes: Vec::new(),
        keeps: Vec::new(),
        keep_for: Duration::from_secs(7 * 86_400),
        keep_when: KeepWhen::OnSuccess,
        hands_over: None,
        variables: BTreeMap::new(),
        tags: Vec::new(),
        image: None,
        cache: Vec::new(),
        interruptible: false,
        parallel: None,
        login: Login::Ambient,
    }
}

/// A job of a definition that stands for no pipeline and no environment: what its template has.
pub(crate) fn plain_job(job: &JobSettings) -> Option<Job> {
    let (settings, definition) = (Settings::default(), PipelineSettings::default());
    let part: PartName = "template".parse().ok()?;
    let expansion = Expansion { name: &part, definition: &definition, rows: &[], settings: &settings };
    let mut plain = expansion.job(&part, job, None);
    plain.template = None;
    Some(plain)
}

struct Expansion<'e> {
    name: &'e PartName,
    definition: &'e PipelineSettings,
    rows: &'e [Row],
    settings: &'e Settings,
}

impl Expansion<'_> {
    fn ci_stages(&self) -> Vec<String> {
        let mut stages = Vec::new();
        let said = self.definition.ci_stages.clone().unwrap_or_else(|| vec![self.name.to_string()]);
        // Stages that stand together and are for each environment follow each other row by row.
        let mut group: Vec<&String> = Vec::new();
        for stage in &said {
            if stage.contains('{') {
                group.push(stage);
                continue;
            }
            self.fill_group(&mut group, &mut stages);
            stages.push(stage.clone());
        }
        self.fill_group(&mut group, &mut stages);
        stages
    }

    fn fill_group(&self, group: &mut Vec<&String>, stages: &mut Vec<String>) {
        for row in self.rows {
            stages.extend(group.iter().map(|stage| row.fill(stage)));
        }
        group.clear();
    }

    fn jobs(&self, places: &Places<'_>, found: &mut Found) -> Vec<Job> {
        let mut jobs = Vec::new();
        for (part, job) in self.definition.jobs.iter().filter(|(_, job)| job.leave_out != Some(true)) {
            match job.each.unwrap_or_default() {
                JobEach::Once => jobs.push(self.job(part, job, None)),
                JobEach::Environment => {
                    jobs.extend(self.rows_of(job).map(|row| self.job(part, job, Some(row))));
                }
            }
        }
        for job in &mut jobs {
            job.needs = self.needs(job, places, found);
        }
        split::give_reports(&mut jobs);
        jobs
    }

    /// The rows that have such a job.
    fn rows_of<'r>(&'r self, job: &'r JobSettings) -> impl Iterator<Item = &'r Row> {
        self.rows.iter().filter(move |row| {
            let left_out = differences(job, row).filter_map(|at| at.leave_out).next_back() == Some(true);
            let fits = job.condition.is_none_or(|condition| self.fits(row, condition));
            !left_out && fits
        })
    }

    fn fits(&self, row: &Row, condition: JobCondition) -> bool {
        match condition {
            JobCondition::Approvals => !row.settings.approvals.is_empty(),
            JobCondition::OtherRegistry => {
                let staging =
                    self.settings.environments.values().filter(|row| row.kind == EnvironmentKind::Staging);
                row.settings.ecr.is_some() && staging.map(|row| &row.ecr).all(|ecr| *ecr != row.settings.ecr)
            }
        }
    }

    fn job(&self, part: &PartName, job: &JobSettings, row: Option<&Row>) -> Job {
        let fill = |text: &String| row.map_or_else(|| text.clone(), |row| row.fill(text));
        let different: Vec<&JobAt> = row.map(|row| differences(job, row).collect()).unwrap_or_default();
        let usual = match row {
            Some(_) => format!("{part}-{{suffix}}"),
            None => part.to_string(),
        };
        let further = different.iter().filter_map(|at| at.arguments.as_ref()).flatten();
        let arguments = job.arguments.iter().flatten().chain(further).map(fill).collect();
        let work = if let Some(stage) = job.stage.as_deref().and_then(stage) {
            Work::Stage { stage, arguments }
        } else {
            let filled = |words: &Vec<String>| words.iter().map(fill).collect();
            let mut commands: Vec<Vec<String>> = job.commands.iter().flatten().map(filled).collect();
            // Who looks at the names that were typed is told which there are.
            for words in commands.iter_mut().filter(|words| *words == &["landfall", "targets"]) {
                words.extend(["--known".to_owned(), KnownTargets::of(self.settings).to_string()]);
            }
            Work::Commands(commands)
        };
        let first = || self.ci_stages().into_iter().next().unwrap_or_else(|| self.name.to_string());
        let mut made = plain(
            fill(job.name.as_ref().unwrap_or(&usual)),
            part.clone(),
            work,
            job.ci_stage.as_ref().map_or_else(first, fill),
        );
        let stages = made.stages();
        let of_stages = |files: fn(&landfall_artifacts::Stage) -> Vec<String>| -> Vec<String> {
            stages.iter().flat_map(|stage| files(stage)).collect()
        };
        let is_stage = matches!(made.work, Work::Stage { .. });
        made.takes = match (&job.takes, is_stage) {
            (Some(takes), _) => takes.iter().map(fill).collect(),
            (None, true) => of_stages(files::needed_by),
            (None, false) => Vec::new(),
        };
        made.keeps = match (&job.keeps, is_stage) {
            (Some(keeps), _) => keeps.iter().map(fill).collect(),
            (None, true) => of_stages(files::left_by),
            (None, false) => Vec::new(),
        };
        let is_secret = made.keeps.iter().any(|file| files::is_secret(file));
        made.keep_when = job.keep_when.unwrap_or(if is_stage && !is_secret {
            KeepWhen::Always
        } else {
            KeepWhen::OnSuccess
        });
        let commands_variables = row.filter(|_| !is_stage).map(|row| row.settings.variables.clone());
        made.variables = commands_variables.unwrap_or_default();
        let own =
            job.variables.iter().chain(different.iter().filter_map(|at| at.variables.as_ref())).flatten();
        made.variables.extend(own.map(|(name, value)| (name.clone(), fill(value))));
        made.environment = row.map(|row| row.name.clone());
        made.template = job.template.as_ref().map(fill);
        made.after_stages = job.after_stages.unwrap_or_default();
        made.when = different.iter().rev().find_map(|at| at.when).or(job.when).unwrap_or_default();
        let may_fail = different.iter().rev().find_map(|at| at.allow_failure.clone());
        made.may_fail = may_fail.or_else(|| job.allow_failure.clone()).unwrap_or_default();
        made.branches =
            different.iter().rev().find_map(|at| at.branches).or(job.branches).unwrap_or_default();
        made.changes = job.changes.clone().unwrap_or_default();
        made.timeout = job.timeout.unwrap_or(made.timeout);
        made.keep_for = job.keep_for.unwrap_or(made.keep_for);
        made.hands_over = job.hands_over.as_ref().map(fill);
        let tags = different.iter().rev().find_map(|at| at.tags.clone()).or_else(|| job.tags.clone());
        made.tags = tags.unwrap_or_default();
        made.image.clone_from(&job.image);
        made.cache = job.cache.clone().unwrap_or_default();
        made.interruptible = job.interruptible.unwrap_or_default();
        made.parallel = job.parallel.and_then(|parts| u32::try_from(parts).ok());
        made
    }

    fn needs(&self, job: &Job, places: &Places<'_>, found: &mut Found) -> Vec<Need> {
        let mut needs: Vec<Need> = Vec::new();
        let said = self.definition.jobs.get(&job.part).and_then(|part| part.needs.as_ref());
        for need in said.into_iter().flatten() {
            let Some(part) = self.definition.jobs.get(&need.job).filter(|part| part.leave_out != Some(true))
            else {
                if !need.optional {
                    let known = self.definition.jobs.iter().filter(|(_, job)| job.leave_out != Some(true));
                    let expected = meant(need.job.as_str(), known.map(|(name, _)| name.as_str()));
                    let keys = ["pipelines", self.name.as_str(), "jobs", job.part.as_str(), "needs"];
                    found.add(places, &keys, format!("no job `{}`", need.job), expected);
                }
                continue;
            };
            let mut add = |row: Option<&Row>, optional: bool| {
                let name = self.job(&need.job, part, row).name;
                if !needs.iter().any(|need| need.job == name) {
                    needs.push(Need { job: name, optional });
                }
            };
            let once = part.each.unwrap_or_default() == JobEach::Once;
            let row =
                job.environment.as_ref().and_then(|name| self.rows.iter().find(|row| row.name == *name));
            match (once, need.of, row) {
                (true, _, _) => add(None, need.optional),
                (false, NeedOf::Same, Some(row)) => {
                    if self.rows_of(part).any(|other| other.name == row.name) {
                        // Where both are there on the same occasions, the one is there whenever the other is.
                        let target = self.job(&need.job, part, Some(row));
                        let alike = (&target.changes, target.branches) == (&job.changes, job.branches);
                        add(Some(row), need.optional && !alike);
                    } else if !need.optional {
                        let keys = ["pipelines", self.name.as_str(), "jobs", job.part.as_str(), "needs"];
                        let what = format!("no job `{}` for {}", need.job, row.name);
                        found.add(
                            places,
                            &keys,
                            what,
                            "`optional = true`, or a job for every environment of this one",
                        );
                    }
                }
                // A person may have named some of them only.
                (false, NeedOf::Same | NeedOf::All, _) => {
                    let optional = need.optional || self.definition.chosen == Some(true);
                    self.rows_of(part).for_each(|row| add(Some(row), optional));
                }
                (false, NeedOf::Before, Some(row)) => {
                    let before = self.rows_of(part).filter(|other| row.before.contains(&other.name));
                    before.for_each(|row| add(Some(row), need.optional));
                }
                (false, NeedOf::Before, None) => {}
            }
        }
        needs
    }
}

/// What is different for a row: what is said of its kind, then what is said of itself.
fn differences<'j>(job: &'j JobSettings, row: &Row) -> impl DoubleEndedIterator<Item = &'j JobAt> {
    let kind = job.at.get(row.settings.kind.as_str());
    let own = job.at.get(row.name.as_str()).filter(|_| row.name.as_str() != row.settings.kind.as_str());
    [kind, own].into_iter().flatten()
}

/// Orders the jobs by stage of GitLab, row, and what they need. There is no circle.
fn sort(pipeline: &mut Pipeline) {
    let depth = depths(&pipeline.jobs);
    let stage = |job: &Job| pipeline.ci_stages.iter().position(|stage| *stage == job.ci_stage);
    let row = |job: &Job| {
        job.environment.as_ref().and_then(|name| pipeline.rows.iter().position(|row| row.name == *name))
    };
    let mut keyed: Vec<_> = pipeline
        .jobs
        .iter()
        .map(|job| ((stage(job), row(job), depth.get(&job.name).copied(), job.name.clone()), job.clone()))
        .collect();
    keyed.sort_by(|(a, _), (b, _)| a.cmp(b));
    pipeline.jobs = keyed.into_iter().map(|(_, job)| job).collect();
}

/// How many jobs stand before each in the longest way. A circle ends at the number of jobs.
pub(crate) fn depths(jobs: &[Job]) -> BTreeMap<String, usize> {
    let mut depths: BTreeMap<String, usize> = jobs.iter().map(|job| (job.name.clone(), 0)).collect();
    for _ in 0..=jobs.len() {
        let mut moved = false;
        for job in jobs {
            let deepest = job.needs.iter().filter_map(|need| depths.get(&need.job)).max();
            let wanted = deepest.map_or(0, |deepest| (deepest + 1).min(jobs.len()));
            if let Some(depth) = depths.get_mut(&job.name).filter(|depth| **depth < wanted) {
                *depth = wanted;
                moved = true;
            }
        }
        if !moved {
            break;
        }
    }
    depths
}

/// The names of all stages, for suggestions.
pub(crate) fn stage_names() -> impl Iterator<Item = &'static str> {
    STAGES.iter().map(|stage| stage.name)
}
