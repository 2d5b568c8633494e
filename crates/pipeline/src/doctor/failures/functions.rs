//! Lambda functions and what they are to run.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "mapping-missing",
        title: "the deployment plan is missing",
        codes: &["LF-FILE-MISSING", "LF-FILE-EMPTY", "LF-LOCK-MISSING"],
        words: &["mapping", "image-lock", "lock"],
        why: "`lambda-ecr-mappings.json` and `image-lock.json` come from `retag-push-ecr` or `generate-mappings`, which did not run, failed, or \
              whose artifacts did not come.",
        remedy: &[
            "Run `retag-push-ecr` or `generate-mappings` of this environment again.",
            "Look whether this job needs that one, and whether its artifacts are still kept.",
        ],
    },
    Failure {
        id: "mapping-invalid",
        title: "the deployment plan does not fit",
        codes: &["LF-FILE-INVALID", "LF-LOCK-REGISTRY", "LF-LOCK-TAG", "LF-LOCK-VERSION", "LF-MAPPING-TAG"],
        words: &["mapping", "lock"],
        why: "Mapping and lock are of different runs or environments, or were edited by hand.",
        remedy: &[
            "Run `retag-push-ecr` or `generate-mappings` again, and take both files from the same run.",
            "`docs/formats/lambda-ecr-mappings.md` and `docs/formats/image-lock.md` have the shapes.",
        ],
    },
    Failure {
        id: "function-missing",
        title: "Lambda has no function of that name",
        codes: &["LF-LAMBDA-MISSING"],
        words: &[],
        why: "The name in `.deployment` is not the function's, the function is in another region or account, or it was not made yet.",
        remedy: &[
            "Compare the name with `aws lambda list-functions --region <region>`.",
            "Look at `AWS_REGION` and the account.",
            "Have a new function made by whoever keeps the infrastructure; a deployment changes functions and makes none.",
        ],
    },
    Failure {
        id: "image-not-in-ecr",
        title: "the tag to deploy is not in ECR",
        codes: &["LF-ECR-TAG-MISSING", "LF-ECR-IMAGE"],
        words: &[],
        why: "The image was not copied to this environment's repository, or a lifecycle rule removed it.",
        remedy: &[
            "Run `retag-push-ecr` or `copy-images` of this environment.",
            "Look at the repository's lifecycle policy: `docs/access.md` has one that keeps what is deployed.",
        ],
    },
    Failure {
        id: "image-differs-in-ecr",
        title: "the tag in ECR names other content than the plan",
        codes: &["LF-ECR-TAG-DIFFERS", "LF-LAMBDA-DIGEST"],
        words: &[],
        why: "The tag was moved after the plan was made, or the plan is of another run.",
        remedy: &[
            "Do not deploy: find out who moved the tag.",
            "Make the plan anew by `retag-push-ecr`, and make the repository's tags immutable.",
        ],
    },
    Failure {
        id: "architecture-differs",
        title: "function and image are of different architectures",
        codes: &["LF-LAMBDA-ARCHITECTURE"],
        words: &[],
        why: "A function runs on `x86_64` or on `arm64`, and its image must be for the same.",
        remedy: &[
            "Build the image for the function's architecture, or have the function set to the image's.",
        ],
    },
    Failure {
        id: "package-type-differs",
        title: "the function is of the other package type",
        codes: &["LF-LAMBDA-PACKAGE"],
        words: &[],
        why: "A function is made for images or for archives, and cannot change from one to the other.",
        remedy: &[
            "Have a new function made for what is to be deployed, or deploy what this one can run.",
            "Look whether `.deployment` names the right function.",
        ],
    },
    Failure {
        id: "lambda-denied",
        title: "the role may not do this at AWS",
        codes: &["LF-AWS-DENIED"],
        words: &[],
        why: "A policy of the role, of the resource or of the organisation does not allow the action that the message names.",
        remedy: &[
            "Grant the action on the resource to the role; `docs/access.md` lists what each stage needs.",
            "Look whether the keys are those of the right role: `landfall stage list-buckets` says whose they are.",
        ],
    },
    Failure {
        id: "lambda-region-differs",
        title: "the image is not in the functions' region or registry",
        codes: &["LF-LAMBDA-REGION", "LF-LAMBDA-REGISTRY"],
        words: &[],
        why: "Lambda takes images from ECR of its own region alone, and from a private repository.",
        remedy: &[
            "Copy the images to the region's ECR by `copy-images`, and look at `AWS_REGION` and `ECR_REGISTRY_URI`.",
        ],
    },
    Failure {
        id: "function-stuck",
        title: "a function is not ready for an update",
        codes: &[
            "LF-LAMBDA-STATE",
            "LF-LAMBDA-BUSY",
            "LF-LAMBDA-UNSETTLED",
            "LF-LAMBDA-UNOBSERVED",
            "LF-LAMBDA-UNCONFIRMED",
        ],
        words: &[],
        why: "An update is under way (`Pending`, `InProgress`), an earlier one failed, or the function is inactive. In a VPC an update takes \
              minutes; one that never ends waits for a network interface that the role may not make.",
        remedy: &[
            "Wait and run again: the stage goes on waiting for an update that is under way.",
            "Look at `State`, `StateReasonCode` and `LastUpdateStatusReason` by `aws lambda get-function-configuration`.",
            "Where a VPC is the reason, look at its subnets, security groups and the role's `ec2:CreateNetworkInterface`.",
        ],
    },
    Failure {
        id: "update-failed",
        title: "Lambda refused or failed an update",
        codes: &[
            "LF-LAMBDA-FAILED",
            "LF-LAMBDA-IMAGE",
            "LF-LAMBDA-NOT-TAKEN",
            "LF-LAMBDA-GONE",
            "LF-LAMBDA",
            "LF-LAMBDA-CHANGED",
        ],
        words: &[],
        why: "Lambda took the call and could not make the function run the image: it may not pull it, the image is gone, or AWS itself failed. Or \
              somebody else changed the function meanwhile.",
        remedy: &[
            "Read Lambda's reason code in the message; `InternalError` passes, run again.",
            "Where Lambda may not pull the image, let the repository's policy allow `lambda.amazonaws.com`.",
            "What was changed is in `deploy-report.json`; `rollback-lambda` puts it back.",
        ],
    },
    Failure {
        id: "smoke-test-failed",
        title: "a smoke test failed",
        codes: &["LF-SMOKE-FAILED", "LF-SMOKE-NONE", "LF-SMOKE-READ-ONLY"],
        words: &[],
        why: "A check of `landfall.toml` did not get the answer that it asks for, within its time and tries.",
        remedy: &[
            "Look at the answer in the report, and at the function's log.",
            "Where the release is at fault, `rollback-lambda` brings back what ran before; the next version replaces it.",
        ],
    },
];
