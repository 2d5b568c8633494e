//! Who may depend on whom, and who may name which library: what `cargo metadata` says against the drawing.

use std::process::Command;

use serde_json::Value;

/// What each package may depend on. Everything that is not listed is refused, a package that has no row too.
///
/// An arrow goes down only: `secret` is the lowest, the binaries are the highest.
const LAYERS: [(&str, &[&str]); 22] = [
    ("secret", &[]),
    ("artifacts", &["secret"]),
    ("run", &["artifacts", "secret"]),
    ("transport", &["run", "artifacts", "secret"]),
    ("aws", &["transport", "run", "artifacts", "secret"]),
    // The clients, which do not know of each other.
    ("registry", &["aws", "transport", "run", "artifacts", "secret"]),
    ("vault-creds", &["aws", "transport", "run", "artifacts", "secret"]),
    ("lambda-deploy", &["aws", "transport", "run", "artifacts", "secret"]),
    ("s3-sync", &["aws", "transport", "run", "artifacts", "secret"]),
    ("jira", &["transport", "run", "artifacts", "secret"]),
    ("notify", &["transport", "run", "artifacts", "secret"]),
    ("config-merge", &["artifacts", "secret"]),
    ("versioning", &["run", "artifacts", "secret"]),
    ("ledger", &["aws", "transport", "run", "artifacts", "secret"]),
    ("dashboard", &["artifacts", "secret"]),
    ("pipeline", &["artifacts", "secret"]),
    // What a pipeline is decides `pipeline`; `runner` starts it.
    ("runner", &["pipeline", "run", "artifacts", "secret"]),
    // Client and double share no parser, so the sandbox knows no client.
    ("sandbox", &["artifacts"]),
    ("stages", STAGES_USE),
    ("cli", &["run", "artifacts", "secret"]),
    // Commands make the real clients that stages are handed.
    ("commands", COMMANDS_USE),
    ("xtask", &["artifacts", "cli", "commands", "ledger", "pipeline", "sandbox"]),
];

const STAGES_USE: &[&str] = &[
    "registry",
    "vault-creds",
    "lambda-deploy",
    "s3-sync",
    "jira",
    "notify",
    "config-merge",
    "versioning",
    "ledger",
    "dashboard",
    "aws",
    "transport",
    "run",
    "artifacts",
    "secret",
];

const COMMANDS_USE: &[&str] = &[
    "cli",
    "stages",
    "registry",
    "vault-creds",
    "lambda-deploy",
    "s3-sync",
    "jira",
    "notify",
    "config-merge",
    "versioning",
    "ledger",
    "dashboard",
    "pipeline",
    "runner",
    "aws",
    "transport",
    "run",
    "artifacts",
    "secret",
];

/// The tool for people and the binaries of the stages.
const TOOL_USES: &[&str] = &["commands", "pipeline", "dashboard", "ledger", "sandbox"];
const STAGE_BINARY_USES: &[&str] = &["commands"];

/// Who may name a library in normal and build dependencies; a name that ends in `*` is a prefix. The first row that fits counts.
const LIBRARIES: [(&str, &[&str]); 19] = [
    ("reqwest", &["transport"]),
    // The sandbox breaks connections on cue, which axum alone does not let it do.
    // The floor of the benchmark decides itself which connection carries what.
    // `aws-credentials exec` serves keys to the command that it runs.
    ("hyper*", &["sandbox", "stages", "xtask"]),
    ("rustls*", &["transport", "aws"]),
    ("aws-sdk-sts", &["aws"]),
    ("aws-sdk-ecr", &["aws", "registry"]),
    ("aws-sdk-lambda", &["aws", "lambda-deploy"]),
    ("aws-sdk-s3", &["aws", "s3-sync", "ledger"]),
    ("aws-sdk-*", &["aws"]),
    ("aws-config", &["aws"]),
    ("aws-runtime", &["aws"]),
    ("aws-smithy-http-client", &["aws"]),
    ("vaultrs", &["vault-creds"]),
    ("rustify*", &["vault-creds"]),
    ("oci-client", &["registry"]),
    ("clap*", &["cli", "commands"]),
    ("axum*", &["sandbox", "dashboard"]),
    ("maud", &["dashboard"]),
    ("wiremock", &[]),
    ("anyhow", &["landfall", "commands", "xtask"]),
];

/// One dependency as a manifest names it.
struct Edge {
    from: String,
    to: String,
    is_dev: bool,
    is_of_the_workspace: bool,
}

fn short(package: &str) -> &str {
    match package.strip_prefix("landfall-") {
        Some(rest) if !rest.starts_with("stage-") => rest,
        _ => package,
    }
}

/// What a package may depend on; `None` where the package has no place in the drawing.
fn allowed(package: &str) -> Option<&'static [&'static str]> {
    match short(package) {
        "landfall" => Some(TOOL_USES),
        name if name.starts_with("landfall-stage-") => Some(STAGE_BINARY_USES),
        name => LAYERS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to),
    }
}

fn may_name(library: &str) -> Option<&'static [&'static str]> {
    let fits = |rule: &str| match rule.strip_suffix('*') {
        Some(prefix) => library.starts_with(prefix),
        None => library == rule,
    };
    LIBRARIES.iter().find(|(rule, _)| fits(rule)).map(|(_, who)| *who)
}

