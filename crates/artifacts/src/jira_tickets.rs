//! `jira-tickets.json`: the release's tickets.

use schemars::JsonSchema;
use serde::Serialize;

use crate::file::json_file;
use crate::file_error::Problems;
use crate::json::{At, record};
use crate::name::ReleaseId;
use crate::text_name::{Address, ProjectVersion, RegionKey, TicketKey};

/// The tickets of a release, one for a region. Default name `jira-tickets.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JiraTickets {
    /// The release.
    pub release: ReleaseId,
    /// At most one for a region.
    pub tickets: Vec<JiraTicket>,
}

/// One ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct JiraTicket {
    /// The region key that staging and production share.
    pub region: RegionKey,
    /// Such as `REL-24`.
    pub key: TicketKey,
    /// Jira's number of the issue, as a text of digits.
    pub id: String,
    /// Where a person reads it.
    pub url: Address,
    /// What it covers.
    pub projects: Vec<ProjectVersion>,
}

record!(JiraTickets { release: "release", tickets: "tickets" } then check_tickets);
record!(JiraTicket { region: "region", key: "key", id: "id", url: "url", projects: "projects" } then check_ticket);
json_file!(JiraTickets, Own, 8 * 1024 * 1024);

fn check_ticket(ticket: &JiraTicket, at: At<'_>, problems: &mut Problems<'_>) {
    if !(1..=20).contains(&ticket.id.len()) || !ticket.id.bytes().all(|b| b.is_ascii_digit()) {
        problems.at_field(at, "id", "a text of digits");
    }
}

fn check_tickets(tickets: &JiraTickets, at: At<'_>, problems: &mut Problems<'_>) {
    for (index, ticket) in tickets.tickets.iter().enumerate() {
        if tickets.tickets.iter().take(index).any(|other| other.region == ticket.region) {
            problems.at_field(at, "tickets", format!("one ticket for a region; {} has two", ticket.region));
        }
    }
}

impl JiraTickets {
    /// Usual name of the file.
    pub const FILE_NAME: &'static str = "jira-tickets.json";

    /// The ticket of a region.
    pub fn ticket(&self, region: &RegionKey) -> Option<&JiraTicket> {
        self.tickets.iter().find(|ticket| ticket.region == *region)
    }
}

#[cfg(test)]
mod tests {
    use super::JiraTickets;

    #[test]
    fn every_problem_is_said_at_once() {
        let text = r#"{"formatVersion":1,"release":"r-6b1f0c2d9e77","tickets":[
            {"region":"eu","key":"REL-24","id":"10000","url":"https://example.atlassian.net/browse/REL-24","projects":["orderService@1.4.2"]},
            {"region":"EU","key":"REL 24","id":10000,"url":"javascript:alert(1)","projects":["orderService"]},
            {"region":"na","key":"REL-25","id":"x","url":"https://user:pass@example.net/","projects":[]}]}"#;
        insta::assert_snapshot!(JiraTickets::parse(text.as_bytes(), "jira-tickets.json").expect_err("bad"), @r"
        6 problems in jira-tickets.json
          /tickets/1/region at 3:23: found `EU`, expected a region key: 1 to 32 of a-z 0-9 -, beginning with a letter
          /tickets/1/key at 3:34: found `REL 24`, expected a Jira issue key such as REL-24
          /tickets/1/id at 3:48: found 10000, expected a text
          /tickets/1/url at 3:60: found `javascript:alert(1)`, expected an http(s) address without user, password, query or fragment
          /tickets/1/projects/0 at 3:94: found `orderService`, expected a project at a version such as orderService@1.4.2
          /tickets/2/url at 4:58: found `https://<redacted>@example.net/`, expected an http(s) address without user, password, query or fragment
        ");
    }
}
