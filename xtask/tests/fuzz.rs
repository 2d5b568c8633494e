//! What is fuzzed is what is shipped, and nothing of the AWS clients is built for it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The names of all packages that are compiled for a manifest, by `cargo tree`.
fn compiled(manifest: &str, further: &[&str]) -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .arg("--manifest-path")
        .arg(root().join(manifest))
        .args(further)
        .output()
        .expect("cargo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).expect("cargo writes text");
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

/// The AWS clients and what they stand on. AWS-LC is the cryptography of TLS and knows no service.
fn of_aws(packages: &BTreeSet<String>) -> Vec<&String> {
    let is_client = |name: &str| name.starts_with("aws-") && !["aws-lc-rs", "aws-lc-sys"].contains(&name);
    packages.iter().filter(|name| is_client(name) || *name == "landfall-aws").collect()
}

#[test]
fn no_aws_client_is_compiled_for_fuzzing() {
    let packages = compiled("fuzz/Cargo.toml", &[]);
    assert!(packages.contains("landfall-registry"), "{packages:?}");
    assert_eq!(of_aws(&packages), Vec::<&String>::new());
    // The same look at the crate as it is shipped does find them.
    let shipped = compiled("Cargo.toml", &["--package", "landfall-registry"]);
    let found = of_aws(&shipped);
    assert!(found.len() > 5 && found.iter().any(|name| *name == "aws-sdk-ecr"), "{found:?}");
}

/// Names and versions of a `Cargo.lock`.
fn locked(file: &str) -> BTreeSet<(String, String)> {
    let text = std::fs::read_to_string(root().join(file)).expect("a lock file");
    let value = |line: &str, key: &str| {
        line.strip_prefix(key).map(|rest| rest.trim_matches(['=', ' ', '"']).to_owned())
    };
    let lines: Vec<&str> = text.lines().collect();
    let pairs =
        lines.windows(2).filter_map(|pair| Some((value(pair[0], "name ")?, value(pair[1], "version ")?)));
    pairs.collect()
}

#[test]
fn what_is_fuzzed_has_the_versions_that_are_shipped() {
    let (ours, fuzzed) = (locked("Cargo.lock"), locked("fuzz/Cargo.lock"));
    let known: BTreeSet<&String> = ours.iter().map(|(name, _)| name).collect();
    let (shared, own): (Vec<_>, Vec<_>) = fuzzed.iter().partition(|(name, _)| known.contains(name));
    let differ: Vec<_> = shared.iter().filter(|package| !ours.contains(package)).collect();
    let remedy = "cp Cargo.lock fuzz/ && cargo tree --manifest-path fuzz/Cargo.toml";
    assert!(differ.is_empty(), "run `{remedy}`: {differ:?}");
    assert!(shared.len() > 50, "{shared:?}");
    let own: Vec<&str> = own.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(own, ["arbitrary", "landfall-fuzz", "libfuzzer-sys"]);
}
