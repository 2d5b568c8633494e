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

/// A head that was kept elsewhere, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What was kept.
    pub head: Head,
    /// Where, for people: the address of a checkpoint; `None` where a person gave it.
    pub at: Option<String>,
}

impl From<Head> for Kept {
    fn from(head: Head) -> Self {
        Self { head, at: None }
    }
}

impl Kept {
    /// `elsewhere`, or the place.
    fn place(&self) -> String {
        self.at.as_ref().map_or_else(|| "elsewhere".to_owned(), |at| format!("in {at}"))
    }
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

/// A record that was read: what is kept of its event, the record that it names, and the digest of its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Link<E = LedgerEvent> {
    pub(crate) event: E,
    pub(crate) previous: Option<Digest>,
    pub(crate) head: Head,
}

impl Link {
    /// The same with less of its event: a million of them need not go from one thread to another whole.
    pub(crate) fn keeping<E>(self, keep: impl Fn(LedgerEvent) -> E) -> Link<E> {
        Link { event: keep(self.event), previous: self.previous, head: self.head }
    }
}

/// Reads one record by itself.
pub(crate) fn link(sequence: u64, bytes: &[u8]) -> Result<Link, Bad> {
    let event = LedgerEvent::parse(bytes, &LedgerEvent::file_name(sequence))
        .map_err(|errors| Bad { sequence, what: landfall_secret::escape(&errors.to_string(), 400) })?;
    if event.sequence != sequence {
        let what = format!("it says that it is record {}", event.sequence);
        return Err(Bad { sequence, what });
    }
    let previous = event.previous;
    Ok(Link { event, previous, head: Head { sequence, digest: Digest::of(bytes) } })
}

/// Whether `link` follows `before`. The chain by itself says only that one of the two was changed; what follows tells
/// which: the record after (`after`), or the head that was kept elsewhere.
pub(crate) fn follows<E>(
    link: &Link<E>,
    before: Option<Head>,
    after: Option<&Link<E>>,
    known: Option<Head>,
) -> Result<(), Bad> {
    let Some(before) = before.filter(|before| link.previous != Some(before.digest)) else {
        return Ok(());
    };
    let Head { sequence, digest } = link.head;
    let vouched = match (after, known) {
        (Some(after), _) => Some(after.previous == Some(digest)),
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

/// Goes along a chain from its first record, with or without heads that were kept elsewhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Walk {
    before: Option<Head>,
    /// Those that are still to come, the next one last.
    kept: Vec<Kept>,
}

impl Walk {
    pub(crate) fn new(kept: &[Kept]) -> Self {
        let mut kept = kept.to_vec();
        kept.sort_by_key(|kept| std::cmp::Reverse(kept.head.sequence));
        Self { before: None, kept }
    }

    /// The next record; `after` is the one that follows it, where that can be read.
    pub(crate) fn step<E>(&mut self, link: &Link<E>, after: Option<&Link<E>>) -> Result<(), Bad> {
        follows(link, self.before, after, self.kept.last().map(|kept| kept.head))?;
        while let Some(kept) = self.kept.pop_if(|kept| kept.head.sequence == link.head.sequence) {
            if kept.head.digest != link.head.digest {
                let (found, known) = (link.head.digest.short(), kept.head.digest.short());
                let what = format!("its digest is {found}, {known} was kept {}", kept.place());
                return Err(Bad { sequence: link.head.sequence, what });
            }
        }
        self.before = Some(link.head);
        Ok(())
    }

    /// There are no more records.
    pub(crate) fn end(mut self) -> Result<Verified, Bad> {
        let records = self.before.map_or(0, |head| head.sequence);
        match self.kept.pop() {
            Some(kept) => {
                let what = format!(
                    "it is missing, as is all up to {}, whose digest was kept {}",
                    kept.head.sequence,
                    kept.place()
                );
                Err(Bad { sequence: records + 1, what })
            }
            None => Ok(Verified { records, head: self.before }),
        }
    }
}

#[cfg(test)]
mod tests;
