//! What may run next: decided from the pipeline and from how its jobs ended so far. Nothing is started here.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{EnvironmentName, JobWhen};

use crate::model::{Job, Pipeline};

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It did what it was for.
    Passed,
    /// It did not; with its exit code, where it had one (not after a timeout or a signal).
    Failed(Option<u8>),
    /// It was stopped on request.
    Stopped,
    /// It is taken for done without having run, as before the job of `--from` or where an earlier run did it.
    Presumed,
}

/// A run of a pipeline, so far.
#[derive(Clone, Debug)]
pub struct Progress<'p> {
    pipeline: &'p Pipeline,
    running: BTreeSet<&'p str>,
    ended: BTreeMap<&'p str, Ended>,
    /// Jobs that are not part of this run.
    left_out: BTreeSet<&'p str>,
    asked: BTreeSet<&'p str>,
    stopped: bool,
}

/// What is to be done now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<'p> {
    /// Jobs that may start, in the order of the pipeline.
    pub start: Vec<&'p str>,
    /// Jobs that cannot run any more, and why.
    pub skip: Vec<Skip<'p>>,
    /// Jobs that could start and wait for somebody who asks for them.
    pub waiting: Vec<&'p str>,
    /// How it ends, where nothing runs and nothing may start.
    pub verdict: Option<Verdict>,
}

/// A job that cannot run any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skip<'p> {
    /// The job.
    pub job: &'p str,
    /// The job that keeps it from running; `None` where the run was stopped or has nothing for it.
    pub because: Option<&'p str>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every job that had to run went well.
    Passed,
    /// So did all but some that were allowed to fail.
    Warned,
    /// Jobs are left that nobody asked for yet; the others went well, or were allowed to fail.
    Waiting,
    /// A job failed.
    Failed,
    /// It was stopped on request.
    Interrupted,
}

/// Where a job stands, with all that follows from others.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing<'p> {
    Open,
    Ready,
    Waiting,
    Running,
    Ended(Ended),
    Skipped(Option<&'p str>),
}

impl<'p> Progress<'p> {
    /// A run of all jobs, of which none has started.
    pub fn new(pipeline: &'p Pipeline) -> Self {
        Self {
            pipeline,
            running: BTreeSet::new(),
            ended: BTreeMap::new(),
            left_out: BTreeSet::new(),
            asked: BTreeSet::new(),
            stopped: false,
        }
    }

    /// Only for these environments, as where `TARGET_DEPLOY_ENVIRONMENTS` names them; jobs that are for none stay.
    pub fn of_environments(mut self, environments: &[EnvironmentName]) -> Self {
        let others = self.pipeline.jobs.iter().filter(|job| {
            job.environment.as_ref().is_some_and(|environment| !environments.contains(environment))
        });
        self.left_out.extend(others.map(|job| job.name.as_str()));
        self
    }

    /// Only these jobs; what they need is taken for done.
    pub fn only(mut self, names: &[&str]) -> Self {
        for job in self.pipeline.jobs.iter().filter(|job| !names.contains(&job.name.as_str())) {
            self.ended.insert(&job.name, Ended::Presumed);
        }
        self
    }

    /// Only this job and those that come after it; the others are taken for done.
    pub fn from(self, name: &str) -> Self {
        let mut after = vec![name.to_owned()];
        // In the order of depth every job stands after what it needs, so that one pass finds all.
        let depths = crate::order::depths(&self.pipeline.jobs);
        let mut jobs: Vec<&Job> = self.pipeline.jobs.iter().collect();
        jobs.sort_by_key(|job| depths.get(&job.name).copied());
        for job in jobs {
            if job.needs.iter().any(|need| after.contains(&need.job)) {
                after.push(job.name.clone());
            }
        }
        let after: Vec<&str> = after.iter().map(String::as_str).collect();
        self.only(&after)
    }

    /// What an earlier run did is taken for done; what failed, was stopped or never ran is done now.
    pub fn resumed(mut self, earlier: &BTreeMap<String, Ended>) -> Self {
        for job in &self.pipeline.jobs {
            if matches!(earlier.get(&job.name), Some(Ended::Passed | Ended::Presumed)) {
                self.ended.insert(&job.name, Ended::Presumed);
            }
        }
        self
    }

    /// Somebody asks for a manual job. Whether there is such a job.
    pub fn ask(&mut self, name: &str) -> bool {
        let job = self.pipeline.job(name).filter(|job| job.when == JobWhen::Manual);
        self.asked.extend(job.map(|job| job.name.as_str()));
        job.is_some()
    }

    /// A job was started.
    pub fn started(&mut self, name: &str) {
        self.running.extend(self.pipeline.job(name).map(|job| job.name.as_str()));
    }

    /// A job ended.
    pub fn ended(&mut self, name: &str, how: Ended) {
        if let Some(job) = self.pipeline.job(name) {
            self.running.remove(job.name.as_str());
            self.ended.insert(&job.name, how);
        }
    }

    /// Nothing more is to start.
    pub fn stop(&mut self) {
        self.stopped = true;
    }

