//! `docs/benchmarks-lambda.md`.

use time::OffsetDateTime;

use super::{FUNCTIONS, Findings, MANY, cli};

/// The page, and how many goals are missed.
pub(super) fn of(findings: &Findings) -> (String, usize) {
    let looks = findings.again.1;
    let goals = [
        ("time, of the least that the plan can take", findings.seconds / findings.least, 1.1),
        ("answers of status 429", findings.throttled as f64, 0.0),
        ("peak memory at 1,000 functions, MiB", findings.peak_of_many_mib, 64.0),
        ("nothing to do: calls of GetFunction a function", looks as f64 / FUNCTIONS as f64, 1.0),
        ("nothing to do: other requests to Lambda", findings.again.2 as f64, 0.0),
    ];
    let mut page = format!(
        "<!-- Written by `cargo xtask bench lambda --write`; do not edit. -->\n# Benchmarks: Lambda\n\n\
What a deployment of many functions takes, beside the least that it can take under Lambda's rates, and beside a loop of AWS CLI calls.\n\n\
- {}, `cargo xtask bench lambda`, one run\n- {}\n\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n",
        OffsetDateTime::now_utc().date(),
        findings.machine,
    );
    let mut missed = 0;
    for (goal, most, found) in goals.map(|(goal, found, most)| (goal, most, found)) {
        let is_met = found <= most;
        missed += usize::from(!is_met);
        let word = if is_met { "met" } else { "missed" };
        page.push_str(&format!("| {goal} | {most} | {found:.3} | {word} |\n"));
    }
    page.push_str(&format!(
        "\n## {FUNCTIONS} functions\n\n| | time, s | peak memory, MiB |\n|---|---:|---:|\n\
| landfall | {:.1} | {:.1} |\n| the least that the plan can take | {:.1} | - |\n| landfall, nothing to do | {:.2} | - |\n\
| landfall, {MANY} functions of 1 s each | - | {:.1} |\n\n",
        findings.seconds, findings.peak_mib, findings.least, findings.again.0, findings.peak_of_many_mib,
    ));
    let row = |name: &str, took: &super::Took| {
        format!("| {name} | {:.2} | {:.2} |\n", took.seconds, took.processor_seconds)
    };
    page.push_str(&format!(
        "## {} functions on moto\n\n| | time, s | processor, s |\n|---|---:|---:|\n{}{}\nThe loop takes {:.0} times as long.\n",
        cli::FUNCTIONS,
        row("landfall", &findings.cli.ours),
        row("update-function-code, wait, get-function", &findings.cli.loop_of_calls),
        findings.cli.loop_of_calls.seconds / findings.cli.ours.seconds,
    ));
    page.push_str(
        "\n## How it is measured\n\n\
- The sandbox plays Lambda with its real rates: 100 calls of GetFunction and 15 other calls a second, and 429 beyond. Updates take from 3 to\n  20 s, the same in every run.\n\
- **The least** is that of the same plan in its order: all functions are looked at before the first is changed, a hundred a second; then the\n  i-th update begins i fifteenths of a second later, and takes its time. How long an update will take nobody knows beforehand, so that the\n  longest cannot be begun first.\n\
- **Time**, **processor** and **memory** are what the kernel counted for the stage's process.\n",
    );
    (page, missed)
}
