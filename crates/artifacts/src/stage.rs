//! What each stage is and which files it reads and writes: the one table that documentation is made from.

/// A file that a stage reads or writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileUse {
    /// Name or pattern of the file.
    pub file: &'static str,
    /// Whether the stage can do without it.
    pub optional: bool,
}

/// A stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, which is also its binary's.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// The files it reads.
    pub reads: &'static [FileUse],
    /// The files it writes, besides the report that every stage writes where `--report` asks for one.
    pub writes: &'static [FileUse],
}

/// A file that is always there.
const fn always(file: &'static str) -> FileUse {
    FileUse { file, optional: false }
}

/// A file that may be there.
const fn maybe(file: &'static str) -> FileUse {
    FileUse { file, optional: true }
}

const SETTINGS: FileUse = maybe("landfall.toml");
const PROJECT: FileUse = always("functions/<folder>/project.json");
const PACKAGE: FileUse = maybe("functions/<folder>/package.json");
const CHANGELOG: FileUse = maybe("functions/<folder>/CHANGELOG.md");
const VERSIONS: FileUse = always("versions.json");
const NX_GRAPH: &str = "graph.json";
const DEPLOYMENT: &str = "functions/<folder>/.deployment";
const AWS_AUTH: FileUse = maybe("aws_auth.env");
const DOT_ENV: FileUse = maybe(".env");
const DOCKER_CONFIG: &str = "docker-config.json";
const MAPPINGS: FileUse = always("lambda-ecr-mappings.json");
const LOCK: &str = "image-lock.json";
const COPY_PLAN: FileUse = maybe("copy-plan.json");
const TICKETS: FileUse = maybe("jira-tickets.json");
const LEDGER: FileUse = maybe("<ledger>/<sequence>.json");
const DEPLOY_REPORT: &str = "deploy-report.json";
const ROLLBACK_REPORT: &str = "rollback-report.json";
const RELEASE_MANIFEST: &str = "<release>/manifest.json";
const CONFIGS: &str = "configs/<path>";
const MERGED: &str = "merged-files/<path>";
const SYNC_RECORD: &str = "s3-sync-record.json";
const ARCHIVE: FileUse = always("<release>/<service>.zip");

