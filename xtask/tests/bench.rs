//! The benchmark itself, on small images: that it copies, counts, checks and cleans up. What it measures here means nothing.
//!
//! Runs where `LANDFALL_REAL_SERVERS=1` says that `docker-registry` and skopeo are installed, as `cargo xtask test` does.

use std::path::Path;
use std::process::Command;

/// The program of the end-to-end tests that has every stage, which cargo builds with all tests, in the same folder.
const STAGES: &str = "under-test";

#[test]
fn every_scenario_is_measured_and_every_tool_has_a_row() {
    let is_ci = std::env::var("CI").as_deref() == Ok("true");
    let stages = Path::new(env!("CARGO_BIN_EXE_xtask")).with_file_name(STAGES);
    let missing = if std::env::var("LANDFALL_REAL_SERVERS").as_deref() != Ok("1") {
        Some("LANDFALL_REAL_SERVERS is not set")
    } else if !stages.is_file() {
        Some("the program of the end-to-end tests is not built: run all tests of the workspace")
    } else {
        None
    };
    if let Some(missing) = missing {
        assert!(!is_ci, "{missing}: in CI nothing is skipped");
        println!("skipped: {missing}");
        return;
    }

    let ours = format!("{} retag-push-ecr", stages.display());
    let output = Command::new(env!("CARGO_BIN_EXE_xtask"))
        .args(["bench", "registry", "--unoptimized", "--ours", &ours, "--images", "2", "--runs", "1"])
        .args(["--base-mib", "1", "--own-mib", "1", "--layer-mib", "2", "--rtt-ms", "2"])
        .output()
        .expect("xtask starts");
    let (page, log) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{log}");

    for (title, tools) in [
        ("Empty target, latency", &["landfall", "skopeo, one by one", "skopeo, 4 at a time", "floor"][..]),
        ("Empty target, latency and a line", &["landfall", "skopeo, one by one", "floor"]),
        ("Empty target, loopback", &["landfall", "skopeo, one by one", "skopeo, 4 at a time", "floor"]),
        ("Copied already, latency", &["landfall", "skopeo, one by one"]),
        ("Empty target, large layers", &["landfall", "skopeo, one by one"]),
    ] {
        let section = page.split("\n## ").find(|section| section.starts_with(title));
        let section = section.unwrap_or_else(|| panic!("no section `{title}`:\n{page}"));
        for tool in tools {
            let row = section.lines().find(|line| line.starts_with(&format!("| {tool}")));
            let row = row.unwrap_or_else(|| panic!("no row of {tool} in `{title}`:\n{page}"));
            let cells: Vec<&str> = row.split(" | ").collect();
            let seconds: f64 = cells[1].parse().expect("seconds");
            assert!(seconds > 0.0, "{row}");
            let requests = cells[7].trim_end_matches(" |");
            let (source, target) = requests.split_once(" + ").expect("requests at source and target");
            let [source, target] = [source, target].map(|count| count.parse::<u32>().expect("a count"));
            assert!(source > 0 && target > 0, "{row}");
        }
    }
    // Each of two images has a layer of its own and a config, and both have the base: five blobs, with two requests to push each.
    assert!(page.contains(" at a time | ") && page.contains("| 5 + 10 |"), "the floor's requests:\n{page}");
    assert!(!page.contains("not measured"), "{page}");
}
