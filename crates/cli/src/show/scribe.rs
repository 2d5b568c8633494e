//! Who writes down what happens: at which moment, in which form, and without secrets.

use std::time::Duration;

use landfall_run::Event;
use landfall_secret::{Redactor, escape};
use serde_json::{Map, Value, json};

use super::bars;
use super::lines::{self, Field};
use super::look::{LogFormat, Look, Sections};
use super::screen::Screen;
use super::totals::Totals;

/// Without bars a line tells of moving bytes so often, and the first not before: quick stages stay quiet.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// Without bars a line tells that nothing moves so often.
const STILL_EVERY: Duration = Duration::from_secs(30);

/// Bars are drawn so often.
const FRAME: Duration = Duration::from_millis(200);

/// Bars appear when something runs for so long: quick stages do not flash.
const FIRST_FRAME: Duration = Duration::from_millis(400);

/// Writes events. Times are those since the run's beginning; nothing here asks a clock.
#[derive(Debug)]
pub(super) struct Scribe {
    look: Look,
    format: LogFormat,
    redactor: Redactor,
    /// Wall clock at the run's beginning, since 1970.
    begun: Duration,
    screen: Screen,
    section: Option<String>,
    totals: Totals,
    /// When a line told last how far the bytes are; the beginning of the phase where none did.
    told: Duration,
    /// When a line told last that nothing moves.
    told_still: Duration,
    next_frame: Duration,
}

/// What is due when no event comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Frame,
    Moving,
    Still,
}

impl Scribe {
    pub(super) fn new(
        look: Look,
        format: LogFormat,
        redactor: Redactor,
        begun: Duration,
        screen: Screen,
    ) -> Self {
        Self {
            look,
            format,
            redactor,
            begun,
            screen,
            section: None,
            totals: Totals::new(Duration::ZERO, None),
            told: Duration::ZERO,
            told_still: Duration::ZERO,
            next_frame: Duration::ZERO,
        }
    }

    /// Writes what happened at a time.
    pub(super) fn event(&mut self, at: Duration, event: Event) {
        match event {
            Event::Phase { name, items } => self.phase(at, &name, items),
            Event::Total { bytes, items } => self.totals.told(bytes, items),
            Event::Started { item, size_bytes } => {
                if self.totals.running().is_empty() && !self.screen.is_drawn() {
                    self.next_frame = at + FIRST_FRAME;
                }
                let shown = self.clean(&item, 160);
                self.totals.started(at, item, shown, size_bytes);
            }
            Event::Advanced { item, bytes } => self.totals.advanced(at, &item, bytes),
            Event::Rewound { item, bytes } => self.totals.rewound(&item, bytes),
            Event::Closed { item } => self.totals.ended(at, &item),
            Event::Finished { item, result } => {
                self.totals.ended(at, &item);
                let text = format!("  {}: {}", self.clean(&item, 160), self.clean(&result, 200));
                self.line(at, "info", &text);
            }
            Event::Output { item, text, went_well } => self.output(at, &item, &text, went_well),
            Event::Retrying { what, why, attempt, pause } => {
                let (what, why) = (self.clean(&what, 200), self.clean(&why, 200));
                let pause = pause.as_secs_f64();
                self.line(at, "info", &format!("  again in {pause:.1} s (attempt {attempt}): {what}: {why}"));
            }
            Event::Note(text) => self.line(at, "info", &self.clean(&text, 400)),
            Event::Warning(text) => self.line(at, "warning", &self.clean(&text, 400)),
        }
    }

    /// When [`Self::tick`] has something to do, if no event comes before; `None` where it has nothing to wait for.
    pub(super) fn due(&self) -> Option<Duration> {
        self.next().map(|(at, _)| at)
    }

    /// Does what is due.
    pub(super) fn tick(&mut self, now: Duration) {
        match self.next() {
            Some((at, due)) if at <= now => match due {
                Due::Frame => self.frame(now),
                Due::Moving => {
                    let figures = self.totals.figures(now);
                    let text = lines::moving(&figures, self.totals.slowest(now));
                    self.told = now;
                    self.line_with(now, "info", &format!("  {text}"), &lines::fields(&figures));
                }
                Due::Still => {
                    let figures = self.totals.figures(now);
                    let text = lines::still(&figures, self.totals.running());
                    self.told_still = now;
                    self.line_with(now, "info", &format!("  {text}"), &lines::fields(&figures));
                }
            },
            Some(_) | None => {}
        }
    }

    /// Takes the bars away and ends the section. What comes after is written as lines.
    pub(super) fn close(&mut self, at: Duration) {
        self.totals = Totals::new(at, None);
        self.screen.draw(Vec::new());
        self.end_section(at);
    }

    fn has_bars(&self) -> bool {
        self.look.bars && self.format == LogFormat::Text
    }

    fn next(&self) -> Option<(Duration, Due)> {
        let running = !self.totals.running().is_empty();
        if self.has_bars() {
            let wanted = running || self.screen.is_drawn();
            return wanted.then_some((self.next_frame, Due::Frame));
        }
        if self.totals.moved() > self.told {
            return Some((self.told + LINE_EVERY, Due::Moving));
        }
        running.then(|| (self.totals.changed().max(self.told_still) + STILL_EVERY, Due::Still))
    }

