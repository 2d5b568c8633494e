//! What is typed in for a run, and that a run that goes on with another is for the same.

use std::collections::{BTreeMap, BTreeSet};

use landfall_artifacts::{Class, EnvironmentName, Problem, RunInput, RunReport};
use landfall_secret::Redactor;

/// Which environments a run is for.
pub(super) const TARGETS: &str = "TARGET_DEPLOY_ENVIRONMENTS";

/// What is typed into the web form of CI systems. None of it is a secret, and nothing else is kept of the variables of a run.
pub(super) const INPUTS: [&str; 5] =
    [TARGETS, "TARGET_VERSIONS_JSON", "TARGET_RELEASE", "RELEASE_VERSION", "PROD_VERSIONS_JSON"];

/// The names in a list with commas or blanks between them.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c == ',' || c.is_whitespace()).filter(|word| !word.is_empty())
}

/// The inputs of a run that goes on with an earlier one: those of that one. They need not be given again, and no others may be: jobs that ended
/// well were for those.
///
/// # Errors
/// A [`Problem`] for each that is given and another, and for each that was not kept, since a secret was in it, and is not given.
pub(super) fn as_before(
    earlier: &RunReport,
    given: &BTreeMap<String, String>,
    redactor: &Redactor,
) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let (mut inputs, mut problems) = (BTreeMap::new(), Vec::new());
    // The report may have come from elsewhere, and a job sees what is taken from it.
    for name in INPUTS {
        let kept = earlier.inputs.get(name).map(RunInput::as_str);
        match (kept, given.get(name)) {
            (None, None) => {}
            (Some(kept), None) if kept.contains(Redactor::MARK) => {
                let what =
                    format!("{name} of the run {} was not kept whole, since a secret is in it", earlier.id);
                let remedy = format!("set {name} to what it was");
                problems.push(Problem::new("LF-RUN-INPUT", Class::Input, what).with_remedy(remedy));
            }
            (Some(kept), None) => {
                inputs.insert(name.to_owned(), kept.to_owned());
            }
            (kept, Some(given)) if is_same(name, kept, &redactor.redact(given), earlier) => {
                let value = kept.filter(|kept| !kept.contains(Redactor::MARK)).unwrap_or(given);
                inputs.insert(name.to_owned(), value.to_owned());
            }
            (_, Some(_)) => problems.push(another(name, earlier)),
        }
    }
    if problems.is_empty() { Ok(inputs) } else { Err(problems) }
}

/// Of environments their order and what is between them say nothing; those of all rows need not have been named.
fn is_same(name: &str, kept: Option<&str>, given: &str, earlier: &RunReport) -> bool {
    if name != TARGETS {
        return kept.is_some_and(|kept| kept.trim() == given.trim());
    }
    let set = |text| words(text).collect::<BTreeSet<&str>>();
    let all: BTreeSet<&str> = earlier.environments.iter().map(EnvironmentName::as_str).collect();
    set(given) == all || kept.is_some_and(|kept| set(kept) == set(given))
}

fn another(name: &str, earlier: &RunReport) -> Problem {
    let was = if name == TARGETS {
        let names: Vec<&str> = earlier.environments.iter().map(EnvironmentName::as_str).collect();
        format!(": it was for {}", names.join(", "))
    } else {
        String::new()
    };
    let what = format!("the run {} was not for this {name}{was}", earlier.id);
    let how = if name == TARGETS { "leave --env out and unset" } else { "unset" };
    let remedy = format!("{how} {name}, which the run has by itself, or begin a new run without --resume");
    Problem::new("LF-RUN-INPUT", Class::Input, what).with_remedy(remedy)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::RunReport;
    use landfall_secret::{Redactor, Secret};

    use super::as_before;

    /// The inputs of a run that goes on with one of these, or what is in the way.
    fn again(kept: &[(&str, &str)], given: &[(&str, &str)]) -> String {
        let text = include_str!("../../../../artifacts/samples/v1/run-report.json");
        let mut earlier = RunReport::parse(text.as_bytes(), "sample").expect("valid");
        let kept = kept.iter().map(|(name, value)| ((*name).to_owned(), value.parse().expect("a text")));
        earlier.inputs = kept.collect();
        let given: BTreeMap<String, String> =
            given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("hunter2"));
        match as_before(&earlier, &given, &redactor) {
            Ok(inputs) => {
                inputs.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            }
            Err(problems) => {
                let told = problems.iter().map(|problem| {
                    format!(
                        "{} {}; try: {}",
                        problem.code,
                        problem.what,
                        problem.remedy.as_deref().unwrap_or("-")
                    )
                });
                told.collect::<Vec<_>>().join("\n")
            }
        }
    }

    #[test]
    fn inputs_are_those_of_the_run_before() {
        let kept = [("TARGET_VERSIONS_JSON", "{}"), ("TARGET_DEPLOY_ENVIRONMENTS", "a,b")];
        assert_eq!(again(&kept, &[]), "TARGET_DEPLOY_ENVIRONMENTS=a,b TARGET_VERSIONS_JSON={}");
        // The same is given again, in other words.
        let given = [("TARGET_VERSIONS_JSON", "{}\n"), ("TARGET_DEPLOY_ENVIRONMENTS", " b a ")];
        assert_eq!(again(&kept, &given), "TARGET_DEPLOY_ENVIRONMENTS=a,b TARGET_VERSIONS_JSON={}");
        assert_eq!(
            again(&[], &[("TARGET_DEPLOY_ENVIRONMENTS", "stg_eu00")]),
            "TARGET_DEPLOY_ENVIRONMENTS=stg_eu00"
        );
        assert_eq!(again(&[("LD_PRELOAD", "/tmp/x.so"), ("PATH", "/tmp")], &[]), "");
    }

    #[test]
    fn others_are_refused() {
        let kept = [("TARGET_VERSIONS_JSON", "{}")];
        let given = [("TARGET_VERSIONS_JSON", "{ }"), ("TARGET_RELEASE", "v1")];
        insta::assert_snapshot!(again(&kept, &given), @r"
        LF-RUN-INPUT the run 20261122-055148-3f2a was not for this TARGET_VERSIONS_JSON; try: unset TARGET_VERSIONS_JSON, which the run has by itself, or begin a new run without --resume
        LF-RUN-INPUT the run 20261122-055148-3f2a was not for this TARGET_RELEASE; try: unset TARGET_RELEASE, which the run has by itself, or begin a new run without --resume
        ");
        insta::assert_snapshot!(again(&[], &[("TARGET_DEPLOY_ENVIRONMENTS", "prod_eu00")]), @"LF-RUN-INPUT the run 20261122-055148-3f2a was not for this TARGET_DEPLOY_ENVIRONMENTS: it was for stg_eu00; try: leave --env out and unset TARGET_DEPLOY_ENVIRONMENTS, which the run has by itself, or begin a new run without --resume");
    }

    #[test]
    fn what_had_a_secret_is_given_again() {
        let kept = [("TARGET_RELEASE", "v1-<redacted>")];
        insta::assert_snapshot!(again(&kept, &[]), @"LF-RUN-INPUT TARGET_RELEASE of the run 20261122-055148-3f2a was not kept whole, since a secret is in it; try: set TARGET_RELEASE to what it was");
        assert_eq!(again(&kept, &[("TARGET_RELEASE", "v1-hunter2")]), "TARGET_RELEASE=v1-hunter2");
        assert!(again(&kept, &[("TARGET_RELEASE", "v1-other")]).contains("was not for this"));
    }
}
