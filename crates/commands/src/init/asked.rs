//! What is asked for: the keys of `landfall.toml` that old files had built in or had variables for.

use std::collections::BTreeMap;

use super::choice::{Choice, Value};
use super::old_ci::{OldCi, OldRow, Said};

/// What a person said, by the key of `landfall.toml`; of a key of environments by `environment.*.` for all of them.
pub(super) type Answers = BTreeMap<String, String>;

/// A value that is taken from a variable, or asked for.
pub(super) struct Asked {
    pub(super) table: &'static str,
    pub(super) key: &'static str,
    pub(super) variable: &'static str,
    wanted: &'static str,
    /// Whether it is a matter of deploying images of functions.
    pub(super) of_images: bool,
}

const fn asked(
    table: &'static str,
    key: &'static str,
    variable: &'static str,
    wanted: &'static str,
    of_images: bool,
) -> Asked {
    Asked { table, key, variable, wanted, of_images }
}

/// What all environments have alike. No secret is among them.
pub(super) const COMMON: [Asked; 8] = [
    asked("", "image_namespace", "IMAGE_NAMESPACE", "the images' folder in Artifactory, such as shop", true),
    asked(
        "ci.variables",
        "ARTIFACTORY_USER",
        "ARTIFACTORY_USER",
        "the user that promotes in Artifactory",
        true,
    ),
    asked(
        "registries",
        "url",
        "ARTIFACTORY_URL",
        "Artifactory's address, such as https://artifactory.example.com",
        true,
    ),
    asked(
        "registries",
        "build",
        "ARTIFACTORY_BUILD_BUCKET",
        "the repository key of builds, such as docker-native-local",
        true,
    ),
    asked(
        "registries",
        "rc",
        "ARTIFACTORY_RC_BUCKET",
        "the repository key of release candidates, such as docker-native-rc",
        true,
    ),
    asked(
        "registries",
        "release",
        "ARTIFACTORY_RELEASE_BUCKET",
        "the repository key of releases, such as docker-native-release",
        true,
    ),
    asked("jira", "url", "JIRA_URL", "Jira's address, such as https://example.atlassian.net", true),
    asked("jira", "project", "JIRA_PROJECT", "the key of the project of release tickets, such as REL", true),
];

/// What each environment has.
pub(super) const OF_ROW: [Asked; 5] = [
    asked(
        "",
        "ecr",
        "ECR_REGISTRY_URI",
        "the repository of Lambda's images, such as 123456789012.dkr.ecr.eu-west-2.amazonaws.com/app",
        true,
    ),
    asked("", "aws_region", "AWS_REGION", "the AWS region, such as eu-west-2", false),
    asked("vault", "address", "HCV_URL", "Vault's address, such as https://vault.example.com", false),
    asked(
        "vault",
        "aws_path",
        "VAULT_AWS_PATH",
        "the path of the AWS role in Vault, such as aws/sts/deployer",
        false,
    ),
    asked(
        "vault",
        "role_arn",
        "AWS_ROLE_ARN",
        "the AWS role, such as arn:aws:iam::123456789012:role/Deployer",
        false,
    ),
];

/// Further variables of old jobs that have a key, taken where they are seen and not asked for.
pub(super) const ALSO_OF_ROW: [(&str, &str, &str); 3] = [
    ("", "account", "AWS_ACCOUNT_ID"),
    ("vault", "login_path", "HCV_LOGIN_PATH"),
    ("vault", "namespace", "VAULT_NAMESPACE"),
];

/// A value that was said or seen.
pub(super) fn taken(
    answers: &Answers,
    table: &[&str],
    key: &'static str,
    seen: Option<Said>,
) -> Option<Choice> {
    let path = table.iter().chain(&[key]).copied().collect::<Vec<_>>().join(".");
    let of_all = match table {
        ["environment", _, rest @ ..] => {
            let steps = ["environment", "*"].iter().chain(rest).chain(&[key]).copied().collect::<Vec<_>>();
            answers.get(&steps.join("."))
        }
        _ => None,
    };
    if let Some(answer) = answers.get(&path).or(of_all) {
        let mut choice =
            Choice::new(table, key, Value::Text(answer.clone()), "as it was said to landfall init");
        choice.is_said = true;
        return Some(choice);
    }
    seen.map(|said| Choice::new(table, key, Value::Text(said.value), said.place))
}

pub(super) fn blank(table: &[&str], asked: &Asked) -> Choice {
    let why = format!("fill this in, or delete the line where the variable {} has it", asked.variable);
    Choice::new(table, asked.key, Value::Blank(asked.wanted.to_owned()), why)
}

/// What a variable says, in the form that the key has it in.
pub(super) fn said_of(old: &OldCi, row: Option<&OldRow>, variable: &str) -> Option<Said> {
    let mut said = match row {
        Some(row) => old.of_row(row, variable),
        None => old.common(variable),
    }?;
    said.place = format!("{variable} in {}", said.place);
    let bare = said.value.trim().trim_end_matches('/');
    said.value = match variable {
        "ARTIFACTORY_URL" => bare.strip_suffix("/artifactory").unwrap_or(bare).to_owned(),
        "ECR_REGISTRY_URI" => bare.split_once("://").map_or(bare, |(_, rest)| rest).to_owned(),
        _ => bare.to_owned(),
    };
    Some(said)
}
