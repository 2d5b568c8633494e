//! Which keys `landfall.toml` may have, and what was probably meant by another.

use crate::file_error::Problems;
use crate::json::{At, Kind};

/// Every key of this crate's settings; `*` stands for any name.
const KNOWN: &[&str] = &[
    "functions",
    "image_namespace",
    "registries.url",
    "registries.build",
    "registries.rc",
    "registries.release",
    "registries.docker_host",
    "registries.docker_hosts.*",
    "registries.auth_hosts.*",
    "environment.*.kind",
    "environment.*.suffix",
    "environment.*.region_key",
    "environment.*.aws_region",
    "environment.*.account",
    "environment.*.ecr",
    "environment.*.function_name",
    "environment.*.vault.address",
    "environment.*.vault.login",
    "environment.*.vault.login_path",
    "environment.*.vault.role",
    "environment.*.vault.audience",
    "environment.*.vault.aws_path",
    "environment.*.vault.role_arn",
    "environment.*.vault.namespace",
    "environment.*.vault.ttl",
    "environment.*.vault.min_ttl",
    "environment.*.after",
    "environment.*.after_rule",
    "environment.*.soak",
    "environment.*.approvals",
    "environment.*.approval_expires",
    "environment.*.unverified_approvals",
    "environment.*.freeze",
    "environment.*.variables.*",
    "environment.*.on_failure",
    "environment.*.smoke",
    "environment.*.releases.bucket",
    "environment.*.releases.owner",
    "environment.*.overlays",
    "environment.*.sync.bucket",
    "environment.*.sync.prefix",
    "approvers.*",
    "identity.issuer",
    "identity.project",
    "identity.github_api",
    "identity.repository",
    "jira.url",
    "jira.project",
    "jira.issue_type",
    "jira.status.*",
    "jira.instructions",
    "jira.summary",
    "jira.description",
    "jira.fix_versions",
    "jira.components",
    "jira.labels",
    "jira.fields.*",
    "jira.transitions.*",
    "jira.resolution.*",
    "jira.screens.*.*",
    "jira.initial_transition",
    "jira.claims",
    "jira.dashboard",
    "jira.patience",
    "notify.*.kind",
    "notify.*.url_variable",
    "notify.*.token_variable",
    "notify.*.signature_variable",
    "notify.*.events",
    "notify.*.environments",
    "notify.*.templates.*",
    "ledger.store",
    "ledger.region",
    "ledger.account",
    "smoke",
    "releases.bucket",
    "releases.owner",
    "sync.bucket",
    "sync.prefix",
    "sync.bucket_contains",
    "sync.keep_old",
    "sync.exclude",
    "sync.include",
    "sync.protect",
    "sync.headers",
    "images.builder",
    "images.build",
    "images.push",
    "images.context",
    "images.build_arguments",
    "images.push_arguments",
    "images.environment",
    "images.exclude",
    "configs.order",
    "configs.platforms",
    "configs.regions",
    "configs.append",
    "configs.new_keys",
    "configs.version_folders",
    "configs.pins",
    "configs.unread",
    "configs.merge_command",
    "configs.environment",
    "versioning.tag_format",
    "versioning.types",
    "versioning.first_version",
    "versioning.committer_name",
    "versioning.committer_email",
    "ci.image",
    "ci.branch",
    "ci.own_root",
    "ci.tags",
    "ci.runs_on",
    "ci.pipelines",
    "ci.credentials",
    "ci.variables.*",
    "pipelines.*.summary",
    "pipelines.*.like",
    "pipelines.*.replace",
    "pipelines.*.start",
    "pipelines.*.changes",
    "pipelines.*.kinds",
    "pipelines.*.environments",
    "pipelines.*.standby",
    "pipelines.*.chosen",
    "pipelines.*.after",
    "pipelines.*.ci_stages",
    "pipelines.*.jobs.*.leave_out",
    "pipelines.*.jobs.*.stage",
    "pipelines.*.jobs.*.arguments",
    "pipelines.*.jobs.*.commands",
    "pipelines.*.jobs.*.each",
    "pipelines.*.jobs.*.name",
    "pipelines.*.jobs.*.ci_stage",
    "pipelines.*.jobs.*.template",
    "pipelines.*.jobs.*.needs",
    "pipelines.*.jobs.*.after_stages",
    "pipelines.*.jobs.*.when",
    "pipelines.*.jobs.*.allow_failure",
    "pipelines.*.jobs.*.branches",
    "pipelines.*.jobs.*.changes",
    "pipelines.*.jobs.*.condition",
    "pipelines.*.jobs.*.timeout",
    "pipelines.*.jobs.*.takes",
    "pipelines.*.jobs.*.keeps",
    "pipelines.*.jobs.*.keep_for",
    "pipelines.*.jobs.*.hands_over",
    "pipelines.*.jobs.*.keep_when",
    "pipelines.*.jobs.*.variables.*",
    "pipelines.*.jobs.*.tags",
    "pipelines.*.jobs.*.image",
    "pipelines.*.jobs.*.cache",
    "pipelines.*.jobs.*.interruptible",
    "pipelines.*.jobs.*.parallel",
    "pipelines.*.jobs.*.at.*.leave_out",
    "pipelines.*.jobs.*.at.*.when",
    "pipelines.*.jobs.*.at.*.branches",
    "pipelines.*.jobs.*.at.*.allow_failure",
    "pipelines.*.jobs.*.at.*.arguments",
    "pipelines.*.jobs.*.at.*.variables.*",
    "pipelines.*.jobs.*.at.*.tags",
];

