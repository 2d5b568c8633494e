//! `docs/benchmarks-versioning.md`.

use time::OffsetDateTime;

use super::story::{COMMITS, FUNCTIONS, IMPORTS, LIBRARIES, RELEASE_EVERY, SINCE_RELEASE};
use super::{Findings, RUNS, Row, Rows};

/// The page, and how many goals are missed.
pub(super) fn of(findings: &Findings) -> (String, usize) {
    let (tagged, first) = (&findings.tagged, &findings.first);
    let peak = |rows: &Rows| rows.plan.peak_mib.max(rows.whole.peak_mib).max(rows.again.peak_mib);
    let goals = [
        ("planning: time, s", tagged.plan.seconds, 1.0),
        ("planning a first release: time, s", first.plan.seconds, 1.0),
        ("planning: peak memory, MiB", tagged.plan.peak_mib, 100.0),
        ("planning a first release: peak memory, MiB", first.plan.peak_mib, 100.0),
        ("all runs: peak memory, MiB", peak(tagged).max(peak(first)), 100.0),
    ];
    let mut page = format!(
        "<!-- Written by `cargo xtask bench versioning --write`; do not edit. -->\n# Benchmarks: versions\n\n\
What it takes to plan the versions of a large monorepo, and to release them.\n\n\
- {}, `cargo xtask bench versioning`\n- {}, git {}{}\n\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n",
        OffsetDateTime::now_utc().date(),
        findings.machine,
        findings.git,
        load(findings.load),
    );
    let mut missed = 0;
    for (goal, found, most) in goals {
        let is_met = found <= most;
        missed += usize::from(!is_met);
        let word = if is_met { "met" } else { "missed" };
        page.push_str(&format!("| {goal} | {most} | {found:.3} | {word} |\n"));
    }
    page.push_str(&format!(
        "\n## {FUNCTIONS} functions, {LIBRARIES} libraries, {COMMITS} commits\n\n\
| | time, s | processor, s | peak memory, MiB |\n|---|---:|---:|---:|\n"
    ));
    let row = |name: &str, row: &Row| {
        format!("| {name} | {:.2} | {:.2} | {:.1} |\n", row.seconds, row.processor_seconds, row.peak_mib)
    };
    for (name, found) in [
        ("plan (`--dry-run`)", &tagged.plan),
        ("release: commit, tags, push", &tagged.whole),
        ("the same again: nothing to do", &tagged.again),
        ("plan a first release, no project has a tag", &first.plan),
        ("first release", &first.whole),
        ("the same again: nothing to do", &first.again),
    ] {
        page.push_str(&row(name, found));
    }
    page.push_str(&format!(
        "\nFor comparison: `nx release version --dry-run` of Nx 21 took 475 s for such a repo, 328 s of it processor time. That was measured\nearlier and by hand, not by this command.\n\n\
## How it is measured\n\n\
- The repo is made by `git fast-import` and the same each time: an Nx workspace in which a function imports {IMPORTS} libraries and a library\n  up to two others, by aliases of `tsconfig.base.json`. The commits are conventional; one in twenty joins a branch, one in forty\n  changes the lockfile.\n\
- There is a release every {RELEASE_EVERY} commits, in which three of ten functions get a version and a tag; the last one is {SINCE_RELEASE} commits back. So the\n  last tags of most functions are some hundred commits old at most.\n\
- The remote is a bare repo on the same disk: no network is in these figures.\n\
- What changes nothing is run {RUNS} times, and the median counts; a release is made once.\n\
- **Time** is from start to end; **processor** is what the kernel counted for the stage and for the processes of git that it starts, and\n  **memory** the peak of the largest of them.\n"
    ));
    (page, missed)
}

/// What else the machine had to do, in words.
fn load(load: Option<f64>) -> String {
    let meaning = |load: f64| {
        let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
        if load > cores {
            "; other work ran beside it, so that times are longer than on an idle machine: look at the processor's"
        } else {
            ""
        }
    };
    load.map_or(String::new(), |load| {
        format!("\n- Load of the machine before the first run: {load:.1}{}", meaning(load))
    })
}
