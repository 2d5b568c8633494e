//! Inline snapshots of what a person at a red pipeline sees.

/// Compares with an inline snapshot, save times, digests and ids that differ from run to run.
macro_rules! page {
    ($page:expr, @$snapshot:literal) => {
        insta::with_settings!({
            filters => [
                (r"sha256:[0-9a-f]{64}", "[digest]"),
                (r"sha256:[0-9a-f]{12}\b", "[digest]"),
                (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z| \+00:00:00)?", "[time]"),
                (r"\b(ASIA|AKIA)[A-Z0-9]{16}\b", "[key id]"),
                (r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b", "[id]"),
                (r"\b[0-9a-f]{32}\b", "[id]"),
                (r"process \d+", "process [number]"),
                (r"after \d+ s\b", "after [n] s"),
            ],
        }, { insta::assert_snapshot!($page, @$snapshot) });
    };
}

pub(crate) use page;
