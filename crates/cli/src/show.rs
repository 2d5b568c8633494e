//! Progress on standard error: bars on a terminal, lines elsewhere, JSON for machines, sections in CI.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::str::FromStr;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use landfall_run::{Event, Progress, human_bytes};
use landfall_secret::{Redactor, escape};
use serde_json::json;

use crate::Environment;

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("expected text or json"),
        }
    }
}

/// What the surroundings of the process allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Standard error is a terminal and bars may be drawn.
    pub bars: bool,
    /// Colour may be used on standard error.
    pub colour: bool,
    /// Collapsible sections of a CI system.
    pub sections: Sections,
}

/// Which CI system's sections are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sections {
    /// None.
    None,
    /// `section_start` and `section_end` (GitLab, "Custom collapsible sections").
    GitLab,
    /// `::group::` and `::endgroup::` (GitHub, workflow commands).
    GitHub,
}

impl Look {
    /// Looks at the environment: `NO_COLOR`, `TERM`, `CI`, `GITLAB_CI`, `GITHUB_ACTIONS`.
    pub fn of(environment: &Environment, stderr_is_terminal: bool) -> Self {
        let dumb = environment.get("TERM").is_none_or(|term| term == "dumb");
        let terminal = stderr_is_terminal && !dumb;
        let ci = environment.get("CI").is_some();
        let sections = if environment.get("GITLAB_CI").is_some() {
            Sections::GitLab
        } else if environment.get("GITHUB_ACTIONS").is_some() {
            Sections::GitHub
        } else {
            Sections::None
        };
        Self { bars: terminal && !ci, colour: terminal && environment.get("NO_COLOR").is_none(), sections }
    }
}

/// Shows progress on standard error.
#[derive(Debug)]
pub struct Shower {
    look: Look,
    format: LogFormat,
    redactor: Redactor,
    warnings_alone: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    bars: Option<MultiProgress>,
    items: BTreeMap<String, Item>,
    section: Option<String>,
}

#[derive(Debug)]
struct Item {
    bar: Option<ProgressBar>,
    size: Option<u64>,
    done: u64,
    told: u64,
}

impl Shower {
    /// A shower of this look.
    pub fn new(look: Look, format: LogFormat, redactor: Redactor) -> Self {
        let bars = (look.bars && format == LogFormat::Text).then(MultiProgress::new);
        Self {
            look,
            format,
            redactor,
            warnings_alone: false,
            state: Mutex::new(State { bars, ..State::default() }),
        }
    }

    /// Shows warnings and nothing else, where that is wanted.
    pub fn with_warnings_alone(self, wanted: bool) -> Self {
        Self { warnings_alone: wanted, ..self }
    }

    /// Closes what is open: bars and the section.
    pub fn close(&self) {
        let mut state = self.lock();
        for (_, item) in std::mem::take(&mut state.items) {
            if let Some(bar) = item.bar {
                bar.finish_and_clear();
            }
        }
        self.end_section(&mut state);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        match self.state.lock() {
            Ok(guard) => guard,
            Err(poisoned) => poisoned.into_inner(),
        }
    }

    fn line(&self, state: &State, level: &str, text: &str) {
        let text = self.redactor.redact(text);
        let line = match self.format {
            LogFormat::Json => json!({ "time": unix_seconds(), "level": level, "message": text }).to_string(),
            LogFormat::Text if level == "warning" && self.look.colour => {
                format!("\u{1b}[33mwarning:\u{1b}[0m {text}")
            }
            LogFormat::Text if level == "warning" => format!("warning: {text}"),
            LogFormat::Text => text,
        };
        match &state.bars {
            Some(bars) => {
                let _ = bars.println(line);
            }
            None => {
                let _ = writeln!(std::io::stderr().lock(), "{line}");
            }
        }
    }

    fn end_section(&self, state: &mut State) {
        let Some(name) = state.section.take() else { return };
        let _ = match self.look.sections {
            Sections::None => Ok(()),
            Sections::GitLab => {
                write!(std::io::stderr().lock(), "\u{1b}[0Ksection_end:{}:{name}\r\u{1b}[0K", unix_seconds())
            }
            Sections::GitHub => writeln!(std::io::stderr().lock(), "::endgroup::"),
        };
    }

