//! How many objects a page of a listing may have.

use std::fmt;
use std::str::FromStr;

/// What S3 gives where nothing is asked for, and at most (Amazon S3 API 2006-03-01, ListObjectsV2, `max-keys`).
const USUAL: u16 = 1000;

/// Most that may be asked for: a page is in memory as a whole.
const MOST: u16 = 10_000;

/// Pages that are under way at a time.
const MOST_AT_ONCE: usize = 8;

/// Most objects of a page of a listing: 1 to 10,000; by default 1,000.
///
/// S3 never gives more than 1,000, whatever is asked for; some other stores do, and need fewer requests then. Fewer help where answers
/// take too long.
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
    /// What is no number from 1 to 10,000.
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

    /// What is asked for; nothing where it is what S3 gives anyway.
    pub(super) fn asked(self) -> Option<i32> {
        (self != Self::default()).then(|| self.0.into())
    }

    /// Pages that are under way at a time: fewer where they are larger than usual, so that they take no more memory together.
    pub(super) fn at_once(self) -> usize {
        (MOST_AT_ONCE * usize::from(USUAL) / self.keys()).clamp(1, MOST_AT_ONCE)
    }
}

#[cfg(test)]
mod tests {
    use super::PageSize;

    #[test]
    fn pages_have_one_to_ten_thousand_objects() {
        for (text, keys, asked, at_once) in [
            ("1", 1, Some(1), 8),
            ("999", 999, Some(999), 8),
            ("1000", 1000, None, 8),
            ("2000", 2000, Some(2000), 4),
            ("10000", 10_000, Some(10_000), 1),
        ] {
            let size: PageSize = text.parse().expect(text);
            assert_eq!((size.keys(), size.asked(), size.at_once()), (keys, asked, at_once), "{text}");
        }
        for odd in ["", "0", "-1", "+5", "10001", "70000", "1e3", " 5"] {
            assert!(odd.parse::<PageSize>().is_err(), "{odd}");
        }
    }
}
