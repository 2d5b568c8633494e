//! What was found, all of it.

use landfall_artifacts::Problem;
use landfall_pipeline::doctor::{Failure, Finding, Named, Verdict, named};
use landfall_run::counted;

use super::patient::Patient;
use super::told::Told;

/// A job with the findings of its checks.
pub(super) struct Examined {
    pub(super) patient: Patient,
    pub(super) findings: Vec<Finding>,
}

/// What a report told, and what became of it.
pub(super) struct Reported {
    pub(super) told: Told,
    pub(super) causes: Vec<Cause>,
}

/// A problem of a report, the failure that it is, and whether it still stands in the way.
pub(super) struct Cause {
    pub(super) named: Named,
    pub(super) now: Now,
}

/// Whether what a report tells is so now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Now {
    /// A check found the same.
    Still,
    /// The checks that would find it are good.
    Gone,
    /// It was not looked at.
    NotSeen,
}

/// All of it.
pub(super) struct Diagnosis {
    pub(super) reported: Vec<Reported>,
    pub(super) examined: Vec<Examined>,
}

impl Diagnosis {
    /// Holds what was told against what was seen.
    pub(super) fn of(told: Vec<Told>, examined: Vec<Examined>) -> Self {
        let reported = told.into_iter().map(|told| {
            // A log does not say whose it is; the job that was named with it does.
            let only = if let [only] = examined.as_slice() { only.patient.entry.name } else { "" };
            let stage = told.stage.as_deref().unwrap_or(only);
            let cause = |problem: &Problem| {
                let failure = named(stage, problem);
                let now = failure.map_or(Now::NotSeen, |failure| now(failure, stage, &examined));
                Cause { named: Named { failure, problem: problem.clone() }, now }
            };
            let causes = told.problems.iter().map(cause).collect();
            Reported { told, causes }
        });
        Self { reported: reported.collect(), examined }
    }

    /// Whether anything stands in the way, as far as is known.
    pub(super) fn is_in_the_way(&self) -> bool {
        self.failed().next().is_some() || self.causes().any(|cause| cause.now != Now::Gone)
    }

    /// One line.
    pub(super) fn summary(&self) -> String {
        let mut names: Vec<String> = Vec::new();
        let found = self.failed().flat_map(|(_, found)| found);
        let reported = self.causes().filter(|cause| cause.now != Now::Gone).map(|cause| &cause.named);
        for named in found.chain(reported) {
            let name = named.failure.map_or(named.problem.code.as_str(), |failure| failure.id);
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        }
        let checks: Vec<&Finding> = self.examined.iter().flat_map(|examined| &examined.findings).collect();
        let count = |is: fn(&Verdict) -> bool| checks.iter().filter(|finding| is(&finding.verdict)).count();
        let skipped = count(|verdict| matches!(verdict, Verdict::Skipped { .. }));
        let skipped = if skipped == 0 { String::new() } else { format!(", {skipped} not made") };
        if names.is_empty() {
            let gone = if self.reported.is_empty() {
                ""
            } else {
                "; what was reported is so no more: run the job again"
            };
            return format!("nothing stands in the way: {}{skipped}{gone}", counted(checks.len(), "check"));
        }
        let failed = count(|verdict| matches!(verdict, Verdict::Failed { .. }));
        format!("{}: {failed} of {} failed{skipped}", names.join(", "), counted(checks.len(), "check"))
    }

    /// What to do first: about what a report tells of, else about the first check that failed.
    pub(super) fn first_remedy(&self) -> Option<String> {
        let reported = self.causes().filter(|cause| cause.now != Now::Gone).map(|cause| &cause.named).next();
        let found = || self.failed().find_map(|(_, found)| found.first());
        remedy(reported.or_else(found)?)
    }

    fn causes(&self) -> impl Iterator<Item = &Cause> {
        self.reported.iter().flat_map(|reported| &reported.causes)
    }

    fn failed(&self) -> impl Iterator<Item = (&Finding, &Vec<Named>)> {
        self.examined.iter().flat_map(|examined| &examined.findings).filter_map(|finding| {
            match &finding.verdict {
                Verdict::Failed { found, .. } => Some((finding, found)),
                Verdict::Good { .. } | Verdict::NotReached { .. } | Verdict::Skipped { .. } => None,
            }
        })
    }
}

