//! The JSON reader under every format: what it accepts, another reader accepts with the same meaning.
#![no_main]

use landfall_artifacts::{Limits, strict_value};
use landfall_fuzz::{fuzz_target, shown};
use serde_json::Value;

fuzz_target!(|bytes: &[u8]| {
    let theirs = serde_json::from_slice::<Value>(bytes);
    let limits = Limits { max_bytes: 1 << 20, max_depth: 64, max_values: 10_000 };
    match strict_value(bytes, "the input", limits) {
        Ok(ours) => match theirs {
            Ok(theirs) => assert_eq!(ours, theirs),
            // The one difference: a number that nothing can hold keeps its text here and ends the reading there.
            Err(error) => assert!(error.to_string().starts_with("number out of range"), "{error}"),
        },
        Err(errors) => {
            let shown = shown(&errors);
            let is_large = bytes.len() > limits.max_bytes;
            let reasons = ["second time", "levels of nesting", "values", "64 characters"];
            assert!(
                theirs.is_err() || is_large || reasons.iter().any(|reason| shown.contains(reason)),
                "refused without a reason of ours: {shown}"
            );
        }
    }
});
