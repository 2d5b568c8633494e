//! `docs/benchmarks-s3.md`.

use time::OffsetDateTime;

use super::contestants::{OURS, OURS_BY_LARGE_PAGES, RCLONE, S5CMD};
use super::{CHANGED, FILES, Figures, Findings, LONG, MANY, ROUNDS, Scenario, middle};

/// The page, and how many goals are missed.
pub(super) fn of(findings: &Findings) -> (String, usize) {
    let of = |scenario, tool| &findings.figures[&(scenario, tool)];
    let ratio = |scenario, ours, tool| of(scenario, ours).seconds() / of(scenario, tool).seconds();
    // What the requests are beyond: one list a thousand objects (the manifest is one of them), one put a change, and for the manifest one to
    // read it (which is asked for before it is known whether there is one), and one to write it where it changes.
    let beyond = Scenario::ALL.into_iter().map(|scenario| {
        let objects = if scenario == Scenario::First { 0 } else { FILES as u64 + 1 };
        let for_manifest = 1 + u64::from(scenario.news() > 0);
        let least = objects.div_ceil(1000).max(1) + scenario.news() + for_manifest;
        let made: u64 = of(scenario, OURS).requests.iter().flatten().map(|(_, count)| count).sum();
        made.abs_diff(least)
    });
    let goals = [
        ("first time: time, of rclone's", ratio(Scenario::First, OURS, RCLONE), 0.8),
        ("unchanged: time, of s5cmd's", ratio(Scenario::Unchanged, OURS, S5CMD), 0.3),
        (
            "the same by pages of up to 8,000 objects, which this server gives (S3: 1,000)",
            ratio(Scenario::Unchanged, OURS_BY_LARGE_PAGES, S5CMD),
            0.3,
        ),
        (
            "requests beyond lists, one put a change, and those for the manifest",
            beyond.sum::<u64>() as f64,
            0.0,
        ),
        ("peak memory at 100,000 objects, MiB", findings.peak_of_many, 64.0),
    ];
    let mut page = format!(
        "<!-- Written by `cargo xtask bench s3 --write`; do not edit. -->\n# Benchmarks: S3\n\n\
What publishing a folder of {FILES} small files to S3 takes, beside what people use for it today. All tools ran on one machine, in turns, in\none run: the ratios count, not the seconds.\n\n\
- {}, `cargo xtask bench s3`\n- Rounds, in each of which every tool ran once: {ROUNDS}\n- {}\n\n## Goals\n\n| goal | at most | found | |\n|---|---:|---:|---|\n",
        OffsetDateTime::now_utc().date(),
        findings.machine,
    );
    let mut missed = 0;
    for (goal, found, most) in goals {
        let is_met = found <= most;
        missed += usize::from(!is_met);
        let word = if is_met { "met" } else { "missed" };
        page.push_str(&format!("| {goal} | {most} | {found:.3} | {word} |\n"));
    }
    for scenario in Scenario::ALL {
        let title = match scenario {
            Scenario::First => "First time".to_owned(),
            Scenario::Unchanged => "Unchanged".to_owned(),
            Scenario::Touched => "Every file touched, content unchanged".to_owned(),
            Scenario::Changed => format!("{CHANGED} files changed, sizes unchanged"),
        };
        page.push_str(&format!(
            "\n## {title}\n\n| | time, s | processor, s | peak memory, MiB | requests |\n|---|---:|---:|---:|---|\n"
        ));
        for tool in &findings.tools {
            match findings.figures.get(&(scenario, *tool)) {
                Some(figures) => page.push_str(&row(tool, figures)),
                None => page.push_str(&format!("| {tool} | not run | | | |\n")),
            }
        }
        if scenario == Scenario::Unchanged {
            page.push_str(&format!("| the list alone | {:.2} | | | |\n", middle(findings.listing.clone())));
        }
    }
    page.push_str(&format!(
        "\n## How it is measured\n\n\
- **The server** is `s3s-fs` 0.14.1, a new one with an empty bucket for every tool and round. It lists no ETags, so that ours looks at the\n  manifest of the publication before (`--manifest`), and rclone, told to compare checksums, has to ask for each object.\n\
- **The tools** delete what the folder has not, too. Ours runs once with pages of 1,000 objects, which is what S3 gives, and once with pages as\n  large as it may ask for; requests are held against their goal with the former. After every run each object is compared with its file, byte by byte.\n\
- **Time**, **processor** and **memory** are what the kernel counted for the tool's process; medians, and the highest peak.\n\
- **The list alone** is the pages of the list of what ours has published, all asked for at once, and nothing done with them: no tool that\n  lists the bucket by pages of 1,000 objects takes less. This server walks its whole tree for each page, on the processors that the tools run on.\n\
- **Requests** are counted in a round of its own, by a relay before the server.\n\
- What took a tool more than {LONG:.0} s is measured once and its requests are not counted; where it took that long with nothing changed,\n  it is not run for the two scenarios after it.\n\
- **Memory** of {MANY} objects is the higher peak of a first and of a second publication.\n"
    ));
    (page, missed)
}

fn row(tool: &str, figures: &Figures) -> String {
    let requests = figures.requests.as_ref().map_or_else(
        || "not counted".to_owned(),
        |requests| {
            let told: Vec<String> = requests.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
            told.join(", ")
        },
    );
    format!(
        "| {tool} | {:.2} | {:.2} | {:.1} | {} |\n",
        figures.seconds(),
        figures.median(|took| took.processor_seconds),
        figures.peak_mib(),
        requests
    )
}
