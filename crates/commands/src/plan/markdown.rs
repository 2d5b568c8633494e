//! The page as Markdown, to be pasted into a ticket or a merge request.

use landfall_secret::markdown;

use super::sheet::{Block, Sheet};

/// The page.
pub(super) fn text(sheet: &Sheet) -> String {
    let verdict = markdown(&sheet.verdict);
    let mut text =
        format!("## Plan: {}\n\n{}\n\n**{verdict}**\n", markdown(&sheet.title), markdown(&sheet.asked));
    if !sheet.obstacles.is_empty() {
        text.push_str("\n### In the way\n\n");
        for obstacle in &sheet.obstacles {
            text.push_str(&format!("- **{}**: {}", markdown(&obstacle.head), markdown(&obstacle.what)));
            if let Some(next) = &obstacle.next {
                text.push_str(&format!(" *Next:* {}", markdown(next)));
            }
            text.push('\n');
        }
    }
    for part in &sheet.parts {
        text.push_str(&format!("\n### {}\n\n", markdown(&part.heading)));
        for block in &part.blocks {
            match block {
                Block::Fact(label, fact) => text.push_str(&format!("- **{label}**: {}\n", markdown(fact))),
                Block::Lines(lines) => {
                    for line in lines {
                        text.push_str(&format!("    - {}\n", markdown(line)));
                    }
                }
                Block::Functions(rows) => {
                    text.push_str("\n| function | from | to | |\n|---|---|---|---|\n");
                    for row in rows {
                        let cells: Vec<String> = row.iter().map(|cell| markdown(cell)).collect();
                        text.push_str(&format!("| {} |\n", cells.join(" | ")));
                    }
                    text.push('\n');
                }
            }
        }
    }
    text
}
