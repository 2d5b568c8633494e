//! Tests: what a person sees of a stage, and a machine.

mod in_ci;
mod on_terminal;
pub(super) mod terminal;

use std::time::Duration;

use landfall_run::Event;
use landfall_secret::{Redactor, Secret};

use super::look::{LogFormat, Look, Sections};
use super::scribe::Scribe;
use terminal::Terminal;

const MIB: u64 = 1 << 20;

/// A scribe with its terminal and its time.
struct Stage {
    scribe: Scribe,
    terminal: Terminal,
    now: Duration,
}

impl Stage {
    fn new(terminal: Terminal, bars: bool, format: LogFormat, sections: Sections) -> Self {
        let look = Look { bars, colour: false, sections };
        let redactor = Redactor::new();
        redactor.learn(&Secret::new("s3cr3t-token"));
        let begun = Duration::from_millis(1_700_000_000_900);
        let scribe = Scribe::new(look, format, redactor, begun, terminal.screen());
        Self { scribe, terminal, now: Duration::ZERO }
    }

    /// With bars, on a terminal so wide.
    fn on_terminal(columns: usize, rows: usize) -> Self {
        Self::new(Terminal::new(columns, rows), true, LogFormat::Text, Sections::None)
    }

    /// Without bars.
    fn in_ci(format: LogFormat) -> Self {
        Self::new(Terminal::new(1000, 50), false, format, Sections::None)
    }

    fn tell(&mut self, event: Event) {
        self.scribe.event(self.now, event);
    }

    fn phase(&mut self, name: &str, items: u64) {
        self.tell(Event::Phase { name: name.to_owned(), items: Some(items) });
    }

    fn start(&mut self, item: &str, size_bytes: impl Into<Option<u64>>) {
        self.tell(Event::Started { item: item.to_owned(), size_bytes: size_bytes.into() });
    }

    fn advance(&mut self, item: &str, bytes: u64) {
        self.tell(Event::Advanced { item: item.to_owned(), bytes });
    }

    fn close(&mut self, item: &str) {
        self.tell(Event::Closed { item: item.to_owned() });
    }

    fn finish(&mut self, item: &str, result: &str) {
        self.tell(Event::Finished { item: item.to_owned(), result: result.to_owned() });
    }

    /// Lets time pass, and does on its way what is due.
    fn wait(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(due) = self.scribe.due().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.scribe.tick(self.now);
        }
        self.now = end;
    }

    /// What is to be seen, from the beginning on.
    fn seen(&self) -> String {
        self.terminal.seen()
    }
}

/// Three blobs of a release, and five seconds of them.
fn copying(stage: &mut Stage) {
    stage.phase("copy 210.0 MiB", 3);
    stage.tell(Event::Total { bytes: 210 * MIB, items: Some(63) });
    for (item, mib) in
        [("1a2b3c4d5e6f personalised-lobby", 80), ("5f6e7d8c9b0a chat", 20), ("0011aabbccdd lobby", 110)]
    {
        stage.start(item, mib * MIB);
    }
    for _ in 0..10 {
        stage.wait(500);
        stage.advance("1a2b3c4d5e6f personalised-lobby", MIB);
        stage.advance("5f6e7d8c9b0a chat", 2 * MIB);
        stage.advance("0011aabbccdd lobby", 9 * MIB);
    }
}

#[test]
fn secrets_and_control_characters_reach_no_line_and_no_bar() {
    for mut stage in
        [Stage::on_terminal(100, 24), Stage::in_ci(LogFormat::Text), Stage::in_ci(LogFormat::Json)]
    {
        let hostile = "\u{1b}[2Js3cr3t-token\r\u{202e}";
        stage.tell(Event::Phase { name: hostile.to_owned(), items: None });
        stage.tell(Event::Total { bytes: 100, items: None });
        stage.start(hostile, 100);
        stage.wait(1000);
        stage.advance(hostile, 10);
        stage.wait(40_000);
        stage.finish(hostile, hostile);
        let (what, why) = (hostile.to_owned(), hostile.to_owned());
        stage.tell(Event::Retrying { what, why, attempt: 2, pause: Duration::ZERO });
        stage.tell(Event::Note(hostile.to_owned()));
        stage.tell(Event::Warning(hostile.to_owned()));
        let seen = stage.seen();
        assert!(seen.contains("redacted") && !seen.contains("s3cr3t"), "{seen}");
        assert!(!seen.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{seen:?}");
    }
}
