//! What a failed job left: its report, or what it printed.

mod deployment;

use std::io::Read as _;
use std::path::Path;

use landfall_artifacts::{Class, EnvironmentName, FileError, Problem, Report, RunReport, read_bounded};
use landfall_secret::{Redactor, escape, escape_lines};
use landfall_stages::Refusal;
use serde_json::Value;

/// No report is larger, and of a longer log the end is what matters.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// More problems of one job than anybody reads.
const MOST_PROBLEMS: usize = 200;

/// What one job left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// The job's name, where it is known.
    pub(super) job: Option<String>,
    /// Its stage, where it is known.
    pub(super) stage: Option<String>,
    /// Its environment, where one is named.
    pub(super) environment: Option<EnvironmentName>,
    /// What went wrong, as it was told.
    pub(super) problems: Vec<Problem>,
}

impl Told {
    /// The same, safe to print: it was so when it was written, and anybody may have edited it since. Secrets are taken out before a text is
    /// cut, since of one that stands on the cut no redactor would know the half that is left.
    pub(super) fn safe(self, redactor: &Redactor) -> Self {
        let line = |text: &str, most: usize| escape(&redactor.redact(text), most);
        let lines = |text: &str, most: usize| escape_lines(&redactor.redact(text), most, 600);
        let safe = |problem: Problem| Problem {
            code: line(&problem.code, 60),
            class: problem.class,
            what: lines(&problem.what, 200),
            cause: problem.cause.iter().take(8).map(|cause| line(cause, 600)).collect(),
            remedy: problem.remedy.map(|remedy| lines(&remedy, 50)),
        };
        let problems = self.problems.into_iter().take(MOST_PROBLEMS).map(safe).collect();
        Self { problems, ..self }
    }
}

/// Reads a report or a log; `-` is standard input, and a folder is that of a run. Jobs that went well are not among what is told. Nothing of it
/// may be printed before [`Told::safe`] has gone over it.
///
/// # Errors
/// A file that cannot be read; one that tells of no problem in a way that is known.
pub(super) fn read(path: &str) -> Result<Vec<Told>, Refusal> {
    if path == "-" {
        return of(&of_stdin()?, "standard input");
    }
    // Of a run its folder may be named.
    let place = Path::new(path);
    let place = if place.is_dir() { place.join(RunReport::FILE) } else { place.to_owned() };
    of(&read_bounded(&place, MOST_BYTES)?, &place.to_string_lossy())
}

fn of_stdin() -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    std::io::stdin().take(MOST_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(|cause| {
        let what = format!("cannot read standard input: {cause}");
        Refusal::one(Problem::new("LF-FILE-READ", Class::Input, what))
    })?;
    if bytes.len() > MOST_BYTES {
        return Err(FileError::TooLarge { path: "standard input".into(), most: MOST_BYTES }.into());
    }
    Ok(bytes)
}

fn of(bytes: &[u8], name: &str) -> Result<Vec<Told>, Refusal> {
    let told = match serde_json::from_slice::<Value>(bytes) {
        Ok(Value::Object(object)) if object.contains_key("functions") => deployment::read(bytes, name)?,
        Ok(Value::Object(object)) if object.contains_key("jobs") => of_run(bytes, name)?,
        Ok(Value::Object(object)) if object.contains_key("stage") => of_report(bytes, name)?,
        _ => of_log(&String::from_utf8_lossy(bytes)),
    };
    if told.is_empty() {
        let what = format!("{} tells of no job that failed", escape(name, 200));
        return Err(Refusal::one(Problem::new("LF-DOCTOR-FROM", Class::Input, what).with_remedy(
            "give the file of --report, deploy-report.json, the report of landfall run, or the log of the job",
        )));
    }
    Ok(told)
}

fn of_report(bytes: &[u8], name: &str) -> Result<Vec<Told>, Refusal> {
    let report = Report::parse(bytes, name)?;
    if report.problems.is_empty() {
        return Ok(Vec::new());
    }
    Ok(vec![Told {
        job: None,
        stage: Some(report.stage),
        environment: report.environment,
        problems: report.problems,
    }])
}

/// The report of a whole run. Its own problems are no job's.
fn of_run(bytes: &[u8], name: &str) -> Result<Vec<Told>, Refusal> {
    let report = RunReport::parse(bytes, name)?;
    let whole = Told { job: None, stage: None, environment: None, problems: report.problems };
    let jobs = report.jobs.into_iter().map(|job| Told {
        // Of several stages it is not said whose a problem is.
        stage: if let [stage] = job.stages.as_slice() { Some(stage.clone()) } else { None },
        job: Some(job.name),
        environment: job.environment,
        problems: job.problems,
    });
    Ok(jobs.chain([whole]).filter(|told| !told.problems.is_empty()).collect())
}

fn of_value(value: &Value) -> Option<Problem> {
    let text = |key: &str| value[key].as_str().map(str::to_owned);
    let mut problem = Problem::new(text("code")?, Class::Refused, text("what").or_else(|| text("message"))?);
    let causes = value["cause"].as_array().map(Vec::as_slice).unwrap_or_default();
    problem.cause = causes.iter().filter_map(Value::as_str).map(str::to_owned).take(8).collect();
    problem.remedy = text("remedy");
    Some(problem)
}

/// Error pages and lines of JSON in a log, whatever a CI system put before each of its lines.
fn of_log(text: &str) -> Vec<Told> {
    let mut problems: Vec<Problem> = Vec::new();
    let mut at = None;
    for line in text.lines() {
        let line = without_colours(line);
        if let Some(problem) = line.find("{\"").and_then(|at| of_line(line.get(at..)?)) {
            problems.push(problem);
            continue;
        }
        if let Some((column, code)) = head(&line) {
            at = Some((column, code));
            continue;
        }
        let Some((column, code)) = &at else { continue };
        let Some(rest) = line.get(*column..).filter(|rest| rest.starts_with("  ")) else {
            at = None;
            continue;
        };
        let rest = rest.trim();
        let last = problems.last_mut().filter(|last| last.code == *code);
        match (last, rest.strip_prefix("caused by: "), rest.strip_prefix("next: ")) {
            (Some(last), Some(cause), _) => last.cause.push(cause.to_owned()),
            (Some(last), None, Some(remedy)) => last.remedy = Some(remedy.to_owned()),
            (_, None, None) => problems.push(Problem::new(code.clone(), Class::Refused, rest)),
            (None, _, _) => {}
        }
    }
    problems.dedup();
    if problems.is_empty() {
        return Vec::new();
    }
    vec![Told { job: None, stage: None, environment: None, problems }]
}

/// The column and the code of `error[LF-...] exit N`.
fn head(line: &str) -> Option<(usize, String)> {
    let column = line.find("error[LF-")?;
    let (code, rest) = line.get(column..)?.strip_prefix("error[")?.split_once(']')?;
    let is_code =
        code.len() <= 60 && code.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'-');
    (is_code && rest.starts_with(" exit ")).then(|| (column, code.to_owned()))
}

fn of_line(text: &str) -> Option<Problem> {
    let value: Value = serde_json::from_str(text.trim()).ok()?;
    let is_error =
        value["level"] == "error" && value["code"].as_str().is_some_and(|code| code.starts_with("LF-"));
    if is_error { of_value(&value) } else { None }
}

/// A line without the sequences that colour it.
fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut letters = line.chars();
    while let Some(letter) = letters.next() {
        if letter == '\u{1b}' {
            // To the letter that ends the sequence.
            let _ = letters.find(char::is_ascii_alphabetic);
        } else {
            plain.push(letter);
        }
    }
    plain
}

#[cfg(test)]
mod tests;
