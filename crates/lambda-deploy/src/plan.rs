//! What is to be done, decided without doing anything.

use std::collections::BTreeMap;

use landfall_artifacts::{
    AliasName, DeployedFunction, EnvironmentName, LambdaName, PinnedReference, Platform, Problem,
    ProjectName, Shard,
};

use crate::observe::AliasSeen;

use crate::reason::is_about_the_image;
use crate::result::{FunctionResult, Outcome};
use crate::{Code, Error, Function, Observed, Package, State};

/// A function and the code that it shall run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// The function.
    pub function: LambdaName,
    /// The project that the code is of, where it is known.
    pub project: Option<ProjectName>,
    /// The project's version, for the records.
    pub version: Option<String>,
    /// What it shall run.
    pub code: Code,
    /// The environment.
    pub environment: Option<EnvironmentName>,
    /// The part of the work that it belongs to, where the work is split.
    pub shard: Option<Shard>,
}

/// Where functions are, and which registries they can take images from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The region.
    pub region: String,
    /// Whether any registry will do: Lambda is played by this machine, and so is the registry.
    pub any_registry: bool,
}

/// What is to be done with all functions. Nothing is done while there are problems.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// One step a function, in the order that was asked for.
    pub steps: Vec<Step>,
}

/// What is to be done with one function.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is wanted.
    pub desired: Desired,
    /// What was seen.
    pub before: Option<Function>,
    /// Its alias, where one was looked for and is there.
    pub alias: Option<AliasSeen>,
    /// What follows from the two.
    pub action: Action,
}

/// What follows from what is wanted and what was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It runs that code already, and so does all that its alias sends calls to.
    Unchanged,
    /// It gets the code, or a version or the alias lacks it.
    Update,
    /// An update is under way, perhaps ours of an earlier run: see how it ends, then decide.
    Await,
    /// It cannot be done, for these reasons.
    Blocked(Vec<Problem>),
}

/// Compares what is wanted with what was seen. Pure; all problems of all functions are found at once.
///
/// `alias` is the alias that callers use, where one was asked for.
pub fn plan(desired: &[Desired], observed: &[Observed], alias: Option<&AliasName>, place: &Place) -> Plan {
    let seen: BTreeMap<&LambdaName, &Observed> = observed.iter().map(|one| (&one.name, one)).collect();
    let mut wanted: BTreeMap<&LambdaName, u32> = BTreeMap::new();
    for one in desired {
        *wanted.entry(&one.function).or_default() += 1;
    }
    let steps = desired
        .iter()
        .map(|one| {
            let twice = wanted.get(&one.function).is_some_and(|count| *count > 1);
            step(one, seen.get(&one.function).copied(), twice, alias, place)
        })
        .collect();
    Plan { steps }
}

fn step(
    desired: &Desired,
    observed: Option<&Observed>,
    twice: bool,
    alias: Option<&AliasName>,
    place: &Place,
) -> Step {
    let mut problems = Vec::new();
    let mut found = |error: Error| problems.push(Problem::of(&error));
    if twice {
        found(Error::Twice { function: desired.function.clone() });
    }
    if !place.any_registry
        && let Code::Image { image, .. } = &desired.code
        && let Some(error) = registry_problem(&desired.function, image, &place.region)
    {
        found(error);
    }
    let before = match observed.map(|observed| &observed.seen) {
        Some(Ok(function)) => {
            for error in function_problems(desired, function) {
                found(error);
            }
            Some(function.clone())
        }
        Some(Err(problem)) => {
            problems.push(problem.clone());
            None
        }
        None => {
            found(Error::Unobserved { function: desired.function.clone() });
            None
        }
    };
    let digest = desired.code.digest();
    let seen_alias = observed.and_then(|observed| observed.alias.clone());
    let is_reached = match (alias, &seen_alias) {
        (None, _) => true,
        (Some(_), Some(seen)) => seen.alias.is_wholly(&seen.alias.version) && seen.runs == Some(digest),
        (Some(_), None) => false,
    };
    let action = match &before {
        _ if !problems.is_empty() => Action::Blocked(problems),
        Some(function) if function.runs(digest) && is_reached => Action::Unchanged,
        Some(function) if !function.is_settled() => Action::Await,
        Some(_) | None => Action::Update,
    };
    Step { desired: desired.clone(), before, alias: seen_alias, action }
}

