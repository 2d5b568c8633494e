//! What one job would do: the dry runs of its stages, on the files that jobs before it foretold.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use landfall_artifacts::{Class, PlannedJob, Problem, ReleaseId, Report, Versions};
use landfall_cli::Kind;
use landfall_pipeline::plan::{DryRun, before, givers, hands_on, judge, maker};
use landfall_pipeline::{Job, Work, is_secret, line, release_variables};

use super::awaited;
use super::child::Child;
use super::desk::Desk;

/// A job, foretold.
#[derive(Debug)]
pub(super) struct Foretold {
    pub(super) planned: PlannedJob,
    /// The release, where a stage told it.
    pub(super) release: Option<ReleaseId>,
    /// Name to place of the files that jobs get which need this one: what it got, and what its dry runs foretold.
    files: BTreeMap<String, PathBuf>,
    /// Variables that it hands over.
    variables: BTreeMap<String, String>,
}

impl Foretold {
    /// The place of a file that it hands on.
    pub(super) fn file(&self, name: &str) -> Option<&Path> {
        self.files.get(name).map(PathBuf::as_path)
    }
}

/// Jobs that were foretold, by name.
pub(super) type Done<'p> = BTreeMap<&'p str, Arc<Foretold>>;

/// A job under way.
struct Rehearsal<'d, 'c> {
    desk: &'d Desk<'c>,
    job: &'d Job,
    done: &'d Done<'d>,
    files: BTreeMap<String, PathBuf>,
    handed_over: BTreeMap<String, String>,
    dry: DryRun,
    release: Option<ReleaseId>,
    /// Variables that its own commands make for others.
    made: BTreeMap<String, String>,
    /// The folder of this job's own.
    folder: PathBuf,
    runs: usize,
}

/// Runs the stages of a job dry, one after the other.
pub(super) async fn foretell(desk: &Desk<'_>, job: &Job, done: Done<'_>) -> Foretold {
    let (mut files, mut handed_over) = (BTreeMap::new(), BTreeMap::new());
    for giver in givers(desk.pipeline, job) {
        let Some(given) = done.get(giver.name.as_str()) else { continue };
        let handed = given.files.iter().filter(|(name, _)| hands_on(giver, name));
        files.extend(handed.map(|(name, place)| (name.clone(), place.clone())));
        handed_over.extend(given.variables.clone());
    }
    let folder = desk.scratch.path().join(&job.name);
    let (dry, made, release) = (DryRun::default(), BTreeMap::new(), None);
    let mut work =
        Rehearsal { desk, job, done: &done, files, handed_over, dry, release, made, folder, runs: 0 };
    work.dry.why = work.withheld();
    if work.dry.why.is_none() {
        work.run().await;
    }
    let Rehearsal { mut files, mut dry, release, made, .. } = work;
    if job.runs("deploy-lambda") && dry.reports.iter().all(|report| report.items.is_empty()) {
        dry.awaited = awaited::functions(desk, job, &done);
    }
    let went_well = dry.problems.is_empty() && dry.reports.iter().all(|report| report.exit_code == 0);
    if went_well && !dry.reports.is_empty() {
        // What a stage read in the repo it hands on as it is.
        let read = job.stages().into_iter().flat_map(|stage| stage.reads).map(|file| file.file);
        for name in read.filter(|name| hands_on(job, name) && !is_secret(name)) {
            if !files.contains_key(name)
                && Path::new(name).is_file()
                && maker(desk.pipeline, job, name).is_none()
            {
                files.insert(name.to_owned(), PathBuf::from(name));
            }
        }
    }
    let earlier: Vec<&PlannedJob> = before(desk.pipeline, job)
        .into_iter()
        .filter_map(|job| done.get(job.name.as_str()).map(|foretold| &foretold.planned))
        .collect();
    let planned = judge(desk.pipeline, job, dry, &earlier, &desk.events);
    Foretold { planned, release, files, variables: made }
}

impl Rehearsal<'_, '_> {
    /// Why nothing of the job can be run dry: a file that it cannot do without is not foretold, or it is no stage's.
    fn withheld(&self) -> Option<String> {
        if let Work::Call(called) = &self.job.work {
            return Some(format!("it starts {called}, which `landfall plan {called}` plans"));
        }
        // Who decides, and how, is known when somebody does. A check decides nothing.
        let checks = self.job.commands().iter().flatten().any(|word| word == "check");
        if self.job.runs("gate") && !checks {
            return Some("somebody decides there".to_owned());
        }
        if self.job.stages().is_empty() {
            return None;
        }
        let lacks = |file: &&String| !is_secret(file) && !self.files.contains_key(file.trim_end_matches('/'));
        let made = |file: &String| {
            let maker = maker(self.desk.pipeline, self.job, file.trim_end_matches('/'))?;
            let why = self.done.get(maker.name.as_str()).map(|foretold| foretold.planned.why.as_str());
            let why = why.filter(|why| !why.is_empty()).map(|why| format!(": {why}"));
            Some(format!(
                "it needs {file} of {}, which is not foretold{}",
                maker.name,
                why.unwrap_or_default()
            ))
        };
        self.job.takes.iter().filter(lacks).find_map(made)
    }

