//! Versions, names and images, on their way to ECR.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "versions-missing",
        title: "`versions.json` is missing or empty",
        codes: &["LF-FILE-MISSING", "LF-FILE-EMPTY"],
        words: &["versions"],
        why: "The job that makes the versions did not run, failed, or its artifacts did not come: they are over, or this job does not need that \
              one.",
        remedy: &[
            "Run `semantic-versioning` or `generate-versions` again, or `generate-on-demand-mappings` where versions come as text.",
            "Look whether this job needs that one, and whether the artifacts are still kept.",
        ],
    },
    Failure {
        id: "versions-invalid",
        title: "`versions.json` is not of its shape",
        codes: &[
            "LF-FILE-INVALID",
            "LF-FILE-SIZE",
            "LF-FILE-KIND",
            "LF-TARGET-VERSIONS",
            "LF-VERSIONS-DIFFER",
        ],
        words: &["versions", "VERSIONS"],
        why: "It is no JSON object of projects with `version` and `folder`. A text that was typed into the web form often lost a quote or a comma.",
        remedy: &[
            "Copy the text of `versions.json` as the staging pipeline left it; the message points at the line and column.",
            "`docs/formats/versions.md` has the shape.",
        ],
    },
    Failure {
        id: "deployment-file-missing",
        title: "a project has no `.deployment` file",
        codes: &["LF-FILE-INVALID", "LF-FILE-MISSING"],
        words: &[".deployment: found no file"],
        why: "The file names the Lambda function that the project is. A new project has none yet, or its folder is not where `--functions` says.",
        remedy: &[
            "Add `functions/<folder>/.deployment` with the function's name alone.",
            "Where the project is no function, leave it out by `--skip-missing`.",
            "Or let `function_name` of the environment's row in `landfall.toml` say the names.",
        ],
    },
    Failure {
        id: "deployment-file-invalid",
        title: "a `.deployment` file does not name a function",
        codes: &["LF-FILE-INVALID", "LF-FILE-EMPTY", "LF-RETAG-NAME", "LF-LAMBDA-NAME"],
        words: &[".deployment", "function"],
        why: "The file is empty, names two projects' function, or holds what is no name of a Lambda function: 1 to 64 letters, digits, `-` and `_`.",
        remedy: &["Write the function's name alone into the file, without quotes."],
    },
    Failure {
        id: "image-not-built",
        title: "an image is not in the build repository",
        codes: &["LF-REG-IMAGE-MISSING", "LF-REG-BLOB-MISSING", "LF-REG-SOURCE-MOVED"],
        words: &[],
        why: "The build job did not push this version, pushed it elsewhere, or clean-up removed it.",
        remedy: &[
            "Run the build job, or `build-docker-images`, for the images that the message names.",
            "Look at `IMAGE_NAMESPACE` and `BUILD_ARTIFACTORY_URL`: the message has the whole path that was asked for.",
            "For an old version on demand: it may have been cleaned up; release it anew.",
        ],
    },
    Failure {
        id: "ecr-repository-missing",
        title: "the target repository does not exist",
        codes: &["LF-REG-REPOSITORY-MISSING", "LF-ECR-REPOSITORY", "LF-LEDGER-REGISTRY"],
        words: &[],
        why: "ECR does not make repositories by itself. The name is another one, or it is in another account or region.",
        remedy: &[
            "Compare `ECR_REGISTRY_URI` with `aws ecr describe-repositories`.",
            "Have the repository created by whoever keeps the infrastructure.",
        ],
    },
    Failure {
        id: "tag-taken",
        title: "a tag exists with other content",
        codes: &[
            "LF-REG-TAG-TAKEN",
            "LF-REG-TAG-DIFFERS",
            "LF-REG-TARGET-TWICE",
            "LF-REG-TARGET-NOT-TAG",
            "LF-RETAG-PLAN",
        ],
        words: &[],
        why: "The version was built twice with different content, or two projects name one function. A tag that exists is never moved by itself: \
              what was deployed would no longer be what its name says.",
        remedy: &[
            "Release a new version.",
            "Where the old content is surely of no use, move the tag by `--overwrite`; ECR must allow mutable tags for that.",
        ],
    },
    Failure {
        id: "image-unfit",
        title: "AWS Lambda cannot run an image",
        codes: &[
            "LF-REG-LAMBDA",
            "LF-RETAG-PLATFORMS",
            "LF-REG-MANIFEST",
            "LF-REG-IMAGE-CONFIG",
            "LF-BUILD-INDEX",
        ],
        words: &[],
        why: "It is made for another architecture, is an index without one for the functions' platform, or has layers of a kind that Lambda does \
              not take.",
        remedy: &[
            "Build it with `--platform linux/amd64` or `linux/arm64`, as the functions run, and with `--provenance=false`.",
            "Set `--platform` where the functions run on the other one.",
        ],
    },
    Failure {
        id: "image-damaged",
        title: "bytes of an image are not what they were said to be",
        codes: &[
            "LF-REG-DIGEST",
            "LF-REG-SIZE",
            "LF-REG-INCOMPLETE",
            "LF-REG-STORAGE",
            "LF-REG-NOT-WRITTEN",
            "LF-REG-UNCONFIRMED",
        ],
        words: &[],
        why: "The registry, or what stands before it, gave other bytes than the digest names, or did not keep what it was sent.",
        remedy: &[
            "Do not run it again blindly: ask whoever keeps the registry to check its storage.",
            "Build the image anew, as a new version.",
        ],
    },
];