    /// What is to be done now. The same run gives the same answer.
    pub fn decide(&self) -> Decision<'p> {
        let standings = self.standings();
        let jobs =
            || self.pipeline.jobs.iter().filter_map(|job| Some((job, *standings.get(job.name.as_str())?)));
        let of = |wanted: Standing<'p>| {
            jobs()
                .filter(move |(_, standing)| *standing == wanted)
                .map(|(job, _)| job.name.as_str())
                .collect::<Vec<_>>()
        };
        let skip = jobs().filter_map(|(job, standing)| match standing {
            Standing::Skipped(because) => Some(Skip { job: &job.name, because }),
            _ => None,
        });
        let (start, waiting) = (of(Standing::Ready), of(Standing::Waiting));
        let skip: Vec<Skip<'p>> = skip.collect();
        let verdict = (start.is_empty() && self.running.is_empty()).then(|| self.verdict(&waiting));
        Decision { start, skip, waiting, verdict }
    }

    fn verdict(&self, waiting: &[&str]) -> Verdict {
        let mut warned = false;
        for (name, how) in &self.ended {
            match how {
                Ended::Stopped => return Verdict::Interrupted,
                Ended::Failed(code) => {
                    let allowed = self.pipeline.job(name).is_some_and(|job| job.may_fail.allows(*code));
                    if !allowed && !self.stopped {
                        return Verdict::Failed;
                    }
                    warned = true;
                }
                Ended::Passed | Ended::Presumed => {}
            }
        }
        match (self.stopped, waiting.is_empty()) {
            (true, _) => Verdict::Interrupted,
            (false, false) => Verdict::Waiting,
            (false, true) if warned => Verdict::Warned,
            (false, true) => Verdict::Passed,
        }
    }

    /// Where every job of this run stands. Jobs are looked at in the order of depth, so that what one needs is known before it.
    fn standings(&self) -> BTreeMap<&'p str, Standing<'p>> {
        let depths = crate::order::depths(&self.pipeline.jobs);
        let mut jobs: Vec<&'p Job> =
            self.pipeline.jobs.iter().filter(|job| !self.left_out.contains(job.name.as_str())).collect();
        jobs.sort_by_key(|job| depths.get(&job.name).copied());
        let mut standings = BTreeMap::new();
        for job in jobs {
            let standing = self.standing(job, &standings);
            standings.insert(job.name.as_str(), standing);
        }
        standings
    }

    fn standing(&self, job: &'p Job, others: &BTreeMap<&'p str, Standing<'p>>) -> Standing<'p> {
        let name = job.name.as_str();
        if self.running.contains(name) {
            return Standing::Running;
        }
        if let Some(how) = self.ended.get(name) {
            return Standing::Ended(*how);
        }
        if self.stopped {
            return Standing::Skipped(None);
        }
        let mut open = false;
        let mut blocked: Option<Option<&'p str>> = None;
        for need in &job.needs {
            let needed = need.job.as_str();
            match others.get(needed) {
                None if need.optional => {}
                None => blocked = blocked.or(Some(Some(needed))),
                Some(Standing::Ended(Ended::Passed | Ended::Presumed)) => {}
                Some(Standing::Ended(Ended::Failed(code))) => {
                    if !self.pipeline.job(needed).is_some_and(|needed| needed.may_fail.allows(*code)) {
                        blocked = blocked.or(Some(Some(needed)));
                    }
                }
                Some(Standing::Ended(Ended::Stopped) | Standing::Skipped(_)) => {
                    blocked = blocked.or(Some(Some(needed)));
                }
                Some(Standing::Open | Standing::Ready | Standing::Waiting | Standing::Running) => open = true,
            }
        }
        // What is made for the environments of a run is not made where the run has none of them.
        let optional = || job.needs.iter().filter(|need| need.optional);
        let nothing_for_it = self.pipeline.chosen
            && job.environment.is_none()
            && optional().next().is_some()
            && optional().all(|need| !others.contains_key(need.job.as_str()));
        match (job.when, blocked) {
            (JobWhen::Always, _) if open => Standing::Open,
            (JobWhen::Always, _) => Standing::Ready,
            (_, Some(because)) => Standing::Skipped(because),
            (_, None) if nothing_for_it => Standing::Skipped(None),
            (_, None) if open => Standing::Open,
            (JobWhen::Manual, None) if !self.asked.contains(name) => Standing::Waiting,
            (JobWhen::Manual | JobWhen::OnSuccess, None) => Standing::Ready,
        }
    }
}

impl Verdict {
    /// The exit code of a run that ended so: 0 where nothing failed, or was allowed to, or waits; 130 where it was stopped. Else of the
    /// codes that jobs failed with, first 7 (integrity), then 8 (unknown); then 6, where jobs had gone well before; else the least
    /// code that is in the table, and 3 for any other.
    pub fn exit_code<'e>(self, ended: impl IntoIterator<Item = &'e Ended>) -> u8 {
        match self {
            Self::Passed | Self::Warned | Self::Waiting => 0,
            Self::Interrupted => 130,
            Self::Failed => {
                let (mut codes, mut passed) = (Vec::new(), false);
                for how in ended {
                    match how {
                        Ended::Failed(code) => {
                            codes.push(code.filter(|code| (2..=8).contains(code)).unwrap_or(3));
                        }
                        Ended::Passed => passed = true,
                        Ended::Stopped | Ended::Presumed => {}
                    }
                }
                let grave = [7, 8].into_iter().find(|code| codes.contains(code));
                let usual = if passed { Some(6) } else { codes.iter().min().copied() };
                grave.or(usual).unwrap_or(3)
            }
        }
    }
}

#[cfg(test)]
mod tests;
