//! Tickets.

use landfall_sandbox::jira::{CustomField, CustomFieldKind, Workflow};

use super::Clinic;
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn tickets() {
    const CREATE: &[&str] = &["create-jira-tickets"];
    const MOVE: &[&str] = &["transition-jira-tickets", "--", "deploy-pp"];
    let mut clinic = Clinic::of(World::with_versions().await);
    clinic.is_well(CREATE).await;
    clinic.with(&[("JIRA_TOKEN", None)], CREATE, "jira: setting-missing").await;
    clinic.world.further_secrets.push("not-the-token".to_owned());
    clinic.with(&[("JIRA_TOKEN", Some("not-the-token"))], CREATE, "token: jira-token-refused").await;
    clinic.with(&[("JIRA_URL", Some("http://127.0.0.1:1"))], CREATE, "token: jira-unreachable").await;
    clinic.with(&[("JIRA_ISSUE_TYPE", Some("Epos"))], CREATE, "project: jira-project-missing").await;
    clinic.with(&[("JIRA_PROJECT", Some("NOPE"))], CREATE, "project: jira-project-missing").await;
    clinic.has(&["comment-jira-tickets", "--", "staging"], "ticket: ticket-missing").await;

    clinic.world.run(CREATE).await.expect(0);
    clinic.is_well(MOVE).await;
    clinic.world.sandbox.jira.configure(|jira| {
        jira.workflow = Workflow::new("To Do").with_transition("99", "Drop", &["To Do"], "To Do", false);
    });
    clinic.has(MOVE, "transition: transition-unreachable").await;

    let clinic = Clinic::of(World::with_versions().await);
    clinic.world.sandbox.jira.configure(|jira| {
        let risk = CustomField::new("customfield_10201", "Risk", CustomFieldKind::Select);
        jira.custom_fields.push(risk.with_options(&["Low", "High"]).required());
    });
    clinic.has(CREATE, "project: jira-fields").await;
}
