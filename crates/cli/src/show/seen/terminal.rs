//! A terminal for tests: it shows what a person would see, and takes no control sequence but those that are used.

use std::io::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::show::bars::Size;
use crate::show::screen::Screen;

/// A terminal of a size. Clones are the same one.
#[derive(Clone, Debug)]
pub(in crate::show) struct Terminal {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    size: Size,
    /// All lines since the beginning, also those that were scrolled away.
    lines: Vec<String>,
    row: usize,
    column: usize,
    wraps: usize,
    writes: usize,
}

impl Terminal {
    pub(in crate::show) fn new(columns: usize, rows: usize) -> Self {
        let size = Size { columns, rows };
        let state = State { size, lines: vec![String::new()], row: 0, column: 0, wraps: 0, writes: 0 };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// A screen that draws on it.
    pub(in crate::show) fn screen(&self) -> Screen {
        let known = self.clone();
        Screen::of(self.clone(), move || Some(known.state().size))
    }

    /// What is to be seen, with blanks at the ends of lines removed.
    pub(in crate::show) fn seen(&self) -> String {
        let lines: Vec<String> = self.state().lines.iter().map(|line| line.trim_end().to_owned()).collect();
        lines.join("\n")
    }

    /// How often a line was too long for it.
    pub(in crate::show) fn wraps(&self) -> usize {
        self.state().wraps
    }

    /// How often it was written to.
    pub(in crate::show) fn writes(&self) -> usize {
        self.state().writes
    }

    pub(in crate::show) fn resize(&self, columns: usize, rows: usize) {
        self.state().size = Size { columns, rows };
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Write for Terminal {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let text = std::str::from_utf8(bytes).expect("whole characters");
        let mut state = self.state();
        state.writes += 1;
        let mut rest = text.chars();
        while let Some(character) = rest.next() {
            match character {
                '\n' => state.line_feed(),
                '\r' => state.column = 0,
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "only control sequences");
                    let mut number = String::new();
                    let command = loop {
                        match rest.next().expect("a whole sequence") {
                            digit @ '0'..='9' => number.push(digit),
                            command => break command,
                        }
                    };
                    state.control(command, number.parse().ok());
                }
                character => {
                    assert!(!character.is_control(), "{character:?} would be obeyed");
                    state.put(character);
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl State {
    fn line_feed(&mut self) {
        (self.row, self.column) = (self.row + 1, 0);
        if self.row == self.lines.len() {
            self.lines.push(String::new());
        }
    }

    fn put(&mut self, character: char) {
        if self.column == self.size.columns {
            self.wraps += 1;
            self.line_feed();
        }
        let column = self.column;
        let mut line: Vec<char> = self.lines[self.row].chars().collect();
        line.resize(line.len().max(column + 1), ' ');
        line[column] = character;
        self.lines[self.row] = line.into_iter().collect();
        self.column += 1;
    }

    fn control(&mut self, command: char, number: Option<usize>) {
        match (command, number) {
            // What was scrolled away cannot be reached.
            ('A', Some(rows)) => {
                let top = self.lines.len().saturating_sub(self.size.rows);
                self.row = self.row.saturating_sub(rows).max(top);
            }
            ('K' | 'J', None) => {
                let kept: String = self.lines[self.row].chars().take(self.column).collect();
                self.lines[self.row] = kept;
                if command == 'J' {
                    self.lines.truncate(self.row + 1);
                }
            }
            // Colours.
            ('m', Some(_)) => {}
            other => panic!("{other:?} is not known here"),
        }
    }
}
