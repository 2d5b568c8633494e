//! `promotion-log-<type>.json`: what was promoted.

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use semver::Version;
use serde::ser::SerializeStruct as _;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;

use crate::file::json_file;
use crate::file_error::{FileError, Problems};
use crate::instant;
use crate::json::{At, FromJson, record};
use crate::name::ProjectName;
use crate::write::WrittenFile;

/// The promotions of one run and their sum. Default name `promotion-log-<type>.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromotionLog {
    /// In the order in which they ended.
    pub promotions: Vec<Promotion>,
    /// When the run ended; while it lasts, when the last entry was made.
    pub completed_at: OffsetDateTime,
}

/// One package's promotion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Promotion {
    /// The project.
    pub package: ProjectName,
    /// Its version.
    #[schemars(with = "crate::schema::SemVer")]
    pub version: Version,
    /// What the server answered.
    pub http_status: HttpStatus,
    /// When it ended.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    pub timestamp: OffsetDateTime,
    /// Whether the target has the package's digest now.
    pub success: bool,
    /// The server's answer to what failed: at most 4 KiB, secrets already removed by whoever made the entry.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response: Option<String>,
}

/// A status code as a text of three digits; `000` where nothing answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HttpStatus(pub u16);

record!(Promotion {
    package: "package",
    version: "version",
    http_status: "httpStatus",
    timestamp: "timestamp",
    success: "success",
    response: "response",
});
json_file!(PromotionLog, Contract, 8 * 1024 * 1024);

impl Promotion {
    /// The most bytes of an answer that are kept.
    pub const MAX_RESPONSE: usize = 4096;

    /// Keeps the beginning of the server's answer, cut at a character and made printable.
    pub fn with_response(mut self, answer: &str) -> Self {
        let escaped = landfall_secret::escape_lines(answer, 200, Self::MAX_RESPONSE);
        let mut end = escaped.len().min(Self::MAX_RESPONSE);
        while !escaped.is_char_boundary(end) {
            end -= 1;
        }
        self.response = escaped.get(..end).map(str::to_owned);
        self
    }
}

impl PromotionLog {
    /// Usual name of the file for a type of promotion such as `to-rc`.
    pub fn file_name(promotion_type: &str) -> String {
        format!("promotion-log-{promotion_type}.json")
    }

    /// How many succeeded.
    pub fn successful(&self) -> usize {
        self.promotions.iter().filter(|p| p.success).count()
    }

    /// How many failed.
    pub fn failed(&self) -> usize {
        self.promotions.len() - self.successful()
    }
}

/// The log of a run that is still going on: the file is whole and valid after each entry, also after a kill.
#[derive(Debug)]
pub struct PromotionLogWriter {
    path: PathBuf,
    log: PromotionLog,
}

impl PromotionLogWriter {
    /// Writes a log without entries.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn start(path: &Path, at: OffsetDateTime) -> Result<Self, FileError> {
        let writer =
            Self { path: path.to_owned(), log: PromotionLog { promotions: Vec::new(), completed_at: at } };
        writer.log.write(&writer.path)?;
        Ok(writer)
    }

    /// Adds an entry and writes the file.
    ///
    /// # Errors
    /// [`FileError::Write`]; the entry is then kept and written with the next one.
    pub fn append(&mut self, promotion: Promotion) -> Result<WrittenFile, FileError> {
        self.log.completed_at = promotion.timestamp;
        self.log.promotions.push(promotion);
        self.log.write(&self.path)
    }

    /// Writes the time of the end.
    ///
    /// # Errors
    /// [`FileError::Write`].
    pub fn finish(mut self, at: OffsetDateTime) -> Result<(PromotionLog, WrittenFile), FileError> {
        self.log.completed_at = at;
        let written = self.log.write(&self.path)?;
        Ok((self.log, written))
    }

    /// The log so far.
    pub fn log(&self) -> &PromotionLog {
        &self.log
    }
}

#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Summary {
    /// Number of promotions.
    total: u64,
    /// How many succeeded.
    successful: u64,
    /// How many failed.
    failed: u64,
    /// When the run ended.
    #[serde(with = "instant")]
    #[schemars(with = "crate::schema::Time")]
    completed_at: OffsetDateTime,
}

record!(Summary { total: "total", successful: "successful", failed: "failed", completed_at: "completedAt" });

impl Serialize for PromotionLog {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut log = serializer.serialize_struct("PromotionLog", 2)?;
        log.serialize_field("promotions", &self.promotions)?;
        log.serialize_field(
            "summary",
            &Summary {
                total: self.promotions.len() as u64,
                successful: self.successful() as u64,
                failed: self.failed() as u64,
                completed_at: self.completed_at,
            },
        )?;
        log.end()
    }
}

impl JsonSchema for PromotionLog {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PromotionLog".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "object",
            "description": "The promotions of one run and their sum.",
            "properties": {
                "promotions": generator.subschema_for::<Vec<Promotion>>(),
                "summary": generator.subschema_for::<Summary>(),
            },
            "required": ["promotions", "summary"],
        })
    }
}

