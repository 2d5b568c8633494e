//! One process of a job from start to end: its folder, its files, its environment, and what it leaves.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use landfall_artifacts::{
    AwsAuthEnv, Class, DockerConfig, Explain as _, KeepWhen, Mode, Problem, Report, RunPart, Shard,
    write_atomic,
};
use landfall_pipeline::{Job, Pipeline, hands_on, line};
use landfall_secret::{Redactor, Secret};
use tokio::sync::watch;

use crate::environment::{Surroundings, handed_over, job_variables};
use crate::error::RunError;
use crate::hold::Turn;
use crate::log::Log;
use crate::process::{Asked, How, Process};
use crate::source::Source;
use crate::{RunFolder, Runs, kept};

/// What each part of each job is made with.
#[derive(Clone, Copy)]
pub(crate) struct Shop<'s> {
    pub(crate) pipeline: &'s Pipeline,
    pub(crate) source: &'s Source,
    pub(crate) runs: &'s Runs,
    pub(crate) folder: &'s RunFolder,
    pub(crate) around: &'s Surroundings,
    /// The program that stands over each job, with its first arguments.
    pub(crate) keeper: &'s [String],
    pub(crate) grace: Duration,
    pub(crate) keep_workspaces: bool,
    pub(crate) redactor: &'s Redactor,
}

/// A part of a job that is to be done.
#[derive(Clone, Debug)]
pub(crate) struct Unit<'p> {
    pub(crate) job: &'p Job,
    /// Which part, where the job is split.
    pub(crate) part: Option<Shard>,
    /// Where it may not run beside others on its environment: what all parts of the job have in common.
    pub(crate) turn: Option<Arc<Turn>>,
    /// From one.
    pub(crate) tried: u64,
}

/// How it ended.
#[derive(Debug)]
pub(crate) struct Done<'p> {
    pub(crate) unit: Unit<'p>,
    /// `None` where it did not come to begin.
    pub(crate) how: Option<How>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) part: RunPart,
    pub(crate) took: Duration,
}

/// What is told while it runs.
pub(crate) enum Said<'s> {
    /// What it printed last.
    Line(&'s str),
    /// Which run it waits for.
    WaitsFor(&'s str),
}

impl Unit<'_> {
    /// The folder of this part in that of the run, with `/` between the steps.
    fn place(&self) -> String {
        match self.part {
            Some(part) => format!("jobs/{}/{}", self.job.name, part.index()),
            None => format!("jobs/{}", self.job.name),
        }
    }

    /// As the report has it before it ended.
    pub(crate) fn begun(&self) -> RunPart {
        let place = self.place();
        RunPart {
            shard: self.part,
            exit_code: None,
            log: format!("{place}/log.txt"),
            reports: Vec::new(),
            workspace: Some(format!("{place}/workspace")),
        }
    }
}

/// Where what a job kept is, in the folder of its run.
pub(crate) fn kept_of(run: &Path, job: &str) -> PathBuf {
    run.join("jobs").join(job).join("kept")
}

