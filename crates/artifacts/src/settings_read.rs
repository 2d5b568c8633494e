//! How `landfall.toml` becomes [`Settings`].

use std::collections::BTreeMap;
use std::time::Duration;

use landfall_secret::Origin;
use serde_json::Value;

use crate::env_lines::is_variable;
use crate::file_error::Problems;
use crate::gate_settings::{IdentitySettings, check_gates};
use crate::json::{At, FromJson, Kind, Node};
use crate::notify_settings::check_targets;
use crate::settings::{
    ConfigSettings, EnvironmentSettings, ImageSettings, LedgerSettings, Registries, ReleaseSettings,
    Settings, SyncSettings, SyncTarget, VaultSettings, VersioningSettings,
};
use crate::settings_jira::{JiraFieldValue, JiraSettings};

impl FromJson for Settings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let functions = at.field("functions", problems);
        let image_namespace = at.field("image_namespace", problems);
        let registries = at.field_or_default("registries", problems);
        let environments = at.field_or_default("environment", problems);
        let approvers = at.field_or_default("approvers", problems);
        let identity = at.field_or_default("identity", problems);
        let jira = at.field_or_default("jira", problems);
        let notify = at.field_or_default("notify", problems);
        let ledger = at.field_or_default("ledger", problems);
        let releases = at.field_or_default("releases", problems);
        let sync = at.field_or_default("sync", problems);
        let images = at.field_or_default("images", problems);
        let versioning = at.field_or_default("versioning", problems);
        let configs = at.field_or_default("configs", problems);
        let smoke = at.field_or_default("smoke", problems);
        let ci = at.field_or_default("ci", problems);
        let pipelines = at.field_or_default("pipelines", problems);
        let mut values = BTreeMap::new();
        flatten(at.node, String::new(), &mut values);
        let settings = Self {
            functions: functions?,
            image_namespace: image_namespace?,
            registries: registries?,
            environments: environments?,
            approvers: approvers?,
            identity: identity?,
            jira: jira?,
            notify: notify?,
            ledger: ledger?,
            releases: releases?,
            sync: sync?,
            images: images?,
            versioning: versioning?,
            configs: configs?,
            smoke: smoke?,
            ci: ci?,
            pipelines: pipelines?,
            values,
        };
        check_gates(&settings, at, problems);
        check_targets(&settings, at, problems);
        Some(settings)
    }
}

fn flatten(node: &Node, key: String, values: &mut BTreeMap<String, String>) {
    let text = |node: &Node| match &node.kind {
        Kind::Text(text) | Kind::Number(text) => Some(text.clone()),
        Kind::Bool(truth) => Some(truth.to_string()),
        Kind::Null | Kind::Array(_) | Kind::Object(_) => None,
    };
    match &node.kind {
        Kind::Object(members) => {
            for member in members {
                // Checks, freezes, targets and pipelines are no values of options.
                let is_root = key.is_empty();
                if ["smoke", "freeze"].contains(&member.key.as_str())
                    || is_root && ["notify", "pipelines"].contains(&member.key.as_str())
                {
                    continue;
                }
                let step = if key.is_empty() { member.key.clone() } else { format!("{key}\0{}", member.key) };
                flatten(&member.value, step, values);
            }
        }
        Kind::Array(items) => {
            let joined: Vec<String> = items.iter().filter_map(text).collect();
            values.insert(key, joined.join(","));
        }
        _ => {
            if let Some(text) = text(node) {
                values.insert(key, text);
            }
        }
    }
}

/// Reads a table of which every key may be missing.
macro_rules! table {
    ($type:ident { $($field:ident : $read:ident),+ $(,)? } $(then $check:ident)?) => {
        impl FromJson for $type {
            fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
                at.members(problems)?;
                $(let $field = at.$read(stringify!($field), problems);)+
                let table = Self { $($field: $field?),+ };
                $($check(&table, at, problems);)?
                Some(table)
            }
        }
    };
}

table!(Registries {
    url: field,
    build: field,
    rc: field,
    release: field,
    docker_host: field,
    docker_hosts: field_or_default,
    auth_hosts: field_or_default,
} then check_registries);
table!(EnvironmentSettings {
    kind: field_or_default,
    suffix: field,
    region_key: field,
    aws_region: field,
    account: field,
    ecr: field,
    function_name: field,
    vault: field_or_default,
    after: field_or_default,
    after_rule: field_or_default,
    soak: days,
    approvals: field_or_default,
    approval_expires: days,
    unverified_approvals: field,
    freeze: field_or_default,
    variables: field_or_default,
    on_failure: field,
    smoke: field_or_default,
    releases: field_or_default,
    overlays: field_or_default,
    sync: field_or_default,
} then check_environment);
table!(JiraSettings {
    url: field,
    project: field,
    issue_type: field,
    status: field_or_default,
    instructions: field,
    summary: field,
    description: field_or_default,
    fix_versions: field_or_default,
    components: field_or_default,
    labels: field_or_default,
    fields: field_or_default,
    transitions: field_or_default,
    resolution: field_or_default,
    screens: field_or_default,
    initial_transition: field,
    claims: field,
    dashboard: field,
    patience: field,
});

