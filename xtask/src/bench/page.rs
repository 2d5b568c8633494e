//! `docs/benchmarks.md`.

use time::OffsetDateTime;

use super::goals::Goal;
use super::options::Options;
use super::scenarios::Findings;
use super::table::markdown;

const HEAD: &str = "\
<!-- Written by `cargo xtask bench registry --write`; do not edit. -->
# Benchmarks

What copying the images of a release costs, beside what people use for it today and beside the floor. All tools ran on one machine, in turns,
in the run of the date below; the ratios count, not the seconds. `cargo xtask bench registry` measures it again.

";

const METHOD: &str = "
## How it is measured

- **Images**: Docker v2 schema 2, one repository each, copied to one repository as `<Function>-<version>`. Layers are random bytes, which do
  not compress. Source and target are `docker-registry` processes; the target is a new and empty one for each run.
- **Latency**: a process in front of each registry gives every byte out half a round trip after it took it in. A new connection first waits
  for the round trips of TCP and TLS.
- **Floor**: each distinct blob is fetched once and pushed once, largest first, over connections that were open before the clock started. No manifest is moved, nothing is hashed or
  asked. It runs with 8, 16 and 32 blobs at a time; the best median is the floor.
- **Time** is from the start of the first process to the end of the last. **Processor** is the user and system time of all of them, **memory** the
  peak of the largest one, both as the kernel counts them for children (`getrusage`). **Requests** are the lines of the registries' access logs.
- skopeo has a home of its own in each run, so its memory of which registry has which blob is empty, except where everything was copied already.
- After each run every manifest in the target is compared with the source's, byte by byte, and every blob's size is asked for.
";

/// The page.
pub(crate) fn of(options: &Options, findings: &Findings, goals: &[Goal]) -> String {
    let mut page = HEAD.to_owned();
    page.push_str(&format!(
        "{}. {} rounds. {}.\n",
        OffsetDateTime::now_utc().date(),
        options.runs,
        findings.conditions.join(". ")
    ));
    page.push_str(&format!(
        "\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n{}",
        goals.iter().map(goal).collect::<String>()
    ));
    let [images, distinct, named] = findings.family.map(|bytes| bytes as f64);
    let family = format!("{images} images, {:.0} MB named, {:.0} MB distinct", named / 1e6, distinct / 1e6);
    let rtt = options.rtt.as_secs_f64() * 1e3;
    let link = format!("{rtt} ms of round trip to each registry, {} more to connect", options.handshake_rtts);
    let sections = [
        (format!("Empty target, {link}"), family.clone(), &findings.latency),
        ("Empty target, loopback".to_owned(), family.clone(), &findings.loopback),
        (format!("Everything is copied already, {link}"), family, &findings.again),
        (
            "Large layers, loopback".to_owned(),
            format!("Three images with one layer of {} MiB each", options.layer_mib),
            &findings.memory,
        ),
    ];
    for (title, what, rows) in sections {
        if let Some(rows) = rows {
            page.push_str(&format!("\n## {title}\n\n{what}.\n\n{}", markdown(rows)));
        }
    }
    page.push_str(METHOD);
    if let Some([direct, linked]) = findings.round_trips {
        page.push_str(&format!(
            "- The link itself: a small request took {:.2} ms without it and {:.2} ms with it (medians).\n",
            direct * 1e3,
            linked * 1e3
        ));
    }
    page
}

fn goal(goal: &Goal) -> String {
    let (found, word) = match (goal.found, goal.is_met()) {
        (Some(found), Some(true)) => (format!("{found:.2}"), "met"),
        (Some(found), _) => (format!("{found:.2}"), "missed"),
        (None, _) => ("-".to_owned(), "not measured"),
    };
    format!("| {} | {} | {found} | {word} |\n", goal.text, goal.limit)
}
