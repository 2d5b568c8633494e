//! What the targets share: how a text for people has to look, and choosing from tables by the bytes of an input.

pub mod manifest;
pub mod sites;

use std::error::Error;

pub use libfuzzer_sys::{arbitrary, fuzz_target};

/// The longest text that an error may make of foreign bytes.
const LONGEST_SHOWN: usize = 1 << 20;

/// An error with all its causes, as people and logs get to see it.
///
/// # Panics
/// Where a part of it holds what a terminal would obey, or is too long.
pub fn shown(error: &dyn Error) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(part) = next {
        text.push_str(&part.to_string());
        text.push('\n');
        next = part.source();
    }
    assert!(text.len() <= LONGEST_SHOWN, "{} bytes are shown", text.len());
    assert_harmless(&text);
    text
}

/// Lists of problems have lines; nothing else that moves a cursor, changes a direction or hides may stand in a text for people.
///
/// # Panics
/// Where it does.
pub fn assert_harmless(text: &str) {
    let hostile = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(u32::from(c), 0x200b..=0x200f | 0x2028..=0x202e | 0x2060..=0x206f | 0xfeff)
    };
    assert!(!text.chars().any(hostile), "{text:?}");
}

/// Bytes of an input as choices. When they are used up every choice is the first of its table, which tables make the plain one.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// From an input.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// The next byte, or 0.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().map_or((0, self.0), |(first, rest)| (*first, rest));
        self.0 = rest;
        first
    }

    /// One of a table.
    ///
    /// # Panics
    /// Where the table is empty.
    pub fn of<T: Copy>(&mut self, table: &[T]) -> T {
        table[usize::from(self.byte()) % table.len()]
    }

    /// What is left, as text; bytes that are no UTF-8 are replaced.
    pub fn rest(self) -> String {
        String::from_utf8_lossy(self.0).into_owned()
    }
}