impl FromJson for JiraFieldValue {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        match at.node.to_value() {
            Value::String(_) => String::from_json(at, problems).map(Self::Text),
            Value::Number(number) => Some(Self::Number(number)),
            Value::Array(_) => Vec::from_json(at, problems).map(Self::List),
            Value::Null | Value::Bool(_) | Value::Object(_) => {
                problems.wrong(at, "a text, a number, or a list of texts");
                None
            }
        }
    }
}

table!(IdentitySettings { issuer: field });
table!(LedgerSettings { store: field, region: field, account: field });
table!(ReleaseSettings { bucket: field, owner: field });
table!(SyncTarget { bucket: field, prefix: field });
table!(SyncSettings {
    bucket: field,
    prefix: field,
    bucket_contains: field,
    keep_old: field,
    exclude: field_or_default,
    include: field_or_default,
    protect: field_or_default,
    headers: field_or_default,
});
table!(VersioningSettings {
    tag_format: field,
    types: field,
    first_version: field,
    committer_name: field,
    committer_email: field,
});

table!(ConfigSettings {
    order: field_or_default,
    platforms: field_or_default,
    regions: field_or_default,
    append: field_or_default,
    new_keys: field,
    version_folders: field,
    pins: field,
    unread: field_or_default,
    merge_command: field_or_default,
    environment: field_or_default,
} then check_configs);

table!(ImageSettings {
    builder: field,
    build: field_or_default,
    push: field_or_default,
    context: field,
    build_arguments: field_or_default,
    push_arguments: field_or_default,
    environment: field_or_default,
    exclude: field_or_default,
});

fn check_configs(configs: &ConfigSettings, at: At<'_>, problems: &mut Problems<'_>) {
    let kinds = ["environment", "platform", "region"];
    let twice = configs
        .order
        .iter()
        .enumerate()
        .any(|(index, kind)| configs.order.iter().take(index).any(|k| k == kind));
    if twice || configs.order.iter().any(|kind| !kinds.contains(&kind.as_str())) {
        problems.at_field(at, "order", "some of `environment`, `platform` and `region`, each once");
    }
    for (key, value, words) in [
        ("new_keys", &configs.new_keys, ["allow", "refuse"]),
        ("version_folders", &configs.version_folders, ["lift", "keep"]),
    ] {
        if value.as_ref().is_some_and(|value| !words.contains(&value.as_str())) {
            problems.at_field(at, key, format!("one of `{}` `{}`", words[0], words[1]));
        }
    }
}

fn check_registries(registries: &Registries, at: At<'_>, problems: &mut Problems<'_>) {
    if registries.url.as_ref().is_some_and(|url| url.base().ends_with("/artifactory")) {
        problems.at_field(at, "url", "the address without `/artifactory`");
    }
    let mut keys: BTreeMap<Origin, &str> = BTreeMap::new();
    for (key, host) in &registries.docker_hosts {
        let shown = landfall_secret::escape(key, 60);
        match host_of(host) {
            None => problems.at_field(
                at,
                "docker_hosts",
                format!("hosts without scheme and path, such as docker.example.com:8443; that of `{shown}` is none"),
            ),
            // Two keys at one host would show the same images, and nothing between them would ever look unpromoted.
            Some(origin) => {
                if let Some(other) = keys.insert(origin, key) {
                    let other = landfall_secret::escape(other, 60);
                    problems.at_field(
                        at,
                        "docker_hosts",
                        format!("another host for each repository key; `{other}` and `{shown}` have the same"),
                    );
                }
            }
        }
    }
}

/// The origin of `host` or `host:port`, where it is nothing more.
fn host_of(text: &str) -> Option<Origin> {
    let plain = !text.is_empty() && !text.contains(['/', '\\', '?', '#', '@']);
    Origin::parse(&format!("https://{text}")).ok().filter(|_| plain)
}

fn check_environment(environment: &EnvironmentSettings, at: At<'_>, problems: &mut Problems<'_>) {
    for variable in environment.variables.keys().filter(|key| !is_variable(key)) {
        let shown = landfall_secret::escape(variable, 60);
        problems.at_field(at, "variables", format!("names of environment variables; `{shown}` is none"));
    }
}

impl FromJson for VaultSettings {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let address = at.field("address", problems);
        let login = at.field("login", problems);
        let login_path = at.field("login_path", problems);
        let role = at.field("role", problems);
        let audience = at.field("audience", problems);
        let aws_path = at.field("aws_path", problems);
        let role_arn = at.field("role_arn", problems);
        let namespace = at.field("namespace", problems);
        let ttl: Option<Option<Ttl>> = at.field("ttl", problems);
        let min_ttl: Option<Option<Ttl>> = at.field("min_ttl", problems);
        Some(Self {
            address: address?,
            login: login?,
            login_path: login_path?,
            role: role?,
            audience: audience?,
            aws_path: aws_path?,
            role_arn: role_arn?,
            namespace: namespace?,
            ttl: ttl?.map(|ttl| ttl.0),
            min_ttl: min_ttl?.map(|ttl| ttl.0),
        })
    }
}

