//! What functions were seen to run, as `landfall ledger drift --output json` says it.

use std::collections::BTreeMap;
use std::path::Path;

use landfall_artifacts::{
    Digest, EnvironmentName, FORMAT_VERSION, FileError, FileErrors, FileProblem, read_bounded,
};
use landfall_dashboard::Seen;
use serde::Deserialize;
use serde_json::Value;

/// The most bytes that a file of it may have: some ten thousand functions.
const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Functions that were seen not to stand as the ledger says, by environment and name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    functions: BTreeMap<(String, String), Sight>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Sight {
    /// What was to run when it was looked at.
    recorded: Option<Digest>,
    seen: Seen,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    format_version: u64,
    view: String,
    result: Value,
}

#[derive(Deserialize)]
struct Compared {
    functions: Vec<One>,
}

#[derive(Deserialize)]
struct One {
    environment: String,
    function: String,
    standing: String,
    recorded: Option<String>,
    running: Option<String>,
    note: Option<String>,
}

impl Drift {
    /// Reads a file of at most 16 MiB.
    ///
    /// # Errors
    /// A file that is not there or not readable, and one that is not the answer of that view, or of another version of the format.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let bytes = read_bounded(path, MAX_BYTES)?;
        Ok(Self::parse(&bytes, &path.to_string_lossy())?)
    }

    /// Reads what the view answers. Members that are not known are passed over, and so are functions that stand as they should, or
    /// could not be seen.
    ///
    /// # Errors
    /// As [`Drift::read`].
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, FileErrors> {
        let odd = |found: String| {
            FileErrors::one(FileProblem {
                file: landfall_secret::escape(name, 300),
                pointer: String::new(),
                place: None,
                found: landfall_secret::escape(&found, 200),
                expected: "what `landfall ledger drift --output json` writes".to_owned(),
            })
        };
        let answer: Answer = serde_json::from_slice(bytes).map_err(|cause| odd(cause.to_string()))?;
        if answer.format_version != FORMAT_VERSION {
            return Err(odd(format!("formatVersion {}", answer.format_version)));
        }
        if answer.view != "drift" {
            return Err(odd(format!("the view {}", answer.view)));
        }
        let compared: Compared =
            serde_json::from_value(answer.result).map_err(|cause| odd(cause.to_string()))?;
        let functions = compared.functions.into_iter().filter_map(sight).collect();
        Ok(Self { functions })
    }

    /// What was seen of a function that is to run `recorded`. Of one that something else came to since, nothing is said any more.
    pub(super) fn of(
        &self,
        environment: &EnvironmentName,
        function: &str,
        recorded: Option<Digest>,
    ) -> Option<Seen> {
        let sight = self.functions.get(&(environment.to_string(), function.to_owned()))?;
        (sight.recorded == recorded).then(|| sight.seen.clone())
    }
}

fn sight(one: One) -> Option<((String, String), Sight)> {
    let digest = |text: Option<String>| text.and_then(|text| text.parse::<Digest>().ok());
    let seen = match (one.standing.as_str(), digest(one.running)) {
        ("differs", Some(running)) => Seen::Runs(running),
        ("differs", None) => Seen::Other(one.note.unwrap_or_else(|| "it runs something else".to_owned())),
        ("absent", _) => Seen::Other("it is not there".to_owned()),
        _ => return None,
    };
    Some(((one.environment, one.function), Sight { recorded: digest(one.recorded), seen }))
}

#[cfg(test)]
mod tests {
    use landfall_artifacts::Digest;
    use landfall_dashboard::Seen;
    use proptest::proptest;

    use super::Drift;

    #[test]
    fn what_differs_is_told_as_long_as_it_was_to_run() {
        let (recorded, running) = (Digest::of(b"recorded"), Digest::of(b"by hand"));
        let one = |function: &str, standing: &str, running: Option<Digest>| {
            let running = running.map(|digest| digest.to_string());
            serde_json::json!({
                "environment": "prod", "function": function, "standing": standing,
                "recorded": recorded.to_string(), "running": running, "note": null, "later": 1,
            })
        };
        let functions = [
            one("changed", "differs", Some(running)),
            one("other", "differs", None),
            one("gone", "absent", None),
            one("same", "same", Some(recorded)),
            one("unseen", "not-seen", None),
        ];
        let text = serde_json::json!({
            "formatVersion": 1, "view": "drift", "result": { "compared": 5, "functions": functions },
        });
        let drift = Drift::parse(text.to_string().as_bytes(), "drift.json").expect("it is an answer");
        let prod = "prod".parse().expect("a name");
        let of = |function: &str| drift.of(&prod, function, Some(recorded));
        assert_eq!(of("changed"), Some(Seen::Runs(running)));
        assert_eq!(of("other"), Some(Seen::Other("it runs something else".to_owned())));
        assert_eq!(of("gone"), Some(Seen::Other("it is not there".to_owned())));
        assert_eq!((of("same"), of("unseen"), of("nobody")), (None, None, None));
        assert_eq!(drift.of(&prod, "changed", Some(running)), None, "it was deployed since");
    }

    #[test]
    fn other_files_are_refused_by_name() {
        let refused = |text: &str| {
            let errors = Drift::parse(text.as_bytes(), "drift.json").expect_err("it is no answer");
            errors.to_string()
        };
        insta::assert_snapshot!([
            refused("{}"),
            refused(r#"{"formatVersion":2,"view":"drift","result":{}}"#),
            refused(r#"{"formatVersion":1,"view":"history","result":{}}"#),
            refused(r#"{"formatVersion":1,"view":"drift","result":{"functions":7}}"#),
        ].join("\n"), @"
        drift.json: found missing field `formatVersion` at line 1 column 2, expected what `landfall ledger drift --output json` writes
        drift.json: found formatVersion 2, expected what `landfall ledger drift --output json` writes
        drift.json: found the view history, expected what `landfall ledger drift --output json` writes
        drift.json: found invalid type: integer `7`, expected a sequence, expected what `landfall ledger drift --output json` writes
        ");
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>) {
            let _ = Drift::parse(&bytes, "drift.json");
        }
    }
}
