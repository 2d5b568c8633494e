//! What was found, as a page to paste into a ticket. Known secrets are taken out where it is printed.

use landfall_pipeline::doctor::{Named, Verdict, place};
use landfall_run::rfc3339;
use landfall_secret::markdown;

use super::seen::{Diagnosis, Examined, Now, Reported, remedy, word};
use crate::Context;
use crate::report::run_link;

/// The page.
pub(super) fn page(context: &Context, diagnosis: &Diagnosis) -> String {
    let mut page = format!("# landfall doctor: {}\n\n", markdown(&diagnosis.summary()));
    let link =
        run_link(context.environment()).map(|link| format!(", {}", markdown(&link))).unwrap_or_default();
    let now = rfc3339(context.run().clock().now());
    page.push_str(&format!("Landfall {}, {now}{link}. Nothing was changed.\n", env!("CARGO_PKG_VERSION")));
    for reported in &diagnosis.reported {
        page.push_str(&of_report(reported));
    }
    for examined in &diagnosis.examined {
        page.push_str(&of_job(examined));
    }
    page
}

fn of_report(reported: &Reported) -> String {
    let told = &reported.told;
    let name = told.job.as_ref().or(told.stage.as_ref()).map_or("a job", String::as_str);
    let mut text = format!("\n## What {} told\n\n", markdown(name));
    for cause in &reported.causes {
        let now = match cause.now {
            Now::Still => "is still so",
            Now::Gone => "is so no more",
            Now::NotSeen => "was not looked at now",
        };
        text.push_str(&of_problem(&cause.named, now));
    }
    text
}

fn of_job(examined: &Examined) -> String {
    let mut text = format!("\n## {}\n", markdown(&examined.patient.name()));
    let failed = examined.findings.iter().filter_map(|finding| match &finding.verdict {
        Verdict::Failed { found, .. } => Some((finding.check.id, found)),
        Verdict::Good { .. } | Verdict::NotReached { .. } | Verdict::Skipped { .. } => None,
    });
    for (at, (id, found)) in failed.enumerate() {
        if at == 0 {
            text.push('\n');
        }
        for named in found {
            text.push_str(&of_problem(named, &format!("found by `{id}`")));
        }
    }
    text.push_str("\n| check | went | looked at |\n|---|---|---|\n");
    for finding in &examined.findings {
        let seen = match &finding.verdict {
            Verdict::Good { at } | Verdict::Failed { at, .. } => at.clone(),
            Verdict::NotReached { after } => format!("after {after}"),
            Verdict::Skipped { why } => why.clone(),
        };
        text.push_str(&format!(
            "| {} | {} | {} |\n",
            finding.check.id,
            word(&finding.verdict),
            markdown(&seen)
        ));
    }
    text
}

fn of_problem(named: &Named, how: &str) -> String {
    let (name, title) = named.failure.map_or(("no page", ""), |failure| (failure.id, failure.title));
    let mut text = format!("- **{name}** {title} ({how})\n");
    text.push_str(&format!("  - `{}` {}\n", named.problem.code, markdown(&named.problem.told())));
    if let Some(remedy) = remedy(named) {
        text.push_str(&format!("  - next: {}\n", markdown(&remedy)));
    }
    if let Some(failure) = named.failure {
        text.push_str(&format!("  - page: {}\n", place(failure)));
    }
    text
}
