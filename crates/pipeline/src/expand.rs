//! From a definition and rows to jobs.

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::{
    EnvironmentKind, JobAt, JobCondition, JobEach, JobSettings, JobWhen, KeepWhen, MayFail, NeedOf, PartName,
    PipelineSettings, Settings, stage,
};

use crate::model::{Job, Login, Need, Work};
use crate::places::{Found, Places, meant};
use crate::row::Row;
use crate::targets::KnownTargets;
use crate::{files, split};

/// A job of a definition that stands for no pipeline and no environment: what its template has.
pub(crate) fn plain_job(job: &JobSettings) -> Option<Job> {
    let (settings, definition) = (Settings::default(), PipelineSettings::default());
    let part: PartName = "template".parse().ok()?;
    let expansion = Expansion { name: &part, definition: &definition, rows: &[], settings: &settings };
    let mut plain = expansion.job(&part, job, None);
    plain.template = None;
    Some(plain)
}

/// What a definition becomes for some rows.
pub(crate) struct Expansion<'e> {
    pub(crate) name: &'e PartName,
    pub(crate) definition: &'e PipelineSettings,
    pub(crate) rows: &'e [Row],
    pub(crate) settings: &'e Settings,
}

impl Expansion<'_> {
    /// The stages of GitLab; those that are for each environment follow each other row by row.
    pub(crate) fn ci_stages(&self) -> Vec<String> {
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

    /// The jobs, each with what it needs; what is needed and not there is noted.
    pub(crate) fn jobs(&self, places: &Places<'_>, found: &mut Found) -> Vec<Job> {
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
        let mut arguments: Vec<String> = job.arguments.iter().flatten().chain(further).map(fill).collect();
        if job.condition == Some(JobCondition::OtherRegistry)
            && !arguments.iter().any(|word| word == "--source" || word.starts_with("--source="))
        {
            arguments.extend(release_candidates(self.settings));
        }
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
        made.keeps.extend(files::old_bytes(&made.keeps, self.settings));
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

/// Where images are copied from that staging has let through. As an argument, since it must not be that of the variable which says where
/// builds are.
fn release_candidates(settings: &Settings) -> Vec<String> {
    let registries = &settings.registries;
    let Some(rc) = &registries.rc else { return Vec::new() };
    let own = registries.docker_hosts.get(rc).cloned();
    let source = own.or_else(|| registries.docker_host.as_ref().map(|host| format!("{host}/{rc}")));
    source.into_iter().flat_map(|source| ["--source".to_owned(), source]).collect()
}

/// What is different for a row: what is said of its kind, then what is said of itself.
fn differences<'j>(job: &'j JobSettings, row: &Row) -> impl DoubleEndedIterator<Item = &'j JobAt> {
    let kind = job.at.get(row.settings.kind.as_str());
    let own = job.at.get(row.name.as_str()).filter(|_| row.name.as_str() != row.settings.kind.as_str());
    [kind, own].into_iter().flatten()
}

/// A job of which nothing is said.
pub(crate) fn plain(name: String, part: PartName, work: Work, ci_stage: String) -> Job {
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
