//! `gate` as a command.

mod identity;
mod pins;

use std::future::Future;
use std::pin::Pin;

use landfall_cli::{Opt, Values};
use landfall_notify::Way;
use landfall_stages::gate::{Act, Approve, Config, run};
use landfall_stages::{Outcome, Refusal};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::context::{LOCK, VERSIONS};
use crate::{Context, Effects};

/// The command.
#[derive(Debug)]
pub struct Command;

impl crate::Command for Command {
    const NAME: &'static str = "gate";
    const SUMMARY: &'static str =
        "Say what a release lacks for an environment, and record what people decide";
    const EFFECTS: Effects = Effects::Recorded;
    const TELLS: Way = Way::Decides;

    fn options() -> Vec<Opt> {
        [
            vec![
                Opt::positional("act", "ACT", "check, approve, reject, freeze or unfreeze"),
                Opt::value("reason", "TEXT", "why; needed to reject, to freeze and to break the glass"),
                Opt::value("role", "NAME", "the role that the approval is for; needed where several wait for this person"),
                Opt::value("expires", "DURATION", "how long the approval holds, at most as the environment has it"),
                Opt::value("plan", "SHA256", "approve only where this is the plan, as gate check showed it"),
                Opt::switch(
                    "break-glass",
                    "with approve, in an emergency: pass over freezes and missing approvals; recorded with the reason",
                ),
                Opt::value("from", "TIME", "with freeze: the first moment, such as 2025-12-20T18:00:00Z; now where it is not given"),
                Opt::value("until", "TIME", "with freeze: the first moment after it; without it somebody must end it"),
                Opt::switch("everywhere", "with freeze: all environments; with unfreeze: what was frozen so"),
                Opt::value("freeze", "NUMBER", "with unfreeze: the record of the freeze; else all that people made for the environment and that hold now"),
                LOCK,
                VERSIONS,
            ],
            identity::OPTIONS.to_vec(),
        ]
        .concat()
    }

    fn run(context: &Context) -> Pin<Box<dyn Future<Output = Outcome> + Send + '_>> {
        Box::pin(async {
            let mut values = context.values();
            let act = act(&mut values);
            values.finish().map_err(Refusal)?;
            let Some(act) = act else { return Err(Refusal(Vec::new())) };
            let people = match act {
                Act::Check => Vec::new(),
                Act::Approve(_) | Act::Freeze { .. } | Act::Unfreeze { .. } => {
                    identity::people(context, true).await?
                }
                Act::Reject { .. } => identity::people(context, false).await?,
            };
            let config = Config {
                target: context.target().clone(),
                places: context.places(),
                settings: context.settings.clone(),
                act,
            };
            run(&config, &people, &context.ledger, context.output(), context.run()).await
        })
    }
}

fn act(values: &mut Values<'_>) -> Option<Act> {
    let word = values.required("act")?;
    let reason = values.text("reason").filter(|reason| !reason.trim().is_empty());
    let needed = |values: &mut Values<'_>| {
        if reason.is_none() {
            let help = Some("say why by --reason".to_owned());
            values.problem("LF-CONFIG-MISSING", "the reason is missing", help);
        }
        reason.clone()
    };
    match word.as_str() {
        "check" => Some(Act::Check),
        "approve" => {
            let break_glass = values.is_on("break-glass");
            let reason = if break_glass { Some(needed(values)?) } else { reason };
            Some(Act::Approve(Approve {
                role: values.parsed("role"),
                expires: values.duration("expires"),
                reason,
                break_glass,
                plan: values.parsed("plan"),
            }))
        }
        "reject" => Some(Act::Reject { reason: needed(values)? }),
        "freeze" => {
            let (from, until) = (time(values, "from"), time(values, "until"));
            let everywhere = values.is_on("everywhere");
            Some(Act::Freeze { everywhere, from, until, reason: needed(values)? })
        }
        "unfreeze" => {
            let everywhere = values.is_on("everywhere");
            Some(Act::Unfreeze { everywhere, sequence: values.parsed("freeze"), reason })
        }
        other => {
            let shown = landfall_secret::escape(other, 40);
            let what = format!("`{shown}` is neither check, approve, reject, freeze nor unfreeze");
            values.problem("LF-CONFIG", &what, None);
            None
        }
    }
}

fn time(values: &mut Values<'_>, name: &str) -> Option<OffsetDateTime> {
    let text = values.text(name)?;
    let time = OffsetDateTime::parse(&text, &Rfc3339).ok();
    if time.is_none() {
        let what = format!(
            "--{name} `{}` is no time such as 2025-12-20T18:00:00Z",
            landfall_secret::escape(&text, 40)
        );
        values.problem("LF-CONFIG", &what, None);
    }
    time
}
