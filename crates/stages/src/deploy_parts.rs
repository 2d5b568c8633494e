//! The report of a deployment that was split: what its parts left, as one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use landfall_artifacts::{Class, DeployReport, DeployedFunction, FileError, LambdaName, Problem, Shard};

use crate::Refusal;

/// The report of a whole deployment.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Whole {
    pub(crate) report: DeployReport,
    /// What the reader should look at: parts that left no report.
    pub(crate) warnings: Vec<String>,
}

/// Reads `deploy-report.json`, or the reports of the parts beside its place (`deploy-report-1.json`, `deploy-report-2.json`, as
/// `--deploy-report` named them) as one. `None` where there is neither.
///
/// A part that left no report is told as a warning: it has changed nothing, or its report was not handed on.
///
/// # Errors
/// Reports that cannot be read, or that are not of one deployment; both kinds, of which one is of another deployment.
pub(crate) fn read_whole(path: &Path) -> Result<Option<Whole>, Refusal> {
    match DeployReport::read(path) {
        Ok(report) => {
            return match reports_of_parts(path).into_values().next() {
                None => Ok(Some(Whole { warnings: left_out(&report), report })),
                Some(part) => {
                    let (path, part) = (path.display(), part.display());
                    Err(mixed(format!("{path} of a whole deployment and {part} of a part are both there")))
                }
            };
        }
        Err(FileError::Missing { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let (mut parts, mut problems) = (Vec::new(), Vec::new());
    for (index, path) in reports_of_parts(path) {
        match DeployReport::read(&path) {
            Ok(report) => parts.push((index, path, report)),
            Err(error) => problems.push(Problem::of(&error)),
        }
    }
    if !problems.is_empty() {
        return Err(Refusal(problems));
    }
    merged(parts).map_err(mixed)
}

fn mixed(what: String) -> Refusal {
    Refusal::one(Problem::new("LF-DEPLOY-PARTS", Class::Input, what).with_remedy(
        "remove the reports of other deployments from the folder, so that those of one are left: which is which, their release tells",
    ))
}

/// Parts that a report says nothing of, where it is one of parts that were written into one file.
fn left_out(report: &DeployReport) -> Vec<String> {
    let shards = || report.functions.iter().filter_map(|function| function.shard);
    let there: BTreeSet<u32> = shards().map(Shard::index).collect();
    missing(&there, shards().map(Shard::of).max().unwrap_or_default())
}

fn missing(there: &BTreeSet<u32>, of: u32) -> Vec<String> {
    let missing = (1..=of).filter(|index| !there.contains(index));
    missing.map(|index| format!("part {index}/{of} of the deployment left no report here")).collect()
}

/// What is beside `deploy-report.json` by the name of a part's report, by the part's number.
fn reports_of_parts(path: &Path) -> BTreeMap<u32, PathBuf> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let text =
        |part: Option<&std::ffi::OsStr>| part.and_then(|part| part.to_str()).unwrap_or_default().to_owned();
    let (stem, extension) = (text(path.file_stem()), text(path.extension()));
    let index = |name: &str| -> Option<u32> {
        let number =
            name.strip_prefix(&stem)?.strip_prefix('-')?.strip_suffix(&extension)?.strip_suffix('.')?;
        // `01` is no name that a part's report has.
        number.parse().ok().filter(|index: &u32| index.to_string() == number)
    };
    // A folder that cannot be read has no reports: whoever needs one says that it is missing.
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((index(entry.file_name().to_str()?)?, entry.path()))).collect()
}

/// The union of the parts.
///
/// # Errors
/// What shows that they are not of one deployment.
fn merged(parts: Vec<(u32, PathBuf, DeployReport)>) -> Result<Option<Whole>, String> {
    let Some((_, first, whole)) = parts.first() else { return Ok(None) };
    let mut whole = DeployReport { functions: Vec::new(), ..whole.clone() };
    let mut functions: BTreeMap<LambdaName, (DeployedFunction, &Path)> = BTreeMap::new();
    let mut splits: BTreeMap<u32, &Path> = BTreeMap::new();
    for (_, path, part) in &parts {
        if (&part.release, &part.environment) != (&whole.release, &whole.environment) {
            return Err(format!(
                "{} and {} are not of one deployment: {}, and {}",
                first.display(),
                path.display(),
                deployment(&whole),
                deployment(part)
            ));
        }
        whole.alias = whole.alias.or_else(|| part.alias.clone());
        for function in &part.functions {
            if let Some((_, other)) = functions.get(&function.name) {
                let (other, path) = (other.display(), path.display());
                return Err(format!("{} is in {other} and in {path}", function.name));
            }
            splits.extend(function.shard.map(|shard| (shard.of(), path.as_path())));
            functions.insert(function.name.clone(), (function.clone(), path.as_path()));
        }
    }
    let mut split = splits.iter();
    if let (Some((of, path)), Some((other_of, other))) = (split.next(), split.next()) {
        let (path, other) = (path.display(), other.display());
        return Err(format!("{path} is of a deployment in {of} parts, {other} of one in {other_of}"));
    }
    let there: BTreeSet<u32> = parts.iter().map(|(index, _, _)| *index).collect();
    let of = splits.keys().next().copied().unwrap_or_default();
    let warnings = missing(&there, of);
    whole.functions = functions.into_values().map(|(function, _)| function).collect();
    Ok(Some(Whole { report: whole, warnings }))
}

fn deployment(report: &DeployReport) -> String {
    let or = |text: Option<String>, none: &str| text.unwrap_or_else(|| none.to_owned());
    let release = or(report.release.as_ref().map(ToString::to_string), "no release");
    let environment = or(report.environment.as_ref().map(ToString::to_string), "no environment");
    format!("{release} in {environment}")
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use landfall_artifacts::{DeployOutcome, DeployReport, DeployedFunction};

    use super::{Whole, read_whole};
    use crate::Refusal;

    fn report(release: &str, functions: &[(&str, Option<&str>)]) -> DeployReport {
        let function = |(name, shard): &(&str, Option<&str>)| DeployedFunction {
            name: name.parse().expect("a name"),
            environment: "prod_eu00".parse().ok(),
            shard: shard.map(|shard| shard.parse().expect("a part")),
            before: None,
            after: None,
            outcome: DeployOutcome::Updated,
            reason: None,
            seconds: 1.0,
            calls: std::collections::BTreeMap::new(),
        };
        DeployReport {
            release: release.parse().ok(),
            environment: "prod_eu00".parse().ok(),
            alias: None,
            functions: functions.iter().map(function).collect(),
        }
    }

    fn put(folder: &Path, files: &[(&str, DeployReport)]) {
        for (name, report) in files {
            report.write(&folder.join(name)).expect("written");
        }
    }

    fn read(folder: &Path) -> Result<Option<Whole>, String> {
        let shown = |Refusal(problems): Refusal| {
            let told: Vec<String> = problems.iter().map(|one| format!("{} {}", one.code, one.what)).collect();
            told.join("\n").replace(&format!("{}/", folder.display()), "")
        };
        read_whole(&folder.join("deploy-report.json")).map_err(shown)
    }

    fn names(whole: &Whole) -> Vec<&str> {
        whole.report.functions.iter().map(|function| function.name.as_str()).collect()
    }

    #[test]
    fn parts_are_read_as_one() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(read(folder.path()), Ok(None));
        put(
            folder.path(),
            &[
                (
                    "deploy-report-1.json",
                    report("v1.0.0", &[("Orders", Some("1/3")), ("Shipping", Some("1/3"))]),
                ),
                // A part with nothing to do.
                ("deploy-report-2.json", report("v1.0.0", &[])),
                ("deploy-report-3.json", report("v1.0.0", &[("Baskets", Some("3/3"))])),
                ("deploy-report-03.json", report("v0.9.0", &[])),
                ("rollback-report-1.json", report("v0.9.0", &[])),
            ],
        );
        let whole = read(folder.path()).expect("one deployment").expect("reports");
        assert_eq!(names(&whole), ["Baskets", "Orders", "Shipping"]);
        assert_eq!((whole.report.release.clone(), whole.warnings), ("v1.0.0".parse().ok(), Vec::new()));

        std::fs::remove_file(folder.path().join("deploy-report-1.json")).expect("removed");
        let whole = read(folder.path()).expect("one deployment").expect("reports");
        assert_eq!(names(&whole), ["Baskets"]);
        assert_eq!(whole.warnings, ["part 1/3 of the deployment left no report here"]);

        put(folder.path(), &[("deploy-report.json", report("v2.0.0", &[("Orders", None)]))]);
        insta::assert_snapshot!(
            read(folder.path()).expect_err("of which deployment?"),
            @"LF-DEPLOY-PARTS deploy-report.json of a whole deployment and deploy-report-2.json of a part are both there"
        );
    }

    #[test]
    fn a_part_by_the_name_of_the_whole_is_not_taken_for_it() {
        let folder = tempfile::tempdir().expect("a folder");
        put(folder.path(), &[("deploy-report.json", report("v1.0.0", &[("Orders", Some("2/3"))]))]);
        let whole = read(folder.path()).expect("a report").expect("there");
        assert_eq!(
            whole.warnings,
            [1, 3].map(|part| format!("part {part}/3 of the deployment left no report here"))
        );
    }

    #[test]
    fn what_is_not_of_one_deployment_is_refused() {
        let one = ("deploy-report-1.json", report("v1.0.0", &[("Orders", Some("1/2"))]));
        let against = |other: DeployReport| {
            let folder = tempfile::tempdir().expect("a folder");
            put(folder.path(), &[one.clone(), ("deploy-report-2.json", other)]);
            read(folder.path()).expect_err("not of one")
        };
        insta::assert_snapshot!(
            against(report("v2.0.0", &[("Baskets", Some("2/2"))])),
            @"LF-DEPLOY-PARTS deploy-report-1.json and deploy-report-2.json are not of one deployment: v1.0.0 in prod_eu00, and v2.0.0 in prod_eu00"
        );
        insta::assert_snapshot!(
            against(report("v1.0.0", &[("Orders", Some("2/2"))])),
            @"LF-DEPLOY-PARTS Orders is in deploy-report-1.json and in deploy-report-2.json"
        );
        insta::assert_snapshot!(
            against(report("v1.0.0", &[("Baskets", Some("2/4"))])),
            @"LF-DEPLOY-PARTS deploy-report-1.json is of a deployment in 2 parts, deploy-report-2.json of one in 4"
        );
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("deploy-report-1.json"), "{").expect("written");
        std::fs::write(folder.path().join("deploy-report-2.json"), "").expect("written");
        assert_eq!(read(folder.path()).expect_err("broken").lines().count(), 2, "all problems at once");
    }
}
