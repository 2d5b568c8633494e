//! Atlassian Document Format: the few nodes that release texts need, made so that no input gives an invalid document.
//!
//! Foreign text goes into text nodes only, with control and bidirectional characters shown as `\u{..}`; empty text makes no
//! node; a link goes to http or https; a document of more than [`MOST_BYTES`] ends with a line that says so.
//! Source: Atlassian's "Document structure" and the JSON schema of npm `@atlaskit/adf-schema`.

use landfall_secret::Origin;
use serde_json::{Value, json};
use url::Url;

/// The most bytes of a document's JSON. Jira takes 32,767 characters for a text field; whether it counts the markup with them is not
/// documented, so it is counted.
pub const MOST_BYTES: usize = 32_000;

/// Longest text of one node, in characters.
const LONGEST_TEXT: usize = 4_000;

/// Longest address that a link may have, in bytes.
const LONGEST_LINK: usize = 2_000;

/// Lines of a code block that are kept.
const MOST_LINES: usize = 2_000;

/// The last line of a document that was cut.
const CUT: &str =
    "… the rest is left out: it is longer than a Jira field may be. The pipeline's files have all of it.";

/// A piece of text in a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Inline {
    /// Plain.
    Text(String),
    /// Bold.
    Strong(String),
    /// In the type of code.
    Code(String),
    /// A link; plain text where the address is not http or https.
    Link {
        /// What is read.
        text: String,
        /// Where it leads.
        href: String,
    },
    /// A new line in the same paragraph.
    Break,
}

/// A line of text.
pub type Line = Vec<Inline>;

/// A block of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Block {
    /// A paragraph.
    Paragraph(Line),
    /// A heading of level 1 to 6; others are brought into that range.
    Heading(u8, Line),
    /// A table with one row of headings. Rows are filled up, or cut, to the number of headings.
    Table {
        /// The headings; a table without any is left out.
        head: Vec<Line>,
        /// The rows.
        rows: Vec<Vec<Line>>,
    },
    /// A list with dots; one without items is left out.
    Bullets(Vec<Line>),
    /// A numbered list; one without items is left out.
    Numbers(Vec<Line>),
    /// Code in a language's colours.
    Code {
        /// The language, such as `bash`.
        language: &'static str,
        /// The code, at most 2,000 lines.
        text: String,
    },
    /// A line across.
    Rule,
}

/// A document.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Doc {
    /// Its blocks.
    pub blocks: Vec<Block>,
}

impl Doc {
    /// A document of these blocks.
    pub fn new(blocks: Vec<Block>) -> Self {
        Self { blocks }
    }

    /// The document as JSON of at most [`MOST_BYTES`].
    pub fn to_value(&self) -> Value {
        document(self.to_nodes(MOST_BYTES))
    }

    /// Bytes of the document's JSON, uncut.
    pub fn size(&self) -> usize {
        self.blocks.iter().map(|block| block.size() + 1).sum::<usize>() + size(&document(Vec::new()))
    }

    /// The top-level nodes, together at most `most` bytes (never below 1,000); what does not fit is cut at a block or a
    /// table's row, and the last node says so.
    pub fn to_nodes(&self, most: usize) -> Vec<Value> {
        let marker = Block::Paragraph(vec![Inline::Text(CUT.to_owned())]).to_value();
        let reserve = size(&document(marker.iter().cloned().collect()));
        let mut left = most.max(1_000).saturating_sub(reserve);
        let mut nodes = Vec::new();
        for block in &self.blocks {
            let Some(node) = block.to_value() else { continue };
            let needed = size(&node) + 1;
            if let Some(rest) = left.checked_sub(needed) {
                left = rest;
                nodes.push(node);
                continue;
            }
            nodes.extend(first_rows(node, left));
            nodes.extend(marker);
            break;
        }
        nodes
    }
}

/// The document that has these top-level nodes.
pub(crate) fn document(nodes: Vec<Value>) -> Value {
    json!({ "type": "doc", "version": 1, "content": nodes })
}

/// Bytes of the compact JSON.
pub(crate) fn size(node: &Value) -> usize {
    node.to_string().len()
}

impl Block {
    /// Bytes of its JSON.
    pub(crate) fn size(&self) -> usize {
        self.to_value().as_ref().map_or(0, size)
    }

    fn to_value(&self) -> Option<Value> {
        Some(match self {
            Self::Paragraph(line) => paragraph(line),
            Self::Heading(level, line) => {
                json!({ "type": "heading", "attrs": { "level": (*level).clamp(1, 6) }, "content": inlines(line) })
            }
            Self::Table { head, rows } if !head.is_empty() => table(head, rows),
            Self::Bullets(items) if !items.is_empty() => list("bulletList", items),
            Self::Numbers(items) if !items.is_empty() => list("orderedList", items),
            Self::Table { .. } | Self::Bullets(_) | Self::Numbers(_) => return None,
            Self::Code { language, text } => {
                let text = landfall_secret::escape_lines(text, MOST_LINES, LONGEST_TEXT);
                let content =
                    if text.is_empty() { Vec::new() } else { vec![json!({ "type": "text", "text": text })] };
                json!({ "type": "codeBlock", "attrs": { "language": language }, "content": content })
            }
            Self::Rule => json!({ "type": "rule" }),
        })
    }
}

fn paragraph(line: &Line) -> Value {
    json!({ "type": "paragraph", "content": inlines(line) })
}

fn list(kind: &str, items: &[Line]) -> Value {
    let items: Vec<Value> =
        items.iter().map(|line| json!({ "type": "listItem", "content": [paragraph(line)] })).collect();
    json!({ "type": kind, "content": items })
}

