//! Tables that fit a terminal of 80 columns.

use landfall_cli::{columns, cut, middle};

/// So many columns a table has at most, also where nobody knows the terminal: in logs of CI too.
pub(crate) const WIDTH: usize = 80;

/// Blanks between two columns.
const GAP: usize = 2;

/// Longest foreign text of a cell, in characters; the table cuts it further.
const LONGEST: usize = 400;

/// Lines of one note.
const NOTE_LINES: usize = 6;

/// Whether colours may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Plain,
    Colours,
}

/// What the colour of a cell says besides its word. Colour is never the only sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Usual,
    Head,
    Good,
    Bad,
    Doubtful,
    Dim,
}

impl Paint {
    /// A text in the colour of a tone.
    pub(crate) fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            _ if self == Self::Plain || text.trim().is_empty() => None,
            Tone::Usual => None,
            Tone::Head => Some("1"),
            Tone::Good => Some("32"),
            Tone::Bad => Some("31"),
            Tone::Doubtful => Some("33"),
            Tone::Dim => Some("2"),
        };
        code.map_or_else(|| text.to_owned(), |code| format!("\u{1b}[{code}m{text}\u{1b}[0m"))
    }

    /// A text that is not the matter.
    pub(crate) fn dim(self, text: &str) -> String {
        self.tone(Tone::Dim, text)
    }

    /// A heading with a line break behind it.
    pub(crate) fn heading(self, text: &str) -> String {
        format!("{}\n", self.tone(Tone::Head, &cut(&landfall_secret::escape(text, LONGEST), WIDTH)))
    }
}

/// A cell: a text that came from outside, made safe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    pub(crate) fn new(text: impl AsRef<str>) -> Self {
        Self { text: landfall_secret::escape(text.as_ref(), LONGEST), tone: Tone::Usual }
    }

    pub(crate) fn toned(self, tone: Tone) -> Self {
        Self { tone, ..self }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

/// How a column is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Set {
    /// To the left; cut at the end.
    Text,
    /// To the left; cut in its middle, as a name is known by its beginning and its end.
    Name,
    /// To the right.
    Number,
}

