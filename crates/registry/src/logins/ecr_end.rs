//! When a login of ECR ends, as far as it says so itself.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_secret::Secret;
use serde::Deserialize;
use time::OffsetDateTime;

/// A password longer than this is none of ECR's, which have about 2 KiB.
const LONGEST: usize = 16 << 10;

#[derive(Deserialize)]
struct Readable {
    expiration: i64,
}

/// When ECR's password ends. It is base64 of a JSON text with the second of its end in it. AWS does not document that, so
/// nothing but the choice between an old login and a new one may depend on it; `None` where it is not so.
pub(super) fn ends_at(password: &Secret) -> Option<OffsetDateTime> {
    let text = password.expose();
    let bytes = (text.len() <= LONGEST).then(|| STANDARD.decode(text).ok())??;
    let readable: Readable = serde_json::from_slice(&bytes).ok()?;
    OffsetDateTime::from_unix_timestamp(readable.expiration).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use landfall_secret::Secret;
    use proptest::prelude::*;

    use super::ends_at;

    #[test]
    fn what_ecr_gives_is_read_and_other_passwords_say_nothing() {
        let given =
            r#"{"payload":"x","datakey":"y","version":"2","type":"DATA_KEY","expiration":1757147299}"#;
        let end = ends_at(&Secret::new(STANDARD.encode(given)));
        assert_eq!(end.map(time::OffsetDateTime::unix_timestamp), Some(1_757_147_299));
        for other in ["", "hunter2", "aHVudGVyMg==", &STANDARD.encode(r#"{"expiration":"soon"}"#)] {
            assert_eq!(ends_at(&Secret::new(other)), None, "{other}");
        }
    }

    proptest! {
        #[test]
        fn no_password_panics(text in any::<String>(), end in any::<i64>()) {
            prop_assert_eq!(ends_at(&Secret::new(text)), None);
            let _ = ends_at(&Secret::new(STANDARD.encode(format!(r#"{{"expiration":{end}}}"#))));
        }
    }
}
