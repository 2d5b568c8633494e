//! From events with places to a tree, without recursion.

use std::collections::BTreeMap;

use granit_parser::{Event, Parser, ScalarStyle, Span, Tag};
use landfall_artifacts::{FileErrors, FileProblem};

use super::anchors::Anchors;
use super::resolve::resolve;
use crate::format::{Purpose, whole};
use crate::limits::Limits;
use crate::lines::Lines;
use crate::value::{Member, Node, Place, Scalar, ScalarKind, Style, Value, step};

/// Longest key, in characters (YAML 1.2.2, 7.4.2: implicit keys).
const LONGEST_KEY: usize = 1024;

/// Most problems of a file that are told.
const MOST_PROBLEMS: usize = 100;

/// Reads the documents of a file.
pub(crate) fn read(
    bytes: &[u8],
    file: &str,
    purpose: Purpose,
    limits: Limits,
) -> Result<Vec<Node>, FileErrors> {
    if bytes.len() > limits.document_bytes {
        let most = format!("at most {} bytes", limits.document_bytes);
        return Err(whole(file, format!("{} bytes", bytes.len()), most));
    }
    let text = std::str::from_utf8(bytes).map_err(|cause| {
        let found = format!("a byte that is not UTF-8 at offset {}", cause.valid_up_to());
        whole(file, found, "UTF-8 text".to_owned())
    })?;
    if text.starts_with('\u{feff}') {
        return Err(whole(file, "a byte-order mark".to_owned(), "no byte-order mark".to_owned()));
    }
    let mut reader = Reader {
        lines: Lines::of(file, text),
        purpose,
        limits,
        values: 0,
        copied_bytes: 0,
        open: Vec::new(),
        anchors: Anchors::default(),
        documents: Vec::new(),
        problems: Vec::new(),
    };
    let mut parser = Parser::new_from_str(text);
    loop {
        match parser.next() {
            None | Some(Ok((Event::StreamEnd, _))) => break,
            Some(Ok((event, span))) => {
                if let Err(problem) = reader.event(event, span) {
                    reader.problems.push(problem);
                    break;
                }
            }
            Some(Err(error)) => {
                let place = reader.lines.place(error.marker().byte_offset().unwrap_or_default());
                let said = format!("no YAML: {}", landfall_secret::escape(&error.info(), 200));
                reader.problems.push(problem(&place, reader.pointer(), said, "YAML 1.2"));
                break;
            }
        }
    }
    let mut problems = reader.problems.into_iter().map(FileErrors::one);
    match problems.next() {
        None => Ok(reader.documents),
        Some(first) => Err(problems.fold(first, FileErrors::join)),
    }
}

fn problem(
    place: &Place,
    pointer: String,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> FileProblem {
    FileProblem {
        file: landfall_secret::escape(&place.file, 300),
        pointer: landfall_secret::escape(&pointer, 400),
        place: Some((place.line, place.column)),
        found: found.into(),
        expected: expected.into(),
    }
}

struct Reader<'t> {
    lines: Lines<'t>,
    purpose: Purpose,
    limits: Limits,
    values: usize,
    /// Bytes that anchors and aliases copied.
    copied_bytes: usize,
    open: Vec<Open>,
    anchors: Anchors,
    documents: Vec<Node>,
    problems: Vec<FileProblem>,
}

/// A list or map whose end has not come.
enum Open {
    List { anchor: usize, place: Place, items: Vec<Node> },
    Map { anchor: usize, place: Place, map: OpenMap },
}

#[derive(Default)]
struct OpenMap {
    members: Vec<Member>,
    seen: BTreeMap<String, Place>,
    /// The key whose value has not come; whether it stands a second time.
    key: Option<(Scalar, Place, bool)>,
    /// What `<<` brings in, before the member that came next.
    merged: Vec<(usize, Node)>,
}