    /// What a program printed: as a section of its own where the CI system has such, folded where it went well. Elsewhere what
    /// went well is left out.
    fn output(&mut self, at: Duration, item: &str, text: &str, went_well: bool) {
        if self.format == LogFormat::Json {
            let text = self.redactor.redact(text);
            let item = self.redactor.redact(item);
            let fields = vec![("item", json!(item)), ("output", json!(text)), ("well", json!(went_well))];
            return self.object(at, "info", "output", fields);
        }
        if went_well && self.look.sections == Sections::None {
            return;
        }
        let name = format!("output of {}", self.clean(item, 120));
        // GitHub's groups do not nest.
        if self.look.sections == Sections::GitHub {
            self.end_section(at);
        }
        let (time, key) = (self.unix_seconds(at), key_of(&name));
        match self.look.sections {
            Sections::None => self.screen.print(&format!("{name}:\n")),
            Sections::GitLab => {
                let folded = if went_well { "[collapsed=true]" } else { "" };
                self.screen.print(&format!("\u{1b}[0Ksection_start:{time}:{key}{folded}\r\u{1b}[0K{name}\n"));
            }
            Sections::GitHub if went_well => self.screen.print(&format!("::group::{name}\n")),
            Sections::GitHub => self.screen.print(&format!("{name}:\n")),
        }
        // Redacted as a whole: a secret may go over lines.
        for line in self.redactor.redact(text).lines() {
            // What a program prints may look like a command to the CI system.
            self.screen.print(&format!("  | {}\n", escape(line, 2000)));
        }
        match self.look.sections {
            Sections::None => {}
            Sections::GitLab => self.screen.print(&format!("\u{1b}[0Ksection_end:{time}:{key}\r\u{1b}[0K")),
            Sections::GitHub if went_well => self.screen.print("::endgroup::\n"),
            Sections::GitHub => {}
        }
    }

    fn frame(&mut self, now: Duration) {
        self.next_frame = now + FRAME;
        let lines = bars::block(&self.totals, now, self.screen.size());
        self.screen.draw(lines.iter().map(|line| self.redactor.redact(line)).collect());
    }

    fn phase(&mut self, at: Duration, name: &str, items: Option<u64>) {
        self.totals = Totals::new(at, items);
        (self.told, self.told_still) = (at, at);
        self.screen.draw(Vec::new());
        let name = self.clean(name, 120);
        self.begin_section(at, &name);
        let text = match items {
            Some(count) => format!("{name}: {count}"),
            None => name,
        };
        self.line(at, "info", &text);
    }

    /// Foreign text, harmless. Redacted before it is escaped and cut: half a secret, or one with escapes in it, is not recognized.
    fn clean(&self, text: &str, max_chars: usize) -> String {
        escape(&self.redactor.redact(text), max_chars)
    }

    fn line(&mut self, at: Duration, level: &str, text: &str) {
        self.line_with(at, level, text, &[]);
    }

    fn line_with(&mut self, at: Duration, level: &str, text: &str, fields: &[Field]) {
        if self.format == LogFormat::Json {
            let fields = fields.iter().map(|(name, figure)| (*name, json!(figure))).collect();
            return self.object(at, level, text, fields);
        }
        let text = self.redactor.redact(text);
        let line = match (level, self.look.colour) {
            ("warning", true) => format!("\u{1b}[33mwarning:\u{1b}[0m {text}"),
            ("warning", false) => format!("warning: {text}"),
            _ => text,
        };
        self.screen.print(&format!("{line}\n"));
    }

    /// A line for machines.
    fn object(&mut self, at: Duration, level: &str, text: &str, fields: Vec<(&str, Value)>) {
        let mut object = Map::new();
        object.insert("time".to_owned(), json!(self.unix_seconds(at)));
        object.insert("level".to_owned(), json!(level));
        object.insert("message".to_owned(), json!(self.redactor.redact(text.trim_start())));
        object.extend(fields.into_iter().map(|(name, value)| (name.to_owned(), value)));
        self.screen.print(&format!("{}\n", Value::Object(object)));
    }

    fn end_section(&mut self, at: Duration) {
        let Some(key) = self.section.take() else { return };
        match self.look.sections {
            Sections::None => {}
            Sections::GitLab => {
                let time = self.unix_seconds(at);
                self.screen.print(&format!("\u{1b}[0Ksection_end:{time}:{key}\r\u{1b}[0K"));
            }
            Sections::GitHub => self.screen.print("::endgroup::\n"),
        }
    }

    fn begin_section(&mut self, at: Duration, name: &str) {
        self.end_section(at);
        if self.format == LogFormat::Json {
            return;
        }
        let key = key_of(name);
        match self.look.sections {
            Sections::None => return,
            Sections::GitLab => {
                let time = self.unix_seconds(at);
                self.screen.print(&format!("\u{1b}[0Ksection_start:{time}:{key}\r\u{1b}[0K"));
            }
            Sections::GitHub => self.screen.print(&format!("::group::{name}\n")),
        }
        self.section = Some(key);
    }

    fn unix_seconds(&self, at: Duration) -> u64 {
        (self.begun + at).as_secs()
    }
}

/// The name of a section as GitLab takes it.
fn key_of(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