    async fn run(&mut self) {
        let landfall = |word: &str| vec!["landfall".to_owned(), "stage".to_owned(), word.to_owned()];
        let commands = match &self.job.work {
            Work::Stage { stage, arguments } => vec![[landfall(stage.name), arguments.clone()].concat()],
            Work::Commands(commands) => commands.clone(),
            Work::Call(_) => Vec::new(),
        };
        for words in commands {
            let known: Vec<&str> = words.iter().take(2).map(String::as_str).collect();
            match known.as_slice() {
                ["landfall", "stage"] => {
                    let (name, arguments) = match words.get(2..) {
                        Some([name, arguments @ ..]) => (name.clone(), arguments.to_vec()),
                        Some([]) | None => continue,
                    };
                    self.stage(&name, arguments).await;
                }
                ["landfall", "targets"] => {
                    let arguments = words.get(1..).unwrap_or_default().to_vec();
                    self.child(arguments).await;
                }
                ["landfall", "release"] => self.hand_over_release(),
                _ => self.dry.own.push(line(&words)),
            }
            // What comes behind a command that fails is not reached.
            let failed = self.dry.reports.last().is_some_and(|report| report.exit_code != 0);
            if failed || !self.dry.problems.is_empty() {
                break;
            }
        }
    }

    /// Runs a stage dry, and takes up what it foretells.
    async fn stage(&mut self, name: &str, arguments: Vec<String>) {
        let Some(entry) = crate::stage(name) else { return };
        let foretold = self.folder.join("foretold");
        let place = |file: &str| self.files.get(file).map(|place| place.to_string_lossy().into_owned());
        let mut words = vec!["stage".to_owned(), entry.name.to_owned()];
        words.extend(
            arguments.iter().map(|word| place(word.trim_end_matches('/')).unwrap_or_else(|| word.clone())),
        );
        let is_given = |name: &str| {
            let flag = format!("--{name}");
            arguments.iter().any(|word| *word == flag || word.starts_with(&format!("{flag}=")))
        };
        for option in (entry.options)() {
            let (Kind::Value(_), Some(file)) = (option.kind, option.default) else { continue };
            if is_given(option.name) {
                continue;
            }
            if option.name == "aws-auth" && entry.name != "aws-credentials" {
                let keys = self.job.environment.as_ref().and_then(|name| self.desk.keys.get(name));
                words.extend(keys.map(|keys| format!("--aws-auth={}", keys.display())));
            } else if let Some(place) = place(file) {
                words.push(format!("--{}={place}", option.name));
            } else if !is_secret(file) && maker(self.desk.pipeline, self.job, file).is_some() {
                // A file of an earlier run may lie in the repo; in the run itself it would not be there.
                let nowhere = self.folder.join("withheld").join(file);
                words.push(format!("--{}={}", option.name, nowhere.display()));
            }
        }
        words.extend(["--dry-run".to_owned(), format!("--foretell={}", foretold.display())]);
        self.child(words).await;
        for entry in std::fs::read_dir(&foretold).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            self.files.insert(name, entry.path());
        }
    }

    async fn child(&mut self, arguments: Vec<String>) {
        self.runs += 1;
        let folder = self.folder.join(self.runs.to_string());
        if let Err(cause) = std::fs::create_dir_all(&folder) {
            let what = format!("there is no place for a dry run of {}: {cause}", self.job.name);
            self.dry.problems.push(Problem::new("LF-PLAN-PLACE", Class::Input, what));
            return;
        }
        let variables = self.desk.variables(self.job, &self.handed_over);
        let child = Child {
            program: &self.desk.program,
            arguments: &arguments,
            variables: &variables,
            folder: &folder,
            timeout: self.job.timeout,
        };
        match child.run(self.desk.context.run().redactor()).await {
            Ok(mut report) => {
                self.tidy(&mut report);
                self.release = self.release.take().or_else(|| report.release.clone());
                self.dry.reports.push(report);
            }
            Err(problem) => self.dry.problems.push(problem),
        }
    }

    /// Says files by their names: where a foretold one lies is nobody's concern. That one is missing which the run itself will hand
    /// over is no warning either.
    fn tidy(&self, report: &mut Report) {
        let withheld = |text: &String| {
            let rest = text.split_once(&format!("{}/", self.folder.join("withheld").display()));
            let name = rest.map(|(_, rest)| rest.split([' ', ':', ',']).next().unwrap_or_default());
            name.is_some_and(|name| {
                givers(self.desk.pipeline, self.job).iter().any(|giver| hands_on(giver, name))
            })
        };
        report.warnings.retain(|warning| !withheld(warning));
        let plain = |text: &mut String| {
            for job in &self.desk.pipeline.jobs {
                let folder = self.desk.scratch.path().join(&job.name);
                for kind in ["foretold", "withheld"] {
                    let long = format!("{}/", folder.join(kind).display());
                    if text.contains(&long) {
                        *text = text.replace(&long, "");
                    }
                }
            }
        };
        report.warnings.iter_mut().for_each(plain);
        plain(&mut report.summary);
        let of_items = report.items.iter_mut().filter_map(|item| item.problem.as_mut());
        for problem in report.problems.iter_mut().chain(of_items) {
            plain(&mut problem.what);
            problem.cause.iter_mut().for_each(plain);
        }
    }

    /// What `landfall release` would write, which is not foretold as a file but as what it is for.
    fn hand_over_release(&mut self) {
        let Some(path) = self.files.get("versions.json") else {
            self.dry.why = Some("it needs versions.json, which is not foretold".to_owned());
            return;
        };
        let problem = match Versions::read(path) {
            Ok(versions) => match release_variables(&versions) {
                Ok(text) => {
                    let pairs = text.lines().filter_map(|line| line.split_once('='));
                    self.made.extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
                    return;
                }
                Err(error) => Problem::of(&error),
            },
            Err(error) => Problem::of(&error),
        };
        self.dry.problems.push(problem);
    }
}
