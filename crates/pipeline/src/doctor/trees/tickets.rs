//! The checks of tickets.

use super::{RELEASE, SETTINGS, VERSIONS, stage_itself};
use crate::doctor::{Check, Evidence};

const PLACE: Check = Check {
    id: "jira",
    asks: "are Jira's address, project and token named?",
    by: Evidence::DryRun,
    after: &["versions", "release"],
    failures: &["setting-missing", "settings-invalid", "jira-region-unknown"],
};

const TOKEN: Check = Check {
    id: "token",
    asks: "does Jira answer, and accept the token?",
    by: Evidence::DryRun,
    after: &["jira"],
    failures: &[
        "jira-token-refused",
        "jira-forbidden",
        "jira-unreachable",
        "service-unreachable",
        "certificate-untrusted",
    ],
};

const PROJECT: Check = Check {
    id: "project",
    asks: "are project, issue type and their fields there?",
    by: Evidence::DryRun,
    after: &["token"],
    failures: &["jira-project-missing", "jira-fields"],
};

const FOUND: Check = Check {
    id: "ticket",
    asks: "has the release a ticket in this region?",
    by: Evidence::DryRun,
    after: &["token"],
    failures: &["ticket-missing", "ticket-outcome-unknown"],
};

pub(super) const CREATE: &[Check] =
    &[SETTINGS, RELEASE, VERSIONS, PLACE, TOKEN, PROJECT, stage_itself(&["project"])];

pub(super) const TICKET: &[Check] =
    &[SETTINGS, RELEASE, VERSIONS, PLACE, TOKEN, PROJECT, FOUND, stage_itself(&["project", "ticket"])];

pub(super) const TRANSITION: &[Check] = &[
    SETTINGS,
    RELEASE,
    VERSIONS,
    PLACE,
    TOKEN,
    PROJECT,
    FOUND,
    Check {
        id: "transition",
        asks: "does a transition lead towards the status?",
        by: Evidence::DryRun,
        after: &["project", "ticket"],
        failures: &["transition-unreachable"],
    },
    stage_itself(&["transition"]),
];
