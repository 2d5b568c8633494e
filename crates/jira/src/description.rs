//! The description of a new ticket. Pure, and bounded, so that the instructions that come to it later have their room.

use crate::adf::{Block, Doc, Inline, size};
use crate::text::{LONGEST_SHOWN, address, code, plain, services, text};
use crate::value::{line, paragraphs};
use crate::{ReleaseTicket, ServiceRow, TicketFields};

/// The most bytes of a description's JSON: with [`SECTION`](crate::section::SECTION) and its marks some 4,000 are left for people.
pub(crate) const DESCRIPTION: usize = 16_000;

/// Bytes that the services get at least, whatever `landfall.toml` adds.
const SERVICES: usize = 4_000;

/// Bytes for the lines around a list that was cut.
const AROUND: usize = 700;

/// The ticket's description: what is released, from which pipeline and commits, what the settings add, and the services: a table,
/// of which the rest is told in short lines where there are many, and at last in a number.
pub fn ticket_description(ticket: &ReleaseTicket, added: &TicketFields) -> Doc {
    let mut about = vec![
        text("Release "),
        code(line(ticket.release.as_str(), LONGEST_SHOWN)),
        text(format!(" for region {}, first deployed to ", ticket.region)),
        Inline::Strong(ticket.environment.to_string()),
        text("."),
    ];
    if let Some(pipeline) = &ticket.pipeline {
        about.extend([Inline::Break, text("Pipeline: "), address(pipeline)]);
    }
    if let Some(commits) = &ticket.commits {
        about.extend([Inline::Break, text("Commits: "), code(line(commits, LONGEST_SHOWN))]);
        if let Some(at) = &ticket.commits_at {
            about.extend([text(" "), Inline::Link { text: "compare".to_owned(), href: at.clone() }]);
        }
    }
    if let Some(branch) = &ticket.branch {
        about.extend([Inline::Break, text("Branch: "), code(line(branch, LONGEST_SHOWN))]);
    }
    if let Some(dashboard) = &ticket.dashboard {
        about.extend([Inline::Break, text("Dashboard: "), address(dashboard)]);
    }
    let mut blocks = vec![Block::Paragraph(about)];
    let facts = ticket.facts();
    let of_settings =
        added.description.iter().flat_map(|template| paragraphs(&template.apply(&facts)).blocks);
    let mut left = DESCRIPTION.saturating_sub(Doc::new(blocks.clone()).size() + SERVICES);
    for block in of_settings {
        let Some(rest) = left.checked_sub(block.size() + 1) else {
            let cut = "… more of this text is left out: a ticket has no room for it.";
            blocks.push(Block::Paragraph(plain(cut)));
            break;
        };
        left = rest;
        blocks.push(block);
    }
    blocks.push(Block::Heading(2, plain("Services")));
    let room = DESCRIPTION.saturating_sub(Doc::new(blocks.clone()).size());
    blocks.extend(listed(&ticket.services, room, ticket.pipeline.as_deref()));
    Doc::new(blocks)
}

/// The services in at most `room` bytes: those that fit as a table, the next as lines, the rest as a number.
fn listed(rows: &[ServiceRow], room: usize, pipeline: Option<&str>) -> Vec<Block> {
    let whole = services(rows);
    if whole.size() < room {
        return vec![whole];
    }
    let room = room.saturating_sub(AROUND + pipeline.map_or(0, |pipeline| 2 * pipeline.len().min(2_000)));
    let empty = services(&[]).size();
    let as_row = |row: &ServiceRow| services(std::slice::from_ref(row)).size() - empty + 1;
    let in_table = fitting(rows, (room * 2 / 3).saturating_sub(empty), as_row);
    let (first, others) = rows.split_at(in_table);
    // A new line is two bytes of JSON.
    let as_line = |row: &ServiceRow| size(&short(row).into()) + 2;
    let left = room.saturating_sub(services(first).size());
    let (next, rest) = others.split_at(fitting(others, left, as_line));
    let mut blocks = vec![services(first), Block::Paragraph(plain(format!("And {} more:", others.len())))];
    if !next.is_empty() {
        let lines: Vec<String> = next.iter().map(short).collect();
        blocks.push(Block::Code { language: "text", text: lines.join("\n") });
    }
    if !rest.is_empty() {
        let mut cut = plain(format!(
            "… {} are left out: a ticket has no room for them. The pipeline's versions.json has all",
            rest.len()
        ));
        cut.extend(pipeline.into_iter().flat_map(|pipeline| [text(": "), address(pipeline)]));
        blocks.push(Block::Paragraph(cut));
    }
    blocks
}

/// How many of the first rows are together no more than `room`.
fn fitting(rows: &[ServiceRow], room: usize, cost: impl Fn(&ServiceRow) -> usize) -> usize {
    let mut left = room;
    let fits = |row: &&ServiceRow| match left.checked_sub(cost(row)) {
        Some(rest) => {
            left = rest;
            true
        }
        None => false,
    };
    rows.iter().take_while(fits).count()
}

/// A service in a line: the version before, where known, and now.
fn short(row: &ServiceRow) -> String {
    match &row.before {
        Some(before) => format!("{} {before} -> {}", row.project, row.version),
        None => format!("{} {}", row.project, row.version),
    }
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;

    use super::{DESCRIPTION, ticket_description};
    use crate::adf::size;
    use crate::ticket::tests::ticket_of;
    use crate::{ReleaseTicket, Template, TicketFields};

    fn full(count: usize) -> ReleaseTicket {
        let mut ticket = ticket_of(count);
        for row in &mut ticket.services {
            row.before = "1.4.1".parse().ok();
            row.lambda = format!("{}Function", row.project).parse().ok();
            row.digest = Some(Digest::of(row.project.as_str().as_bytes()));
        }
        ticket.pipeline = Some("https://gitlab.example.com/g/p/-/pipelines/574".to_owned());
        ticket
    }

    #[test]
    fn every_service_is_told_while_there_is_room_and_never_too_much() {
        for count in [0, 1, 10, 45, 100, 200, 3_000] {
            let ticket = full(count);
            let described = ticket_description(&ticket, &TicketFields::default()).to_value();
            let shown = described.to_string();
            assert!(size(&described) <= DESCRIPTION, "{count}: {}", size(&described));
            let told = ticket.services.iter().filter(|row| {
                let name = row.project.as_str();
                shown.contains(&format!("\"{name}\"")) || shown.contains(&format!("{name} 1.4.1 -> 1.4.2"))
            });
            let told = told.count();
            assert_eq!(told == count, count <= 200, "{count}: {told}");
            if told < count {
                assert!(shown.contains(&format!("… {} are left out", count - told)), "{count}: {told}");
                assert!(shown.contains("pipelines/574"));
            }
            assert_eq!(shown.contains("And "), count >= 45, "{count}");
        }
    }

    #[test]
    fn what_the_settings_add_leaves_room_for_services() {
        let long = "x".repeat(3_000);
        let templates = vec![Template::fixed(&long); 20];
        let added = TicketFields { description: templates, ..TicketFields::default() };
        let mut ticket = full(100);
        ticket.branch = Some("é".repeat(40_000));
        ticket.commits = Some("1".repeat(40_000));
        ticket.dashboard = Some(format!("https://example.com/{}", "y".repeat(40_000)));
        let described = ticket_description(&ticket, &added).to_value();
        let shown = described.to_string();
        assert!(size(&described) <= DESCRIPTION, "{}", size(&described));
        assert!(shown.contains("more of this text is left out") && shown.contains("\"service0\""), "{shown}");
    }
}
