//! `docs/benchmarks.md`.

use time::OffsetDateTime;

use super::goals::Goal;
use super::options::Options;
use super::scenarios::{Findings, LINE_MBIT};
use super::table::markdown;

const HEAD: &str = "\
<!-- Written by `cargo xtask bench registry --write`; do not edit. -->
# Benchmarks

What copying the images of a release costs, beside what people use for it today and beside the least that it can cost. All tools ran on
one machine, in turns, in one run: the ratios count, not the seconds.

";

const METHOD: &str = "
## How it is measured

- **Images** are Docker v2 schema 2, in one repository each, and are copied to one repository as `<Function>-<version>`. Layers are gzip of
  random bytes. Source and target are processes of `docker-registry`; every run of a tool gets a new and empty target.
- **Latency** comes from a process in front of each registry, which gives every byte out half a round trip after it took it in. A new
  connection first waits for the round trips of TCP and TLS.
- **The line** is the same link that carries no more than it says. Without that limit the whole transfer is a few round trips long, and two
  cores are what bounds the floor: what a tool asks before and reads back after is then a large part of its time. With it, bytes are.
- **curl's pipes** fetch each distinct blob once and push it once, the largest first, 16 at a time: a shell a blob, which begins the upload
  and pipes one `curl` into another. They are told what is missing, move no manifest, and verify nothing.
- **The floor** fetches each distinct blob once and pushes it once, the largest first, over connections that were open before the clock
  started. It moves no manifest, hashes nothing and asks nothing. It runs with 8, 16 and 32 blobs at a time; the best median counts.
- **Time** is from the start of the first process to the end of the last one. **Processor** is the user and system time of all of them and
  **memory** the peak of the largest one, as the kernel counts them for children (`getrusage`). **Requests** are the lines of the
  registries' access logs.
- skopeo gets a home of its own for every run, so that it does not remember which registry has which blob; where everything was copied
  already, it may remember.
- After every run each manifest in the target is compared with that of the source, byte by byte, and each blob's size is asked for.
";

/// The page.
pub(crate) fn of(options: &Options, findings: &Findings, goals: &[Goal]) -> String {
    let mut page = HEAD.to_owned();
    let date = OffsetDateTime::now_utc().date();
    page.push_str(&format!("- {date}, `cargo xtask bench registry{}`\n", options.given));
    page.push_str(&format!("- Rounds, in each of which every tool ran once: {}\n", options.runs));
    for condition in &findings.conditions {
        page.push_str(&format!("- {condition}\n"));
    }
    page.push_str("\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n");
    page.extend(goals.iter().map(goal));
    let [images, distinct, named] = findings.family.map(|bytes| bytes as f64);
    let family = format!("{images} images, {:.0} MB named, {:.0} MB distinct", named / 1e6, distinct / 1e6);
    let rtt = options.rtt.as_secs_f64() * 1e3;
    let link = format!(
        "{rtt} ms round trip to each registry, {} round trips more for a new connection",
        options.handshake_rtts
    );
    let large = format!("Three images with one layer of {} MiB each, loopback", options.layer_mib);
    let sections = [
        ("Empty target, latency", format!("{family}; {link}"), &findings.latency),
        (
            "Empty target, latency and a line",
            format!("{family}; {link}; {LINE_MBIT} Mbit/s in each direction"),
            &findings.line,
        ),
        ("Empty target, loopback", family.clone(), &findings.loopback),
        ("Copied already, latency", format!("{family}; {link}"), &findings.again),
        ("Empty target, large layers", large, &findings.memory),
    ];
    for (title, what, rows) in sections {
        if let Some(rows) = rows {
            page.push_str(&format!("\n## {title}\n\n{what}.\n\n{}", markdown(rows)));
        }
    }
    page.push_str(METHOD);
    if let Some([direct, linked]) = findings.round_trips {
        let [direct, linked] = [direct, linked].map(|seconds| seconds * 1e3);
        page.push_str(&format!(
            "- The latency as it was: a small request took {direct:.2} ms straight and {linked:.2} ms over the link (medians).\n"
        ));
    }
    page
}

fn goal(goal: &Goal) -> String {
    let (found, word) = match (goal.found, goal.is_met()) {
        (Some(found), Some(true)) => (format!("{found:.3}"), "met"),
        (Some(found), _) => (format!("{found:.3}"), "missed"),
        (None, _) => ("-".to_owned(), "not measured"),
    };
    format!("| {} | {} | {found} | {word} |\n", goal.text, goal.limit)
}

#[cfg(test)]
mod tests {
    use super::goal;
    use crate::bench::goals::Goal;

    #[test]
    fn a_goal_is_met_missed_or_not_measured() {
        let row = |found| goal(&Goal { text: "time, s", found, limit: 0.25 });
        assert_eq!(row(Some(0.25)), "| time, s | 0.25 | 0.250 | met |\n");
        assert_eq!(row(Some(0.254)), "| time, s | 0.25 | 0.254 | missed |\n");
        assert_eq!(row(None), "| time, s | 0.25 | - | not measured |\n");
    }
}