/// What is wrong with an edge, if anything.
fn objection(edge: &Edge) -> Option<String> {
    let Edge { from, to, is_dev, is_of_the_workspace } = edge;
    // End-to-end tests use what they like.
    if from == "landfall-tests" {
        return None;
    }
    let Some(allowed) = allowed(from) else { return Some(format!("{from} has no place in the drawing")) };
    if !is_of_the_workspace {
        let who = may_name(to).filter(|_| !is_dev)?;
        return (!who.contains(&short(from)))
            .then(|| format!("{from} may not name the library {to}; {who:?} may"));
    }
    // Tests of a crate may use doubles.
    let is_double = *is_dev && to == "landfall-sandbox" && from != "landfall-sandbox";
    (!is_double && !allowed.contains(&short(to))).then(|| format!("{from} may not depend on {to}"))
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--locked", "--manifest-path"])
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml"))
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo writes JSON")
}

fn packages(metadata: &Value) -> &Vec<Value> {
    metadata["packages"].as_array().expect("packages")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no {key} in {value}"))
}

fn edges(metadata: &Value) -> Vec<Edge> {
    let mut edges = Vec::new();
    for package in packages(metadata) {
        for dependency in package["dependencies"].as_array().expect("dependencies") {
            edges.push(Edge {
                from: text(package, "name").to_owned(),
                to: text(dependency, "name").to_owned(),
                is_dev: dependency["kind"] == "dev",
                is_of_the_workspace: dependency["path"].is_string(),
            });
        }
    }
    edges
}

#[test]
fn every_edge_goes_down_the_drawing() {
    let metadata = metadata();
    let edges = edges(&metadata);
    assert!(edges.iter().filter(|edge| edge.is_of_the_workspace).count() > 20, "the edges were found");
    let objections: Vec<String> = edges.iter().filter_map(objection).collect();
    assert!(objections.is_empty(), "{}", objections.join("\n"));
}

#[test]
fn packages_are_named_as_their_folders() {
    let metadata = metadata();
    for package in packages(&metadata) {
        let (name, manifest) = (text(package, "name"), text(package, "manifest_path"));
        let mut folders = manifest.rsplit('/').skip(1);
        let (folder, above) = (folders.next().expect("a folder"), folders.next().unwrap_or_default());
        let expected = match (above, folder) {
            ("crates", folder) => format!("landfall-{folder}"),
            ("bins", "landfall") => "landfall".to_owned(),
            ("bins", stage) => format!("landfall-stage-{stage}"),
            (_, "xtask") => "xtask".to_owned(),
            (_, folder) => format!("landfall-{folder}"),
        };
        assert_eq!(name, expected, "{manifest}");
        assert_eq!(text(package, "license"), "MIT OR Apache-2.0", "{name}");
        let binaries = package["targets"]
            .as_array()
            .expect("targets")
            .iter()
            .filter(|target| target["kind"][0] == "bin");
        if above == "bins" {
            assert_eq!(binaries.map(|target| text(target, "name")).collect::<Vec<_>>(), [folder], "{name}");
        } else if above == "crates" {
            assert_eq!(binaries.count(), 0, "{name} is a library");
        }
    }
}

#[test]
fn forbidden_edges_are_seen() {
    let edge = |from: &str, to: &str, is_dev| Edge {
        from: from.to_owned(),
        to: to.to_owned(),
        is_dev,
        is_of_the_workspace: to.starts_with("landfall"),
    };
    for (from, to) in [
        ("landfall-registry", "landfall-jira"),
        ("landfall-sandbox", "landfall-registry"),
        ("landfall-artifacts", "landfall-run"),
        ("landfall-stages", "landfall-commands"),
        ("landfall-stage-deploy-lambda", "landfall-stages"),
        ("landfall-registry", "landfall-sandbox"),
        ("landfall-new", "landfall-secret"),
        ("landfall-registry", "reqwest"),
        ("landfall-stages", "aws-sdk-lambda"),
        ("landfall-registry", "aws-sdk-dynamodb"),
        ("landfall-stages", "clap_complete"),
        ("landfall-cli", "axum"),
        ("landfall-jira", "wiremock"),
    ] {
        assert!(objection(&edge(from, to, false)).is_some(), "{from} -> {to}");
    }
    for (from, to, is_dev) in [
        ("landfall-registry", "landfall-sandbox", true),
        ("landfall-jira", "wiremock", true),
        ("landfall-registry", "axum", true),
        ("landfall-registry", "aws-sdk-ecr", false),
        ("landfall-stage-deploy-lambda", "landfall-commands", false),
        ("landfall-tests", "landfall-sandbox", false),
        ("landfall-jira", "serde", false),
    ] {
        assert_eq!(objection(&edge(from, to, is_dev)), None, "{from} -> {to}");
    }
    assert!(
        objection(&edge("landfall-registry", "landfall-jira", true)).is_some(),
        "tests of a client use no other client"
    );
}

#[test]
fn every_row_stands_above_those_it_uses() {
    for (from, to) in LAYERS {
        for used in to {
            let back = allowed(used).unwrap_or_else(|| panic!("{used} has no row"));
            assert!(!back.contains(&from) && *used != from, "{from} and {used} use each other");
        }
    }
}