impl Reader<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), FileProblem> {
        let place = self.lines.place(span.start.byte_offset().unwrap_or_default());
        match event {
            Event::DocumentStart(..) => {
                self.anchors.forget();
                if self.purpose == Purpose::Merge && !self.documents.is_empty() {
                    return Err(problem(
                        &place,
                        String::new(),
                        "a second document",
                        "one document in a file that is merged",
                    ));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.tag(tag.as_deref(), &place)?;
                let style = match style {
                    ScalarStyle::Plain => Style::Plain,
                    ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted => Style::Quoted,
                    ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
                };
                // What has a tag is what the tag says, and that is not known here.
                let kind =
                    if style == Style::Plain && tag.is_none() { resolve(&text) } else { ScalarKind::Text };
                let scalar = Scalar { kind, text: text.into_owned(), style };
                self.value(Node { place, value: Value::Scalar(scalar) }, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), &place)?;
                self.begin(Open::List { anchor, place: place.clone(), items: Vec::new() }, &place)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), &place)?;
                self.begin(Open::Map { anchor, place: place.clone(), map: OpenMap::default() }, &place)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => self.alias(anchor, place),
            // What remains says nothing about values.
            _ => Ok(()),
        }
    }

    fn tag(&self, tag: Option<&Tag>, place: &Place) -> Result<(), FileProblem> {
        match tag {
            Some(tag) if self.purpose == Purpose::Merge => {
                let name = format!("{}{}", tag.original_handle(), tag.suffix());
                let found = format!("the tag `{}`", landfall_secret::escape(&name, 60));
                let expected = "no tag in a file that is merged: it would be lost";
                Err(problem(place, self.pointer(), found, expected))
            }
            _ => Ok(()),
        }
    }

    /// Counts values, those that aliases bring in too.
    fn count(&mut self, more: usize, place: &Place) -> Result<(), FileProblem> {
        self.values = self.values.saturating_add(more);
        if self.values > self.limits.values {
            let expected = format!("at most {} values, aliases expanded", self.limits.values);
            return Err(problem(place, self.pointer(), "more values", expected));
        }
        Ok(())
    }

    /// Counts the bytes that anchors and aliases copy: a long text may stand behind a few values.
    fn count_bytes(&mut self, more: usize, place: &Place) -> Result<(), FileProblem> {
        self.copied_bytes = self.copied_bytes.saturating_add(more);
        if self.copied_bytes > self.limits.document_bytes {
            let expected = format!("at most {} bytes that aliases bring in", self.limits.document_bytes);
            return Err(problem(place, self.pointer(), "more bytes", expected));
        }
        Ok(())
    }

    fn check_depth(&self, levels: usize, place: &Place) -> Result<(), FileProblem> {
        let most = self.limits.depth.min(128);
        if levels > most {
            return Err(problem(
                place,
                self.pointer(),
                "a deeper one",
                format!("at most {most} levels of lists and maps"),
            ));
        }
        Ok(())
    }

    fn begin(&mut self, open: Open, place: &Place) -> Result<(), FileProblem> {
        self.check_depth(self.open.len() + 1, place)?;
        if let Some(Open::Map { map, .. }) = self.open.last()
            && map.key.is_none()
        {
            return Err(problem(place, self.pointer(), "a list or map as a key", "a text as a key"));
        }
        self.count(1, place)?;
        self.open.push(open);
        Ok(())
    }

    fn end(&mut self) -> Result<(), FileProblem> {
        let (node, anchor) = match self.open.pop() {
            Some(Open::List { anchor, place, items }) => (Node { place, value: Value::List(items) }, anchor),
            Some(Open::Map { anchor, place, map }) => {
                let members = self.merged(map)?;
                (Node { place, value: Value::Map(members) }, anchor)
            }
            None => return Ok(()),
        };
        self.keep(anchor, &node)?;
        self.put(node)
    }

    /// A single value, or a key.
    fn value(&mut self, node: Node, anchor: usize) -> Result<(), FileProblem> {
        self.count(1, &node.place)?;
        self.keep(anchor, &node)?;
        self.put(node)
    }

    fn keep(&mut self, anchor: usize, node: &Node) -> Result<(), FileProblem> {
        let values = self.limits.values.saturating_sub(self.values);
        let bytes = self.limits.document_bytes.saturating_sub(self.copied_bytes);
        let copied = self.anchors.keep(anchor, node, values, bytes);
        self.count(copied.values, &node.place)?;
        self.count_bytes(copied.bytes, &node.place)
    }

    fn alias(&mut self, anchor: usize, place: Place) -> Result<(), FileProblem> {
        let Some(anchored) = self.anchors.get(anchor) else {
            return Err(problem(
                &place,
                self.pointer(),
                "an alias of what it stands in",
                "an alias of a value that has ended",
            ));
        };
        let size = anchored.size;
        self.check_depth(self.open.len() + size.levels, &place)?;
        self.count(size.values, &place)?;
        self.count_bytes(size.bytes, &place)?;
        let Some(anchored) = self.anchors.get(anchor) else { return Ok(()) };
        // Values keep the places of the anchor, where they stand; a single value as a key has its own.
        let node = match &anchored.node.value {
            Value::Scalar(_) => Node { place, value: anchored.node.value.clone() },
            Value::List(_) | Value::Map(_) => anchored.node.clone(),
        };
        self.put(node)
    }

    /// Puts a value where it belongs.
    fn put(&mut self, node: Node) -> Result<(), FileProblem> {
        if matches!(self.open.last(), Some(Open::Map { map, .. }) if map.key.is_none()) {
            return self.key(node);
        }
        match self.open.last_mut() {
            None => self.documents.push(node),
            Some(Open::List { items, .. }) => items.push(node),
            Some(Open::Map { map, .. }) => match map.key.take() {
                None | Some((_, _, true)) => {}
                Some((key, _, false)) if key.text == "<<" && key.style == Style::Plain => {
                    map.merged.push((map.members.len(), node));
                }
                Some((key, key_place, false)) => map.members.push(Member { key, key_place, value: node }),
            },
        }
        Ok(())
    }

    /// Takes a key of the map that is open.
    fn key(&mut self, node: Node) -> Result<(), FileProblem> {
        let Node { place, value } = node;
        let Value::Scalar(key) = value else {
            return Err(problem(&place, self.pointer(), "a list or map as a key", "a text as a key"));
        };
        if key.text.chars().count() > LONGEST_KEY {
            let expected = format!("a key of at most {LONGEST_KEY} characters");
            return Err(problem(&place, self.pointer(), "a longer key", expected));
        }
        let Some(Open::Map { map, .. }) = self.open.last_mut() else { return Ok(()) };
        let first = map.seen.get(&key.text).cloned();
        if first.is_none() {
            map.seen.insert(key.text.clone(), place.clone());
        }
        map.key = Some((key, place.clone(), first.is_some()));
        if let Some(first) = first.filter(|_| self.problems.len() < MOST_PROBLEMS) {
            let expected = format!("one such key; the first stands at {}:{}", first.line, first.column);
            self.problems.push(problem(&place, self.pointer(), "the same key a second time", expected));
        }
        Ok(())
    }

    /// The members of a map, and those that `<<` brings in where it stands: what the map says itself wins, and of several
    /// sources the first.
    fn merged(&mut self, map: OpenMap) -> Result<Vec<Member>, FileProblem> {
        let OpenMap { mut members, seen, merged, .. } = map;
        let mut known: BTreeMap<String, Place> = seen;
        // From the end, so that the places before stay what they are; there is one `<<` a map, for a second is refused.
        for (at, source) in merged {
            let place = source.place.clone();
            let maps = match source.value {
                Value::List(items) => items,
                Value::Map(_) | Value::Scalar(_) => vec![source],
            };
            let mut brought = Vec::new();
            for one in maps {
                let Value::Map(inner) = one.value else {
                    return Err(problem(
                        &place,
                        format!("{}/<<", self.pointer()),
                        "something else",
                        "a map, or a list of maps, after `<<`",
                    ));
                };
                for member in inner {
                    if !known.contains_key(&member.key.text) {
                        known.insert(member.key.text.clone(), member.key_place.clone());
                        brought.push(member);
                    }
                }
            }
            let at = at.min(members.len());
            members.splice(at..at, brought);
        }
        Ok(members)
    }

    /// The pointer to what is read now.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match open {
                Open::List { items, .. } => pointer.push_str(&format!("/{}", items.len())),
                Open::Map { map, .. } => {
                    if let Some((key, _, _)) = &map.key {
                        pointer.push_str(&step(&key.text));
                    }
                }
            }
        }
        pointer
    }
}

#[cfg(test)]
#[path = "read_tests.rs"]
mod tests;