impl FromJson for PromotionLog {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        at.members(problems)?;
        let promotions: Option<Vec<Promotion>> = at.field("promotions", problems);
        let summary: Option<Summary> = at.field("summary", problems);
        let (promotions, summary) = (promotions?, summary?);
        let log = Self { promotions, completed_at: summary.completed_at };
        let counted = [log.promotions.len(), log.successful(), log.failed()].map(|n| n as u64);
        if counted != [summary.total, summary.successful, summary.failed] {
            let [total, successful, failed] = counted;
            problems.at_field(
                at,
                "summary",
                format!("the sum of the promotions: total {total}, successful {successful}, failed {failed}"),
            );
            return None;
        }
        Some(log)
    }
}

impl Serialize for HttpStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:03}", self.0))
    }
}

impl FromJson for HttpStatus {
    fn from_json(at: At<'_>, problems: &mut Problems<'_>) -> Option<Self> {
        let expected = "an HTTP status as a text of three digits, `000` where nothing answered";
        let text = at.text(expected, problems)?;
        let digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let status = text.parse().ok().filter(|_| digits).map(Self);
        if status.is_none() {
            problems.wrong(at, expected);
        }
        status
    }
}

impl JsonSchema for HttpStatus {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "HttpStatus".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "An HTTP status of three digits; 000 where nothing answered.",
            "pattern": "^[0-9]{3}$",
        })
    }
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::{HttpStatus, Promotion, PromotionLog, PromotionLogWriter};

    fn entry(package: &str, status: u16) -> Promotion {
        Promotion {
            package: package.parse().expect("a name"),
            version: semver::Version::new(1, 4, 2),
            http_status: HttpStatus(status),
            timestamp: datetime!(2025-11-19 15:22:00 UTC),
            success: status == 200,
            response: None,
        }
    }

    #[test]
    fn the_file_is_valid_after_every_entry() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join(PromotionLog::file_name("to-rc"));
        let mut writer =
            PromotionLogWriter::start(&path, datetime!(2025-11-19 15:21:00 UTC)).expect("started");
        assert_eq!(PromotionLog::read(&path).expect("valid").promotions.len(), 0);
        writer.append(entry("orderService", 200)).expect("written");
        assert_eq!(PromotionLog::read(&path).expect("valid").successful(), 1);
        writer.append(entry("paymentGateway", 0).with_response("no\u{1b}[2J answer")).expect("written");
        assert_eq!(PromotionLog::read(&path).expect("valid"), *writer.log());
        let (log, written) = writer.finish(datetime!(2025-11-19 15:22:05 UTC)).expect("finished");
        assert_eq!(log.failed(), 1);
        assert_eq!(written.size_bytes, std::fs::metadata(&path).expect("metadata").len());
        insta::assert_snapshot!(std::fs::read_to_string(&path).expect("read"), @r#"
        {
          "promotions": [
            {
              "package": "orderService",
              "version": "1.4.2",
              "httpStatus": "200",
              "timestamp": "2025-11-19T15:22:00Z",
              "success": true
            },
            {
              "package": "paymentGateway",
              "version": "1.4.2",
              "httpStatus": "000",
              "timestamp": "2025-11-19T15:22:00Z",
              "success": false,
              "response": "no\\u{1b}[2J answer"
            }
          ],
          "summary": {
            "total": 2,
            "successful": 1,
            "failed": 1,
            "completedAt": "2025-11-19T15:22:05Z"
          }
        }
        "#);
    }

    #[test]
    fn answers_are_cut_at_a_character() {
        let kept = entry("a", 500).with_response(&"ü".repeat(5000)).response.expect("a response");
        assert!(kept.len() <= Promotion::MAX_RESPONSE);
    }

    #[test]
    fn a_sum_that_does_not_fit_is_refused() {
        let text = r#"{"promotions":[{"package":"a b","version":"1","httpStatus":200,"timestamp":"today","success":"yes"}],"summary":{"total":-1,"successful":1.5,"failed":0,"completedAt":"2025-11-19T15:22:05Z"}}"#;
        insta::assert_snapshot!(PromotionLog::parse(text.as_bytes(), "promotion-log-to-rc.json").expect_err("bad"), @r"
        7 problems in promotion-log-to-rc.json
          /promotions/0/package at 1:27: found `a b`, expected a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it
          /promotions/0/version at 1:43: found `1`, expected a version as SemVer 2.0.0 writes it, such as 1.4.2, without `v`
          /promotions/0/httpStatus at 1:60: found 200, expected an HTTP status as a text of three digits, `000` where nothing answered
          /promotions/0/timestamp at 1:76: found `today`, expected a time as RFC 3339 writes it, such as 2025-11-19T15:22:00Z
          /promotions/0/success at 1:94: found `yes`, expected true or false
          /summary/total at 1:121: found -1, expected a whole number, 0 or more
          /summary/successful at 1:137: found 1.5, expected a whole number, 0 or more
        ");
        let sum = r#"{"promotions":[],"summary":{"total":3,"successful":3,"failed":0,"completedAt":"2025-11-19T15:22:05Z"}}"#;
        insta::assert_snapshot!(PromotionLog::parse(sum.as_bytes(), "promotion-log-to-rc.json").expect_err("bad"), @r"promotion-log-to-rc.json: /summary at 1:28: found an object with 4 keys, expected the sum of the promotions: total 0, successful 0, failed 0");
    }
}
