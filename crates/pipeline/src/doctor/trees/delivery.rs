//! The checks of images, functions, promotions and configuration.

use super::{ACCOUNT, ENVIRONMENT, KEYS, RELEASE, SETTINGS, VERSIONS, stage_itself};
use crate::doctor::{Check, Evidence};

const NAMES: Check = Check {
    id: "deployment-files",
    asks: "does every project name its function?",
    by: Evidence::Files,
    after: &["versions"],
    failures: &["deployment-file-missing", "deployment-file-invalid"],
};

pub(super) const RETAG_PUSH_ECR: &[Check] = &[
    SETTINGS,
    ENVIRONMENT,
    RELEASE,
    VERSIONS,
    NAMES,
    KEYS,
    ACCOUNT,
    Check {
        id: "places",
        asks: "are the places of the images named, in the region that is meant?",
        by: Evidence::DryRun,
        after: &["release", "deployment-files", "account"],
        failures: &["region-differs", "setting-missing", "settings-invalid"],
    },
    Check {
        id: "logins",
        asks: "do both registries accept their logins?",
        by: Evidence::DryRun,
        after: &["places"],
        failures: &[
            "docker-auth-invalid",
            "registry-login-missing",
            "registry-login-refused",
            "ecr-token-denied",
            "registry-denied",
            "registry-unreachable",
            "service-unreachable",
        ],
    },
    Check {
        id: "images",
        asks: "are the images in the build repository, and can Lambda run them?",
        by: Evidence::DryRun,
        after: &["logins"],
        failures: &["image-not-built", "image-unfit", "image-damaged"],
    },
    Check {
        id: "repository",
        asks: "is the target repository there?",
        by: Evidence::DryRun,
        after: &["logins"],
        failures: &["ecr-repository-missing"],
    },
    Check {
        id: "tags",
        asks: "is every tag free, or of the same digest?",
        by: Evidence::DryRun,
        after: &["images", "repository"],
        failures: &["tag-taken"],
    },
    stage_itself(&["tags"]),
];

pub(super) const GENERATE_MAPPINGS: &[Check] = &[
    SETTINGS,
    Check {
        id: "versions",
        asks: "are the versions there, as a file or as a text, and of their shape?",
        by: Evidence::DryRun,
        after: &["settings"],
        failures: &["versions-missing", "versions-invalid", "setting-missing"],
    },
    Check {
        id: "deployment-files",
        asks: "does every project name its function?",
        by: Evidence::DryRun,
        after: &["versions"],
        failures: &["deployment-file-missing", "deployment-file-invalid"],
    },
    Check {
        id: "images",
        asks: "is each tag in ECR with its digest, where that is asked for?",
        by: Evidence::DryRun,
        after: &["deployment-files"],
        failures: &[
            "image-not-in-ecr",
            "image-differs-in-ecr",
            "mapping-invalid",
            "aws-keys-missing",
            "aws-keys-expired",
            "account-differs",
        ],
    },
    stage_itself(&["images"]),
];

pub(super) const DEPLOY_LAMBDA: &[Check] = &[
    SETTINGS,
    ENVIRONMENT,
    RELEASE,
    Check {
        id: "plan",
        asks: "are the mapping and its lock there, and of their shape?",
        by: Evidence::Files,
        after: &["settings"],
        failures: &["mapping-missing", "mapping-invalid", "versions-missing"],
    },
    KEYS,
    ACCOUNT,
    Check {
        id: "plan-fits",
        asks: "do mapping, lock and registry belong together?",
        by: Evidence::DryRun,
        after: &["release", "plan", "account"],
        failures: &["mapping-missing", "mapping-invalid", "setting-missing", "settings-invalid"],
    },
    Check {
        id: "images",
        asks: "is every tag in ECR, with the digest of the plan?",
        by: Evidence::DryRun,
        after: &["plan-fits"],
        failures: &[
            "image-not-in-ecr",
            "image-differs-in-ecr",
            "ecr-repository-missing",
            "ecr-token-denied",
            "registry-denied",
        ],
    },
    Check {
        id: "functions",
        asks: "is there a function of each name, which the role may read?",
        by: Evidence::DryRun,
        after: &["plan-fits"],
        failures: &[
            "function-missing",
            "lambda-denied",
            "function-stuck",
            "update-failed",
            "service-unreachable",
        ],
    },
    Check {
        id: "fit",
        asks: "do functions and images fit: package type, architecture, region?",
        by: Evidence::DryRun,
        after: &["functions"],
        failures: &["package-type-differs", "architecture-differs", "image-unfit", "lambda-region-differs"],
    },
    Check {
        id: "approvals",
        asks: "does the environment ask for nothing that the release lacks?",
        by: Evidence::DryRun,
        after: &["plan-fits"],
        failures: &["approval-missing", "release-dead", "environment-frozen"],
    },
    stage_itself(&["images", "fit", "approvals"]),
    Check {
        id: "settled",
        asks: "is no function stuck in an update?",
        by: Evidence::Functions,
        after: &["functions"],
        failures: &["function-stuck", "service-unreachable"],
    },
];

pub(super) const PROMOTE_ARTIFACTS: &[Check] = &[
    SETTINGS,
    RELEASE,
    VERSIONS,
    Check {
        id: "password",
        asks: "is there a login, and are both repository keys named?",
        by: Evidence::DryRun,
        after: &["release", "versions"],
        failures: &["promotion-login-missing", "setting-missing", "settings-invalid"],
    },
    Check {
        id: "login",
        asks: "does Artifactory accept the login?",
        by: Evidence::DryRun,
        after: &["password"],
        failures: &[
            "registry-login-refused",
            "registry-login-missing",
            "registry-denied",
            "registry-unreachable",
            "service-unreachable",
        ],
    },
    Check {
        id: "repositories",
        asks: "are both keys local Docker repositories?",
        by: Evidence::DryRun,
        after: &["login"],
        failures: &["promotion-keys-wrong"],
    },
    Check {
        id: "source",
        asks: "is every image at the source?",
        by: Evidence::DryRun,
        after: &["repositories"],
        failures: &["promotion-source-missing"],
    },
    Check {
        id: "target",
        asks: "is the target free, or of the same digest?",
        by: Evidence::DryRun,
        after: &["source"],
        failures: &["promotion-differs", "tag-taken"],
    },
    stage_itself(&["target"]),
];

pub(super) const S3_SYNC: &[Check] = &[
    SETTINGS,
    ENVIRONMENT,
    RELEASE,
    Check {
        id: "folder",
        asks: "is the folder there, and not empty?",
        by: Evidence::Files,
        after: &["settings"],
        failures: &["merged-files-empty"],
    },
    KEYS,
    ACCOUNT,
    Check {
        id: "bucket",
        asks: "is it clear which bucket and prefix are meant, and are they there?",
        by: Evidence::DryRun,
        after: &["release", "folder", "account"],
        failures: &["bucket-unknown", "setting-missing", "settings-invalid"],
    },
    Check {
        id: "permissions",
        asks: "may the role list and read the bucket?",
        by: Evidence::DryRun,
        after: &["bucket"],
        failures: &["bucket-denied", "service-unreachable"],
    },
    Check {
        id: "deletes",
        asks: "would no more be deleted than is allowed?",
        by: Evidence::DryRun,
        after: &["permissions"],
        failures: &["too-many-deletes", "merged-files-empty", "bucket-changed"],
    },
    stage_itself(&["deletes"]),
];
