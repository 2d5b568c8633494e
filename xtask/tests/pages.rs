//! The pages of docs/formats/: one for every format, with an example that its own reader takes.

use std::path::{Path, PathBuf};

use landfall_artifacts::{
    AwsAuthEnv, ChangedImages, CopyPlanFile, DeployReport, DeploymentFile, DockerConfig, DotEnv, ImageLock,
    JiraTickets, LedgerCheckpoint, LedgerEvent, Mappings, Notification, PackageJson, PipelinePlan,
    ProjectJson, PromotionLog, QueuedNotification, ReleaseManifest, Report, RunReport, Settings, Versions,
};

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

/// The first block of code of a page.
fn example(page: &str) -> String {
    let path = docs().join(format!("formats/{page}.md"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let block = text.split("```").nth(1).unwrap_or_else(|| panic!("{page} has no example"));
    let (_language, body) = block.split_once('\n').expect("a block has lines");
    body.to_owned()
}

/// What the reader of a page's format says to its example.
fn read(page: &str) -> Result<(), String> {
    fn said<T, E: std::fmt::Display>(read: Result<T, E>) -> Result<(), String> {
        read.map(drop).map_err(|error| error.to_string())
    }
    let text = example(page);
    let bytes = text.as_bytes();
    match page {
        "aws-auth-env" => said(AwsAuthEnv::parse(bytes, page)),
        "deploy-report" => said(DeployReport::parse(bytes, page)),
        "deployment" => said(DeploymentFile::parse(bytes, page)),
        "docker-config" => said(DockerConfig::parse(bytes, page)),
        "dot-env" => said(DotEnv::parse(bytes, page)),
        "changed-images" => said(ChangedImages::parse(bytes, page)),
        "copy-plan" => said(CopyPlanFile::parse(bytes, page)),
        "notification" => said(Notification::parse(bytes, page)),
        "queued-notification" => said(QueuedNotification::parse(bytes, page)),
        "image-lock" => said(ImageLock::parse(bytes, page)),
        "jira-tickets" => said(JiraTickets::parse(bytes, page)),
        "lambda-ecr-mappings" => said(Mappings::parse(bytes, page)),
        "landfall" => said(Settings::parse(bytes, page, &[])),
        "ledger-event" => said(LedgerEvent::parse(bytes, page)),
        "ledger-checkpoint" => said(LedgerCheckpoint::parse(bytes, page)),
        "pipeline-plan" => said(PipelinePlan::parse(bytes, page)),
        "package" => said(PackageJson::parse(bytes, page)),
        "project" => said(ProjectJson::parse(bytes, page)),
        "promotion-log" => said(PromotionLog::parse(bytes, page)),
        "release-manifest" => said(ReleaseManifest::parse(bytes, page)),
        "report" => said(Report::parse(bytes, page)),
        "run-report" => said(RunReport::parse(bytes, page)),
        "versions" => said(Versions::parse(bytes, page)),
        // Written and never read by us, or read piece by piece by a crate that stands elsewhere: the example is held against the schema.
        "ledger-view" => fits(&landfall_ledger::view::Answer::schema(), &text),
        "sync-manifest" | "s3-sync-record" => {
            let schemas = landfall_artifacts::schemas();
            let schema = schemas.iter().find(|(of, _)| *of == page).map(|(_, schema)| schema);
            fits(schema.ok_or("it has no schema")?, &text)
        }
        _ => Err("no reader is named here for it".to_owned()),
    }
}

fn fits(schema: &serde_json::Value, text: &str) -> Result<(), String> {
    let value: serde_json::Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    jsonschema::validate(schema, &value).map_err(|error| error.to_string())
}

#[test]
fn every_format_has_a_page_whose_example_is_read() {
    let names = landfall_artifacts::schemas().into_iter().map(|(name, _)| name).chain(["ledger-view"]);
    let wrong: Vec<String> = names
        .filter_map(|name| read(name).err().map(|error| format!("docs/formats/{name}.md: {error}")))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn links_between_pages_lead_somewhere() {
    let mut folders = vec![docs()];
    let mut checked = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("docs") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            if path.extension().is_none_or(|extension| extension != "md") {
                continue;
            }
            let text = std::fs::read_to_string(&path).expect("a page");
            for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let target = link.split('#').next().unwrap_or_default();
                if target.is_empty() || target.contains("://") {
                    continue;
                }
                assert!(
                    folder.join(target).exists(),
                    "{} leads to {target}, which is not there",
                    path.display()
                );
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "the links were found");
}

#[test]
fn every_stage_has_a_row_in_the_page_on_access() {
    let page = std::fs::read_to_string(docs().join("access.md")).expect("the page");
    for stage in landfall_artifacts::STAGES {
        assert!(page.contains(&format!("| `{}` |", stage.name)), "{} is missing", stage.name);
    }
}

#[test]
fn the_page_about_tickets_has_an_example_that_is_read() {
    let text = std::fs::read_to_string(docs().join("jira.md")).expect("the page");
    let block = text.split("```").nth(1).and_then(|block| block.split_once('\n')).expect("an example").1;
    let read = Settings::parse(block.as_bytes(), "jira.md", &[]);
    assert!(read.is_ok_and(|settings| settings.jira.claims.is_some()), "docs/jira.md");
}

#[test]
fn the_page_about_notifications_has_an_example_that_is_read() {
    let text = std::fs::read_to_string(docs().join("notifications.md")).expect("the page");
    let block = text.split("```").nth(1).and_then(|block| block.split_once('\n')).expect("an example").1;
    let settings = Settings::parse(block.as_bytes(), "notifications.md", &[]).expect("docs/notifications.md");
    assert_eq!(settings.notify.len(), 2);
}