/// A length of time as settings write it.
pub(crate) struct Ttl(pub(crate) Duration);

impl FromJson for Ttl {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "a time such as 1h, 30m or 900s, at most 36h";
        let text = at.text(expected, problems)?;
        let seconds = [("h", 3600), ("m", 60), ("s", 1)].iter().find_map(|(unit, seconds)| {
            let number = text.strip_suffix(unit)?;
            let digits = (1..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit());
            number.parse::<u64>().ok().filter(|_| digits).map(|n| n * seconds)
        });
        let ttl = seconds.filter(|s| (1..=36 * 3600).contains(s)).map(Duration::from_secs);
        if ttl.is_none() {
            problems.wrong(at, expected);
        }
        ttl.map(Self)
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::Settings;
    use crate::settings_jira::JiraFieldValue;

    fn refusal(text: &str) -> String {
        Settings::parse(text.as_bytes(), "landfall.toml", &[]).expect_err("bad").to_string()
    }

    #[test]
    fn configuration_is_merged_in_known_ways() {
        let good = "[configs]\norder = [\"region\", \"environment\"]\nmerge_command = [\"sh\", \"x.sh\"]\n[environment.a]\noverlays = [\"stg\", \"a\"]\n";
        let settings = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid");
        assert_eq!(settings.configs.order, ["region", "environment"]);
        assert_eq!(
            settings.environments.values().map(|row| row.overlays.join(" ")).collect::<Vec<_>>(),
            ["stg a"]
        );
        let odd = "[configs]\norder = [\"region\", \"moon\"]\nnew_keys = \"maybe\"\nversion_folders = \"drop\"\nappends = []\n";
        insta::assert_snapshot!(refusal(odd), @r"
        4 problems in landfall.toml
          /configs/order at 2:9: found a list of 2, expected some of `environment`, `platform` and `region`, each once
          /configs/new_keys at 3:12: found `maybe`, expected one of `allow` `refuse`
          /configs/version_folders at 4:19: found `drop`, expected one of `lift` `keep`
          /configs/appends at 5:1: found the unknown key `appends`, expected `append`, perhaps
        ");
        let twice = "[configs]\norder = [\"region\", \"region\"]\n";
        assert!(refusal(twice).contains("each once"));
    }

    #[test]
    fn tickets_have_fields_of_three_kinds() {
        let good = "[jira]\nclaims = \"REL-1\"\n[jira.fields]\nRisk = \"Low\"\nHours = 2\nTeams = [\"a\", \"b\"]\n[jira.transitions]\n\"To Do\" = [\"Review\"]\n[jira.screens.resolved]\nNotes = \"x\"\n";
        let jira = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid").jira;
        let list = JiraFieldValue::List(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(jira.fields.get("Teams"), Some(&list));
        assert_eq!(jira.fields.get("Hours"), Some(&JiraFieldValue::Number(2.into())));
        assert_eq!(jira.screens.get("resolved").map(std::collections::BTreeMap::len), Some(1));
        let odd = "[jira]\nclaims = \"rel 1\"\nsumary = \"x\"\n[jira.fields]\nRisk = true\nTeams = [1]\n[jira.transitions]\n\"To Do\" = \"Review\"\n";
        insta::assert_snapshot!(refusal(odd), @r"
        5 problems in landfall.toml
          /jira/claims at 2:10: found `rel 1`, expected a Jira issue key such as REL-24
          /jira/sumary at 3:1: found the unknown key `sumary`, expected `summary`, perhaps
          /jira/fields/Risk at 5:8: found true, expected a text, a number, or a list of texts
          /jira/fields/Teams/0 at 6:10: found 1, expected a text
          /jira/transitions/To Do at 8:11: found `Review`, expected a list
        ");
    }

    #[test]
    fn every_repository_key_has_a_host_of_its_own() {
        let good =
            "[registries.docker_hosts]\nbuild = \"build.art.example.com\"\nrc = \"art.example.com:8443\"\n";
        let settings = Settings::parse(good.as_bytes(), "landfall.toml", &[]).expect("valid");
        assert_eq!(
            settings.registries.docker_hosts.get("rc").map(String::as_str),
            Some("art.example.com:8443")
        );
        for odd in [
            "https://a.example.com",
            "a.example.com/docker",
            "user:canary@a.example.com",
            "a b",
            "a.example.com:x",
            "",
        ] {
            let text = format!("[registries.docker_hosts]\nbuild = \"{odd}\"\n");
            let shown = refusal(&text);
            assert!(shown.contains("hosts without scheme and path") && !shown.contains("canary"), "{shown}");
        }
        let twice = "[registries.docker_hosts]\nbuild = \"art.example.com\"\nrc = \"ART.example.com:443\"\n";
        insta::assert_snapshot!(refusal(twice), @"landfall.toml: /registries/docker_hosts at 1:1: found an object with 2 keys, expected another host for each repository key; `build` and `rc` have the same");
    }
}
