//! From bytes of a text to lines and columns.

use std::sync::Arc;

use crate::value::Place;

/// Bytes of a text between two places whose characters are counted beforehand, so that a place in a long line costs no more
/// than one in a short line.
const BLOCK: usize = 1024;

/// The lines of a text.
pub(crate) struct Lines<'t> {
    file: Arc<str>,
    bytes: &'t [u8],
    /// Where each line begins.
    starts: Vec<usize>,
    /// How many characters are before each block.
    before: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn of(file: &str, text: &'t str) -> Self {
        let bytes = text.as_bytes();
        let after_breaks = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let starts = std::iter::once(0).chain(after_breaks).collect();
        let before = bytes
            .chunks(BLOCK)
            .scan(0, |count, block| {
                let before = *count;
                *count += characters(block);
                Some(before)
            })
            .collect();
        Self { file: Arc::from(file), bytes, starts, before }
    }

    /// The place of a byte. Where it is past the end, the place of the end.
    pub(crate) fn place(&self, offset: usize) -> Place {
        let offset = offset.min(self.bytes.len());
        let line = self.starts.partition_point(|start| *start <= offset).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or_default();
        let column = self.count(offset) - self.count(start) + 1;
        Place { file: Arc::clone(&self.file), line, column }
    }

    /// How many characters begin before a byte.
    fn count(&self, offset: usize) -> usize {
        let block = offset / BLOCK;
        let Some(before) = self.before.get(block) else { return self.count_end() };
        before + self.bytes.get(block * BLOCK..offset).map_or(0, characters)
    }

    /// How many characters there are, where the text ends with a block.
    fn count_end(&self) -> usize {
        let last = self.before.len().saturating_sub(1);
        let tail = self.bytes.get(last * BLOCK..).map_or(0, characters);
        self.before.last().map_or(0, |before| before + tail)
    }
}

/// How many characters of UTF-8 begin in these bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte & 0xc0) != 0x80).count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{BLOCK, Lines};

    #[test]
    fn bytes_have_lines_and_columns() {
        let lines = Lines::of("x", "a\néb\n");
        let place = |offset| (lines.place(offset).line, lines.place(offset).column);
        assert_eq!(
            [place(0), place(1), place(2), place(4), place(6), place(99)],
            [(1, 1), (1, 2), (2, 1), (2, 2), (3, 1), (3, 1)]
        );
        let empty = Lines::of("x", "");
        assert_eq!((empty.place(0).line, empty.place(9).column), (1, 1));
    }

    proptest! {
        #[test]
        fn long_lines_are_counted_as_short_ones(
            pieces in prop::collection::vec(prop::sample::select(vec!["a", "é", "🦀", "\n"]), 0..20),
            times in 1_usize..400,
        ) {
            let text = pieces.concat().repeat(times);
            let lines = Lines::of("x", &text);
            let ends = [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, text.len() / 2, text.len()];
            for offset in ends.into_iter().filter(|offset| text.is_char_boundary(*offset)) {
                let before = text.get(..offset).expect("a boundary");
                let start = before.rfind('\n').map_or(0, |newline| newline + 1);
                let column = before.get(start..).expect("a boundary").chars().count() + 1;
                let place = lines.place(offset);
                prop_assert_eq!((place.line, place.column), (before.matches('\n').count() + 1, column));
            }
        }
    }
}
