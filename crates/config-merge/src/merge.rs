//! Overlays laid over a base: pure, and the same every time.

use std::collections::{BTreeSet, HashMap};

use crate::append::Append;
use crate::error::Error;
use crate::format::says_nothing;
use crate::value::{Member, Node, Place, Value, step};

/// How overlays are laid.
#[derive(Clone, Debug, Default)]
pub struct MergeOptions {
    /// The file's path, which [`Append`] may name.
    pub file: String,
    /// Lists that are added to. Default: none, lists are replaced.
    pub append: Vec<Append>,
    /// What keys mean that the base has not. Default: they are added.
    pub new_keys: NewKeys,
}

/// What keys of overlays mean that the base has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NewKeys {
    /// They are added.
    #[default]
    Allow,
    /// They are slips.
    Refuse,
}

/// What came of it.
#[derive(Debug)]
pub struct Merged {
    /// The merged document; of no use where there are errors.
    pub root: Node,
    /// What overlays changed, in their order. Empty where they said nothing.
    pub changes: Vec<Change>,
    /// All that stands in the way.
    pub errors: Vec<Error>,
    /// Which of the lists to append to were met, by their number in the options.
    pub appended: BTreeSet<usize>,
}

/// Something that an overlay changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// JSON pointer of the value in the document as it was then.
    pub pointer: String,
    /// Where the overlay says so.
    pub place: Place,
    /// The overlay's name.
    pub overlay: String,
    /// What stood there before.
    pub over: Option<Place>,
    /// What happened.
    pub what: Changed,
}

/// What happened to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It has another value.
    Set,
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// A list got more values at its end.
    Appended,
}

/// Lays overlays over a base, one after the other, each with its name.
///
/// Maps become their union, and the value of the later one wins, also where it says the same. `null` removes a key; one that is
/// not there, and that no overlay before removed, by itself or with what it stood in, is an error. Lists are replaced, or added to where the options say so; what
/// stands in a list is never merged. A value keeps its kind, save that whatever was null may become anything. The order of
/// keys is that of the base, new ones after them. An overlay without content changes nothing.
pub fn merge(base: Node, overlays: Vec<(String, Node)>, options: &MergeOptions) -> Merged {
    let mut merge = Merge {
        options,
        overlay: String::new(),
        way: Vec::new(),
        removed: BTreeSet::new(),
        changes: Vec::new(),
        errors: Vec::new(),
        appended: BTreeSet::new(),
    };
    let mut root = base;
    for (name, overlay) in overlays {
        if says_nothing(Some(&overlay)) {
            continue;
        }
        merge.overlay = name;
        merge.lay(&mut root, overlay);
    }
    let Merge { changes, errors, appended, .. } = merge;
    Merged { root, changes, errors, appended }
}

struct Merge<'o> {
    options: &'o MergeOptions,
    overlay: String,
    /// The keys that lead to where we are.
    way: Vec<String>,
    /// What overlays removed, by itself or with what it stood in.
    removed: BTreeSet<String>,
    changes: Vec<Change>,
    errors: Vec<Error>,
    appended: BTreeSet<usize>,
}