impl Shop<'_> {
    /// Does it. What goes wrong is a problem of the job, whatever it is: the run goes on as the pipeline says.
    pub(crate) async fn make<'p>(
        &self,
        unit: Unit<'p>,
        mut asked: watch::Receiver<Asked>,
        said: impl Fn(Said<'_>),
    ) -> Done<'p> {
        let begun = tokio::time::Instant::now();
        let (part, turn) = (unit.begun(), unit.turn.clone());
        let mut done = Done { unit, how: None, problems: Vec::new(), part, took: Duration::ZERO };
        if let Some(turn) = turn {
            let told = |holder: &str| said(Said::WaitsFor(holder));
            tokio::select! {
                taken = turn.take(self.runs, &self.folder.id, told) => if let Err(cause) = taken {
                    done.problems.push(of_system("the lock of its environment cannot be taken", &cause));
                    return done;
                },
                () = async { let _ = asked.wait_for(|asked| *asked != Asked::Nothing).await; } => {
                    done.how = Some(How::Killed);
                    return done;
                }
            }
        }
        if let Err(problem) = self.carry_out(&mut done, asked, &said).await {
            done.problems.push(problem);
        }
        done.took = begun.elapsed();
        done
    }

    async fn carry_out(
        &self,
        done: &mut Done<'_>,
        asked: watch::Receiver<Asked>,
        said: &impl Fn(Said<'_>),
    ) -> Result<(), Problem> {
        let Unit { job, part, tried, .. } = done.unit;
        let place = self.folder.path.join(done.unit.place());
        let workspace = place.join("workspace");
        fs::create_dir_all(&place).map_err(|cause| of_system("its folder cannot be made", &cause))?;
        // The one of the try before, if there was any.
        match fs::remove_dir_all(&workspace) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(of_system("the folder of the try before cannot be removed", &cause));
            }
            Ok(()) | Err(_) => {}
        }
        let folder = self.source.check_out(&workspace).await.map_err(|error| problem_of(&error))?;
        let handed = self.hand_files(job, &folder)?;
        let caches = Caches::of(self, job, &folder);
        caches.take();
        let mut variables = job_variables(self.pipeline, job, part, handed, self.around);
        // A run that goes on with another does all parts of a job anew.
        variables.insert("LANDFALL_RUN_ID".to_owned(), self.folder.id.to_string());
        let (commands, reports) = commands(job, part, &place);
        let list = place.join("commands.json");
        let bytes = serde_json::to_vec(&commands).unwrap_or_default();
        write_atomic(&list, &bytes, Mode::Private).map_err(|error| Problem::of(&error))?;
        let log_failed = |cause: io::Error| of_system("its log cannot be written", &cause);
        let mut log = Log::open(&place.join("log.txt"), self.redactor.clone()).map_err(log_failed)?;
        if tried > 1 {
            log.say(&format!("[landfall] try {tried}")).map_err(log_failed)?;
        }
        for words in &commands {
            log.say(&format!("$ {}", line(words))).map_err(log_failed)?;
        }
        let keeper: Vec<String> =
            self.keeper.iter().cloned().chain([list.to_string_lossy().into_owned()]).collect();
        let process = Process {
            keeper: &keeper,
            lock: &self.folder.claim.jobs,
            folder: &folder,
            variables: &variables,
            timeout: job.timeout,
            grace: self.grace,
        };
        let ran = process.run(&mut log, asked, |text| said(Said::Line(text))).await;
        let how = ran.map_err(|cause| of_system("it cannot be started", &cause))?;
        done.how = Some(how);
        caches.give_back();
        done.part.exit_code = match how {
            How::Code(code) => Some(code),
            How::TooLate | How::Killed => None,
        };
        for (name, path) in reports {
            // A stage that was cut off left none.
            let Ok(report) = Report::read(&path) else { continue };
            done.part.reports.push(format!("{}/{name}", done.unit.place()));
            if how != How::Code(0) {
                done.problems.extend(report.problems);
            }
        }
        if how == How::TooLate {
            let minutes = job.timeout.as_secs().div_ceil(60);
            let what = format!("{} was not done after {minutes} min, and was ended", job.name);
            let remedy =
                format!("see why in its log, or give it more: `timeout` of {} in landfall.toml", job.part);
            done.problems.push(Problem::new("LF-RUN-TIMEOUT", Class::Transient, what).with_remedy(remedy));
        }
        self.keep_files(done, how, &folder)?;
        kept::remove_secrets(&workspace);
        if how == How::Code(0) && !self.keep_workspaces && fs::remove_dir_all(&workspace).is_ok() {
            done.part.workspace = None;
        }
        Ok(())
    }

    /// Files of the jobs that it needs, and the variables that those hand over.
    fn hand_files(&self, job: &Job, folder: &Path) -> Result<BTreeMap<String, String>, Problem> {
        let mut handed = BTreeMap::new();
        for need in &job.needs {
            let kept = kept_of(&self.folder.path, &need.job);
            kept::hand(&kept, folder).map_err(|failed| of_files("files of jobs before it", &failed))?;
            let file = self.pipeline.job(&need.job).and_then(|needed| needed.hands_over.as_ref());
            if let Some(text) = file.and_then(|file| fs::read_to_string(kept.join(file)).ok()) {
                handed.extend(handed_over(&text));
            }
        }
        // What a stage can do without in some of its ways is promised by no job then.
        let is_promised = |file: &str| {
            job.needs
                .iter()
                .filter_map(|need| self.pipeline.job(&need.job))
                .any(|needed| hands_on(needed, file))
        };
        let missing: Vec<&str> = job
            .takes
            .iter()
            .map(String::as_str)
            .filter(|file| !file.contains('*') && !folder.join(file).exists() && is_promised(file))
            .collect();
        if missing.is_empty() {
            return Ok(handed);
        }
        let what = format!("{} needs {}, which no job before it left", job.name, missing.join(", "));
        let remedy =
            "run the jobs that leave it in the same run, or go on with a run that has it by --resume";
        Err(Problem::new("LF-RUN-FILES", Class::Input, what).with_remedy(remedy))
    }

    fn keep_files(&self, done: &Done<'_>, how: How, folder: &Path) -> Result<(), Problem> {
        let job = done.unit.job;
        if how != How::Code(0) && job.keep_when != KeepWhen::Always {
            return Ok(());
        }
        let to = kept_of(&self.folder.path, &job.name);
        kept::keep(folder, job.keeps.iter().chain(&job.hands_over), &to)
            .map_err(|failed| of_files("files that it keeps", &failed))?;
        learn(&to, self.redactor);
        Ok(())
    }
}