/// What to do about a problem: what it says itself, else the first step of its page.
pub(super) fn remedy(named: &Named) -> Option<String> {
    let of_page = || named.failure.and_then(|failure| failure.remedy.first()).map(|step| (*step).to_owned());
    named.problem.remedy.clone().or_else(of_page)
}

/// A verdict in a word, as reports have it.
pub(super) fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Good { .. } => "good",
        Verdict::Failed { .. } => "failed",
        Verdict::NotReached { .. } => "not-reached",
        Verdict::Skipped { .. } => "skipped",
    }
}

fn now(failure: &Failure, stage: &str, examined: &[Examined]) -> Now {
    let of_stage = examined.iter().filter(|one| stage.is_empty() || one.patient.entry.name == stage);
    let mut checks = of_stage
        .flat_map(|one| &one.findings)
        .filter(|finding| finding.check.failures.contains(&failure.id))
        .peekable();
    if checks.peek().is_none() {
        return Now::NotSeen;
    }
    let mut now = if failure.is_seen_by_doing() { Now::NotSeen } else { Now::Gone };
    for finding in checks {
        match &finding.verdict {
            Verdict::Failed { found, .. } if found.iter().any(|named| named.failure == Some(failure)) => {
                return Now::Still;
            }
            Verdict::Good { .. } => {}
            Verdict::Failed { .. } | Verdict::NotReached { .. } | Verdict::Skipped { .. } => {
                now = Now::NotSeen;
            }
        }
    }
    now
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::{Class, Problem};
    use landfall_pipeline::doctor::{Examination, Seen, tree};

    use super::{Diagnosis, Examined, Now};
    use crate::doctor::patient::Patient;
    use crate::doctor::shown;
    use crate::doctor::told::Told;
    use crate::ledger::table::Paint;

    /// A report of one problem, held against checks that are all good.
    fn diagnosed(stage: &str, code: &str, what: &str) -> Diagnosis {
        let mut examination = Examination::new(tree(stage));
        while let Some(next) = examination.next() {
            examination.saw(next, Seen::Looked { at: "all is well".to_owned(), problems: Vec::new() });
        }
        let patient = Patient {
            job: None,
            entry: crate::stage(stage).expect("a stage"),
            arguments: Vec::new(),
            variables: BTreeMap::new(),
            environment: None,
            parts: None,
        };
        let told = Told {
            job: None,
            stage: Some(stage.to_owned()),
            environment: None,
            problems: vec![Problem::new(code, Class::Refused, what)],
        };
        Diagnosis::of(vec![told], vec![Examined { patient, findings: examination.findings() }])
    }

    #[test]
    fn a_write_that_was_refused_is_not_disproved_by_looks_that_are_good() {
        for (stage, code, what, id) in [
            ("deploy-lambda", "LF-AWS-DENIED", "UpdateFunctionCode is not allowed", "lambda-denied"),
            ("deploy-lambda", "LF-LAMBDA-FAILED", "the update of A failed", "update-failed"),
            ("retag-push-ecr", "LF-REG-DENIED", "the registry refuses a push", "registry-denied"),
            ("s3-sync", "LF-AWS-DENIED", "PutObject on the bucket is not allowed", "bucket-denied"),
        ] {
            let diagnosis = diagnosed(stage, code, what);
            let cause = diagnosis.causes().next().expect("what was told");
            let name = cause.named.failure.map(|failure| failure.id);
            assert_eq!((name, cause.now), (Some(id), Now::NotSeen), "{stage}");
            assert!(diagnosis.is_in_the_way());
        }
        let read = diagnosed("deploy-lambda", "LF-LAMBDA-MISSING", "function A does not exist");
        assert!(read.causes().all(|cause| cause.now == Now::Gone) && !read.is_in_the_way());

        let denied = diagnosed("deploy-lambda", "LF-AWS-DENIED", "UpdateFunctionCode of A is not allowed");
        let page = shown::tree(&denied, Paint::Plain);
        insta::assert_snapshot!(page.split("\n\n").next().unwrap_or_default(), @r"
        what deploy-lambda told
          was not looked at now: the role may not do this at AWS
              [LF-AWS-DENIED] UpdateFunctionCode of A is not allowed
              next: Grant the action on the resource to the role; `docs/access.md` lists what each stage needs.
              page: docs/failures/lambda-denied.md, or landfall doctor --about lambda-denied
        ");
        assert!(page.contains("lambda-denied: 0 of "), "{page}");
    }
}
