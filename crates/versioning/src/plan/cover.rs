//! Which commits the tags of many lines have already: one pass over the history for all of them.

use super::lines::Line;
use crate::git::History;

/// For every commit, which lines have it.
#[derive(Debug)]
pub(super) struct Cover {
    words: usize,
    bits: Vec<u64>,
    /// As many bits as there are lines.
    full: Vec<u64>,
}

impl Cover {
    /// What the last releases of lines have.
    pub(super) fn of_releases(history: &History, lines: &[Line<'_>]) -> Self {
        let mark = |line: &Line<'_>| {
            line.release_mark().and_then(|tagged| history.place(&tagged.commit)).into_iter().collect()
        };
        Self::of(history, &lines.iter().map(mark).collect::<Vec<_>>())
    }

    /// Marks each line's commits and all that came before them; `marks` are places of commits, by line.
    fn of(history: &History, marks: &[Vec<usize>]) -> Self {
        let words = marks.len().div_ceil(64).max(1);
        let mut full = vec![0; words];
        let mut bits = vec![0; words * history.commits().len()];
        for (line, places) in marks.iter().enumerate() {
            full[line / 64] |= 1 << (line % 64);
            for place in places {
                bits[place * words + line / 64] |= 1 << (line % 64);
            }
        }
        // Children come first, so what a commit has is known when its parents are told.
        for (at, commit) in history.commits().iter().enumerate() {
            for parent in commit.parents.iter().filter_map(|parent| history.place(parent)) {
                for word in 0..words {
                    let inherited = bits[at * words + word];
                    bits[parent * words + word] |= inherited;
                }
            }
        }
        Self { words, bits, full }
    }

    /// Whether a line has a commit.
    pub(super) fn has(&self, line: usize, place: usize) -> bool {
        self.bits[place * self.words + line / 64] >> (line % 64) & 1 == 1
    }

    /// Whether all lines have it.
    pub(super) fn all_have(&self, place: usize) -> bool {
        self.bits[place * self.words..(place + 1) * self.words] == self.full
    }
}