    fn begin_section(&self, state: &mut State, name: &str) {
        self.end_section(state);
        if self.format == LogFormat::Json {
            return;
        }
        let key: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        let _ = match self.look.sections {
            Sections::None => return,
            Sections::GitLab => {
                write!(std::io::stderr().lock(), "\u{1b}[0Ksection_start:{}:{key}\r\u{1b}[0K", unix_seconds())
            }
            Sections::GitHub => writeln!(std::io::stderr().lock(), "::group::{name}"),
        };
        state.section = Some(key);
    }

    fn advance(&self, state: &mut State, name: &str, bytes: u64) {
        let Some(item) = state.items.get_mut(name) else { return };
        item.done += bytes;
        if let Some(bar) = &item.bar {
            bar.inc(bytes);
            return;
        }
        // Without a terminal a line for each quarter of a large item shows that it goes on.
        let (done, size) = (item.done, item.size.unwrap_or(0));
        if size >= 32 << 20 && done * 4 / size > item.told {
            item.told = done * 4 / size;
            let text = format!("  {} {}% of {}", name, (done * 100 / size).min(100), human_bytes(size));
            self.line(state, "info", &text);
        }
    }
}

impl Progress for Shower {
    fn event(&self, event: Event) {
        if self.warnings_alone && !matches!(event, Event::Warning(_)) {
            return;
        }
        let mut state = self.lock();
        match event {
            Event::Phase { name, items } => {
                let name = escape(&name, 120);
                self.begin_section(&mut state, &name);
                let text = match items {
                    Some(count) => format!("{name}: {count}"),
                    None => name,
                };
                self.line(&state, "info", &text);
            }
            Event::Started { item, size_bytes } => {
                let item = escape(&item, 160);
                let bar = state.bars.as_ref().map(|bars| {
                    let bar = bars.add(ProgressBar::new(size_bytes.unwrap_or(0)));
                    let template = if size_bytes.is_some() {
                        "  {msg:40!} [{bar:24}] {bytes}/{total_bytes} {bytes_per_sec}"
                    } else {
                        "  {spinner} {msg}"
                    };
                    if let Ok(style) = ProgressStyle::with_template(template) {
                        bar.set_style(style.progress_chars("=> "));
                    }
                    bar.set_message(item.clone());
                    bar
                });
                state.items.insert(item, Item { bar, size: size_bytes, done: 0, told: 0 });
            }
            Event::Advanced { item, bytes } => {
                let item = escape(&item, 160);
                self.advance(&mut state, &item, bytes);
            }
            Event::Finished { item, result } => {
                let item = escape(&item, 160);
                if let Some(bar) = state.items.remove(&item).and_then(|item| item.bar) {
                    bar.finish_and_clear();
                }
                self.line(&state, "info", &format!("  {item}: {}", escape(&result, 200)));
            }
            Event::Total { .. } | Event::Rewound { .. } => {}
            Event::Closed { item } => {
                if let Some(bar) = state.items.remove(&escape(&item, 160)).and_then(|item| item.bar) {
                    bar.finish_and_clear();
                }
            }
            Event::Retrying { what, why, attempt, pause } => {
                let text = format!(
                    "  again in {:.1} s (attempt {attempt}): {}: {}",
                    pause.as_secs_f64(),
                    escape(&what, 200),
                    escape(&why, 200)
                );
                self.line(&state, "info", &text);
            }
            Event::Note(text) => self.line(&state, "info", &escape(&text, 400)),
            Event::Warning(text) => self.line(&state, "warning", &escape(&text, 400)),
        }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::{Look, Sections};
    use crate::Environment;

    fn look(variables: &[(&str, &str)], terminal: bool) -> Look {
        let environment: Environment =
            variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        Look::of(&environment, terminal)
    }

    #[test]
    fn the_look_follows_terminal_and_ci() {
        let terminal = [("TERM", "xterm")];
        assert_eq!(look(&terminal, true), Look { bars: true, colour: true, sections: Sections::None });
        assert_eq!(look(&terminal, false), Look { bars: false, colour: false, sections: Sections::None });
        assert!(!look(&[("TERM", "xterm"), ("NO_COLOR", "1")], true).colour);
        assert!(!look(&[("TERM", "dumb")], true).bars);
        let gitlab = look(&[("CI", "true"), ("GITLAB_CI", "true"), ("TERM", "xterm")], true);
        assert_eq!((gitlab.bars, gitlab.sections), (false, Sections::GitLab));
        assert_eq!(look(&[("GITHUB_ACTIONS", "true")], false).sections, Sections::GitHub);
    }
}
