//! A page as a browser reads it, and what is wrong with it.

use std::collections::BTreeSet;

use html5ever::tendril::TendrilSink as _;
use markup5ever_rcdom::{Handle, NodeData, RcDom};

/// An element with its attributes.
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) attributes: Vec<(String, String)>,
    pub(crate) text: String,
}

impl Element {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// A page that was read.
pub(crate) struct Read {
    pub(crate) elements: Vec<Element>,
    pub(crate) errors: Vec<String>,
}

pub(crate) fn read(html: &str) -> Read {
    let dom = html5ever::parse_document(RcDom::default(), html5ever::ParseOpts::default()).one(html);
    let mut elements = Vec::new();
    walk(&dom.document, &mut elements);
    let errors = dom.errors.borrow().iter().map(ToString::to_string).collect();
    Read { elements, errors }
}

fn walk(node: &Handle, elements: &mut Vec<Element>) -> String {
    let mut own = String::new();
    let at = elements.len();
    match &node.data {
        NodeData::Text { contents } => own.push_str(&contents.borrow()),
        NodeData::Element { name, attrs, .. } => elements.push(Element {
            name: name.local.to_string(),
            attributes: attrs
                .borrow()
                .iter()
                .map(|one| (one.name.local.to_string(), one.value.to_string()))
                .collect(),
            text: String::new(),
        }),
        NodeData::Document
        | NodeData::Doctype { .. }
        | NodeData::Comment { .. }
        | NodeData::ProcessingInstruction { .. } => {}
    }
    for child in node.children.borrow().iter() {
        own.push_str(&walk(child, elements));
    }
    if let (NodeData::Element { .. }, Some(element)) = (&node.data, elements.get_mut(at)) {
        element.text.clone_from(&own);
    }
    own
}

/// What a validator would say that a parser does not: identifiers twice, references to none, headings that skip a level, labels of
/// nothing, tables without captions, pages without landmarks.
pub(crate) fn faults(page: &Read) -> Vec<String> {
    let mut faults = page.errors.clone();
    let mut ids = BTreeSet::new();
    for id in page.elements.iter().filter_map(|element| element.get("id")) {
        if id.is_empty() || id.contains(char::is_whitespace) || !ids.insert(id) {
            faults.push(format!("the identifier `{id}` is empty, has a space, or is there twice"));
        }
    }
    let mut level = 0;
    for element in &page.elements {
        for name in ["for", "aria-labelledby", "aria-describedby", "data-filters"] {
            for id in element.get(name).unwrap_or_default().split_whitespace() {
                if !ids.contains(id) {
                    faults.push(format!("{name}=`{id}` of a {} refers to nothing", element.name));
                }
            }
        }
        let mut names: Vec<&String> = element.attributes.iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        if names.len() != element.attributes.len() {
            faults.push(format!("a {} has an attribute twice", element.name));
        }
        if let Some(own) = element.name.strip_prefix('h').and_then(|number| number.parse::<u8>().ok()) {
            if own > level + 1 {
                faults.push(format!("h{own} `{}` comes after h{level}", element.text));
            }
            level = own;
            if element.text.trim().is_empty() {
                faults.push(format!("an empty h{own}"));
            }
        }
        if element.name == "input" {
            let id = element.get("id").unwrap_or_default();
            if !page.elements.iter().any(|label| label.name == "label" && label.get("for") == Some(id)) {
                faults.push(format!("the input `{id}` has no label"));
            }
        }
        if element.attributes.iter().any(|(name, _)| name.starts_with("on") || name == "style") {
            faults.push(format!("a {} has an inline script or style", element.name));
        }
        let is_named =
            |element: &Element| !element.text.trim().is_empty() || element.get("aria-label").is_some();
        if matches!(
            element.name.as_str(),
            "a" | "summary" | "label" | "legend" | "th" | "caption" | "dt" | "title"
        ) && !is_named(element)
        {
            faults.push(format!("an empty {}", element.name));
        }
    }
    let count = |name: &str| page.elements.iter().filter(|element| element.name == name).count();
    for (name, wanted) in [("h1", 1), ("main", 1), ("header", 1), ("footer", 1), ("title", 1)] {
        let found = if name == "title" {
            // Charts have titles of their own.
            page.elements.iter().filter(|element| element.name == "title").take(1).count()
        } else {
            count(name)
        };
        if found != wanted {
            faults.push(format!("{found} of {name}"));
        }
    }
    if count("table") != count("caption") {
        faults.push("a table has no caption".to_owned());
    }
    faults
}