/// A column: its head, how it is set, and how narrow it may become.
pub(crate) type Column = (&'static str, Set, usize);

enum Line {
    Row(Vec<Cell>),
    Note(Cell),
}

/// A table. Columns are as wide as their cells; where that is too much the widest gives way.
pub(crate) struct Table {
    heads: Vec<Column>,
    lines: Vec<Line>,
}

impl Table {
    pub(crate) fn new(heads: &[Column]) -> Self {
        Self { heads: heads.to_vec(), lines: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Adds a row; one with fewer cells than columns ends early.
    pub(crate) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        self.lines.push(Line::Row(cells.into()));
    }

    /// Adds a text below the newest row, over as many lines as it needs.
    pub(crate) fn note(&mut self, text: impl AsRef<str>) {
        self.lines.push(Line::Note(Cell::new(text)));
    }

    /// The table's lines, each with a line break behind it.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let widths = self.widths();
        let heads: Vec<Cell> =
            self.heads.iter().map(|(head, ..)| Cell::new(head).toned(Tone::Head)).collect();
        let mut text = self.line(&heads, &widths, paint);
        for line in &self.lines {
            match line {
                Line::Row(cells) => text.push_str(&self.line(cells, &widths, paint)),
                Line::Note(note) => {
                    for line in wrapped(&note.text, WIDTH - 5, NOTE_LINES) {
                        text.push_str(&format!("    {}\n", paint.dim(&line)));
                    }
                }
            }
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.heads.iter().map(|(head, ..)| columns(head)).collect();
        for line in &self.lines {
            let Line::Row(cells) = line else { continue };
            for (width, cell) in widths.iter_mut().zip(cells) {
                *width = columns(&cell.text).max(*width);
            }
        }
        let gaps = GAP * widths.len().saturating_sub(1);
        while widths.iter().sum::<usize>() + gaps > WIDTH {
            let least =
                |at: usize| self.heads.get(at).map_or(0, |(head, _, least)| (*least).max(columns(head)));
            let widest = widths.iter().enumerate().filter(|(at, width)| **width > least(*at));
            let Some((at, _)) = widest.max_by_key(|(_, width)| **width) else { break };
            if let Some(width) = widths.get_mut(at) {
                *width -= 1;
            }
        }
        widths
    }

    fn line(&self, cells: &[Cell], widths: &[usize], paint: Paint) -> String {
        let mut line = String::new();
        let mut blanks = 0;
        for ((cell, width), (_, set, _)) in cells.iter().zip(widths).zip(&self.heads) {
            let shown = match set {
                Set::Name => middle(&cell.text, *width),
                Set::Text | Set::Number => cut(&cell.text, *width),
            };
            let left = width.saturating_sub(columns(&shown));
            // Blanks wait for what stands behind them, so that no line ends with one.
            let (before, after) = if *set == Set::Number { (left, 0) } else { (0, left) };
            if shown.is_empty() {
                blanks += before;
            } else {
                line.push_str(&" ".repeat(blanks + before));
                line.push_str(&paint.tone(cell.tone, &shown));
                blanks = 0;
            }
            blanks += after + GAP;
        }
        line.push('\n');
        line
    }
}

/// A text in lines of so many columns, broken between words where it can be, and at most so many lines.
pub(crate) fn wrapped(text: &str, width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word.to_owned();
        if !line.is_empty() && columns(&line) + 1 + columns(&word) > width {
            lines.push(std::mem::take(&mut line));
        }
        while columns(&word) > width {
            let head: String = word
                .chars()
                .scan(0, |taken, character| {
                    *taken += columns(character.encode_utf8(&mut [0; 4]));
                    (*taken <= width).then_some(character)
                })
                .collect();
            if head.is_empty() {
                break;
            }
            word = word.chars().skip(head.chars().count()).collect();
            lines.push(head);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(&word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = cut(&format!("{last} …"), width);
        }
    }
    // What a CI system takes for a command at the beginning of a line may stand there only now.
    lines.iter().map(|line| landfall_secret::escape(line, LONGEST)).collect()
}

#[cfg(test)]
mod tests {
    use super::{Cell, Paint, Set, Table, Tone, WIDTH, wrapped};

    fn table() -> Table {
        let mut table =
            Table::new(&[("RECORD", Set::Number, 6), ("NAME", Set::Name, 8), ("WHAT", Set::Text, 8)]);
        table.row(["7".into(), "orders".into(), Cell::new("failed").toned(Tone::Bad)]);
        table.row([
            "12345".into(),
            "personalised-lobby-order-service-function-with-a-long-name".into(),
            "a\u{1b}[31mb".into(),
        ]);
        table.note("a reason that is so long that it does not fit into one line of a terminal that has eighty columns");
        table
    }

    #[test]
    fn columns_give_way_and_foreign_text_breaks_out_of_nothing() {
        insta::assert_snapshot!(table().render(Paint::Plain), @r#"
        RECORD  NAME                                                        WHAT
             7  orders                                                      failed
         12345  personalised-lobby-order-service-function-with-a-long-name  a\u{1b}[31mb
            a reason that is so long that it does not fit into one line of a terminal
            that has eighty columns
        "#);
        let colours = table().render(Paint::Colours);
        assert!(
            colours.contains("\u{1b}[31mfailed\u{1b}[0m") && !colours.contains("\u{1b}[31mb"),
            "{colours:?}"
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in 0..60 {
            let mut table = table();
            let long = "é".repeat(width * 3);
            table.row([long.as_str().into(), long.as_str().into(), long.as_str().into()]);
            table.note(&long);
            for line in table.render(Paint::Plain).lines() {
                assert!(landfall_cli::columns(line) <= WIDTH, "{line}");
                assert_eq!(line, line.trim_end(), "blanks at the end");
            }
        }
    }

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrapped("one two three", 7, 9), ["one two", "three"]);
        assert_eq!(wrapped("abcdefghij k", 4, 9), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrapped("a b c d", 1, 2), ["a", "…"]);
        assert!(wrapped("", 4, 9).is_empty());
        assert_eq!(wrapped("abc ::error::x", 10, 9), ["abc", "\\::error::x"], "no command of a CI system");
    }
}