fn table(head: &[Line], rows: &[Vec<Line>]) -> Value {
    let row = |kind: &str, cells: &mut dyn Iterator<Item = &Line>| {
        let cells: Vec<Value> =
            cells.map(|line| json!({ "type": kind, "attrs": {}, "content": [paragraph(line)] })).collect();
        json!({ "type": "tableRow", "content": cells })
    };
    let empty = Line::new();
    let mut content = vec![row("tableHeader", &mut head.iter())];
    for cells in rows {
        let mut filled = cells.iter().chain(std::iter::repeat(&empty)).take(head.len());
        content.push(row("tableCell", &mut filled));
    }
    json!({
        "type": "table", "attrs": { "isNumberColumnEnabled": false, "layout": "default" }, "content": content
    })
}

fn inlines(line: &Line) -> Vec<Value> {
    line.iter().filter_map(inline).collect()
}

fn inline(piece: &Inline) -> Option<Value> {
    let (text, mark) = match piece {
        Inline::Text(text) => (text, None),
        Inline::Strong(text) => (text, Some(json!({ "type": "strong" }))),
        Inline::Code(text) => (text, Some(json!({ "type": "code" }))),
        Inline::Link { text, href } => {
            (text, web_address(href).map(|href| json!({ "type": "link", "attrs": { "href": href } })))
        }
        Inline::Break => return Some(json!({ "type": "hardBreak" })),
    };
    let text = landfall_secret::escape(text, LONGEST_TEXT);
    if text.is_empty() {
        return None;
    }
    Some(match mark {
        Some(mark) => json!({ "type": "text", "text": text, "marks": [mark] }),
        None => json!({ "type": "text", "text": text }),
    })
}

/// The address as a link may have it; `None` where it is no http(s) address or carries a user or password.
fn web_address(href: &str) -> Option<String> {
    if href.len() > LONGEST_LINK {
        return None;
    }
    let url = Url::parse(href).ok()?;
    Origin::of(&url).ok()?;
    Some(url.as_str().to_owned()).filter(|address| address.len() <= LONGEST_LINK)
}

/// As many rows of a table as fit; `None` for other nodes and where not even two fit.
fn first_rows(mut node: Value, most: usize) -> Option<Value> {
    let all = match node.get_mut("content").map(Value::take) {
        Some(Value::Array(rows)) if node.get("type") == Some(&Value::from("table")) => rows,
        Some(_) | None => return None,
    };
    let mut left = most.checked_sub(size(&node))?;
    let mut kept = Vec::new();
    for row in all {
        let Some(rest) = left.checked_sub(size(&row) + 1) else { break };
        left = rest;
        kept.push(row);
    }
    if kept.len() < 2 {
        return None;
    }
    if let Some(content) = node.get_mut("content") {
        *content = Value::Array(kept);
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Block, Doc, Inline, MOST_BYTES, size};

    fn text(text: &str) -> Vec<Inline> {
        vec![Inline::Text(text.to_owned())]
    }

    #[test]
    fn a_small_document_looks_as_documented() {
        let doc = Doc::new(vec![
            Block::Heading(9, text("Services")),
            Block::Paragraph(vec![
                Inline::Strong("see ".into()),
                Inline::Link { text: "job".into(), href: "https://ci.example.com/1?a=b".into() },
                Inline::Text(String::new()),
            ]),
        ]);
        assert_eq!(
            doc.to_value(),
            json!({ "type": "doc", "version": 1, "content": [
                { "type": "heading", "attrs": { "level": 6 }, "content": [{ "type": "text", "text": "Services" }] },
                { "type": "paragraph", "content": [
                    { "type": "text", "text": "see ", "marks": [{ "type": "strong" }] },
                    { "type": "text", "text": "job", "marks": [
                        { "type": "link", "attrs": { "href": "https://ci.example.com/1?a=b" } }] }] }] })
        );
    }

    #[test]
    fn only_web_addresses_become_links() {
        for bad in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://user:pass@example.com",
            "x",
            "//example.com",
        ] {
            let doc =
                Doc::new(vec![Block::Paragraph(vec![Inline::Link { text: "t".into(), href: bad.into() }])]);
            let shown = doc.to_value().to_string();
            assert!(!shown.contains("marks") && !shown.contains("href"), "{shown}");
        }
    }

    #[test]
    fn hostile_text_is_shown_and_not_obeyed() {
        let doc = Doc::new(vec![Block::Paragraph(text("a\u{202e}b\u{1b}[2J\nc"))]);
        assert_eq!(doc.to_value()["content"][0]["content"][0]["text"], "a\\u{202e}b\\u{1b}[2J\\u{a}c");
    }

    #[test]
    fn a_long_table_keeps_its_first_rows_and_says_so() {
        let rows = (0..2_000).map(|n| vec![text(&format!("service-{n}")), text("1.0.0")]).collect();
        let doc = Doc::new(vec![
            Block::Table { head: vec![text("Service"), text("Version")], rows },
            Block::Paragraph(text("after")),
        ]);
        let value = doc.to_value();
        assert!(size(&value) <= MOST_BYTES && size(&value) > MOST_BYTES - 1_000, "{}", size(&value));
        let content = value["content"].as_array().expect("nodes");
        assert_eq!(content.len(), 2);
        assert!(content[0]["content"].as_array().expect("rows").len() > 50);
        assert!(content[1].to_string().contains("the rest is left out"));
    }
}
