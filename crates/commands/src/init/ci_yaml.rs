//! YAML of CI files that people wrote, with the places of what it says. Tags such as `!reference` and what aliases stand for are passed over: who
//! asks for one finds that it is not said.

use granit_parser::{Event, Parser};
use landfall_artifacts::{FileErrors, FileProblem};

/// The most levels that are read, and the most values; a file with more is refused.
const MOST_LEVELS: usize = 64;
const MOST_VALUES: usize = 100_000;

/// A value and the byte that it begins at.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) start: usize,
    pub(super) kind: Kind,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Text(String),
    List(Vec<Node>),
    Map(Vec<Member>),
    /// An alias of another value.
    Alias,
}

/// A key with its place and its value.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) at: usize,
    pub(super) key: String,
    pub(super) value: Node,
}

impl Node {
    /// The members, where it is a map.
    pub(super) fn members(&self) -> &[Member] {
        match &self.kind {
            Kind::Map(members) => members,
            Kind::Text(_) | Kind::List(_) | Kind::Alias => &[],
        }
    }

    /// The items, where it is a list; else itself, as GitLab takes one for a list of one.
    pub(super) fn items(&self) -> &[Node] {
        match &self.kind {
            Kind::List(items) => items,
            Kind::Text(_) | Kind::Map(_) | Kind::Alias => std::slice::from_ref(self),
        }
    }

    pub(super) fn get(&self, key: &str) -> Option<&Node> {
        self.members().iter().find(|member| member.key == key).map(|member| &member.value)
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.kind {
            Kind::Text(text) => Some(text),
            Kind::List(_) | Kind::Map(_) | Kind::Alias => None,
        }
    }

    /// Whether two say the same, wherever they stand.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (&self.kind, &other.kind) {
            (Kind::Text(one), Kind::Text(two)) => one == two,
            (Kind::List(one), Kind::List(two)) => {
                one.len() == two.len() && one.iter().zip(two).all(|(one, two)| one.is_same(two))
            }
            (Kind::Map(one), Kind::Map(two)) => {
                let same =
                    |(one, two): (&Member, &Member)| one.key == two.key && one.value.is_same(&two.value);
                one.len() == two.len() && one.iter().zip(two).all(same)
            }
            (Kind::Alias, Kind::Alias) => true,
            _ => false,
        }
    }
}

/// The line of a byte, from 1.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

/// A list or a map whose end has not come.
struct Open {
    node: Node,
    /// The key whose value has not come.
    key: Option<(String, usize)>,
}

/// Reads the last document of a file, which is the one that has the jobs.
///
/// # Errors
/// What is no YAML, or too deep or too large, with its place.
pub(super) fn read(text: &str, file: &str) -> Result<Node, FileErrors> {
    let wrong = |offset: usize, found: String, expected: &str| {
        let line_start = text.get(..offset).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
        FileErrors::one(FileProblem {
            file: landfall_secret::escape(file, 300),
            pointer: String::new(),
            place: Some((line_of(text, offset), offset.saturating_sub(line_start) + 1)),
            found,
            expected: expected.to_owned(),
        })
    };
    let mut open: Vec<Open> = Vec::new();
    let (mut whole, mut values) = (Node { start: 0, kind: Kind::Map(Vec::new()) }, 0_usize);
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let said = format!("no YAML: {}", landfall_secret::escape(&error.info(), 200));
            wrong(error.marker().byte_offset().unwrap_or_default(), said, "YAML 1.2")
        })?;
        let start = span.start.byte_offset().unwrap_or_default();
        let node = match event {
            Event::Scalar(text, ..) => Node { start, kind: Kind::Text(text.into_owned()) },
            Event::Alias(..) => Node { start, kind: Kind::Alias },
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                let is_list = matches!(event, Event::SequenceStart(..));
                let kind = if is_list { Kind::List(Vec::new()) } else { Kind::Map(Vec::new()) };
                if open.len() >= MOST_LEVELS {
                    let expected = format!("at most {MOST_LEVELS} levels");
                    return Err(wrong(start, "a deeper one".to_owned(), &expected));
                }
                open.push(Open { node: Node { start, kind }, key: None });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(ended) => ended.node,
                None => continue,
            },
            _ => continue,
        };
        values += 1;
        if values > MOST_VALUES {
            return Err(wrong(start, "more of them".to_owned(), &format!("at most {MOST_VALUES} values")));
        }
        put(node, &mut open, &mut whole);
    }
    Ok(whole)
}

fn put(node: Node, open: &mut [Open], whole: &mut Node) {
    let Some(above) = open.last_mut() else {
        *whole = node;
        return;
    };
    match (&mut above.node.kind, above.key.take()) {
        (Kind::List(items), _) => items.push(node),
        (Kind::Map(members), Some((key, at))) => members.push(Member { at, key, value: node }),
        (Kind::Map(_), None) => {
            let key = node.text().unwrap_or_default().to_owned();
            above.key = Some((key, node.start));
        }
        (Kind::Text(_) | Kind::Alias, _) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{line_of, read};

    #[test]
    fn what_people_write_is_read_with_its_places() {
        let text = "spec: {}\n---\nbase: &base { A: 1 }\njob:\n  <<: *base\n  script:\n    - !reference [.setup, script]\n    - echo '#'\n";
        let root = read(text, "x.yml").expect("YAML");
        let job = root.get("job").expect("a job");
        assert_eq!(job.get("script").map(|script| script.items().len()), Some(2));
        assert_eq!(job.members().first().map(|member| line_of(text, member.at)), Some(5));
        assert!(root.get("spec").is_none() && root.is_same(&root.clone()));
    }

    #[test]
    fn what_is_no_yaml_is_refused_with_its_place() {
        let refused = read("a:\n  - b\n c: [\n", "x.yml").expect_err("no YAML").to_string();
        assert!(refused.starts_with("x.yml: at "), "{refused}");
        assert!(read(&"[".repeat(100_000), "x.yml").is_err());
        assert!(read(&"- a\n".repeat(100_001), "x.yml").is_err());
    }
}
