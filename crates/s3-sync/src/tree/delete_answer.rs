//! What DeleteObjects says of each key: it answers 200 also where some keys stay.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;

/// What S3 said of one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Said {
    /// It is deleted.
    Deleted,
    /// It is another object than was listed, or is gone: another look tells which.
    NotThatOne,
    /// It stays, for a reason that passes.
    Again(String),
    /// It stays.
    Refused(String),
    /// Nothing was said of it.
    Nothing,
}

/// The answer key by key, for these keys in their order.
pub(crate) fn said(answer: &DeleteObjectsOutput, keys: &[String]) -> Vec<Said> {
    let mut by_key: BTreeMap<&str, Said> = BTreeMap::new();
    for deleted in answer.deleted() {
        if let Some(key) = deleted.key() {
            by_key.insert(key, Said::Deleted);
        }
    }
    // An error weighs more than a success of the same key.
    for error in answer.errors() {
        let code = error.code().unwrap_or("an unnamed error");
        let text = landfall_secret::escape(&format!("{code}: {}", error.message().unwrap_or_default()), 300);
        let one = match code {
            "PreconditionFailed" | "NoSuchKey" | "ConditionalRequestConflict" => Said::NotThatOne,
            "InternalError" | "SlowDown" | "ServiceUnavailable" | "RequestTimeout" | "OperationAborted" => {
                Said::Again(text)
            }
            _ => Said::Refused(text),
        };
        if let Some(key) = error.key() {
            by_key.insert(key, one);
        }
    }
    keys.iter().map(|key| by_key.get(key.as_str()).cloned().unwrap_or(Said::Nothing)).collect()
}

/// Whether a key can stand in the XML that DeleteObjects takes: XML 1.0 has no way to write most control characters.
pub(crate) fn can_stand_in_xml(key: &str) -> bool {
    key.chars().all(|c| !c.is_control() && !matches!(c, '\u{fffe}' | '\u{ffff}'))
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::delete_objects::DeleteObjectsOutput;
    use aws_sdk_s3::types::{DeletedObject, Error};

    use super::{Said, can_stand_in_xml, said};

    #[test]
    fn every_key_has_its_own_answer() {
        let error = |key: &str, code: &str| Error::builder().key(key).code(code).build();
        let answer = DeleteObjectsOutput::builder()
            .deleted(DeletedObject::builder().key("a").build())
            .deleted(DeletedObject::builder().key("both").build())
            .deleted(DeletedObject::builder().key("never asked for").build())
            .errors(error("b", "AccessDenied"))
            .errors(error("c", "SlowDown"))
            .errors(error("d", "PreconditionFailed"))
            .errors(error("both", "AccessDenied"))
            .errors(Error::builder().code("AccessDenied").build())
            .build();
        let keys = ["a", "b", "c", "d", "e", "both"].map(str::to_owned);
        let said = said(&answer, &keys);
        assert!(
            matches!(
                &said[..],
                [
                    Said::Deleted,
                    Said::Refused(_),
                    Said::Again(_),
                    Said::NotThatOne,
                    Said::Nothing,
                    Said::Refused(_)
                ]
            ),
            "{said:?}"
        );
    }

    #[test]
    fn some_keys_cannot_be_written_in_xml() {
        assert!(can_stand_in_xml("a b/é<&>\"'"));
        for key in ["a\u{1}", "a\nb", "a\rb", "\u{7f}", "\u{fffe}"] {
            assert!(!can_stand_in_xml(key), "{key:?}");
        }
    }
}
