//! The page as Markdown, to be pasted into a ticket or a merge request.

use super::sheet::{Block, Sheet};

/// The page.
pub(super) fn text(sheet: &Sheet) -> String {
    let verdict = plain(&sheet.verdict);
    let mut text = format!("## Plan: {}\n\n{}\n\n**{verdict}**\n", plain(&sheet.title), plain(&sheet.asked));
    if !sheet.obstacles.is_empty() {
        text.push_str("\n### In the way\n\n");
        for obstacle in &sheet.obstacles {
            text.push_str(&format!("- **{}**: {}", plain(&obstacle.head), plain(&obstacle.what)));
            if let Some(next) = &obstacle.next {
                text.push_str(&format!(" *Next:* {}", plain(next)));
            }
            text.push('\n');
        }
    }
    for part in &sheet.parts {
        text.push_str(&format!("\n### {}\n\n", plain(&part.heading)));
        for block in &part.blocks {
            match block {
                Block::Fact(label, fact) => text.push_str(&format!("- **{label}**: {}\n", plain(fact))),
                Block::Lines(lines) => {
                    for line in lines {
                        text.push_str(&format!("    - {}\n", plain(line)));
                    }
                }
                Block::Functions(rows) => {
                    text.push_str("\n| function | from | to | |\n|---|---|---|---|\n");
                    for row in rows {
                        let cells: Vec<String> = row.iter().map(|cell| plain(cell)).collect();
                        text.push_str(&format!("| {} |\n", cells.join(" | ")));
                    }
                    text.push('\n');
                }
            }
        }
    }
    text
}

/// A text that stays one: no mark of Markdown or HTML in it means anything.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for character in text.chars() {
        if matches!(
            character,
            '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '#' | '~' | '&' | '!' | '@'
        ) {
            plain.push('\\');
        }
        plain.push(character);
    }
    plain
}
