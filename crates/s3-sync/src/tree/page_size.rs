//! How many objects a page of a listing may have.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

/// What S3 gives where nothing is asked for, and at most (Amazon S3 API 2006-03-01, ListObjectsV2, `max-keys`).
const USUAL: u16 = 1000;

/// Pages that are under way at a time.
const MOST_AT_ONCE: u16 = 8;

/// Most that may be asked for: what all pages that are under way have together by default.
const MOST: u16 = MOST_AT_ONCE * USUAL;

/// Most objects of a page of a listing: 1 to 8,000; by default 1,000. It changes how many requests a listing takes, and never what is listed.
///
/// S3 never gives more than 1,000, whatever is asked for; some other stores do, and need fewer requests then. Fewer help where answers
/// take too long, or are larger than is read because keys are long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageSize(u16);

/// A text that is no page size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageSizeError;

impl fmt::Display for PageSizeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a page has between 1 and {MOST} objects")
    }
}

impl std::error::Error for PageSizeError {}

impl Default for PageSize {
    fn default() -> Self {
        Self(USUAL)
    }
}

impl FromStr for PageSize {
    type Err = PageSizeError;

    /// # Errors
    /// What is no number from 1 to 8,000.
    fn from_str(text: &str) -> Result<Self, PageSizeError> {
        let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && (1..=MOST).contains(number));
        number.map(Self).ok_or(PageSizeError)
    }
}

impl PageSize {
    /// Objects of a page.
    pub(super) fn keys(self) -> usize {
        usize::from(self.0)
    }

    /// As a request asks for it.
    pub(super) fn max_keys(self) -> i32 {
        self.0.into()
    }

    /// Whether it is more than S3 ever gives.
    pub(super) fn is_large(self) -> bool {
        self.0 > USUAL
    }

    /// Pages that are under way at a time: fewer where they are larger than usual, so that they take no more memory together.
    pub(super) fn at_once(self) -> NonZeroUsize {
        let fitting = NonZeroUsize::new((MOST / self.0).min(MOST_AT_ONCE).into());
        fitting.unwrap_or(NonZeroUsize::MIN)
    }
}

#[cfg(test)]
mod tests {
    use super::PageSize;

    #[test]
    fn pages_have_one_to_eight_thousand_objects() {
        for (text, keys, at_once) in [
            ("1", 1, 8),
            ("999", 999, 8),
            ("1000", 1000, 8),
            ("2000", 2000, 4),
            ("4001", 4001, 1),
            ("8000", 8000, 1),
        ] {
            let size: PageSize = text.parse().expect(text);
            assert_eq!(
                (size.keys(), size.at_once().get(), size.is_large()),
                (keys, at_once, keys > 1000),
                "{text}"
            );
        }
        for odd in ["", "0", "-1", "+5", "8001", "70000", "1e3", " 5"] {
            assert!(odd.parse::<PageSize>().is_err(), "{odd}");
        }
    }
}
