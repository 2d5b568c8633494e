//! What may happen to every stage.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "environment-unknown",
        title: "the environment is none of `landfall.toml`",
        codes: &["LF-CONFIG-ENVIRONMENT"],
        words: &[],
        why: "Where `landfall.toml` has rows, an environment that is none of them is more likely a slip than a new one: nothing would be \
              known of its account, its region and its gates.",
        remedy: &[
            "Correct `CI_ENVIRONMENT_NAME` or `--environment`; the message names the rows there are.",
            "For a new environment add a table `[environment.<name>]`, then have the CI files written again by `landfall render`.",
        ],
    },
    Failure {
        id: "setting-missing",
        title: "a setting is missing",
        codes: &["LF-CONFIG-MISSING"],
        words: &[],
        why: "A stage takes each of its settings from a flag, a variable or `landfall.toml`, in that order, and found it in none of them. In \
              CI the usual cause is a variable that is set for protected branches or for another environment alone.",
        remedy: &[
            "Set it in one of the ways that the message names.",
            "In GitLab look at Settings, CI/CD, Variables: whether the variable is protected and the branch is not, and for which \
             environments it is.",
            "A variable that is set to nothing counts as not set.",
        ],
    },
    Failure {
        id: "settings-invalid",
        title: "a setting or a file of settings cannot be used",
        codes: &[
            "LF-CONFIG",
            "LF-FILE-INVALID",
            "LF-FILE-READ",
            "LF-FILE-SIZE",
            "LF-FILE-KIND",
            "LF-FILE-EMPTY",
            "LF-USAGE",
        ],
        words: &[],
        why: "`landfall.toml`, `.env`, a variable or a flag holds what is no value of its kind. Everything that is wrong is told at once, each \
              with its place.",
        remedy: &[
            "Correct what the message points at; `docs/formats/landfall.md` has every key with its shape.",
            "`landfall pipelines` reads `landfall.toml` and says whether it is right, without asking any service.",
        ],
    },
    Failure {
        id: "certificate-untrusted",
        title: "the certificate of a server is not trusted",
        codes: &["LF-TLS-UNTRUSTED", "LF-AWS-TLS", "LF-TLS-CA-FILE", "LF-TLS-NO-ROOTS", "LF-TLS-SETUP"],
        words: &[],
        why: "The server shows a certificate that no known authority signed. Behind a proxy that opens connections it is the proxy's; inside \
              a company it is the company's own authority, which the image of the job does not have.",
        remedy: &[
            "Give the authority's certificate as a PEM file by `--ca-file` or `SSL_CERT_FILE`.",
            "In an image without any authorities install them (`ca-certificates`).",
            "Look whether the address is the right one. Certificates cannot be left unchecked.",
        ],
    },
    Failure {
        id: "service-unreachable",
        title: "a service cannot be reached, or does not answer in time",
        codes: &[
            "LF-AWS-UNREACHABLE",
            "LF-AWS-UNANSWERED",
            "LF-AWS-SERVER",
            "LF-AWS-THROTTLED",
            "LF-AWS-PROXY",
            "LF-HTTP-CONNECT",
            "LF-HTTP-PROXY",
            "LF-HTTP-STALLED",
            "LF-HTTP-UNANSWERED",
            "LF-REG-STALLED",
            "LF-REG-CUT",
            "LF-DOCTOR-TIME",
            "LF-DEADLINE",
        ],
        words: &[],
        why: "No connection came about, or the service broke it off or is overloaded. It is a passing fault where the same job did well \
              before from the same runner; on a new runner it is the network: a firewall, a proxy, a name that is not known there.",
        remedy: &[
            "Run the job again: nothing is lost, and only what is left is done.",
            "Where it stays, look from the same runner whether the address of the message can be reached, and at `HTTPS_PROXY` and \
             `NO_PROXY`; the log names the proxies that are used.",
            "Look at the service's own status page.",
        ],
    },
    Failure {
        id: "stopped",
        title: "the job was stopped before it was done",
        codes: &["LF-STOPPED", "LF-LAMBDA-STOPPED"],
        words: &[],
        why: "Somebody cancelled the job, the CI system's time limit was over, or a newer pipeline took its place. The stage ended cleanly: \
              what was in flight was finished or taken back.",
        remedy: &[
            "Run it again: it does what is left.",
            "Where it was the time limit, raise the job's `timeout` in `landfall.toml`, or split the job by `parallel`.",
        ],
    },
    Failure {
        id: "defect",
        title: "Landfall came upon a defect of its own",
        codes: &["LF-DEFECT", "LF-RUNTIME"],
        words: &[],
        why: "Something happened that the program holds impossible.",
        remedy: &[
            "Report the message with the version (`landfall --version`) and the page of `landfall doctor --markdown`.",
            "Running again is safe and does only what is left.",
        ],
    },
];
