//! The page for a terminal.

use super::sheet::{Block, Sheet};
use crate::ledger::table::{Cell, Paint, Set, Table, Tone, WIDTH, wrapped};

/// Columns that a label takes.
const LABEL: usize = 14;

/// The page, in lines of at most 80 columns.
pub(super) fn text(sheet: &Sheet, paint: Paint) -> String {
    let mut text = paint.heading(&sheet.title);
    text.push_str(&format!("{}\n", paint.dim(&sheet.asked)));
    let tone = if sheet.may_start { Tone::Good } else { Tone::Bad };
    text.push_str(&format!("{}\n", paint.tone(tone, &sheet.verdict)));
    if !sheet.obstacles.is_empty() {
        text.push_str(&format!("\n{}", paint.heading("in the way")));
        for obstacle in &sheet.obstacles {
            text.push_str(&format!("  {}\n", paint.tone(Tone::Bad, &obstacle.head)));
            indented(&mut text, &obstacle.what, 4);
            if let Some(next) = &obstacle.next {
                indented(&mut text, &format!("next: {next}"), 4);
            }
        }
    }
    for part in &sheet.parts {
        text.push_str(&format!("\n{}", paint.heading(&part.heading)));
        for block in &part.blocks {
            match block {
                Block::Fact(label, fact) => {
                    let mut label = format!("  {label:LABEL$}");
                    for line in wrapped(fact, WIDTH - LABEL - 2, 12) {
                        text.push_str(&format!("{}{line}\n", paint.dim(&label)));
                        label = " ".repeat(LABEL + 2);
                    }
                }
                Block::Functions(rows) => {
                    let mut table = Table::new(&[
                        ("  FUNCTION", Set::Name, 20),
                        ("FROM", Set::Text, 12),
                        ("TO", Set::Text, 12),
                        ("", Set::Text, 7),
                    ]);
                    for [name, from, to, becomes] in rows {
                        let tone = if becomes == "blocked" { Tone::Bad } else { Tone::Usual };
                        let becomes = if becomes == "changes" { "" } else { becomes };
                        table.row([
                            Cell::new(format!("  {name}")),
                            from.as_str().into(),
                            to.as_str().into(),
                            Cell::new(becomes).toned(tone),
                        ]);
                    }
                    text.push_str(&table.render(paint));
                }
                Block::Lines(lines) => lines.iter().for_each(|line| indented(&mut text, line, 4)),
            }
        }
    }
    text
}

fn indented(text: &mut String, line: &str, by: usize) {
    for line in wrapped(line, WIDTH - by, 12) {
        text.push_str(&format!("{}{line}\n", " ".repeat(by)));
    }
}
