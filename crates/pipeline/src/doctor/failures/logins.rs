//! Logins at registries.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "docker-auth-missing",
        title: "the logins at registries are missing",
        codes: &["LF-CONFIG-MISSING"],
        words: &["docker-auth-config"],
        why: "`DOCKER_AUTH_CONFIG` holds the login at the artifact registry. It is not set for this branch or environment.",
        remedy: &[
            "Set `DOCKER_AUTH_CONFIG` to the text of a Docker `config.json`, or to the path of such a file.",
            "Where ECR's login is all that is needed, give `--ecr-only`.",
        ],
    },
    Failure {
        id: "docker-auth-invalid",
        title: "the logins at registries cannot be read",
        codes: &[
            "LF-FILE-INVALID",
            "LF-FILE-MISSING",
            "LF-FILE-EMPTY",
            "LF-FILE-READ",
            "LF-FILE-KIND",
            "LF-REG-HELPER",
        ],
        words: &["DOCKER_AUTH_CONFIG", "docker-config", "config.json", "auth.json", "docker-credential"],
        why: "The text is no JSON of Docker's shape, or an `auth` in it is no base64 of `user:password`. Variables that were edited by hand often \
              lost a quote or a line break.",
        remedy: &[
            "Make the entry anew: `printf '%s' 'user:password' | base64 -w0`, and put it under `auths.<host>.auth`.",
            "`landfall stage prepare-docker-config --explain` shows for every host where its login comes from.",
        ],
    },
    Failure {
        id: "region-differs",
        title: "the registry is in another region than the settings say",
        codes: &["LF-ECR-REGION"],
        words: &[],
        why: "The name of an ECR registry holds its region. With another region in `AWS_REGION` the token would be one of another registry.",
        remedy: &[
            "Correct `AWS_REGION` or `ECR_REGISTRY_URI`, or `aws_region` and `ecr` of the environment's row in `landfall.toml`.",
        ],
    },
    Failure {
        id: "registry-login-missing",
        title: "there is no login for the registry",
        codes: &["LF-REG-NO-LOGIN"],
        words: &[],
        why: "None of the places where logins are looked for has one for this very host. A login for `host` is none for `host:443`, nor for \
              another name of the same server.",
        remedy: &[
            "Add the host to `DOCKER_AUTH_CONFIG`, written as in `BUILD_ARTIFACTORY_URL`.",
            "`landfall stage prepare-docker-config --explain` shows which hosts have a login, and from where.",
        ],
    },
    Failure {
        id: "registry-login-refused",
        title: "the registry does not accept the login",
        codes: &["LF-REG-AUTH", "LF-REG-EXPIRED", "LF-REG-TOKEN", "LF-REG-LOGIN-KIND", "LF-REG-CHALLENGE"],
        words: &[],
        why: "The password or token is over, was changed, or is another account's. ECR's tokens end after twelve hours.",
        remedy: &[
            "Renew the password or token of the account that the message names, where `prepare-docker-config --explain` says that it comes from.",
            "For ECR run `prepare-docker-config` again.",
        ],
    },
    Failure {
        id: "registry-denied",
        title: "the account may not do this at the registry",
        codes: &["LF-REG-DENIED", "LF-ECR-AUTH"],
        words: &[],
        why: "The login is good, and the account lacks a permission on the repository. At ECR the role lacks an action, or the repository's own \
              policy denies it.",
        remedy: &[
            "Give the account read access to the source and, where images are pushed, write access to the target.",
            "At ECR grant the role what `docs/access.md` names for the stage.",
        ],
    },
    Failure {
        id: "ecr-token-denied",
        title: "ECR gives no token",
        codes: &["LF-ECR-AUTH", "LF-ECR-TOKEN", "LF-AWS-DENIED"],
        words: &["GetAuthorizationToken", "authorization token", "token"],
        why: "The role lacks `ecr:GetAuthorizationToken`, which is granted for all resources and not for a repository.",
        remedy: &[
            "Grant `ecr:GetAuthorizationToken` on `*` to the role.",
            "Look whether the keys are those of the environment's account.",
        ],
    },
    Failure {
        id: "registry-unreachable",
        title: "the registry cannot be reached, or answers oddly",
        codes: &[
            "LF-REG-ANSWER",
            "LF-REG-UNKNOWN-HOST",
            "LF-REG-REDIRECTS",
            "LF-HTTP-FOREIGN",
            "LF-HTTP-FOREIGN-CREDENTIAL",
        ],
        words: &[],
        why: "The address is not that of a registry's API, or it sends to a host that may not see the login.",
        remedy: &[
            "Look at `BUILD_ARTIFACTORY_URL`: host and repository key, without `/artifactory` and without the image's folder.",
            "Where the token server is another host, name the pair under `[registries.auth_hosts]` in `landfall.toml`.",
        ],
    },
];
