//! What anchors name, and how much their aliases may bring in.

use std::collections::BTreeMap;

use crate::value::{Node, Value};

/// The values that anchors name.
#[derive(Default)]
pub(super) struct Anchors(BTreeMap<usize, Anchored>);

/// A value with its size: it is copied wherever an alias stands.
pub(super) struct Anchored {
    pub(super) node: Node,
    pub(super) size: Size,
}

/// How much there is in a value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    /// Values of all kinds, itself included.
    pub(super) values: usize,
    /// Bytes of its texts, keys included.
    pub(super) bytes: usize,
    /// Levels of lists and maps.
    pub(super) levels: usize,
}

impl Anchors {
    /// Keeps a copy of a value that has an anchor, where it has at most so many values and bytes; gives the size of what is to be copied.
    /// An anchor of 0 is none.
    pub(super) fn keep(&mut self, anchor: usize, node: &Node, values: usize, bytes: usize) -> Size {
        if anchor == 0 {
            return Size::default();
        }
        let size = size(node);
        if size.values <= values && size.bytes <= bytes {
            self.0.insert(anchor, Anchored { node: node.clone(), size });
        }
        size
    }

    pub(super) fn get(&self, anchor: usize) -> Option<&Anchored> {
        self.0.get(&anchor)
    }

    pub(super) fn forget(&mut self) {
        self.0.clear();
    }
}

/// How much there is in a value. The depth of what was read is bounded.
fn size(node: &Node) -> Size {
    let below = |own: usize, sizes: &mut dyn Iterator<Item = Size>| {
        let first = Size { values: 1, bytes: own, levels: 1 };
        sizes.fold(first, |all, one| Size {
            values: all.values + one.values,
            bytes: all.bytes + one.bytes,
            levels: all.levels.max(one.levels + 1),
        })
    };
    match &node.value {
        Value::Scalar(scalar) => Size { values: 1, bytes: scalar.text.len(), levels: 0 },
        Value::List(items) => below(0, &mut items.iter().map(size)),
        Value::Map(members) => {
            let keys = members.iter().map(|member| member.key.text.len()).sum();
            below(keys, &mut members.iter().map(|member| size(&member.value)))
        }
    }
}
