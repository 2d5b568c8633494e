//! Which file set each value.

use std::collections::BTreeMap;
use std::fmt;

use crate::merge::{Change, Changed};
use crate::value::{Node, Place};

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// JSON pointer of the value; that of a value that is gone is the one it had.
    pub pointer: String,
    /// Where the file stands that has the last word.
    pub place: Place,
    /// What had its place before, the latest last.
    pub over: Vec<Place>,
    /// Whether it was removed.
    pub is_removed: bool,
}

impl fmt::Display for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() {
            "/".to_owned()
        } else {
            landfall_secret::escape(&self.pointer, 200)
        };
        write!(f, "{pointer}  {}{}", if self.is_removed { "removed by " } else { "" }, self.place)?;
        for over in self.over.iter().rev() {
            write!(f, ", over {over}")?;
        }
        Ok(())
    }
}

/// Tells of every value without values below it, and of every one that was removed, which file has the last word. No value
/// is shown.
pub fn explain(root: &Node, changes: &[Change]) -> Vec<Told> {
    let mut told = Vec::new();
    let mut set: BTreeMap<&str, Vec<&Place>> = BTreeMap::new();
    let mut back: BTreeMap<&str, usize> = BTreeMap::new();
    for (index, change) in changes.iter().enumerate() {
        match (change.what, &change.over) {
            (Changed::Set, Some(over)) => set.entry(&change.pointer).or_default().push(over),
            (Changed::Added, _) => drop(back.insert(&change.pointer, index)),
            (Changed::Set | Changed::Removed | Changed::Appended, _) => {}
        }
    }
    root.each_leaf(&mut |pointer, leaf, _| {
        // What was laid over the value, or over something that it stands in.
        let ends = pointer.match_indices('/').map(|(at, _)| at).chain([pointer.len()]);
        let above = ends.filter_map(|end| set.get(pointer.get(..end)?));
        let over = above.flatten().map(|place| (*place).clone()).collect();
        told.push(Told { pointer: pointer.to_owned(), place: leaf.place.clone(), over, is_removed: false });
    });
    let gone = changes.iter().enumerate().filter(|(index, change)| {
        // What came back later is told above.
        change.what == Changed::Removed && back.get(change.pointer.as_str()).is_none_or(|later| later < index)
    });
    told.extend(gone.map(|(_, change)| Told {
        pointer: change.pointer.clone(),
        place: change.place.clone(),
        over: change.over.iter().cloned().collect(),
        is_removed: true,
    }));
    told
}