/// The programs of a job, each stage with the report that it is to write: name and path of these.
fn commands(job: &Job, part: Option<Shard>, place: &Path) -> (Vec<Vec<String>>, Vec<(String, PathBuf)>) {
    let mut commands = match part {
        Some(part) => job.commands_of_part(part.index()),
        None => job.commands(),
    };
    let mut reports = Vec::new();
    for words in &mut commands {
        let is_stage =
            matches!(words.as_slice(), [program, word, _, ..] if program == "landfall" && word == "stage");
        if is_stage && !words.iter().any(|word| word == "--report" || word.starts_with("--report=")) {
            let name = match reports.len() {
                0 => "report.json".to_owned(),
                more => format!("report-{}.json", more + 1),
            };
            let path = place.join(&name);
            // Of a try before.
            let _ = fs::remove_file(&path);
            // Before the stage's own words: all that follow `--` are a command's.
            words.splice(3..3, ["--report".to_owned(), path.to_string_lossy().into_owned()]);
            reports.push((name, path));
        }
    }
    (commands, reports)
}

/// Has the redactor know what secrets a job left.
fn learn(kept: &Path, redactor: &Redactor) {
    if let Ok(keys) = AwsAuthEnv::read(&kept.join("aws_auth.env")) {
        redactor.learn(&keys.secret_access_key);
        redactor.learn(&keys.session_token);
    }
    if let Ok(logins) = DockerConfig::read(&kept.join("docker-config.json")) {
        let secrets: Vec<&Secret> = logins.secrets().collect();
        for secret in secrets {
            redactor.learn(secret);
        }
    }
}

/// Paths that a job finds again in the next run: moved and not copied, so that two runs at once have them one after the other.
struct Caches(Vec<(PathBuf, PathBuf)>);

impl Caches {
    fn of(shop: &Shop<'_>, job: &Job, folder: &Path) -> Self {
        let branch = shop.source.branch.as_deref().unwrap_or("-").replace('/', "+");
        let stored = shop.runs.folder().join("cache").join(&job.name).join(branch);
        let pair = |path: &String| {
            let path = path.trim_matches('/');
            (stored.join(path.replace('/', "+")), folder.join(path))
        };
        let stays_below = |path: &&String| !path.split('/').any(|step| step == "..");
        Self(job.cache.iter().filter(stays_below).map(pair).collect())
    }

    /// What is not there, or cannot be had, is made anew by the job.
    fn take(&self) {
        for (stored, used) in &self.0 {
            if let Some(folder) = used.parent() {
                let _ = fs::create_dir_all(folder);
            }
            let _ = fs::rename(stored, used);
        }
    }

    fn give_back(&self) {
        for (stored, used) in self.0.iter().filter(|(_, used)| used.exists()) {
            if let Some(folder) = stored.parent() {
                let _ = fs::create_dir_all(folder);
            }
            let _ = fs::remove_dir_all(stored);
            let _ = fs::rename(used, stored);
        }
    }
}

fn of_system(what: &str, cause: &io::Error) -> Problem {
    let mut problem = Problem::new("LF-RUN-FOLDER", Class::Refused, what);
    problem.cause.push(cause.to_string());
    problem.with_remedy("look at space and permissions of .landfall/runs")
}

fn of_files(what: &str, (path, cause): &(PathBuf, io::Error)) -> Problem {
    of_system(&format!("{what} cannot be copied: {}", path.display()), cause)
}

fn problem_of(error: &RunError) -> Problem {
    let mut problem = Problem::of(error);
    debug_assert_eq!(problem.code, error.code());
    problem.what = format!("its folder cannot be made: {}", problem.what);
    problem
}
