//! `docs/benchmarks-dashboard.md`.

use time::OffsetDateTime;

use super::story::{ENVIRONMENTS, EVENTS_OF_A_RELEASE, FUNCTIONS, MOVED, RELEASES};
use super::{Findings, RUNS, Row};

/// The page, and how many goals are missed.
pub(super) fn of(findings: &Findings) -> (String, usize) {
    let goals = [
        ("drawing: time, s", findings.first.seconds, 2.0),
        ("drawing again: time, s", findings.again.seconds, 2.0),
        ("largest page, KiB", findings.largest_kib, 300.0),
    ];
    let mut page = format!(
        "<!-- Written by `cargo xtask bench dashboard --write`; do not edit. -->\n# Benchmarks: the dashboard\n\n\
What it takes to draw the pages of a large ledger.\n\n\
- {}, `cargo xtask bench dashboard`\n- {}{}\n\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n",
        OffsetDateTime::now_utc().date(),
        findings.machine,
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
        "\n## {FUNCTIONS} functions, {ENVIRONMENTS} environments, {RELEASES} releases\n\n\
{} pages, {:.0} MiB.\n\n| | time, s | processor, s | peak memory, MiB |\n|---|---:|---:|---:|\n",
        findings.pages, findings.all_mib
    ));
    let row = |name: &str, row: &Row| {
        format!("| {name} | {:.2} | {:.2} | {:.1} |\n", row.seconds, row.processor_seconds, row.peak_mib)
    };
    page.push_str(&row("into an empty folder", &findings.first));
    page.push_str(&row("into the folder that has them", &findings.again));
    page.push_str(&format!(
        "\n## How it is measured\n\n\
- The command is `landfall dashboard build`: it reads the whole ledger from a folder, verifies the chain, makes the pages and writes them.\n\
- A release changes {MOVED} functions and goes through all environments; one in ten dies of a failed test on its way. That is up to\n  {EVENTS_OF_A_RELEASE} records a release.\n\
- Every environment asks for 24 hours without a break in the one before it and for an approval, and is frozen over weekends.\n\
- Each is run {RUNS} times, and the median counts. **Time** is from start to end; **processor** is what the kernel counted.\n"
    ));
    (page, missed)
}

/// What else the machine had to do, in words.
fn load(load: Option<f64>) -> String {
    let cores = std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64);
    load.map_or(String::new(), |load| {
        let meaning = if load > cores {
            "; other work ran beside it, so that times are longer than on an idle machine: look at the processor's"
        } else {
            ""
        };
        format!("\n- Load of the machine before the first run: {load:.1}{meaning}")
    })
}
