//! The way to AWS keys: Vault, STS, and whose they are.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "login-setting-missing",
        title: "role id, secret id or another setting of the login is missing",
        codes: &["LF-CONFIG-MISSING", "LF-VAULT-MISSING"],
        words: &[
            "role-id",
            "secret-id",
            "role id",
            "secret id",
            "vault",
            "id-token",
            "aws-path",
            "role-arn",
            "account nor role",
        ],
        why: "The job has not been told how to log in. The variables are often protected, masked for other branches, or set for another \
              environment.",
        remedy: &[
            "Set `VAULT_ROLE_ID` and `VAULT_SECRET_ID` (or `VAULT_WRAPPED_SECRET_ID`) for this environment; for `--login jwt` name \
             `VAULT_ID_TOKEN` under `id_tokens` of the job.",
            "Set `HCV_URL` (or `VAULT_ADDR`) and `VAULT_AWS_PATH`, such as `aws/sts/deployer`.",
            "Look whether the branch is protected where the variables are.",
        ],
    },
    Failure {
        id: "login-setting-invalid",
        title: "a setting of the login is not of its form",
        codes: &[
            "LF-VAULT-AWS-PATH",
            "LF-VAULT-NAMESPACE",
            "LF-VAULT-TTL",
            "LF-VAULT-TOKEN",
            "LF-VAULT-ROLE-ARN",
            "LF-VAULT-MOUNT",
        ],
        words: &["is not", "cannot live"],
        why: "The path of the AWS role, the mount, the namespace, the role's ARN or the time to live is not what Vault or AWS takes.",
        remedy: &[
            "Give the path as `<mount>/sts/<role>`, such as `aws/sts/deployer`; the mount alone, such as `approle`; the ARN as \
             `arn:aws:iam::<account>:role/<name>`; a time to live from 15 minutes to 12 hours.",
        ],
    },
    Failure {
        id: "vault-unreachable",
        title: "Vault cannot be reached",
        codes: &[
            "LF-VAULT-UNREACHABLE",
            "LF-VAULT-FAILED",
            "LF-VAULT-ANSWER",
            "LF-VAULT-REFUSED",
            "LF-HTTP-CONNECT",
            "LF-HTTP-ADDRESS",
            "LF-HTTP-PLAIN",
        ],
        words: &[],
        why: "No connection to the address came about, or somebody else than Vault answers there, such as a proxy's page.",
        remedy: &[
            "Look at `HCV_URL` or `VAULT_ADDR`: the address with `https://` and the port, without `/v1`.",
            "Look from the same runner whether `<address>/v1/sys/health` answers; Vault is often reachable from some runners alone.",
            "Look at `HTTPS_PROXY` and `NO_PROXY`.",
        ],
    },
    Failure {
        id: "vault-redirects",
        title: "Vault sends to another address",
        codes: &["LF-VAULT-REDIRECT"],
        words: &[],
        why: "A standby that does not forward sends to the active node. Secrets go to the configured address alone, so that nothing was sent \
              there.",
        remedy: &[
            "Make the address of the cluster, or of the active node, the configured one.",
            "Or let the standby forward requests.",
        ],
    },
    Failure {
        id: "vault-sealed",
        title: "Vault is sealed or in maintenance",
        codes: &["LF-VAULT-SEALED"],
        words: &[],
        why: "After a restart Vault knows nothing until its keepers unseal it.",
        remedy: &["Have Vault unsealed by its keepers, then run the job again; no secret id was used up."],
    },
    Failure {
        id: "vault-not-initialised",
        title: "Vault was never initialised",
        codes: &["LF-VAULT-NOT-INITIALISED"],
        words: &[],
        why: "The server at the address is new. More likely it is not the Vault that is meant.",
        remedy: &["Look whether the address is that of the right Vault."],
    },
    Failure {
        id: "wrapped-secret-id-gone",
        title: "the wrapped secret id is gone",
        codes: &["LF-VAULT-WRAPPED", "LF-VAULT-WRAPPED-UNKNOWN"],
        words: &[],
        why: "A wrapping can be opened once, and ends by time. An earlier try of the job may have opened it; else somebody who should not have it \
              did.",
        remedy: &[
            "Where no earlier try of this job logged in and the time was not over, take it for theft: destroy the role's secret ids, and find \
             out who can read the variable.",
            "Wrap a new one: `vault write -wrap-ttl=10m -f auth/approle/role/<role>/secret-id`.",
        ],
    },
    Failure {
        id: "vault-login-refused",
        title: "Vault refuses role id and secret id",
        codes: &["LF-VAULT-LOGIN", "LF-VAULT-LOGIN-UNKNOWN"],
        words: &[],
        why: "The secret id is over by time or number of uses, it is another role's, or the login goes to another mount or namespace than the \
              role's.",
        remedy: &[
            "Make a new secret id: `vault write -f auth/approle/role/<role>/secret-id`, and set it as `VAULT_SECRET_ID`.",
            "Compare `VAULT_ROLE_ID` with `vault read auth/approle/role/<role>/role-id`.",
            "Look at `HCV_LOGIN_PATH` and `VAULT_NAMESPACE`.",
        ],
    },
    Failure {
        id: "id-token-refused",
        title: "the id token of the CI is not accepted",
        codes: &["LF-VAULT-ID-TOKEN", "LF-GITHUB-ID-TOKEN", "LF-AWS-WEB-IDENTITY", "LF-GATE-ID-TOKEN"],
        words: &[],
        why: "What the token says of issuer, audience, project, branch or environment is not what the role at Vault or AWS asks for; or the job \
              has no token.",
        remedy: &[
            "Hold what the message says of the token against the role's `bound_issuer`, `bound_audiences`, `bound_subject` and \
             `bound_claims`, or at AWS against the conditions of its trust policy.",
            "In GitLab name the token under `id_tokens` with the audience that the role asks for; on GitHub give the job \
             `permissions: id-token: write`.",
        ],
    },
    Failure {
        id: "vault-mount-missing",
        title: "Vault has nothing at the path",
        codes: &["LF-VAULT-MOUNT"],
        words: &[],
        why: "No auth method or no secrets engine is mounted where the settings say, or it is in another namespace. Vault also answers so where \
              a policy hides the path.",
        remedy: &[
            "Look at `HCV_LOGIN_PATH` for the login and at the first part of `VAULT_AWS_PATH` for the keys.",
            "Look at `VAULT_NAMESPACE`.",
        ],
    },
    Failure {
        id: "vault-policy-denies",
        title: "Vault's policy does not allow the AWS path",
        codes: &["LF-VAULT-DENIED"],
        words: &[],
        why: "The login went well, and the role's policies do not name the path that gives AWS keys.",
        remedy: &[
            "Add to a policy of the role: `path \"aws/sts/deployer\" { capabilities = [\"update\"] }`, with the path of `VAULT_AWS_PATH`.",
            "`vault token capabilities <path>` with a token of the role shows what it may do.",
        ],
    },
    Failure {
        id: "vault-role-missing",
        title: "Vault has no AWS role of that name",
        codes: &["LF-VAULT-NO-ROLE"],
        words: &[],
        why: "The name at the end of `VAULT_AWS_PATH` is none of the roles of the AWS secrets engine.",
        remedy: &["Compare it with `vault list aws/roles`, and look at the namespace."],
    },
    Failure {
        id: "role-arn-refused",
        title: "Vault's role does not take the role ARN",
        codes: &["LF-VAULT-ROLE-ARN"],
        words: &[],
        why: "Vault's role names the AWS roles that may be asked for, and `AWS_ROLE_ARN` is none of them; or it names several and none was asked \
              for.",
        remedy: &[
            "Set `AWS_ROLE_ARN` to one of the `role_arns` that `vault read aws/roles/<role>` shows.",
            "Or have the ARN added there.",
        ],
    },
    Failure {
        id: "trust-policy-refuses",
        title: "AWS does not let Vault assume the role",
        codes: &["LF-VAULT-AWS"],
        words: &[],
        why: "The role is not there, its trust policy does not name the identity that Vault runs as, or the time to live is longer than the role \
              allows.",
        remedy: &[
            "Look whether the role exists in the account, and whether its trust policy allows `sts:AssumeRole` to Vault's identity.",
            "Where the message speaks of `DurationSeconds` or of role chaining, ask for an hour or less by `--ttl`.",
        ],
    },
    Failure {
        id: "credentials-too-short",
        title: "the keys end too soon, or never",
        codes: &["LF-VAULT-TOO-SHORT", "LF-VAULT-USER-KEYS", "LF-CREDENTIALS-VALUE"],
        words: &[],
        why: "Vault cuts the time to live to its own limits without a word; and a role of type `iam_user` gives keys without an end, which have \
              no place in a pipeline.",
        remedy: &[
            "Raise `max_sts_ttl` of Vault's role and `MaxSessionDuration` of the AWS role, or lower `--min-ttl`.",
            "Let `VAULT_AWS_PATH` name a role of type `assumed_role`.",
            "For long stages let the job log in itself: `--credentials vault` renews its keys.",
        ],
    },
    Failure {
        id: "account-differs",
        title: "the keys belong to another AWS account",
        codes: &["LF-AWS-ACCOUNT"],
        words: &[],
        why: "The keys work, and are of another account than the environment's. The role of another environment was named, or its trust policy is \
              that of another account.",
        remedy: &[
            "Look at `AWS_ROLE_ARN`, `VAULT_AWS_PATH` and `account` of the environment's row in `landfall.toml`.",
            "Look at the role's trust policy.",
            "Keys of another run may lie about: remove `aws_auth.env` and the `AWS_*` variables, then run `aws-credentials` again.",
        ],
    },
    Failure {
        id: "role-differs",
        title: "the keys belong to another role",
        codes: &["LF-AWS-ROLE"],
        words: &[],
        why: "Vault's role gives the keys of another AWS role than `AWS_ROLE_ARN`.",
        remedy: &["Correct `AWS_ROLE_ARN`, or the `role_arns` of Vault's role."],
    },
    Failure {
        id: "aws-keys-missing",
        title: "there are no AWS credentials",
        codes: &[
            "LF-AWS-KEYS",
            "LF-FILE-MISSING",
            "LF-FILE-INVALID",
            "LF-FILE-EMPTY",
            "LF-AWS-PROFILE",
            "LF-AWS-PROFILE-FILE",
            "LF-AWS-PROCESS",
        ],
        words: &["credentials", "AWS_ACCESS_KEY_ID", "aws_auth", "profile", "keys"],
        why: "The job got no `aws_auth.env` from the job that logs in, or it came as an artifact that is over: it is kept for an hour. Keys in \
              variables come before the file, and only half of them may be set.",
        remedy: &[
            "Run the job `aws-credentials` of this environment again, then this one.",
            "Look whether this job needs that one (`needs` with `artifacts: true`).",
            "On a machine of one's own set `AWS_PROFILE`.",
        ],
    },
    Failure {
        id: "aws-keys-expired",
        title: "the AWS credentials are over",
        codes: &["LF-AWS-EXPIRED"],
        words: &[],
        why: "Keys of a login live an hour unless told otherwise. A job that waited, or that is run again later, has old ones.",
        remedy: &[
            "Run `aws-credentials` again, then this stage.",
            "For stages that take longer set `credentials = \"per-job\"`: each job logs in itself and renews its keys.",
        ],
    },
    Failure {
        id: "aws-keys-refused",
        title: "AWS does not accept the keys",
        codes: &["LF-AWS-KEYS-REFUSED"],
        words: &[],
        why: "The keys are none that AWS knows, or the signature is not right: keys of different sets were mixed, or a session token is missing.",
        remedy: &[
            "Remove `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` and `AWS_SESSION_TOKEN` of other origin: variables come before \
             `aws_auth.env`.",
            "Run `aws-credentials` again.",
            "Look at the clock of the runner: AWS refuses signatures that are minutes off.",
        ],
    },
];