/// The stages, in the order in which a staging pipeline runs them.
pub const STAGES: &[Stage] = &[
    Stage {
        name: "semantic-versioning",
        summary: "gives every project that changed its next version: commit, tags, push",
        reads: &[SETTINGS, PROJECT, PACKAGE, CHANGELOG],
        writes: &[VERSIONS, maybe(PROJECT.file), PACKAGE, CHANGELOG, LEDGER],
    },
    Stage {
        name: "sync-project-versions",
        summary: "gives project.json the version of package.json: commit and push",
        reads: &[SETTINGS, PROJECT, PACKAGE],
        writes: &[maybe(PROJECT.file), LEDGER],
    },
    Stage {
        name: "generate-versions",
        summary: "collects name, version and folder of every project",
        reads: &[SETTINGS, PROJECT],
        writes: &[VERSIONS],
    },
    Stage {
        name: "build-docker-images",
        summary: "builds the image of every project, and pushes it",
        reads: &[SETTINGS, VERSIONS, maybe(DOCKER_CONFIG), AWS_AUTH, DOT_ENV, LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "changed-images",
        summary: "lists the images that changed since the branch left main, and why",
        reads: &[SETTINGS, maybe(NX_GRAPH)],
        writes: &[always("changed-images.json")],
    },
    Stage {
        name: "build-images-dev",
        summary: "builds the images that changed since main, for development",
        reads: &[SETTINGS, maybe(NX_GRAPH), maybe(DEPLOYMENT), maybe(DOCKER_CONFIG), AWS_AUTH, DOT_ENV],
        writes: &[MAPPINGS, always(LOCK), LEDGER],
    },
    Stage {
        name: "build-images-prod",
        summary: "builds every image of a release",
        reads: &[
            SETTINGS,
            maybe(NX_GRAPH),
            maybe(DEPLOYMENT),
            maybe(DOCKER_CONFIG),
            AWS_AUTH,
            DOT_ENV,
            LEDGER,
        ],
        writes: &[MAPPINGS, always(LOCK), LEDGER],
    },
    Stage {
        name: "aws-credentials",
        summary: "logs in at Vault or AWS and fetches temporary AWS credentials, or runs a command with them",
        reads: &[SETTINGS, DOT_ENV],
        writes: &[maybe("aws_auth.env"), LEDGER],
    },
    Stage {
        name: "prepare-docker-config",
        summary: "puts the logins of ECR and of the artifact registry in one file",
        reads: &[SETTINGS, AWS_AUTH, DOT_ENV],
        writes: &[always(DOCKER_CONFIG)],
    },
    Stage {
        name: "retag-push-ecr",
        summary: "copies every project's image to ECR under the function's tag, by digest",
        reads: &[
            SETTINGS,
            VERSIONS,
            always(DEPLOYMENT),
            maybe(DOCKER_CONFIG),
            COPY_PLAN,
            AWS_AUTH,
            DOT_ENV,
            LEDGER,
        ],
        writes: &[MAPPINGS, always(LOCK), COPY_PLAN, LEDGER],
    },
    Stage {
        name: "generate-mappings",
        summary: "computes the deployment plan without moving an image",
        reads: &[
            SETTINGS,
            maybe("versions.json"),
            always(DEPLOYMENT),
            maybe(LOCK),
            AWS_AUTH,
            DOT_ENV,
            LEDGER,
        ],
        writes: &[MAPPINGS, maybe("versions.json"), maybe(LOCK)],
    },
    Stage {
        name: "deploy-lambda",
        summary: "makes every function run its image and proves it",
        reads: &[
            SETTINGS,
            MAPPINGS,
            maybe(LOCK),
            maybe("versions.json"),
            maybe(DEPLOYMENT),
            maybe(DEPLOY_REPORT),
            maybe(RELEASE_MANIFEST),
            AWS_AUTH,
            DOT_ENV,
            LEDGER,
        ],
        writes: &[always(DEPLOY_REPORT), LEDGER],
    },
    Stage {
        name: "rollback-lambda",
        summary: "puts every function back to what ran before a deployment, and proves it",
        reads: &[
            SETTINGS,
            maybe(DEPLOY_REPORT),
            maybe(ROLLBACK_REPORT),
            maybe(RELEASE_MANIFEST),
            AWS_AUTH,
            DOT_ENV,
            LEDGER,
        ],
        writes: &[always(ROLLBACK_REPORT), LEDGER],
    },
    Stage {
        name: "update-version-dashboard",
        summary: "records the deployment and refreshes the page that shows what runs where",
        reads: &[SETTINGS, VERSIONS, maybe(DEPLOY_REPORT), maybe(LOCK), TICKETS, LEDGER],
        writes: &[always("dashboard/index.html"), always("dashboard/pages/<page>"), LEDGER],
    },
    Stage {
        name: "create-jira-tickets",
        summary: "makes the release's ticket, or finds it again",
        reads: &[SETTINGS, VERSIONS, maybe(DEPLOYMENT), maybe(LOCK), TICKETS, LEDGER],
        writes: &[TICKETS, LEDGER],
    },
    Stage {
        name: "transition-jira-tickets",
        summary: "moves the ticket to the status of this step",
        reads: &[SETTINGS, VERSIONS, TICKETS, LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "comment-jira-tickets",
        summary: "says on the ticket what was deployed where",
        reads: &[SETTINGS, VERSIONS, maybe(DEPLOYMENT), maybe(LOCK), TICKETS, LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "update-jira-instructions",
        summary: "puts deploy, verify and rollback steps on the ticket",
        reads: &[SETTINGS, maybe("versions.json"), TICKETS, LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "promote-artifacts",
        summary: "makes the release's images available in the next repository, by digest",
        reads: &[SETTINGS, VERSIONS, maybe(LOCK), maybe(DOCKER_CONFIG), AWS_AUTH, DOT_ENV, LEDGER],
        writes: &[always("promotion-log-<type>.json"), LEDGER],
    },
    Stage {
        name: "package-artifacts",
        summary: "makes an archive of every service, the same bytes from the same files",
        reads: &[SETTINGS, maybe("functions/<folder>/dist")],
        writes: &[ARCHIVE, always(RELEASE_MANIFEST)],
    },
    Stage {
        name: "publish-artifacts",
        summary: "puts the archives of a release into its store, once and for all",
        reads: &[SETTINGS, ARCHIVE, always(RELEASE_MANIFEST), AWS_AUTH, DOT_ENV, LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "merge-configs",
        summary: "merges configuration files and their overlays to a folder for one environment",
        reads: &[SETTINGS, always(CONFIGS)],
        writes: &[always(MERGED)],
    },
    Stage {
        name: "s3-sync",
        summary: "makes a prefix of a bucket hold what a folder of configuration holds, and goes back again",
        reads: &[SETTINGS, maybe(MERGED), maybe(SYNC_RECORD), AWS_AUTH, DOT_ENV, LEDGER],
        writes: &[maybe(SYNC_RECORD), LEDGER],
    },
    Stage {
        name: "list-buckets",
        summary: "says whose the AWS credentials are, and which buckets that account has",
        reads: &[SETTINGS, AWS_AUTH, DOT_ENV],
        writes: &[],
    },
    Stage {
        name: "smoke-test",
        summary: "checks whether a deployment works, and records how that ended",
        reads: &[SETTINGS, AWS_AUTH, DOT_ENV],
        writes: &[LEDGER],
    },
    Stage {
        name: "gate",
        summary: "says what a release lacks for an environment, and records what people decide",
        reads: &[SETTINGS, maybe("versions.json"), maybe(LOCK), LEDGER],
        writes: &[LEDGER],
    },
    Stage {
        name: "cleanup-images",
        summary: "deletes images that nothing runs and nothing goes back to",
        reads: &[SETTINGS, maybe(LOCK), LEDGER, AWS_AUTH, DOT_ENV],
        writes: &[LEDGER],
    },
];

/// The stage of a name.
pub fn stage(name: &str) -> Option<&'static Stage> {
    STAGES.iter().find(|stage| stage.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{CONFIGS, DEPLOYMENT, NX_GRAPH, PROJECT, STAGES, stage};

    #[test]
    fn stages_have_one_name_and_one_line() {
        let names: BTreeSet<&str> = STAGES.iter().map(|stage| stage.name).collect();
        assert_eq!(names.len(), STAGES.len());
        assert_eq!(STAGES.len(), 27);
        assert!(stage("deploy-lambda").is_some() && stage("deploy").is_none());
        for stage in STAGES {
            assert!(!stage.summary.ends_with('.') && stage.summary.len() < 100, "{}", stage.name);
        }
    }

    /// What no stage writes is made by people or by other tools.
    #[test]
    fn every_file_a_stage_needs_has_a_writer() {
        let written: BTreeSet<&str> =
            STAGES.iter().flat_map(|stage| stage.writes).map(|file| file.file).collect();
        let made_by_hand =
            ["landfall.toml", ".env", PROJECT.file, DEPLOYMENT, NX_GRAPH, CONFIGS, "functions/<folder>/dist"];
        for file in STAGES.iter().flat_map(|stage| stage.reads) {
            assert!(written.contains(file.file) || made_by_hand.contains(&file.file), "{}", file.file);
        }
    }
}
