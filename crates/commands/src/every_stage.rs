//! The options that every stage has.

use landfall_cli::Opt;

use crate::{Shared, ledger_store};

const CONFIG: Opt = Opt::value("config", "FILE", "the settings of the repo; read where it exists")
    .env(&["LANDFALL_CONFIG"])
    .default("landfall.toml");

const LOG_FORMAT: Opt = Opt::value("log-format", "text|json", "how log lines on standard error are written")
    .env(&["LANDFALL_LOG_FORMAT"])
    .default("text");

const REPORT: Opt = Opt::value("report", "FILE", "write what was done, item by item, as JSON");

const CA_FILE: Opt =
    Opt::value("ca-file", "FILE", "a PEM file of certificates to trust besides the system's")
        .env(&["SSL_CERT_FILE"]);

const PLAIN_HTTP: Opt = Opt::value(
    "plain-http",
    "HOSTS",
    "hosts that may be spoken to without TLS, comma-separated; loopback always may",
)
.env(&["LANDFALL_PLAIN_HTTP"]);

/// The environment; for views that look at one too.
pub(crate) const ENVIRONMENT: Opt = Opt::value(
    "environment",
    "NAME",
    "the environment that is acted on, a row of landfall.toml where there are rows",
)
.env(&["CI_ENVIRONMENT_NAME"]);
/// Whether nothing is changed; for what writes files besides stages too, as the next.
pub(crate) const DRY_RUN: Opt =
    Opt::switch("dry-run", "show the plan; contact services for reading only and change nothing");
/// Where the files go that a real run would write.
pub(crate) const FORETELL: Opt = Opt::value(
    "foretell",
    "DIR",
    "with --dry-run: write the files that a real run would write to this folder, marked as foretold",
);
/// When it is to end; for what may take its time.
pub(crate) const DEADLINE: Opt =
    Opt::value("deadline", "DURATION", "end cleanly when this much time has passed, such as 30m")
        .env(&["LANDFALL_DEADLINE"]);
/// The share of rate limits; for what sends many requests.
pub(crate) const RATE_SHARE: Opt =
    Opt::value("rate-share", "N/M", "the part of every rate limit that this job may use")
        .env(&["LANDFALL_RATE_SHARE"]);
/// Whether no progress is shown; for what shows any.
pub(crate) const QUIET: Opt = Opt::switch("quiet", "show no progress");

/// The options that every stage has.
const OF_STAGES: [Opt; 16] = [
    ENVIRONMENT,
    Opt::value("release", "ID", "the release; derived from the versions where it is not given")
        .env(&["LANDFALL_RELEASE"]),
    CONFIG,
    ledger_store::OPTIONS[0],
    ledger_store::OPTIONS[1],
    ledger_store::OPTIONS[2],
    DRY_RUN,
    FORETELL,
    REPORT,
    Opt::value("output", "human|json", "what standard output shows: the short result, or the report")
        .default("human"),
    LOG_FORMAT,
    DEADLINE,
    RATE_SHARE,
    CA_FILE,
    PLAIN_HTTP,
    QUIET,
];

/// The options that every view of the ledger has.
const OF_VIEWS: [Opt; 9] = [
    CONFIG,
    ledger_store::OPTIONS[0],
    ledger_store::OPTIONS[1],
    ledger_store::OPTIONS[2],
    Opt::value("output", "human|json", "what standard output shows: tables, or the answer as JSON")
        .default("human"),
    REPORT,
    LOG_FORMAT,
    CA_FILE,
    PLAIN_HTTP,
];

/// The options that every command has that works on files of the repo alone.
const OF_FILES: [Opt; 4] = [
    CONFIG,
    Opt::value("output", "human|json", "what standard output shows: for people, or as JSON").default("human"),
    REPORT,
    LOG_FORMAT,
];

/// The options that a command has besides its own.
pub(crate) fn shared(shared: Shared) -> &'static [Opt] {
    match shared {
        Shared::Stage => &OF_STAGES,
        Shared::View | Shared::Look => &OF_VIEWS,
        Shared::Local => &OF_FILES,
    }
}
