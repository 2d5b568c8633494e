//! Options and variables of stages that commit and push.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use landfall_cli::{Environment, Opt, Values};
use landfall_stages::semantic_versioning::{Committer, Deps};
use landfall_versioning::{Git, Wishes};

use crate::Context;

/// The most settings by variables that are handed on.
const MOST_SETTINGS: usize = 256;

/// Options of stages that commit and push.
pub(crate) const OPTIONS: [Opt; 8] = [
    Opt::value("branch", "NAME", "the branch that is pushed to; else the one that is checked out")
        .env(&["CI_COMMIT_BRANCH"]),
    Opt::value("remote", "NAME", "the remote that is pushed to").default("origin"),
    Opt::switch("no-push", "commit and tag in this clone alone").env(&["LANDFALL_NO_PUSH"]),
    Opt::value("committer-name", "NAME", "who makes the commit; else as git's settings have it")
        .env(&["GIT_COMMITTER_NAME"])
        .key("versioning.committer_name"),
    Opt::value("committer-email", "ADDRESS", "the address of who makes the commit")
        .env(&["GIT_COMMITTER_EMAIL"])
        .key("versioning.committer_email"),
    Opt::value("push-user", "NAME", "the user that goes with the token")
        .env(&["GIT_PUSH_USER"])
        .default("oauth2"),
    Opt::value(
        "attempts",
        "N",
        "how often it is planned again where the branch moves on before the push, 1 to 20",
    )
    .default("5"),
    Opt::secret(
        "push-token",
        &["GIT_PUSH_TOKEN", "GITLAB_TOKEN"],
        "a token that may push; sent to the remote alone",
    ),
];

/// Remote, branch, and whether it is pushed.
pub(crate) fn wishes(context: &Context, values: &Values<'_>, whole_history: bool) -> Wishes {
    let report = values.text("report").map(PathBuf::from);
    let ledger = context.ledger.folder().map(Path::to_owned);
    Wishes {
        remote: values.text("remote").unwrap_or_default(),
        branch: values.text("branch").filter(|branch| !branch.is_empty()),
        pushes: !values.is_on("no-push"),
        whole_history,
        written: [context.places().versions].into_iter().chain(ledger).chain(report).collect(),
    }
}

/// Who makes the commit, as far as it is given.
pub(crate) fn committer(values: &Values<'_>) -> Committer {
    Committer { name: values.text("committer-name"), email: values.text("committer-email") }
}

/// How often it is tried.
pub(crate) fn attempts(values: &mut Values<'_>) -> u32 {
    let attempts: u32 = values.parsed("attempts").unwrap_or(1);
    if !(1..=20).contains(&attempts) {
        values.problem("LF-CONFIG", "--attempts is a number from 1 to 20", None);
    }
    attempts
}

/// Token and variables for git.
pub(crate) fn deps(values: &Values<'_>, environment: &Environment) -> Deps {
    let token = values.secret("push-token").filter(|token| !token.is_empty());
    Deps { variables: variables(environment), user: values.text("push-user").unwrap_or_default(), token }
}

/// The variables that git is given, also those that are set to nothing: git counts on them.
pub(crate) fn variables(environment: &Environment) -> BTreeMap<String, String> {
    let count = environment.get("GIT_CONFIG_COUNT").and_then(|count| count.parse().ok()).unwrap_or(0);
    let names = Git::PASSED.into_iter().flat_map(|passed| match passed.strip_suffix('*') {
        Some(prefix) => (0..count.min(MOST_SETTINGS)).map(|number| format!("{prefix}{number}")).collect(),
        None => vec![passed.to_owned()],
    });
    names
        .filter(|name| environment.is_set(name))
        .map(|name| {
            let value = environment.get(&name).unwrap_or_default().to_owned();
            (name, value)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use landfall_cli::Environment;

    #[test]
    fn git_is_given_what_it_needs_and_no_secret() {
        let set = [
            ("PATH", "/bin"),
            ("GITLAB_TOKEN", "glpat"),
            ("AWS_SECRET_ACCESS_KEY", "x"),
            ("GIT_DIR", "/elsewhere"),
            ("GIT_TRACE_CURL", "1"),
            ("GIT_CONFIG_COUNT", "1"),
            ("GIT_CONFIG_KEY_0", "safe.directory"),
            ("GIT_CONFIG_VALUE_0", ""),
            ("GIT_CONFIG_KEY_1", "beyond the count"),
        ];
        let environment: Environment =
            set.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let names: Vec<String> = super::variables(&environment).into_keys().collect();
        assert_eq!(names, ["GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0", "GIT_CONFIG_VALUE_0", "PATH"]);
    }
}