/// Words that say that a key is for a secret.
const SECRET: &[&str] = &["password", "passwd", "secret", "token", "credential", "private_key", "api_key"];

/// Records every key that is neither ours nor one of `further`, dotted keys in which `environment.x` stands for the key
/// `x` of every environment.
pub(crate) fn refuse_unknown(at: At<'_>, further: &[&str], problems: &mut Problems<'_>) {
    let mut known: Vec<Vec<&str>> = KNOWN.iter().map(|key| key.split('.').collect()).collect();
    for key in further {
        let mut steps: Vec<&str> = key.split('.').collect();
        if steps.first() == Some(&"environment") && steps.get(1) != Some(&"*") {
            steps.insert(1, "*");
        }
        known.push(steps);
    }
    let known: Vec<&[&str]> = known.iter().map(Vec::as_slice).collect();
    check(at, &known, problems);
}

/// The same for a document that is one of the tables: its keys are those that are known below these steps.
pub(crate) fn refuse_unknown_below(at: At<'_>, steps: &[&str], problems: &mut Problems<'_>) {
    let known: Vec<Vec<&str>> = KNOWN.iter().map(|key| key.split('.').collect()).collect();
    let below: Vec<&[&str]> = known.iter().filter_map(|key| key.strip_prefix(steps)).collect();
    check(at, &below, problems);
}

/// The same for a table of a list, whose keys are these.
pub(crate) fn refuse_unknown_of(at: At<'_>, keys: &[&str], problems: &mut Problems<'_>) {
    let known: Vec<&[&str]> = keys.iter().map(std::slice::from_ref).collect();
    check(at, &known, problems);
}

fn check(at: At<'_>, known: &[&[&str]], problems: &mut Problems<'_>) {
    let Kind::Object(members) = &at.node.kind else {
        return;
    };
    for member in members {
        let below: Vec<&[&str]> = known
            .iter()
            .filter_map(|path| path.split_first())
            .filter(|(step, _)| **step == "*" || **step == member.key)
            .map(|(_, rest)| rest)
            .collect();
        let child = at.child(member);
        if below.is_empty() {
            let found = format!("the unknown key `{}`", landfall_secret::escape(&member.key, 60));
            problems.add_at(member.at, child.pointer(), found, meant(&member.key, known));
            continue;
        }
        let deeper: Vec<&[&str]> = below.into_iter().filter(|rest| !rest.is_empty()).collect();
        if !deeper.is_empty() {
            check(child, &deeper, problems);
        }
    }
}

fn meant(key: &str, known: &[&[&str]]) -> String {
    let lower = key.to_ascii_lowercase();
    if SECRET.iter().any(|word| lower.contains(word)) {
        return "no secret here: give it by its environment variable or a file".to_owned();
    }
    let mut steps: Vec<&str> = known.iter().filter_map(|path| path.first().copied()).collect();
    steps.sort_unstable();
    steps.dedup();
    // `url` was meant to be `url_variable`.
    if let Some(longer) =
        steps.iter().find(|step| step.strip_prefix(&lower).is_some_and(|end| end.starts_with('_')))
    {
        return format!("`{longer}`, perhaps");
    }
    let near = steps
        .iter()
        .map(|step| (distance(&lower, step), *step))
        .filter(|(distance, step)| *distance <= (step.len() / 3).max(1))
        .min();
    match near {
        Some((_, step)) => format!("`{step}`, perhaps"),
        None => format!("one of {}", steps.join(", ")),
    }
}

/// How many letters must be put in, taken out, changed, or swapped with their neighbour (optimal string alignment).
fn distance(a: &str, b: &str) -> usize {
    let a: Vec<char> = a.chars().take(64).collect();
    let b: Vec<char> = b.chars().take(64).collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let cell = |row: &[usize], j: usize| row.get(j).copied().unwrap_or(usize::MAX / 2);
            let mut best =
                (cell(&last, j) + usize::from(x != y)).min(cell(&last, j + 1) + 1).min(cell(&row, j) + 1);
            let swapped = i > 0 && j > 0 && a.get(i - 1) == Some(y) && b.get(j - 1) == Some(x);
            if swapped {
                best = best.min(cell(&before_last, j - 1) + 1);
            }
            row.push(best);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::distance;

    #[test]
    fn distances_count_edits() {
        assert_eq!(distance("registries", "registries"), 0);
        assert_eq!(distance("registry", "registries"), 3);
        assert_eq!(distance("fucntions", "functions"), 1);
        assert_eq!(distance("acount", "account"), 1);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
