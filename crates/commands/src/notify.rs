//! Notifications: what the end of a stage makes of them, and `landfall notify`, which shows what waits.

mod drop;
mod list;
mod send;
mod senders;
mod teller;
mod test;

use std::process::ExitCode;

use landfall_artifacts::{Class, Problem};
use landfall_cli::exit;

pub(crate) use self::senders::teach;
pub(crate) use self::teller::Teller;

use crate::nearest::nearest;
use crate::tool::{Call, refused};
use crate::{Command, main_of};

/// Something that is done with notifications.
type Deed = (&'static str, &'static str, fn(&[String]) -> ExitCode);

const DEEDS: [Deed; 4] = [
    ("list", list::Command::SUMMARY, main_of::<list::Command>),
    ("send", send::Command::SUMMARY, main_of::<send::Command>),
    ("drop", drop::Command::SUMMARY, main_of::<drop::Command>),
    ("test", test::Command::SUMMARY, main_of::<test::Command>),
];

/// Understands what stands after `landfall notify`.
pub(crate) fn call(arguments: &[String]) -> Call {
    let name = match arguments.first().map(String::as_str) {
        None | Some("--help" | "-h" | "help") => return Call::Print { text: help(), code: exit::DONE },
        Some(name) => name,
    };
    if let Some((_, _, main)) = DEEDS.iter().find(|(known, _, _)| *known == name) {
        return Call::Notify(*main, arguments.get(1..).unwrap_or_default().to_vec());
    }
    let shown = landfall_secret::escape(name, 60);
    let what = format!("`{shown}` is nothing that is done with notifications");
    let remedy = match nearest(name, DEEDS.iter().map(|(known, _, _)| *known)) {
        Some(near) => format!("did you mean `landfall notify {near}`?"),
        None => "`landfall notify` lists what is".to_owned(),
    };
    refused(Problem::new("LF-USAGE", Class::Input, what).with_remedy(remedy))
}

fn help() -> String {
    let mut text = String::from(
        "Who was to be told of a release and was not yet, and whether anybody can be.\n\n\
         Usage: landfall notify <list|send|drop|test> [options]\n\n",
    );
    for (name, summary, _) in DEEDS {
        text.push_str(&format!("  {name:<6} {summary}\n"));
    }
    text.push_str("\n`landfall notify list --help` shows the options. See docs/notifications.md.\n\n");
    text.push_str(&exit::help());
    text
}
