//! What tickets, comments and instructions say. Pure: the same facts give the same text.

use std::collections::BTreeMap;

use landfall_artifacts::{Digest, EnvironmentName, LambdaName, ProjectName, ReleaseId, Versions};
use landfall_run::rfc3339;
use semver::Version;
use time::OffsetDateTime;

use crate::adf::{Block, Doc, Inline, Line};
use crate::value::line;
use crate::{Facts, ReleaseTicket};

/// Longest summary that Jira takes, in characters: "less than 255".
const LONGEST_SUMMARY: usize = 254;

/// Longest address, branch or range of commits that is shown, in characters.
pub(crate) const LONGEST_SHOWN: usize = 250;

/// Services of which instructions hold a table; more would push the steps after it out of the field.
const MOST_ROWS: usize = 30;

/// Longest `versions.json` that instructions hold, in bytes, and shorter ones where there is no room. Cut it would be worse than not there.
const LONGEST_JSON: [usize; 4] = [8_000, 5_000, 2_500, 0];

/// Services that a summary names.
const NAMED: usize = 3;

/// One service of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceRow {
    /// The project.
    pub project: ProjectName,
    /// Its version.
    pub version: Version,
    /// The version before, where known.
    pub before: Option<Version>,
    /// The function that runs it, where known.
    pub lambda: Option<LambdaName>,
    /// Its content, where known.
    pub digest: Option<Digest>,
}

/// What a comment about a deployment says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentFacts {
    /// The environment.
    pub environment: EnvironmentName,
    /// The release.
    pub release: ReleaseId,
    /// When it was said to be deployed.
    pub at: OffsetDateTime,
    /// What was deployed.
    pub services: Vec<ServiceRow>,
    /// The pipeline's address.
    pub pipeline: Option<String>,
    /// The ledger's newest record and its digest, kept here so that a removal of records is seen.
    pub ledger_head: Option<(u64, Digest)>,
}

/// Commands of this tool, as they are typed: a line each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Commands {
    /// To deploy.
    pub deploy: Vec<String>,
    /// To verify.
    pub verify: Vec<String>,
    /// To roll back.
    pub roll_back: Vec<String>,
}

/// What instructions say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstructionFacts {
    /// The release.
    pub release: ReleaseId,
    /// The production environments that it goes to.
    pub environments: Vec<EnvironmentName>,
    /// What is deployed, as the pipeline takes it.
    pub versions: Versions,
    /// What runs there now, for going back, by environment; none where it is not known.
    pub previous: BTreeMap<EnvironmentName, Versions>,
    /// What a person types instead of starting a pipeline.
    pub commands: Commands,
    /// Where a person starts the pipeline.
    pub start_at: Option<String>,
}

pub(crate) fn text(text: impl Into<String>) -> Inline {
    Inline::Text(text.into())
}

pub(crate) fn code(text: impl Into<String>) -> Inline {
    Inline::Code(text.into())
}

pub(crate) fn plain(line: impl Into<String>) -> Line {
    vec![text(line)]
}

/// The ticket's summary where the settings have none, at most 254 characters.
pub fn ticket_summary(ticket: &ReleaseTicket) -> String {
    let whole =
        format!("Release {} ({}): {}", ticket.release, ticket.region, services_line(&ticket.services));
    line(&whole, LONGEST_SUMMARY)
}

impl Facts {
    /// The same with what `{services}` and `{count}` stand for.
    #[must_use]
    pub fn with_services(self, services: &[ServiceRow]) -> Self {
        Self { services: services_line(services), count: services.len().to_string(), ..self }
    }
}

/// The first services with their versions, and how many more there are.
pub(crate) fn services_line(services: &[ServiceRow]) -> String {
    let named: Vec<String> =
        services.iter().take(NAMED).map(|row| format!("{} {}", row.project, row.version)).collect();
    let rest = match services.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!("{}{rest}", named.join(", "))
}