/// What stands in the way on the function's side.
pub(crate) fn function_problems(desired: &Desired, function: &Function) -> Vec<Error> {
    let name = || desired.function.clone();
    let mut found = Vec::new();
    if function.package != desired.code.package() {
        let package = match &function.package {
            Package::Image => "an image".to_owned(),
            Package::Zip => "an archive".to_owned(),
            Package::Other(other) => other.clone(),
        };
        let wanted = match &desired.code {
            Code::Image { .. } => "an image",
            Code::Archive(_) => "an archive",
        };
        found.push(Error::PackageDiffers { function: name(), package, wanted });
    }
    // An archive does not say what it is for.
    if let Code::Image { platform, .. } = &desired.code {
        let needed = match platform {
            Platform::LinuxAmd64 => "x86_64",
            Platform::LinuxArm64 => "arm64",
        };
        if function.architectures != [needed] {
            let function_runs = function.architectures.join(", ");
            found.push(Error::Architecture { function: name(), function_runs, image_is_for: needed });
        }
    }
    let (code, said) = function.state_reason.clone().unwrap_or_else(|| ("unknown".to_owned(), String::new()));
    let state = match &function.state {
        State::Active | State::Inactive | State::Pending => None,
        State::Failed if is_about_the_image(&code) => None,
        State::Failed => Some("Failed".to_owned()),
        State::Other(other) => Some(other.clone()),
    };
    found.extend(state.map(|state| Error::State { function: name(), state, code, said }));
    found
}

/// Lambda takes images from ECR in its own region, and not from ECR's FIPS endpoints.
fn registry_problem(function: &LambdaName, image: &PinnedReference, region: &str) -> Option<Error> {
    let host = image.repository().host();
    let function = function.clone();
    match ecr_region(host) {
        None => Some(Error::Registry { function, host: host.to_owned() }),
        Some(image_region) if image_region == region => None,
        Some(image_region) => {
            Some(Error::Region { function, region: region.to_owned(), image_region: image_region.to_owned() })
        }
    }
}

/// The region in `<account>.dkr.ecr.<region>.amazonaws.com` (or the domain of another partition).
fn ecr_region(host: &str) -> Option<&str> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let (region, domain) = rest.split_once('.')?;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (is_account && !region.is_empty() && !domain.is_empty()).then_some(region)
}

