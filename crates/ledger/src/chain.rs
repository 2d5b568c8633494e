//! The chain: which record follows which, and which one is bad where they do not.

use landfall_artifacts::{Digest, LedgerEvent};

/// The newest record of a chain, for keeping elsewhere (a release ticket): with it the removal of records is seen too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Its sequence.
    pub sequence: u64,
    /// SHA-256 of its bytes.
    pub digest: Digest,
}

/// A chain that was found whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// How many records it has.
    pub records: u64,
    /// The newest; `None` where there is none.
    pub head: Option<Head>,
}

/// The first bad record and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) sequence: u64,
    pub(crate) what: String,
}

/// A record that was read: its event and the digest of its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) event: LedgerEvent,
    pub(crate) head: Head,
}

/// Reads one record by itself.
pub(crate) fn link(sequence: u64, bytes: &[u8]) -> Result<Link, Bad> {
    let event = LedgerEvent::parse(bytes, &LedgerEvent::file_name(sequence))
        .map_err(|errors| Bad { sequence, what: landfall_secret::escape(&errors.to_string(), 400) })?;
    if event.sequence != sequence {
        let what = format!("it says that it is record {}", event.sequence);
        return Err(Bad { sequence, what });
    }
    Ok(Link { event, head: Head { sequence, digest: Digest::of(bytes) } })
}

/// Whether `link` follows `before`. The chain by itself says only that one of the two was changed; what follows tells
/// which: the record after (`after`), or the head that was kept elsewhere.
pub(crate) fn follows(
    link: &Link,
    before: Option<Head>,
    after: Option<&Link>,
    known: Option<Head>,
) -> Result<(), Bad> {
    let Some(before) = before.filter(|before| link.event.previous != Some(before.digest)) else {
        return Ok(());
    };
    let Head { sequence, digest } = link.head;
    let vouched = match (after, known) {
        (Some(after), _) => Some(after.event.previous == Some(digest)),
        (None, Some(known)) if known.sequence == sequence => Some(known.digest == digest),
        (None, _) => None,
    };
    Err(match vouched {
        Some(true) => Bad {
            sequence: before.sequence,
            what: format!("its bytes are not those that record {sequence} names"),
        },
        Some(false) => Bad { sequence, what: format!("it does not follow record {}", before.sequence) },
        None => Bad {
            sequence: before.sequence,
            what: format!("its bytes are not those that record {sequence} names; one of the two was changed"),
        },
    })
}

/// Compares the record that a kept head names.
pub(crate) fn matches(head: Head, known: Option<Head>) -> Result<(), Bad> {
    match known {
        Some(known) if known.sequence == head.sequence && known.digest != head.digest => Err(Bad {
            sequence: head.sequence,
            what: format!(
                "its digest is {}, {} was kept elsewhere",
                head.digest.short(),
                known.digest.short()
            ),
        }),
        Some(_) | None => Ok(()),
    }
}
