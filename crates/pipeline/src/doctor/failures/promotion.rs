//! Promotion between repositories of Artifactory.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "promotion-login-missing",
        title: "the login for the promotion is missing",
        codes: &["LF-CONFIG-MISSING"],
        words: &["password", "user", "token"],
        why: "Artifactory is asked with user and password, or with an access token, and the job has neither.",
        remedy: &[
            "Set `ARTIFACTORY_USER` and `ARTIFACTORY_PASS`, or `ARTIFACTORY_TOKEN`.",
            "Look whether the variables are protected and the branch is not.",
        ],
    },
    Failure {
        id: "promotion-keys-wrong",
        title: "a repository key cannot be promoted from or to",
        codes: &["LF-ART-KEY", "LF-ART-SAME", "LF-ART-PROMOTE", "LF-ART-VERSION"],
        words: &[],
        why: "The key does not exist, is a virtual or remote repository, is no Docker repository, or source and target are the same. Images go from \
              build to release candidates to releases.",
        remedy: &[
            "Look at `ARTIFACTORY_BUILD_BUCKET`, `ARTIFACTORY_RC_BUCKET` and `ARTIFACTORY_RELEASE_BUCKET`: three local Docker repositories; \
             for a virtual one name the local one that the message names.",
            "Look whether the account may deploy to the target.",
        ],
    },
    Failure {
        id: "promotion-source-missing",
        title: "an image to promote is not at the source",
        codes: &["LF-ART-SOURCE", "LF-REG-IMAGE-MISSING"],
        words: &[],
        why: "The step before it did not promote this version: to releases comes what was a release candidate, to those what was built.",
        remedy: &[
            "Run the promotion before it: `promote-artifacts --preset to-rc` before `to-release`.",
            "Look whether clean-up removed the tag, and at `IMAGE_NAMESPACE`.",
        ],
    },
    Failure {
        id: "promotion-differs",
        title: "the image is not the one that was deployed, or the tag is taken",
        codes: &["LF-ART-CONTENT", "LF-PROMOTE-TAG", "LF-PROMOTE-NAME", "LF-PROMOTE-PARTIAL"],
        words: &[],
        why: "The tag at the source was built again after the lock was made, or the target has the tag with other content.",
        remedy: &[
            "Do not promote: what is promoted must be what ran.",
            "Release a new version; `--overwrite` replaces a tag at the target where that is surely right.",
        ],
    },
];