/// What makes a comment the same: environment, release and versions, which a version's content follows from. Time, pipeline and
/// what only some runs know are no part of it. For [`Jira::comment_once`](crate::Jira::comment_once).
pub fn comment_marker(facts: &CommentFacts) -> String {
    let mut lines: Vec<String> =
        facts.services.iter().map(|row| format!("{}@{}", row.project, row.version)).collect();
    lines.sort();
    let whole = format!("landfall deployed\n{}\n{}\n{}", facts.environment, facts.release, lines.join("\n"));
    let digest = Digest::of(whole.as_bytes()).hex();
    format!("landfall-{}", digest.get(..16).unwrap_or_default())
}

/// The comment "Deployed to ...".
pub fn deployed_comment(facts: &CommentFacts) -> Doc {
    let mut about = vec![
        Inline::Strong(format!("Deployed to {}", facts.environment)),
        text(": release "),
        code(facts.release.as_str()),
        text(format!(", {}", rfc3339(facts.at))),
    ];
    if let Some(pipeline) = &facts.pipeline {
        about.extend([text(", "), address(pipeline)]);
    }
    let mut blocks = vec![Block::Paragraph(about)];
    if !facts.services.is_empty() {
        blocks.push(services(&facts.services));
    }
    if let Some((sequence, digest)) = &facts.ledger_head {
        blocks.push(Block::Paragraph(vec![
            text(format!("Ledger: record {sequence}, ")),
            code(digest.to_string()),
        ]));
    }
    Doc::new(blocks)
}

/// Steps to deploy, verify and roll back, in at most `room` bytes as far as that goes: where it is little the table of versions is left
/// out, then what is longest of `versions.json`, and never a step. For [`Instructions::room`](crate::Instructions::room).
pub fn instructions(facts: &InstructionFacts, room: usize) -> Doc {
    let first = LONGEST_JSON.first().copied().unwrap_or_default();
    let smaller = std::iter::once((MOST_ROWS, first)).chain(LONGEST_JSON.map(|json| (0, json)));
    let mut doc = Doc::default();
    for (rows, json) in smaller {
        doc = steps(facts, rows, json);
        if doc.size() <= room {
            break;
        }
    }
    doc
}

fn steps(facts: &InstructionFacts, most_rows: usize, longest_json: usize) -> Doc {
    let environments: Vec<&str> = facts.environments.iter().map(EnvironmentName::as_str).collect();
    let targets = match environments.as_slice() {
        [] => text("the environments of production"),
        named => code(named.join(",")),
    };
    let start = match &facts.start_at {
        Some(place) => {
            vec![text("Start a pipeline by hand at "), address(place), text(" with these variables:")]
        }
        None => plain("Start a pipeline by hand, from the web form, with these variables:"),
    };
    let digests =
        "The dashboard shows the versions of this release, and the same digest in every environment.";
    let mut blocks = vec![
        Block::Paragraph(vec![text("For release "), code(facts.release.as_str()), text(".")]),
        Block::Heading(3, plain("Deploy")),
        Block::Paragraph(start),
        Block::Bullets(vec![
            vec![code("TARGET_DEPLOY_ENVIRONMENTS"), text(": "), targets],
            vec![code("TARGET_VERSIONS_JSON"), text(": the text below, whole")],
        ]),
        json(&facts.versions, longest_json),
    ];
    blocks.extend(typed(
        "Or at a terminal, in a clone of the repo with this text as versions.json:",
        &facts.commands.deploy,
    ));
    blocks.extend([
        Block::Heading(3, plain("Verify")),
        Block::Numbers(vec![
            plain(
                "The jobs deploy-lambda of all environments are green; a yellow job of Jira does not matter.",
            ),
            plain(
                "The deploy report says updated or unchanged for every function; a failed or unknown one is looked at first.",
            ),
            plain(digests),
            plain("The smoke tests pass."),
        ]),
    ]);
    blocks.extend(typed("The same at a terminal:", &facts.commands.verify));
    if (1..=most_rows).contains(&facts.versions.projects.len()) {
        blocks.push(versions(&facts.versions));
    }
    blocks.push(Block::Heading(3, plain("Roll back")));
    let previous: Vec<_> = facts.previous.iter().filter(|(_, versions)| !versions.is_empty()).collect();
    for (environment, versions) in &previous {
        blocks.extend([
            Block::Paragraph(vec![
                text("Start the same pipeline for "),
                code(environment.as_str()),
                text(" with what runs there now as "),
                code("TARGET_VERSIONS_JSON"),
                text(":"),
            ]),
            json(versions, longest_json),
        ]);
    }
    if previous.is_empty() {
        blocks.push(Block::Paragraph(vec![
            text("Start the same pipeline with the versions that ran before as "),
            code("TARGET_VERSIONS_JSON"),
            text("; the dashboard's history and the ticket of the release before name them."),
        ]));
    }
    blocks.extend(typed("Or at a terminal, with the ledger of the deployment:", &facts.commands.roll_back));
    blocks.push(Block::Paragraph(plain(
        "Images are not built again for that: the digests that ran before are deployed.",
    )));
    Doc::new(blocks)
}

