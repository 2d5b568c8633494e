//! Where text goes: a stream, or a terminal with lines at its bottom that change.

use std::fmt;
use std::io::Write;

use super::bars::Size;

/// Erases what is right of the cursor (ECMA-48, EL).
const ERASE_LINE: &str = "\u{1b}[K";

/// Erases what is right of and below the cursor (ECMA-48, ED).
const ERASE_BELOW: &str = "\u{1b}[J";

/// Standard error, or what stands for it in tests.
///
/// The lines at the bottom are drawn again in place. The cursor rests below them at the beginning of a line, so that what
/// others print there, such as the `^C` of a terminal, spoils none of them. Whatever changes is one write: nothing flickers.
pub struct Screen {
    out: Box<dyn Write + Send>,
    size: Box<dyn Fn() -> Option<Size> + Send>,
    drawn: Vec<String>,
}

impl Screen {
    /// This process's standard error.
    pub fn stderr() -> Self {
        Self::of(std::io::stderr(), || {
            let (width, height) = terminal_size::terminal_size_of(std::io::stderr())?;
            Some(Size { columns: usize::from(width.0), rows: usize::from(height.0) })
        })
    }

    /// A writer, and how large the terminal behind it is.
    pub(super) fn of(
        out: impl Write + Send + 'static,
        size: impl Fn() -> Option<Size> + Send + 'static,
    ) -> Self {
        Self { out: Box::new(out), size: Box::new(size), drawn: Vec::new() }
    }

    /// How large the terminal is now; 80 by 24 where it does not say.
    pub fn size(&self) -> Size {
        (self.size)().unwrap_or(Size { columns: 80, rows: 24 })
    }

    /// Whether there are lines at the bottom.
    pub(super) fn is_drawn(&self) -> bool {
        !self.drawn.is_empty()
    }

    /// Writes text that stays, above the lines at the bottom. It ends with a line break where there are such lines.
    pub fn print(&mut self, text: &str) {
        if self.drawn.is_empty() {
            self.write(text);
            return;
        }
        let lines: String = self.drawn.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        self.write(&format!("{}{ERASE_BELOW}{text}{lines}", self.to_the_top()));
    }

    /// Draws the lines at the bottom, each shorter than the terminal is wide, in place of those that stand there.
    pub fn draw(&mut self, lines: Vec<String>) {
        if lines == self.drawn {
            return;
        }
        let text: String = lines.iter().flat_map(|line| [line.as_str(), ERASE_LINE, "\n"]).collect();
        self.write(&format!("{}{text}{ERASE_BELOW}", self.to_the_top()));
        self.drawn = lines;
    }

    fn to_the_top(&self) -> String {
        match self.drawn.len() {
            0 => String::new(),
            // To the beginning of the line, and up (ECMA-48, CUU).
            rows => format!("\r\u{1b}[{rows}A"),
        }
    }

    /// A closed pipe is no reason to fail.
    fn write(&mut self, text: &str) {
        let _ = self.out.write_all(text.as_bytes());
        let _ = self.out.flush();
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Screen").field("drawn", &self.drawn).finish_non_exhaustive()
    }
}
