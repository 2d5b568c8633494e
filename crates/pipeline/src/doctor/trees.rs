//! The checks of each stage, in the order in which they are made.

mod credentials;
mod delivery;
mod tickets;

use super::{Check, Evidence};

/// The trees, by stage, in the order of a pipeline.
pub const TREES: &[(&str, &[Check])] = &[
    ("aws-credentials", credentials::AWS_CREDENTIALS),
    ("prepare-docker-config", credentials::PREPARE_DOCKER_CONFIG),
    ("retag-push-ecr", delivery::RETAG_PUSH_ECR),
    ("generate-mappings", delivery::GENERATE_MAPPINGS),
    ("deploy-lambda", delivery::DEPLOY_LAMBDA),
    ("create-jira-tickets", tickets::CREATE),
    ("transition-jira-tickets", tickets::TRANSITION),
    ("comment-jira-tickets", tickets::TICKET),
    ("update-jira-instructions", tickets::TICKET),
    ("promote-artifacts", delivery::PROMOTE_ARTIFACTS),
    ("s3-sync", delivery::S3_SYNC),
    ("any other stage", OTHER),
];

/// The checks of a stage; of one that has no tree of its own those of any.
pub fn tree(stage: &str) -> &'static [Check] {
    TREES.iter().find(|(name, _)| *name == stage).map_or(OTHER, |(_, tree)| *tree)
}

const OTHER: &[Check] = &[SETTINGS, RELEASE, stage_itself(&["settings", "release"])];

const SETTINGS: Check = Check {
    id: "settings",
    asks: "can landfall.toml, .env and the job's options be read?",
    by: Evidence::Settings,
    after: &[],
    failures: &["environment-unknown", "certificate-untrusted", "settings-invalid", "setting-missing"],
};

const ENVIRONMENT: Check = Check {
    id: "environment-free",
    asks: "does no other run hold the environment?",
    by: Evidence::Environment,
    after: &["settings"],
    failures: &["environment-held", "ledger-damaged", "ledger-not-writable", "ledger-full"],
};

const RELEASE: Check = Check {
    id: "release",
    asks: "is the release alive, and the environment not frozen?",
    by: Evidence::Release,
    after: &["settings"],
    failures: &["release-dead", "environment-frozen", "ledger-damaged", "ledger-not-writable", "ledger-full"],
};

const VERSIONS: Check = Check {
    id: "versions",
    asks: "are the versions there, and of their shape?",
    by: Evidence::Files,
    after: &["settings"],
    failures: &["versions-missing", "versions-invalid"],
};

const KEYS: Check = Check {
    id: "keys",
    asks: "are there AWS keys that are not over?",
    by: Evidence::Keys,
    after: &["settings"],
    failures: &["aws-keys-missing", "aws-keys-expired", "login-setting-missing"],
};

const ACCOUNT: Check = Check {
    id: "account",
    asks: "does STS accept the keys, and are they of the expected account?",
    by: Evidence::Identity,
    after: &["keys"],
    failures: &[
        "account-differs",
        "role-differs",
        "aws-keys-refused",
        "aws-keys-expired",
        "setting-missing",
        "service-unreachable",
        "certificate-untrusted",
    ],
};

/// What a check of its own is for is found before; this one shows whatever else the stage would end with.
const fn stage_itself(after: &'static [&'static str]) -> Check {
    Check {
        id: "stage",
        asks: "would the stage itself begin?",
        by: Evidence::DryRun,
        after,
        failures: &["stopped", "defect", "service-unreachable", "certificate-untrusted"],
    }
}

#[cfg(test)]
mod tests;