pub(crate) fn address(address: &str) -> Inline {
    Inline::Link { text: line(address, LONGEST_SHOWN), href: address.to_owned() }
}

/// Commands, with what to do with them; nothing where there are none.
fn typed(what: &str, commands: &[String]) -> Vec<Block> {
    if commands.is_empty() {
        return Vec::new();
    }
    vec![Block::Paragraph(plain(what)), Block::Code { language: "bash", text: commands.join("\n") }]
}

fn json(versions: &Versions, longest: usize) -> Block {
    let text = String::from_utf8_lossy(&versions.to_bytes()).trim_end().to_owned();
    if text.len() > longest {
        let count = versions.projects.len();
        return Block::Paragraph(plain(format!(
            "{count} projects are more than fit here: take versions.json from the artifacts of the pipeline."
        )));
    }
    Block::Code { language: "json", text }
}

fn versions(versions: &Versions) -> Block {
    let rows = versions
        .projects
        .iter()
        .map(|(project, at)| vec![plain(project.as_str()), vec![code(at.version.to_string())]]);
    Block::Table { head: vec![plain("Service"), plain("Version")], rows: rows.collect() }
}

pub(crate) fn services(rows: &[ServiceRow]) -> Block {
    let or_dash = |text: Option<String>| text.map_or_else(|| plain("–"), |text| vec![code(text)]);
    let rows = rows.iter().map(|row| {
        vec![
            plain(row.project.as_str()),
            or_dash(row.before.as_ref().map(ToString::to_string)),
            vec![code(row.version.to_string())],
            or_dash(row.lambda.as_ref().map(ToString::to_string)),
            or_dash(row.digest.map(|digest| digest.short())),
        ]
    });
    Block::Table {
        head: ["Service", "Before", "Version", "Function", "Digest"].map(plain).to_vec(),
        rows: rows.collect(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use landfall_artifacts::{Digest, Versions};

    use semver::Version;

    use super::{
        Commands, CommentFacts, InstructionFacts, ServiceRow, comment_marker, instructions, ticket_summary,
    };
    use crate::ReleaseTicket;
    use crate::adf::{MOST_BYTES, document};
    use crate::ticket::tests::ticket_of;

    fn row(number: usize) -> ServiceRow {
        ServiceRow {
            project: format!("service{number}").parse().expect("a name"),
            version: "1.4.2".parse().expect("a version"),
            before: None,
            lambda: None,
            digest: Some(Digest::of(b"image")),
        }
    }

    #[test]
    fn a_summary_names_some_and_fits() {
        let mut ticket = ReleaseTicket {
            release: "r-6b1f0c2d9e77".parse().expect("a release"),
            region: "eu".parse().expect("a region"),
            environment: "stg_eu00".parse().expect("an environment"),
            services: (0..5).map(row).collect(),
            ..ticket_of(0)
        };
        assert_eq!(
            ticket_summary(&ticket),
            "Release r-6b1f0c2d9e77 (eu): service0 1.4.2, service1 1.4.2, service2 1.4.2 and 2 more"
        );
        for service in &mut ticket.services {
            service.project = "x".repeat(100).parse().expect("a name");
        }
        assert_eq!(ticket_summary(&ticket).chars().count(), 254);
    }

    #[test]
    fn a_marker_follows_from_what_was_deployed_and_not_from_the_run() {
        let facts = CommentFacts {
            environment: "stg_eu00".parse().expect("an environment"),
            release: "r1".parse().expect("a release"),
            at: time::macros::datetime!(2026-11-20 12:00:00 UTC),
            services: vec![row(1), row(2)],
            pipeline: Some("https://ci/1".into()),
            ledger_head: None,
        };
        let again = CommentFacts {
            services: vec![
                row(2),
                ServiceRow { digest: None, before: Some(Version::new(1, 0, 0)), ..row(1) },
            ],
            at: time::macros::datetime!(2026-11-20 13:00:00 UTC),
            pipeline: Some("https://ci/2".into()),
            ledger_head: Some((7, Digest::of(b"x"))),
            ..facts.clone()
        };
        assert_eq!(comment_marker(&facts), comment_marker(&again));
        let elsewhere =
            CommentFacts { environment: "prod_eu00".parse().expect("an environment"), ..facts.clone() };
        assert_ne!(comment_marker(&facts), comment_marker(&elsewhere));
    }

    #[test]
    fn instructions_hold_what_the_pipeline_takes() {
        let versions = Versions::parse(br#"{"a":{"version":"1.0.0","folder":"a"}}"#, "v").expect("versions");
        let facts = InstructionFacts {
            release: "r1".parse().expect("a release"),
            environments: vec!["prod_eu00".parse().expect("a name"), "prod_na03".parse().expect("a name")],
            versions: versions.clone(),
            previous: BTreeMap::new(),
            commands: Commands::default(),
            start_at: Some("https://gitlab.example.com/-/pipelines/new".into()),
        };
        let shown = instructions(&facts, MOST_BYTES).to_value().to_string();
        assert!(shown.contains("prod_eu00,prod_na03") && shown.contains("dashboard's history"), "{shown}");
        let many: Vec<String> = (0..500)
            .map(|n| format!(r#""project{n}":{{"version":"1.0.0","folder":"project{n}"}}"#))
            .collect();
        let many = Versions::parse(format!("{{{}}}", many.join(",")).as_bytes(), "v").expect("versions");
        let full = InstructionFacts {
            versions: many.clone(),
            previous: [("prod_eu00".parse().expect("a name"), many)].into(),
            commands: Commands {
                roll_back: vec!["landfall stage rollback-lambda".into()],
                ..Commands::default()
            },
            ..facts
        };
        let shown = instructions(&full, MOST_BYTES).to_value().to_string();
        assert!(
            shown.contains("what runs there now")
                && shown.contains("landfall stage rollback-lambda")
                && shown.contains("500 projects are more than fit"),
            "{shown}"
        );
        assert!(shown.contains("Images are not built again") && !shown.contains("left out"), "{shown}");

        // A hundred projects in three environments.
        let projects: Vec<String> = (0..100)
            .map(|n| format!(r#""project{n}":{{"version":"1.0.0","folder":"project{n}"}}"#))
            .collect();
        let some = Versions::parse(format!("{{{}}}", projects.join(",")).as_bytes(), "v").expect("versions");
        let names = ["prod_eu00", "prod_na03", "prod_ap01"].map(|name| name.parse().expect("a name"));
        let previous = names.iter().cloned().map(|name| (name, some.clone())).collect();
        let many = InstructionFacts { versions: some, previous, environments: names.to_vec(), ..full };
        for room in [6_000, 12_000, 30_000] {
            let doc = instructions(&many, room);
            assert!(doc.size() <= room, "{} in {room}", doc.size());
            let shown = document(doc.to_nodes(room)).to_string();
            assert!(shown.contains("Images are not built again") && !shown.contains("left out"), "{shown}");
        }
    }
}
