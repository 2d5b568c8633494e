//! Exit codes: one meaning each, so that a pipeline can act on them.

use landfall_artifacts::Class;
use landfall_run::Signal;

/// Done, or nothing to do.
pub const DONE: u8 = 0;
/// A defect of Landfall, a panic too.
pub const DEFECT: u8 = 1;
/// Bad usage or bad input; nothing was changed.
pub const INPUT: u8 = 2;
/// A check or gate said no; nothing was changed.
pub const REFUSED: u8 = 3;
/// Another run holds the environment.
pub const LOCKED: u8 = 4;
/// A passing fault; nothing is lost and it is safe to run again.
pub const TRANSIENT: u8 = 5;
/// Partly done; the next run resumes.
pub const PARTIAL: u8 = 6;
/// Integrity failure; do not run again blindly.
pub const INTEGRITY: u8 = 7;
/// The outcome is unknown; reconcile.
pub const UNKNOWN: u8 = 8;
/// Interrupted by SIGINT after a clean stop.
pub const INTERRUPTED: u8 = 130;
/// Interrupted by SIGTERM after a clean stop.
pub const TERMINATED: u8 = 143;

/// Every code with its meaning in one sentence and what a pipeline may do, for help and documentation.
pub const TABLE: [(u8, &str, &str); 11] = [
    (DONE, "done, or nothing to do", "go on"),
    (DEFECT, "a defect of Landfall, a panic too", "report it"),
    (INPUT, "bad usage or input, nothing changed", "correct what the message names"),
    (REFUSED, "a check or gate said no, nothing changed", "decide; do not retry"),
    (LOCKED, "another run holds the environment", "wait for it, then run again"),
    (TRANSIENT, "a passing fault, nothing lost", "run again; safe for `retry:exit_codes`"),
    (PARTIAL, "partly done", "run again: it does what is left"),
    (INTEGRITY, "integrity failure", "do not run again blindly; look at what differs"),
    (UNKNOWN, "outcome unknown", "reconcile: run again, which reads back first"),
    (INTERRUPTED, "interrupted by SIGINT after a clean stop", "run again: it does what is left"),
    (TERMINATED, "interrupted by SIGTERM after a clean stop", "run again: it does what is left"),
];

/// The code of a class of problem. `signal` tells the two interruptions apart.
pub fn of(class: Class, signal: Option<Signal>) -> u8 {
    match class {
        Class::Defect => DEFECT,
        Class::Input => INPUT,
        Class::Refused => REFUSED,
        Class::Locked => LOCKED,
        Class::Transient => TRANSIENT,
        Class::Partial => PARTIAL,
        Class::Integrity => INTEGRITY,
        Class::Unknown => UNKNOWN,
        Class::Interrupted => match signal {
            Some(Signal::Interrupt) => INTERRUPTED,
            Some(Signal::Deadline) => TRANSIENT,
            Some(Signal::Terminate) | None => TERMINATED,
        },
    }
}

/// The codes as they stand under every `--help`.
pub fn help() -> String {
    let mut text = String::from("Exit codes:\n");
    for (code, meaning, _) in TABLE {
        text.push_str(&format!("  {code:>3}  {meaning}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Class;

    use super::{TABLE, of};

    #[test]
    fn every_class_has_a_code_of_its_own_that_the_table_lists() {
        let classes = [
            Class::Defect,
            Class::Input,
            Class::Refused,
            Class::Locked,
            Class::Transient,
            Class::Partial,
            Class::Integrity,
            Class::Unknown,
            Class::Interrupted,
        ];
        let mut codes: Vec<u8> = classes.map(|class| of(class, None)).to_vec();
        assert!(codes.iter().all(|code| TABLE.iter().any(|(listed, ..)| listed == code)));
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), classes.len());
    }
}