impl Merge<'_> {
    fn lay(&mut self, base: &mut Node, overlay: Node) {
        if base.is_null() {
            let overlay = self.without_nulls(overlay);
            return self.set(base, overlay);
        }
        match (&mut base.value, overlay) {
            (Value::Map(members), Node { value: Value::Map(over), .. }) => {
                let mut slots = Slots::of(std::mem::take(members));
                for member in over {
                    self.way.push(member.key.text.clone());
                    self.lay_member(&mut slots, member);
                    self.way.pop();
                }
                *members = slots.members();
            }
            (Value::List(items), Node { place, value: Value::List(more) }) if self.appends() => {
                self.note(place, Some(base.place.clone()), Changed::Appended);
                items.extend(more);
            }
            (Value::List(_), overlay @ Node { value: Value::List(_), .. }) => self.set(base, overlay),
            (Value::Scalar(was), Node { place, value: Value::Scalar(is) }) if was.kind == is.kind => {
                self.set(base, Node { place, value: Value::Scalar(is) });
            }
            (_, overlay) => self.errors.push(Error::KindChanged {
                pointer: self.pointer(),
                base: base.place.clone(),
                was: base.kind(),
                overlay: overlay.place.clone(),
                is: overlay.kind(),
            }),
        }
    }

    fn lay_member(&mut self, slots: &mut Slots, over: Member) {
        match slots.get(&over.key.text) {
            Some(slot) if over.value.is_null() => {
                let gone = slot.take().map(|member| member.value);
                let place = gone.as_ref().map(|gone| gone.place.clone());
                self.remember_removed(gone.as_ref());
                self.note(over.key_place, place, Changed::Removed);
            }
            Some(slot) => {
                if let Some(member) = slot {
                    self.lay(&mut member.value, over.value);
                }
            }
            None if over.value.is_null() => self.removes_nothing(&over),
            None => {
                if self.options.new_keys == NewKeys::Refuse && !self.removed.contains(&self.pointer()) {
                    self.errors.push(Error::NewKey { pointer: self.pointer(), overlay: over.key_place });
                    return;
                }
                let value = self.without_nulls(over.value);
                self.note(value.place.clone(), None, Changed::Added);
                slots.add(Member { value, ..over });
            }
        }
    }

    /// A value that is new: what it removes is not there. In lists null is a value like others.
    fn without_nulls(&mut self, mut node: Node) -> Node {
        if let Value::Map(members) = &mut node.value {
            let mut kept = Vec::with_capacity(members.len());
            for member in std::mem::take(members) {
                self.way.push(member.key.text.clone());
                if member.value.is_null() {
                    self.removes_nothing(&member);
                } else {
                    let value = self.without_nulls(member.value);
                    kept.push(Member { value, ..member });
                }
                self.way.pop();
            }
            *members = kept;
        }
        node
    }

    /// Notes that a value was removed, and with it every key that leads through it.
    fn remember_removed(&mut self, gone: Option<&Node>) {
        self.removed.insert(self.pointer());
        if let Some(Node { value: Value::Map(members), .. }) = gone {
            for member in members {
                self.way.push(member.key.text.clone());
                self.remember_removed(Some(&member.value));
                self.way.pop();
            }
        }
    }

    fn removes_nothing(&mut self, member: &Member) {
        let pointer = self.pointer();
        if !self.removed.contains(&pointer) {
            self.errors.push(Error::RemovesNothing { pointer, overlay: member.key_place.clone() });
        }
    }

    fn set(&mut self, base: &mut Node, overlay: Node) {
        self.note(overlay.place.clone(), Some(base.place.clone()), Changed::Set);
        *base = overlay;
    }

    fn note(&mut self, place: Place, over: Option<Place>, what: Changed) {
        let change = Change { pointer: self.pointer(), place, overlay: self.overlay.clone(), over, what };
        self.changes.push(change);
    }

    fn appends(&mut self) -> bool {
        let append = &self.options.append;
        let met: Vec<usize> = (0..append.len())
            .filter(|index| append.get(*index).is_some_and(|one| one.is_for(&self.options.file, &self.way)))
            .collect();
        self.appended.extend(met.iter().copied());
        !met.is_empty()
    }

    fn pointer(&self) -> String {
        self.way.iter().map(|key| step(key)).collect()
    }
}

/// The members of a map in their order, found by their keys.
struct Slots {
    all: Vec<Option<Member>>,
    by_key: HashMap<String, usize>,
}

impl Slots {
    fn of(members: Vec<Member>) -> Self {
        let by_key =
            members.iter().enumerate().map(|(index, member)| (member.key.text.clone(), index)).collect();
        Self { all: members.into_iter().map(Some).collect(), by_key }
    }

    /// The place of a member that is there.
    fn get(&mut self, key: &str) -> Option<&mut Option<Member>> {
        let index = self.by_key.get(key)?;
        self.all.get_mut(*index).filter(|slot| slot.is_some())
    }

    fn add(&mut self, member: Member) {
        self.by_key.insert(member.key.text.clone(), self.all.len());
        self.all.push(Some(member));
    }

    fn members(self) -> Vec<Member> {
        self.all.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests;
