//! `WWW-Authenticate`: whatever a server sends, what is kept of it is small, well-formed, and can be read again.
#![no_main]

use landfall_fuzz::fuzz_target;
use landfall_registry::{Challenge, parse_challenges};

fuzz_target!(|header: &str| {
    let found = parse_challenges(header);
    assert!(found.len() <= 8);
    if header.len() > 8 << 10 {
        assert!(found.is_empty());
    }
    let mut kept = 0;
    for challenge in &found {
        assert!(challenge.parameters.len() <= 16);
        assert!(is_name(&challenge.scheme), "{challenge:?}");
        kept += challenge.scheme.len();
        for (name, value) in &challenge.parameters {
            assert!(is_name(name), "{challenge:?}");
            assert_eq!(challenge.parameter(name), Some(value.as_str()).filter(|value| !value.is_empty()));
            kept += name.len() + value.len();
        }
    }
    assert!(kept <= header.len(), "nothing is kept that was not sent");

    let written: Vec<String> = found.iter().map(written).collect();
    let again = written.join(", ");
    if again.len() <= 8 << 10 {
        assert_eq!(parse_challenges(&again), found, "{again}");
    }
});

/// A name as RFC 9110 has it, in lower case; `/` stands in token68 alone, and does no harm.
fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"(),:;<=>?@[\\]{}".contains(&byte))
        && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}

/// The header that says just this.
fn written(challenge: &Challenge) -> String {
    let quoted = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"");
    let parameters: Vec<String> =
        challenge.parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", quoted(value))).collect();
    format!("{} {}", challenge.scheme, parameters.join(", "))
}
