//! Tickets as `landfall.toml` wants them, with texts of strangers, and from production.

use landfall_sandbox::jira::{CustomField, CustomFieldKind, JiraConfig, StatusCategory, Workflow, check_adf};
use landfall_sandbox::{Service, sample};
use serde_json::{Value, json};

use crate::jira_specs;
use crate::snapshot::page;
use crate::world::{STAGING, World};

/// A project that asks for much: required fields, a workflow through statuses of its own, screens.
fn demanding(config: &mut JiraConfig) {
    config.custom_fields.extend([
        CustomField::new("customfield_10201", "Risk", CustomFieldKind::Select)
            .with_options(&["Low", "High"])
            .required(),
        CustomField::new("customfield_10202", "Teams", CustomFieldKind::MultiSelect)
            .with_options(&["Shop", "Pay"]),
        CustomField::new("customfield_10203", "Hours", CustomFieldKind::Number),
        CustomField::new("customfield_10204", "Notes", CustomFieldKind::TextArea),
        CustomField::new("customfield_10205", "Deployed by", CustomFieldKind::TextField),
    ]);
    config.versions = vec!["v1.4.0".to_owned()];
    config.components = vec!["Shop".to_owned()];
    config.required = vec!["fixVersions".to_owned()];
    config.workflow = Workflow::release()
        .with_status("In Review", StatusCategory::InProgress)
        .with_status("Approved", StatusCategory::InProgress)
        .with_transition("61", "Ask", &["To Do"], "In Review", false)
        .with_transition("62", "Approve", &["In Review"], "Approved", false)
        .with_transition("63", "Hand over", &["Approved"], "Deployed to Pre-Prod", false)
        .with_screen("41", &["customfield_10205"], &["resolution", "customfield_10205"]);
}

const SETTINGS: &str = r#"
[jira]
summary = "Ship {release} ({count}) from {branch}"
description = ["Change window: {{Tuesdays}}"]
fix_versions = ["{release}"]
components = ["shop"]
labels = ["train"]
claims = "REL-1"
dashboard = "https://example.com/dashboard"

[jira.fields]
Risk = "low"
Teams = ["Pay"]
customfield_10203 = 3
notes = "one\ntwo"

[jira.transitions]
"To Do" = ["In Review"]
"In Review" = ["Approved"]
Approved = ["Deployed to Pre-Prod"]

[jira.resolution]
resolved = "Won't Do"

