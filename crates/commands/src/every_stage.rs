//! The options that every stage has.

use landfall_cli::Opt;

/// The options that every stage has.
pub(crate) const OPTIONS: [Opt; 14] = [
    Opt::value(
        "environment",
        "NAME",
        "the environment that is acted on, a row of landfall.toml where there are rows",
    )
    .env(&["CI_ENVIRONMENT_NAME"]),
    Opt::value("release", "ID", "the release; derived from the versions where it is not given")
        .env(&["LANDFALL_RELEASE"]),
    Opt::value("config", "FILE", "the settings of the repo; read where it exists")
        .env(&["LANDFALL_CONFIG"])
        .default("landfall.toml"),
    Opt::value("ledger", "FOLDER", "where intents, outcomes and deployments are recorded")
        .env(&["LANDFALL_LEDGER"])
        .key("ledger.store")
        .default(".landfall/ledger"),
    Opt::switch("dry-run", "show the plan; contact services for reading only and change nothing"),
    Opt::value(
        "foretell",
        "DIR",
        "with --dry-run: write the files that a real run would write to this folder, marked as foretold",
    ),
    Opt::value("report", "FILE", "write what was done, item by item, as JSON"),
    Opt::value("output", "human|json", "what standard output shows: the short result, or the report")
        .default("human"),
    Opt::value("log-format", "text|json", "how log lines on standard error are written")
        .env(&["LANDFALL_LOG_FORMAT"])
        .default("text"),
    Opt::value("deadline", "DURATION", "end cleanly when this much time has passed, such as 30m")
        .env(&["LANDFALL_DEADLINE"]),
    Opt::value("rate-share", "N/M", "the part of every rate limit that this job may use")
        .env(&["LANDFALL_RATE_SHARE"]),
    Opt::value("ca-file", "FILE", "a PEM file of certificates to trust besides the system's")
        .env(&["SSL_CERT_FILE"]),
    Opt::value(
        "plain-http",
        "HOSTS",
        "hosts that may be spoken to without TLS, comma-separated; loopback always may",
    )
    .env(&["LANDFALL_PLAIN_HTTP"]),
    Opt::switch("quiet", "show no progress"),
];
