//! What the demo shows, and how.

use std::io::IsTerminal as _;
use std::time::Duration;

/// Prints the demo's lines, in colour on a terminal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    colour: bool,
}

impl Screen {
    pub(crate) fn new() -> Self {
        let colour = std::io::stdout().is_terminal()
            && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
            && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Self { colour }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A heading of a part of the story.
    pub(crate) fn part(self, text: &str) {
        println!("\n{}", self.paint("1", text));
    }

    /// A step begins.
    pub(crate) fn step(self, command: &str, why: &str) {
        println!("\n{} {}  {}", self.paint("36", "▸"), self.paint("1", command), self.paint("2", why));
    }

    /// Steps of one environment begin, which run beside those of others.
    pub(crate) fn place(self, name: &str) {
        println!("\n{} {}", self.paint("36", "▸"), self.paint("1", name));
    }

    /// One of them in a line: how it ended, and the last that it said.
    pub(crate) fn done(self, command: &str, said: &str, code: i32, took: Duration) {
        let mark = if code == 0 { self.paint("32", "✓") } else { self.paint("33", "✗") };
        let end = if code == 0 { format!("{:.1} s", took.as_secs_f64()) } else { format!("exit {code}") };
        let said: String = said.chars().take(44).collect();
        println!(
            "  {mark} {command:<24} {} {}",
            self.paint("2", &format!("{end:>6}")),
            self.paint("22", &said)
        );
    }

    /// A line that the step printed.
    pub(crate) fn said(self, line: &str) {
        println!("    {}", self.paint("22", line));
    }

    /// A line of the step's log.
    pub(crate) fn logged(self, line: &str) {
        println!("    {}", self.paint("2", line));
    }

    /// The step ended as it should.
    pub(crate) fn ended(self, code: i32, took: Duration) {
        let mark = if code == 0 { self.paint("32", "✓") } else { self.paint("33", "✗") };
        println!("  {mark} {}", self.paint("2", &format!("exit {code}, {:.1} s", took.as_secs_f64())));
    }

    /// A check of the end state.
    pub(crate) fn check(self, held: bool, what: &str) {
        let mark = if held { self.paint("32", "✓") } else { self.paint("31", "✗") };
        println!("  {mark} {what}");
    }
}
