//! Jira.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "jira-unreachable",
        title: "Jira cannot be reached, or somebody else answers there",
        codes: &["LF-JIRA-HTTP", "LF-JIRA-DOWN", "LF-JIRA-THROTTLED", "LF-JIRA-ANSWER"],
        words: &[],
        why: "No connection to the address came about, the site is in maintenance or asks for patience, or a proxy's page answers in its place.",
        remedy: &[
            "Look at `JIRA_URL`: the site alone, such as `https://name.atlassian.net`.",
            "Look from the same runner whether `<address>/rest/api/3/serverInfo` answers, and at `HTTPS_PROXY` and `NO_PROXY`.",
            "Look at the site's status page, and run the job again: no ticket is made twice.",
        ],
    },
    Failure {
        id: "jira-token-refused",
        title: "Jira does not accept the token",
        codes: &["LF-JIRA-AUTH"],
        words: &[],
        why: "The API token is over or was revoked, is another account's than `JIRA_USER`, or the site is another one. In the pipelines that come \
              with Landfall tickets may fail: nothing else waits for them.",
        remedy: &[
            "Make a new API token for the account, and set `JIRA_TOKEN`.",
            "Look at `JIRA_USER` (the account's e-mail address; without it the token is sent as a bearer token) and `JIRA_URL`.",
        ],
    },
    Failure {
        id: "jira-forbidden",
        title: "the account may not do this in Jira",
        codes: &["LF-JIRA-FORBIDDEN"],
        words: &[],
        why: "The token is good, and the account lacks a permission of the project, or Jira asks it to prove itself on its pages first.",
        remedy: &[
            "Give the account Browse Projects, Create Issues, Edit Issues, Add Comments and Transition Issues in the project.",
            "After many failed logins sign in once in a browser.",
        ],
    },
    Failure {
        id: "jira-project-missing",
        title: "Jira has no such project, issue type or ticket",
        codes: &["LF-JIRA-NOT-FOUND", "LF-JIRA-ISSUE-TYPE", "LF-JIRA-SETTING", "LF-JIRA-REFUSED"],
        words: &[],
        why: "The key or the name is another one, or the account may not see it: Jira answers the same to both.",
        remedy: &[
            "Look at `JIRA_PROJECT` (the key, such as `REL`) and `JIRA_ISSUE_TYPE`; the message names the types there are.",
            "Look whether the account of `JIRA_USER` sees the project in a browser.",
            "Look at `JIRA_URL`: the site alone, such as `https://name.atlassian.net`.",
        ],
    },
    Failure {
        id: "jira-fields",
        title: "a ticket cannot be made without further fields",
        codes: &["LF-JIRA-FIELDS", "LF-JIRA-FIELD", "LF-JIRA-MARKS", "LF-JIRA-NOT-SHOWN"],
        words: &[],
        why: "The project's create screen asks for fields that nothing fills, or does not have one that the settings fill.",
        remedy: &[
            "Set them under `[jira.fields]` of `landfall.toml`; the message has the lines to write, with the values that Jira takes.",
        ],
    },
    Failure {
        id: "jira-region-unknown",
        title: "it is not known which region's ticket is meant",
        codes: &["LF-JIRA-REGION"],
        words: &[],
        why: "There is a ticket a release and region, and the environment's name has no part that names a region.",
        remedy: &[
            "Name an environment such as `stg_eu00`, or set `region_key` of its row in `landfall.toml`.",
        ],
    },
    Failure {
        id: "ticket-missing",
        title: "the release has no ticket in this region",
        codes: &["LF-JIRA-NO-TICKET"],
        words: &[],
        why: "`create-jira-tickets` did not run or failed, `jira-tickets.json` did not come to this job, or the versions are those of another \
              release.",
        remedy: &[
            "Run `create-jira-tickets` of this environment: it finds a ticket that is there, and makes one where there is none.",
            "Or name the ticket by `JIRA_TICKET`.",
        ],
    },
    Failure {
        id: "transition-unreachable",
        title: "no transition leads to the status",
        codes: &["LF-JIRA-TRANSITION", "LF-JIRA-TRANSITION-FIELDS", "LF-JIRA-UNMOVED"],
        words: &[],
        why: "The workflow has no transition from the ticket's status towards the one of the step, it is called otherwise, or its screen asks for \
              fields.",
        remedy: &[
            "Compare the statuses of `[jira.status]` with those of the workflow; the message lists what Jira offers.",
            "Where the workflow goes through statuses of its own, write the way under `[jira.transitions]`.",
            "Fields of screens stand under `[jira.screens]`.",
            "Look whether a condition of the workflow keeps the account from the transition.",
        ],
    },
    Failure {
        id: "ticket-outcome-unknown",
        title: "it is not known whether Jira took a change",
        codes: &["LF-JIRA-LOST-CREATE", "LF-JIRA-LOST-WRITE"],
        words: &[],
        why: "The answer to a change was lost. Running again finds out: a ticket that is there is not made twice.",
        remedy: &[
            "Run the job again, and look whether there are two tickets of the release; the message names them.",
        ],
    },
];
