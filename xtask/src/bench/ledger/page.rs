//! `docs/benchmarks-ledger.md`.

use time::OffsetDateTime;

use super::{Findings, PART, RECORDS, RUNS, Row};

/// The page, and how many goals are missed.
pub(super) fn of(findings: &Findings) -> (String, usize) {
    let Findings { ours, python, sums, .. } = findings;
    let load = findings.load.map(|load| format!(", load {load:.2} before it")).unwrap_or_default();
    let mut page = format!(
        "<!-- Written by `cargo xtask bench ledger --write`; do not edit. -->\n# Benchmarks: the ledger\n\n\
What it takes to prove a long chain.\n\n\
- {}, `cargo xtask bench ledger`\n- {}{load}\n\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n",
        OffsetDateTime::now_utc().date(),
        findings.machine,
    );
    let a_record = |row: &Row| row.seconds / row.records as f64;
    let goals = [
        (
            "a million records verified: time, s",
            ours.seconds * RECORDS as f64 / findings.records as f64,
            10.0,
        ),
        ("time for a record, of what the verifier in Python takes", a_record(ours) / a_record(python), 1.0),
    ];
    let mut missed = 0;
    for (goal, found, most) in goals {
        let is_met = found <= most;
        missed += usize::from(!is_met);
        let word = if is_met { "met" } else { "missed" };
        page.push_str(&format!("| {goal} | {most} | {found:.3} | {word} |\n"));
    }
    page.push_str(&format!(
        "\n## {} records, {:.0} MiB\n\n| | records | time, s | processor, s | records a second | peak memory, MiB |\n|---|---:|---:|---:|---:|---:|\n",
        findings.records, findings.all_mib
    ));
    for (name, row) in [
        ("`landfall ledger verify`", ours),
        ("`verify_ledger.py`", python),
        ("`sha256sum` of the same files", sums),
    ] {
        page.push_str(&format!(
            "| {name} | {} | {:.2} | {:.2} | {:.0} | {:.1} |\n",
            row.records,
            row.seconds,
            row.processor_seconds,
            row.records_a_second(),
            row.peak_mib
        ));
    }
    page.push_str(&format!(
        "\n## How it is measured\n\n\
- The records are intents and outcomes in a folder, a file each, written just before and not flushed: they are read from memory, as in a\n  \
job that has just fetched them. Writing is not measured.\n\
- `verify` lists the folder, reads and parses every record, hashes its bytes and compares them with what the next one names.\n\
- `verify_ledger.py` does the same without our code, on the first {PART}th of the records. `sha256sum` hashes the files and proves nothing:\n  \
what opening and hashing alone takes.\n\
- Each is run {RUNS} times, and the median counts. **Time** is from start to end; **processor** is what the kernel counted.\n"
    ));
    (page, missed)
}

#[cfg(test)]
mod tests {
    use super::super::{Findings, Row};
    use super::of;

    fn row(records: u64, seconds: f64) -> Row {
        Row { records, seconds, processor_seconds: seconds, peak_mib: 40.0 }
    }

    #[test]
    fn fewer_records_are_judged_as_if_they_were_a_million() {
        let findings = |seconds| Findings {
            machine: "2 cores".to_owned(),
            load: Some(0.5),
            records: 100_000,
            all_mib: 90.0,
            ours: row(100_000, seconds),
            python: row(10_000, 0.5),
            sums: row(100_000, 1.0),
        };
        let (page, missed) = of(&findings(0.9));
        assert_eq!(missed, 0, "{page}");
        assert!(page.contains("| a million records verified: time, s | 10 | 9.000 | met |"), "{page}");
        let (page, missed) = of(&findings(6.0));
        assert_eq!(missed, 2, "{page}");
    }
}