impl Plan {
    /// Everything that stands in the way.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.steps.iter().flat_map(|step| match &step.action {
            Action::Blocked(problems) => problems.as_slice(),
            Action::Unchanged | Action::Update | Action::Await => &[],
        })
    }

    /// Whether something stands in the way, so that nothing will be done.
    pub fn is_blocked(&self) -> bool {
        self.problems().next().is_some()
    }

    /// Whether every function runs its code already.
    pub fn is_done(&self) -> bool {
        self.steps.iter().all(|step| step.action == Action::Unchanged)
    }

    /// The same plan without the functions that something stands in the way of; their problems are given beside.
    pub fn ready(self) -> (Self, Vec<Problem>) {
        let problems = self.problems().cloned().collect();
        let is_ready = |step: &Step| !matches!(step.action, Action::Blocked(_));
        (Self { steps: self.steps.into_iter().filter(is_ready).collect() }, problems)
    }

    /// What runs now, in the form of a deployment report: the record to roll back by, written before the first change.
    pub fn record(&self) -> Vec<DeployedFunction> {
        self.steps.iter().map(|step| FunctionResult::bare(step, Outcome::NotAttempted).deployed()).collect()
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::{AliasName, Digest, PinnedReference, Platform, Problem};

    use super::{Action, AliasSeen, Desired, Place, Plan, plan};
    use crate::{Alias, Archive, Code, Error, Function, LastUpdate, Observed, Package, State};

    const HOST: &str = "123456789012.dkr.ecr.eu-west-2.amazonaws.com";

    fn image(host: &str, content: &str) -> PinnedReference {
        format!("{host}/app@{}", Digest::of(content.as_bytes())).parse().expect("a reference")
    }

    fn desired(name: &str) -> Desired {
        Desired {
            function: name.parse().expect("a name"),
            project: "orders".parse().ok(),
            version: Some("1.4.2".into()),
            code: Code::Image { image: image(HOST, "new"), platform: Platform::LinuxAmd64 },
            environment: None,
            shard: None,
        }
    }

    fn function(runs: &str) -> Function {
        Function {
            package: Package::Image,
            architectures: vec!["x86_64".into()],
            image_uri: None,
            resolved: Some(image(HOST, runs)),
            code_sha256: None,
            version: Some("$LATEST".into()),
            revision_id: Some("r1".into()),
            state: State::Active,
            state_reason: None,
            last_update: LastUpdate::Successful,
            update_reason: None,
        }
    }

    fn place() -> Place {
        Place { region: "eu-west-2".into(), any_registry: false }
    }

    fn planned(desired: Desired, function: Function) -> Plan {
        let name = desired.function.clone();
        plan(&[desired], &[Observed { name, seen: Ok(function), alias: None }], None, &place())
    }

    fn action(function: Function) -> Action {
        planned(desired("Orders"), function).steps.remove(0).action
    }

    fn codes(plan: &Plan) -> Vec<&str> {
        plan.problems().map(|problem| problem.code.as_str()).collect()
    }

    #[test]
    fn what_runs_already_is_left_alone() {
        assert_eq!(action(function("old")), Action::Update);
        assert_eq!(action(function("new")), Action::Unchanged);
        assert_eq!(action(Function { state: State::Inactive, ..function("new") }), Action::Unchanged, "idle");
        assert_eq!(action(Function { last_update: LastUpdate::Failed, ..function("new") }), Action::Update);
        let by_code =
            Function { resolved: None, code_sha256: Some(Digest::of(b"new").hex()), ..function("x") };
        assert_eq!(action(by_code), Action::Unchanged);
    }

    #[test]
    fn what_is_under_way_is_awaited_whatever_digest_it_shows() {
        for runs in ["old", "new"] {
            let busy = Function { last_update: LastUpdate::InProgress, ..function(runs) };
            assert_eq!(action(busy), Action::Await);
        }
        assert_eq!(action(Function { state: State::Pending, ..function("old") }), Action::Await);
    }

    #[test]
    fn a_failed_function_is_mended_by_an_image_only_where_the_image_is_the_fault() {
        let failed = |code: &str| {
            let state_reason = Some((code.to_owned(), "it says".to_owned()));
            planned(desired("Orders"), Function { state: State::Failed, state_reason, ..function("old") })
        };
        assert_eq!(failed("ImageDeleted").steps.first().map(|step| &step.action), Some(&Action::Update));
        assert_eq!(codes(&failed("InvalidSubnet")), ["LF-LAMBDA-STATE"]);
        let deleting = Function { state: State::Other("Deleting".into()), ..function("old") };
        assert_eq!(codes(&planned(desired("Orders"), deleting)), ["LF-LAMBDA-STATE"]);
    }

    #[test]
    fn all_problems_of_all_functions_are_found_together() {
        let missing = Error::Missing { function: "B".parse().expect("a name"), region: "eu-west-2".into() };
        let wrong =
            Function { package: Package::Zip, architectures: vec!["arm64".into()], ..function("old") };
        let code = |host: &str| Code::Image { image: image(host, "new"), platform: Platform::LinuxAmd64 };
        let wanted = [
            desired("A"),
            desired("B"),
            Desired { code: code("123456789012.dkr.ecr.us-east-1.amazonaws.com"), ..desired("C") },
            Desired { code: code("registry.example.com"), ..desired("D") },
            Desired { code: code("123456789012.dkr.ecr-fips.eu-west-2.amazonaws.com"), ..desired("E") },
            desired("F"),
            desired("G"),
            desired("G"),
        ];
        let seen = |name: &str, seen| Observed { name: name.parse().expect("a name"), seen, alias: None };
        let observed = [
            seen("A", Ok(wrong)),
            seen("B", Err(Problem::of(&missing))),
            seen("C", Ok(function("old"))),
            seen("D", Ok(function("old"))),
            seen("E", Ok(function("old"))),
            seen("G", Ok(function("old"))),
        ];
        let plan = plan(&wanted, &observed, None, &place());
        assert_eq!(
            codes(&plan),
            [
                "LF-LAMBDA-PACKAGE",
                "LF-LAMBDA-ARCHITECTURE",
                "LF-LAMBDA-MISSING",
                "LF-LAMBDA-REGION",
                "LF-LAMBDA-REGISTRY",
                "LF-LAMBDA-REGISTRY",
                "LF-LAMBDA-UNOBSERVED",
                "LF-LAMBDA-TWICE",
                "LF-LAMBDA-TWICE",
            ]
        );
        assert!(plan.is_blocked());
        assert!(
            plan.problems()
                .filter(|problem| problem.code != "LF-LAMBDA-UNOBSERVED")
                .all(|problem| problem.remedy.is_some())
        );
    }

    #[test]
    fn an_alias_counts_as_the_function_does() {
        let live: AliasName = "live".parse().expect("a name");
        let action = |alias: Option<(&[(&str, f64)], &str)>| {
            let wanted = desired("Orders");
            let alias = alias.map(|(weights, runs)| AliasSeen {
                alias: Alias {
                    name: live.clone(),
                    version: "3".into(),
                    weights: weights.iter().map(|(version, share)| ((*version).to_owned(), *share)).collect(),
                    revision_id: None,
                },
                runs: Some(Digest::of(runs.as_bytes())),
            });
            let observed = Observed { name: wanted.function.clone(), seen: Ok(function("new")), alias };
            plan(&[wanted], &[observed], Some(&live), &place()).steps.remove(0).action
        };
        assert_eq!(action(Some((&[], "new"))), Action::Unchanged);
        assert_eq!(action(Some((&[], "old"))), Action::Update);
        assert_eq!(action(Some((&[("2", 0.1)], "new"))), Action::Update, "some calls go elsewhere");
        assert_eq!(action(None), Action::Update, "it is to be made");
    }

    #[test]
    fn archives_are_for_functions_of_archives() {
        let digest = Digest::of(b"zip");
        let code = Code::Archive(Archive { bucket: "b".into(), key: "k".into(), digest });
        let zip = |sha256: &str| Function {
            package: Package::Zip,
            resolved: None,
            code_sha256: Some(sha256.to_owned()),
            ..function("old")
        };
        let wanted = || Desired { code: code.clone(), ..desired("Orders") };
        let action = |function| planned(wanted(), function).steps.remove(0).action;
        assert_eq!(action(zip(&code.code_sha256())), Action::Unchanged);
        assert_eq!(action(zip("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")), Action::Update);
        assert_eq!(codes(&planned(wanted(), function("old"))), ["LF-LAMBDA-PACKAGE"]);
    }

    #[test]
    fn a_lambda_of_this_machine_takes_any_registry() {
        let code = Code::Image { image: image("127.0.0.1:5000", "new"), platform: Platform::LinuxAmd64 };
        let wanted = Desired { code, ..desired("A") };
        let observed = [Observed { name: wanted.function.clone(), seen: Ok(function("old")), alias: None }];
        let here = Place { any_registry: true, ..place() };
        assert!(!plan(&[wanted], &observed, None, &here).is_blocked());
    }
}
