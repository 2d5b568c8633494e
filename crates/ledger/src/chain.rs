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

/// Goes along a chain from its first record, with or without a head that was kept elsewhere.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Walk {
    before: Option<Head>,
    known: Option<Head>,
}

impl Walk {
    pub(crate) fn new(known: Option<Head>) -> Self {
        Self { before: None, known }
    }

    /// The next record; `after` is the one that follows it, where that can be read.
    pub(crate) fn step(&mut self, link: &Link, after: Option<&Link>) -> Result<(), Bad> {
        follows(link, self.before, after, self.known)?;
        if let Some(known) = self.known
            && known.sequence == link.head.sequence
            && known.digest != link.head.digest
        {
            let (found, kept) = (link.head.digest.short(), known.digest.short());
            let what = format!("its digest is {found}, {kept} was kept elsewhere");
            return Err(Bad { sequence: known.sequence, what });
        }
        self.before = Some(link.head);
        Ok(())
    }

    /// There are no more records.
    pub(crate) fn end(self) -> Result<Verified, Bad> {
        let records = self.before.map_or(0, |head| head.sequence);
        match self.known.filter(|known| known.sequence > records) {
            Some(known) => {
                let up_to = known.sequence;
                let what = format!("it is missing, as is all up to {up_to}, whose digest was kept elsewhere");
                Err(Bad { sequence: records + 1, what })
            }
            None => Ok(Verified { records, head: self.before }),
        }
    }
}

#[cfg(test)]
mod tests;
