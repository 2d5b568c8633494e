use landfall_artifacts::{AliasName, Digest, PinnedReference, Platform, Problem};

use super::{Action, AliasSeen, Desired, First, Live, Place, Plan, plan};
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
    plan(&[desired], &[Observed { name, seen: Ok(function), alias: None }], Live::default(), &place())
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
    let by_code = Function { resolved: None, code_sha256: Some(Digest::of(b"new").hex()), ..function("x") };
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
    let wrong = Function { package: Package::Zip, architectures: vec!["arm64".into()], ..function("old") };
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
    let plan = plan(&wanted, &observed, Live::default(), &place());
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
        plan(&[wanted], &[observed], Live { alias: Some(&live), publish: false }, &place())
            .steps
            .remove(0)
            .action
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
    assert!(!plan(&[wanted], &observed, Live::default(), &here).is_blocked());
}

/// Whether there is a version of what runs shows where one is published: without an alias that is asked for again.
#[test]
fn a_version_that_may_be_missing_is_published() {
    let publish = |publish, alias: Option<&AliasName>| {
        let wanted = desired("Orders");
        let observed = Observed { name: wanted.function.clone(), seen: Ok(function("new")), alias: None };
        plan(&[wanted], &[observed], Live { alias, publish }, &place()).steps.remove(0).action
    };
    assert_eq!(publish(false, None), Action::Unchanged);
    assert_eq!(publish(true, None), Action::Update);
}

/// A report of an earlier try gives back what ran before it, and nothing else of the function.
#[test]
fn the_first_try_knows_what_ran_before() {
    let now = function("new");
    let before = function("old").reported(None, None);
    let first = First::of(&now, &before);
    assert_eq!(first.function.digest(), Some(Digest::of(b"old")));
    assert_eq!((first.function.state, first.alias), (now.state, None));
}