[jira.screens.resolved]
"Deployed by" = "landfall"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn fields_ways_and_screens_of_a_demanding_project() {
    let mut world = World::with_versions().await;
    world.set("LANDFALL_RELEASE", "v1.4.0");
    world.set("CI_COMMIT_REF_NAME", "main");
    // The issue for claims is there before the project asks for much.
    world.run(&["create-jira-tickets", "--release", "claims"]).await.expect(0);
    world.remove("jira-tickets.json");
    world.sandbox.jira.configure(demanding);
    let ran = world.run(&["create-jira-tickets", "--quiet"]).await.expect(2);
    page!(ran.page(&world), @r#"
    error[LF-JIRA-FIELDS] exit 2
      a Release of REL cannot be made: it needs Fix versions, Risk
      next: set them under [jira.fields] of landfall.toml: "Fix versions" = ["v1.4.0"] (one of v1.4.0); "Risk" = "Low" (one of Low, High)

    nothing was changed
    exit 2
    "#);
    let foretold = world.run(&["create-jira-tickets", "--quiet", "--dry-run"]).await.expect(2);
    assert_eq!(foretold.page(&world), ran.page(&world));
    assert_eq!(world.sandbox.jira.issues().len(), 1);

    world.write("landfall.toml", SETTINGS);
    world
        .run_all(&[
            &["create-jira-tickets"],
            &["transition-jira-tickets", "resolved"],
            &["comment-jira-tickets", "staging"],
            &["update-jira-instructions", "--targets", "prod_eu00"],
        ])
        .await;
    let ticket = world.sandbox.jira.issue("REL-2").expect("a ticket");
    assert_eq!(ticket.status, "Resolved");
    assert_eq!(ticket.fields["summary"], "Ship v1.4.0 (2) from main");
    assert_eq!(ticket.fields["customfield_10201"], json!({"value": "Low"}));
    assert_eq!(ticket.fields["customfield_10202"], json!([{"value": "Pay"}]));
    assert_eq!(ticket.fields["customfield_10203"], json!(3));
    assert_eq!(ticket.fields["customfield_10204"]["content"][1]["content"][0]["text"], "two");
    assert_eq!(ticket.fields["customfield_10205"], "landfall");
    assert_eq!(ticket.fields["resolution"], json!({"name": "Won't Do"}));
    assert_eq!(ticket.fields["components"], json!([{"name": "Shop"}]));
    assert!(ticket.labels.contains(&"train".to_owned()));
    let description = ticket.fields["description"].to_string();
    assert!(
        description.contains("Change window: {Tuesdays}")
            && description.contains("https://example.com/dashboard")
    );
    assert!(description.contains("rollback-lambda --environment prod_eu00 --release v1.4.0 --from-ledger"));
    assert!(world.sandbox.jira.issue("REL-1").is_some_and(|claims| !claims.properties.is_empty()));
    jira_specs::hold(&world);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_fit_nothing_are_told_before_jira_is_asked() {
    let world = World::with_versions().await;
    world.write("landfall.toml", "[jira]\nsummary = \"{relase}\"\n[jira.resolution]\nsolved = \"Done\"\n");
    let ran = world.run(&["create-jira-tickets", "--quiet"]).await.expect(2);
    assert!(ran.stderr.contains("unknown placeholder {relase}; known are {release}"), "{}", ran.stderr);
    world.write("landfall.toml", "[jira.resolution]\nsolved = \"Done\"\n");
    let ran = world.run(&["create-jira-tickets", "--quiet"]).await.expect(2);
    assert!(ran.stderr.contains("`solved` is not a usable step"), "{}", ran.stderr);
    assert!(world.sandbox.journal().of(Service::Jira).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_without_a_user_is_a_bearer_token() {
    let mut world = World::with_versions().await;
    for user in [true, false] {
        if !user {
            world.unset("JIRA_USER");
        }
        world.sandbox.journal().clear();
        world.run_all(&[&["create-jira-tickets"], &["transition-jira-tickets", "deploy-pp"]]).await;
        let schemes: Vec<Option<String>> =
            world.sandbox.journal().of(Service::Jira).into_iter().map(|entry| entry.auth_scheme).collect();
        let expected = if user { "Basic" } else { "Bearer" };
        assert!(
            !schemes.is_empty() && schemes.iter().all(|scheme| scheme.as_deref() == Some(expected)),
            "{schemes:?}"
        );
    }
    assert_eq!(world.sandbox.jira.issues().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_of_strangers_are_shown_as_text() {
    let hostile = [
        "h1. {color:red}x{color} *bold* [~admin] [^file] {macro:x}".to_owned(),
        "<script>alert(1)</script> @[~accountid:5b10] http://evil.example".to_owned(),
        "\u{202e}gnp.exe\u{2066}\u{1b}[2J\u{7}".to_owned(),
        "]]> \" OR project = SECRET ORDER BY x".to_owned(),
        "é".repeat(40_000),
    ];
    for text in hostile {
        let mut world = World::with_versions().await;
        world.write(
            "landfall.toml",
            "[jira]\nsummary = \"{branch}\"\ndescription = [\"{branch} {commits}\"]\n",
        );
        world.set("CI_COMMIT_REF_NAME", &text);
        world.set("CI_COMMIT_SHA", &text);
        world.set("CI_PROJECT_URL", "javascript:alert(1)//");
        world.set("LANDFALL_DASHBOARD_URL", "javascript:alert(2)");
        world.set("CI_PIPELINE_URL", &format!("https://ci.example.com/{}", "x".repeat(5_000)));
        world
            .run_all(&[
                &["create-jira-tickets"],
                &["transition-jira-tickets", "deploy-pp"],
                &["comment-jira-tickets", "staging"],
                &["update-jira-instructions", "--start-at", "javascript:alert(3)"],
            ])
            .await;
        let issues = world.sandbox.jira.issues();
        let [ticket] = issues.as_slice() else { panic!("{issues:#?}") };
        let documents = [&ticket.fields["description"], &ticket.comments[0].body];
        for document in documents {
            check_adf(document).unwrap_or_else(|problem| panic!("{problem}"));
            let shown = document.to_string();
            assert!(!shown.contains("\"href\":\"javascript") && !shown.contains("mention"), "{shown}");
            assert!(
                !shown.contains('\u{202e}') && !shown.contains('\u{1b}') && !shown.contains("\\u001b"),
                "{shown}"
            );
        }
        let summary = ticket.fields["summary"].as_str().expect("a text");
        assert!(summary.chars().count() < 255 && !summary.contains('\u{202e}'), "{summary}");
        if text.len() > 10_000 {
            assert!(summary.ends_with('…') && documents[0].to_string().contains('…'));
        } else {
            let begin: String = text.chars().take_while(|c| c.is_ascii() && !c.is_control()).collect();
            assert!(summary.starts_with(&begin), "{summary}");
        }
        for search in world.sandbox.journal().matching(&http::Method::POST, "/search/jql") {
            let body: Value = serde_json::from_slice(search.body()).expect("JSON");
            let jql = body["jql"].as_str().expect("a text");
            assert!(jql.bytes().all(|b| b.is_ascii_alphanumeric() || b" =\"-".contains(&b)), "{jql}");
        }
        jira_specs::hold(&world);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_in_a_fresh_clone_finds_the_ticket_for_a_part_of_the_release() {
    let mut world = World::new().await;
    world.run_all(&STAGING).await;
    for name in world.made() {
        world.remove(&name);
    }
    std::fs::remove_dir_all(world.path(".landfall")).expect("the ledger stays with staging");
    let project = &sample::projects()[0];
    let part = json!({ project.project: { "version": project.version, "folder": project.folder } });
    world.write("versions.json", &part.to_string());
    world.set("CI_ENVIRONMENT_NAME", "prod_eu00");
    world
        .run_all(&[&["transition-jira-tickets", "deploying"], &["comment-jira-tickets", "production"]])
        .await;
    world.run(&["transition-jira-tickets", "resolved"]).await.expect(0);
    let issues = world.sandbox.jira.issues();
    assert_eq!((issues.len(), issues[0].status.as_str(), issues[0].comments.len()), (1, "Resolved", 2));
}

/// A ticket that a person made is the release's where it is given: none is made beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_that_is_given_is_used() {
    let world = World::small().await;
    world.run_all(&[&["generate-versions"]]).await;
    world.run(&["create-jira-tickets", "--release", "v1.0.0"]).await.expect(0);
    let words = ["create-jira-tickets", "--release", "v2.0.0", "--ticket", "REL-1"];
    for dry_run in [&["--dry-run"][..], &[]] {
        let ran = world.run(&[&words[..], dry_run].concat()).await.expect(0);
        assert_eq!(ran.items(), [("REL-1".to_owned(), "unchanged".to_owned())]);
    }
    assert_eq!(world.sandbox.jira.issues().len(), 1);
    let noted = world.json("jira-tickets.json");
    assert_eq!((&noted["release"], &noted["tickets"][0]["key"]), (&"v2.0.0".into(), &"REL-1".into()));
    world.run(&["create-jira-tickets", "--release", "v2.0.0", "--ticket", "REL-9"]).await.expect(3);
}
