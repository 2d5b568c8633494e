//! A checkpoint of the ledger.

use schemars::JsonSchema;
use serde::Serialize;
use time::OffsetDateTime;

use crate::digest::Digest;
use crate::file::json_file;
use crate::file_error::Problems;
use crate::instant;
use crate::json::{At, record};

/// Number and digest of a record, kept in a second place as `checkpoint-<20-digit sequence>.json` or a line of a git note; at most
/// 4 KiB.
///
/// Whoever changes the ledger and not the second place is seen: by the chain alone nobody sees that its newest records were
/// removed, or that all of it was written anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct LedgerCheckpoint {
    /// The record, from 1.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// The ledger as it was called then. Tells people where to look; it is not compared, since a ledger may move.
    pub ledger: String,
    /// When it was kept.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub time: OffsetDateTime,
}

record!(LedgerCheckpoint {
    sequence: "sequence",
    digest: "digest",
    ledger: "ledger",
    time: "time",
} then check);
json_file!(LedgerCheckpoint, Own, 4 * 1024);

fn check(checkpoint: &LedgerCheckpoint, at: At<'_>, problems: &mut Problems<'_>) {
    if checkpoint.sequence == 0 {
        problems.at_field(at, "sequence", "a number from 1");
    }
}

impl LedgerCheckpoint {
    /// Name of the checkpoint's file: not that of a record, so that the two are never taken for each other.
    pub fn file_name(sequence: u64) -> String {
        format!("checkpoint-{sequence:020}.json")
    }

    /// The sequence that a file name stands for; `None` for every other file.
    pub fn sequence_of(file_name: &str) -> Option<u64> {
        let digits = file_name.strip_prefix("checkpoint-")?.strip_suffix(".json")?;
        let is_number = digits.len() == 20 && digits.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| digits.parse().ok()).flatten()
    }

    /// The same as [`LedgerCheckpoint::to_bytes`] in one line without a line break: what a git note has.
    pub fn to_line(&self) -> String {
        // Line breaks inside of texts are written as `\n`, so that each one here is between two keys.
        let text = String::from_utf8_lossy(&self.to_bytes()).into_owned();
        text.lines().map(str::trim_start).collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::LedgerCheckpoint;
    use crate::Digest;

    fn checkpoint() -> LedgerCheckpoint {
        LedgerCheckpoint {
            sequence: 16,
            digest: Digest::of(b"record"),
            ledger: "s3://acme-ledger/app\nx".to_owned(),
            time: datetime!(2026-02-04 09:00:00 UTC),
        }
    }

    #[test]
    fn a_line_says_what_the_file_says() {
        let line = checkpoint().to_line();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(LedgerCheckpoint::parse(line.as_bytes(), "line").expect("valid"), checkpoint());
        insta::assert_snapshot!(line, @r#"{ "formatVersion": 1, "sequence": 16, "digest": "sha256:70ce871f8a3d3fb449bc3c3ace6547cef02dfc74ffe48d912532a724bfdbe5b9", "ledger": "s3://acme-ledger/app\nx", "time": "2026-02-04T09:00:00Z" }"#);
    }

    #[test]
    fn file_names_are_no_records() {
        let name = LedgerCheckpoint::file_name(16);
        assert_eq!(name, "checkpoint-00000000000000000016.json");
        assert_eq!(LedgerCheckpoint::sequence_of(&name), Some(16));
        for other in
            ["00000000000000000016.json", "checkpoint-16.json", "checkpoint-99999999999999999999.json", ""]
        {
            assert_eq!(LedgerCheckpoint::sequence_of(other), None, "{other}");
        }
        let none = LedgerCheckpoint { sequence: 0, ..checkpoint() };
        assert!(LedgerCheckpoint::parse(&none.to_bytes(), "none").is_err());
    }
}
