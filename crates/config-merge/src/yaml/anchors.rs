//! What anchors name, and how much their aliases may bring in.

use std::collections::BTreeMap;

use crate::value::{Node, Value};

/// The values that anchors name.
#[derive(Default)]
pub(super) struct Anchors(BTreeMap<usize, Anchored>);

/// A value with its size: it is copied wherever an alias stands.
pub(super) struct Anchored {
    pub(super) node: Node,
    pub(super) values: usize,
    pub(super) levels: usize,
}

impl Anchors {
    /// Keeps a copy of a value that has an anchor; gives the number of values that were copied. An anchor of 0 is none.
    pub(super) fn keep(&mut self, anchor: usize, node: &Node, most: usize) -> usize {
        if anchor == 0 {
            return 0;
        }
        let (values, levels) = size(node);
        if values <= most {
            self.0.insert(anchor, Anchored { node: node.clone(), values, levels });
        }
        values
    }

    pub(super) fn get(&self, anchor: usize) -> Option<&Anchored> {
        self.0.get(&anchor)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// How many values there are, and how many levels. The depth of what was read is bounded.
fn size(node: &Node) -> (usize, usize) {
    let below = |sizes: &mut dyn Iterator<Item = (usize, usize)>| {
        sizes.fold((1, 1), |(values, levels), (more, deep)| (values + more, levels.max(deep + 1)))
    };
    match &node.value {
        Value::Scalar(_) => (1, 0),
        Value::List(items) => below(&mut items.iter().map(size)),
        Value::Map(members) => below(&mut members.iter().map(|member| size(&member.value))),
    }
}
