//! What a value without quotes is: the core schema (YAML 1.2.2, 10.3.2).

use crate::value::ScalarKind;

/// What a plain scalar is.
pub(super) fn resolve(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => ScalarKind::Bool,
        _ if is_number(text) => ScalarKind::Number,
        _ => ScalarKind::Text,
    }
}

fn is_number(text: &str) -> bool {
    let of = |digits: &str, is: fn(&u8) -> bool| !digits.is_empty() && digits.as_bytes().iter().all(is);
    if let Some(digits) = text.strip_prefix("0o") {
        return of(digits, |byte| (b'0'..=b'7').contains(byte));
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return of(digits, u8::is_ascii_hexdigit);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") || matches!(text, ".nan" | ".NaN" | ".NAN") {
        return true;
    }
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let exponent_fits = exponent
        .is_none_or(|exponent| of(exponent.strip_prefix(['-', '+']).unwrap_or(exponent), u8::is_ascii_digit));
    let mantissa_fits = match mantissa.split_once('.') {
        None => of(mantissa, u8::is_ascii_digit),
        Some(("", fraction)) => of(fraction, u8::is_ascii_digit),
        Some((whole, fraction)) => {
            of(whole, u8::is_ascii_digit) && fraction.bytes().all(|byte| byte.is_ascii_digit())
        }
    };
    exponent_fits && mantissa_fits
}

#[cfg(test)]
mod tests {
    use super::resolve;
    use crate::value::ScalarKind;

    #[test]
    fn the_core_schema_decides() {
        let all = |texts: &[&str], kind| {
            for text in texts {
                assert_eq!(resolve(text), kind, "{text}");
            }
        };
        all(&["", "~", "null", "NULL"], ScalarKind::Null);
        all(&["true", "False"], ScalarKind::Bool);
        all(
            &["0", "-1", "+12", "0o17", "0xFf", "1.", ".5", "1.5e-3", "1e3", ".inf", "-.INF", ".nan", "007"],
            ScalarKind::Number,
        );
        // What YAML 1.1 took for true, octal, sixty-based or dates is text.
        all(
            &[
                "yes",
                "no",
                "on",
                "nUll",
                "0o8",
                "0x",
                "1_000",
                "12:30",
                "2020-01-01",
                "1e",
                ".",
                "-",
                "-.nan",
                "1.5.1",
                "e3",
                "+.5e",
            ],
            ScalarKind::Text,
        );
    }
}
