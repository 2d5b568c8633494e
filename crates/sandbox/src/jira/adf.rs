//! A strict checker of Atlassian Document Format bodies.
//!
//! The rules are those of the published JSON schema (npm `@atlaskit/adf-schema`, `full.json`), narrowed to the nodes a release tool has
//! business with: mentions, media, extensions and cards of blocks are refused, and so is a link to anything but http and https.

use serde_json::{Map, Value};

const MAX_DEPTH: usize = 24;
const MAX_NODES: usize = 20_000;
/// Jira's limit for one text field, in characters. Whether markup counts is documented nowhere; here it does, so whoever passes is safe.
const MAX_TEXT: usize = 32_767;
const TOO_LONG: &str = "The entered text is too long. It exceeds the allowed limit of 32,767 characters.";

const INLINE: &[&str] = &["text", "hardBreak", "inlineCard", "status", "emoji", "date"];
const CELL: &[&str] = &[
    "paragraph",
    "panel",
    "blockquote",
    "orderedList",
    "bulletList",
    "rule",
    "heading",
    "codeBlock",
    "taskList",
];

/// Checks one document. The error names the place as a path of node types.
///
/// # Errors
/// The first thing found that Jira, or this checker, does not take.
pub fn check_adf(document: &Value) -> Result<(), String> {
    let mut seen = Seen { nodes: 0 };
    let root = document.as_object().ok_or("the body is not an Atlassian Document (an object is needed)")?;
    if root.get("type").and_then(Value::as_str) != Some("doc") {
        return Err("the root node must have type \"doc\"".to_owned());
    }
    check_node(root, "doc", 0, &mut seen)?;
    if document.to_string().chars().count() > MAX_TEXT {
        return Err(TOO_LONG.to_owned());
    }
    Ok(())
}

struct Seen {
    nodes: usize,
}

/// What the schema says of one node type.
struct Rule {
    attrs: &'static [&'static str],
    required: &'static [&'static str],
    children: &'static [&'static str],
    /// `content` must be there and hold something.
    filled: bool,
    /// The node takes `content` at all.
    container: bool,
}

fn rule(kind: &str) -> Option<Rule> {
    let leaf = |attrs, required| Rule { attrs, required, children: &[], filled: false, container: false };
    let node =
        |attrs, required, children, filled| Rule { attrs, required, children, filled, container: true };
    Some(match kind {
        "doc" => node(
            &[],
            &[],
            &[
                "paragraph",
                "heading",
                "bulletList",
                "orderedList",
                "codeBlock",
                "panel",
                "table",
                "rule",
                "blockquote",
                "expand",
                "taskList",
            ],
            false,
        ),
        "paragraph" => node(&["localId"], &[], INLINE, false),
        "heading" => node(&["level", "localId"], &["level"], INLINE, false),
        "bulletList" => node(&["localId"], &[], &["listItem"], true),
        "orderedList" => node(&["order", "localId"], &[], &["listItem"], true),
        "listItem" => node(
            &["localId"],
            &[],
            &["paragraph", "bulletList", "orderedList", "taskList", "codeBlock"],
            true,
        ),
        "codeBlock" => {
            node(&["language", "uniqueId", "localId", "wrap", "hideLineNumbers"], &[], &["text"], false)
        }
        "panel" => node(
            &["panelType", "panelIcon", "panelIconId", "panelIconText", "panelColor", "localId"],
            &["panelType"],
            &["paragraph", "heading", "bulletList", "orderedList", "taskList", "rule", "codeBlock"],
            true,
        ),
        "blockquote" => {
            node(&["localId"], &[], &["paragraph", "orderedList", "bulletList", "codeBlock"], true)
        }
        "expand" => node(
            &["title", "localId"],
            &[],
            &[
                "paragraph",
                "heading",
                "bulletList",
                "orderedList",
                "codeBlock",
                "panel",
                "table",
                "rule",
                "blockquote",
                "taskList",
            ],
            true,
        ),
        "table" => node(
            &["displayMode", "isNumberColumnEnabled", "layout", "localId", "width"],
            &[],
            &["tableRow"],
            true,
        ),
        // An empty row passes the schema; the editor drops it, so it is refused here.
        "tableRow" => node(&["localId"], &[], &["tableCell", "tableHeader"], true),
        "tableCell" | "tableHeader" => {
            node(&["colspan", "rowspan", "colwidth", "background", "localId", "valign"], &[], CELL, true)
        }
        "taskList" => node(&["localId"], &["localId"], &["taskItem", "taskList"], true),
        "taskItem" => node(&["localId", "state"], &["localId", "state"], INLINE, false),
        "rule" => leaf(&["localId"], &[]),
        "hardBreak" => leaf(&["text", "localId"], &[]),
        "inlineCard" => leaf(&["url", "localId"], &["url"]),
        "status" => leaf(&["text", "color", "localId", "style"], &["text", "color"]),
        "emoji" => leaf(&["shortName", "id", "text", "localId"], &["shortName"]),
        "date" => leaf(&["timestamp", "localId"], &["timestamp"]),
        _ => return None,
    })
}

fn check_node(node: &Map<String, Value>, path: &str, depth: usize, seen: &mut Seen) -> Result<(), String> {
    seen.nodes += 1;
    if depth > MAX_DEPTH || seen.nodes > MAX_NODES {
        return Err(format!("{path}: the document is too deep or has too many nodes"));
    }
    let kind = node
        .get("type")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{path}: \"type\" must be a string"))?;
    if kind == "text" {
        return check_text(node, path);
    }
    let rule = rule(kind).ok_or_else(|| format!("{path}: node type \"{kind}\" is not allowed"))?;
    let known: &[&str] =
        if kind == "doc" { &["type", "version", "content"] } else { &["type", "attrs", "content"] };
    // Marks on blocks (alignment, breakout) exist in the schema; a release ticket has no use for them.
    if let Some(key) = node.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(format!("{path}: \"{key}\" is not allowed on {kind}"));
    }
    if kind == "doc" && node.get("version") != Some(&Value::from(1)) {
        return Err(format!("{path}: \"version\" must be 1"));
    }
    check_attrs(node.get("attrs"), kind, &rule, path)?;
    let children = match node.get("content") {
        None if rule.filled || kind == "doc" => return Err(format!("{path}: \"content\" is missing")),
        None => return Ok(()),
        Some(_) if !rule.container => return Err(format!("{path}: {kind} takes no content")),
        Some(content) => content.as_array().ok_or_else(|| format!("{path}: \"content\" must be a list"))?,
    };
    if rule.filled && children.is_empty() {
        return Err(format!("{path}: {kind} must not be empty"));
    }
    for (index, child) in children.iter().enumerate() {
        let child = child.as_object().ok_or_else(|| format!("{path}[{index}]: a node must be an object"))?;
        let child_kind = child.get("type").and_then(Value::as_str).unwrap_or_default();
        let child_path = format!("{path}/{child_kind}[{index}]");
        if !rule.children.contains(&child_kind) {
            return Err(format!("{child_path}: \"{child_kind}\" is not allowed in {kind}"));
        }
        if kind == "codeBlock" && child.contains_key("marks") {
            return Err(format!("{child_path}: text in a codeBlock takes no marks"));
        }
        check_node(child, &child_path, depth + 1, seen)?;
    }
    Ok(())
}

fn check_attrs(attrs: Option<&Value>, kind: &str, rule: &Rule, path: &str) -> Result<(), String> {
    let empty = Map::new();
    let attrs = match attrs {
        None => &empty,
        Some(attrs) => attrs.as_object().ok_or_else(|| format!("{path}: \"attrs\" must be an object"))?,
    };
    if let Some(missing) = rule.required.iter().find(|name| !attrs.contains_key(**name)) {
        return Err(format!("{path}: attribute \"{missing}\" is missing"));
    }
    for (name, value) in attrs {
        if !rule.attrs.contains(&name.as_str()) {
            return Err(format!("{path}: attribute \"{name}\" is not allowed on {kind}"));
        }
        let text = value.as_str();
        let one_of = |allowed: &[&str]| text.is_some_and(|text| allowed.contains(&text));
        let good = match name.as_str() {
            "level" => value.as_u64().is_some_and(|level| (1..=6).contains(&level)),
            "order" | "colspan" | "rowspan" => value.as_u64().is_some(),
            "width" => value.is_number(),
            "wrap" | "hideLineNumbers" | "isNumberColumnEnabled" => value.is_boolean(),
            "colwidth" => value.as_array().is_some_and(|widths| widths.iter().all(Value::is_number)),
            "panelType" => one_of(&["info", "note", "tip", "warning", "error", "success", "custom"]),
            "state" => one_of(&["TODO", "DONE"]),
            "displayMode" => one_of(&["default", "fixed"]),
            "layout" => one_of(&["wide", "full-width", "center", "align-end", "align-start", "default"]),
            "valign" => one_of(&["top", "middle", "bottom"]),
            "color" => one_of(&["neutral", "purple", "blue", "red", "yellow", "green"]),
            "url" => text.is_some_and(is_web_address),
            "timestamp" => {
                text.is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
            }
            "text" if kind == "status" => text.is_some_and(|text| !text.is_empty()),
            "text" if kind == "hardBreak" => text == Some("\n"),
            _ => text.is_some(),
        };
        if !good {
            return Err(format!("{path}: attribute \"{name}\" of {kind} has a value that is not allowed"));
        }
    }
    Ok(())
}

fn check_text(node: &Map<String, Value>, path: &str) -> Result<(), String> {
    if let Some(key) = node.keys().find(|key| !["type", "text", "marks"].contains(&key.as_str())) {
        return Err(format!("{path}: \"{key}\" is not allowed on text"));
    }
    let text = node
        .get("text")
        .and_then(Value::as_str)
        .ok_or_else(|| format!("{path}: \"text\" must be a string"))?;
    if text.is_empty() {
        return Err(format!("{path}: empty text is not allowed"));
    }
    let Some(marks) = node.get("marks") else { return Ok(()) };
    let marks = marks.as_array().ok_or_else(|| format!("{path}: \"marks\" must be a list"))?;
    let mut names: Vec<&str> = Vec::new();
    for mark in marks {
        let name = check_mark(mark, path)?;
        if names.contains(&name) {
            return Err(format!("{path}: mark \"{name}\" is given twice"));
        }
        names.push(name);
    }
    if names.contains(&"code") && names.iter().any(|name| *name != "code" && *name != "link") {
        return Err(format!("{path}: mark \"code\" goes together with \"link\" only"));
    }
    Ok(())
}

fn check_mark<'a>(mark: &'a Value, path: &str) -> Result<&'a str, String> {
    let mark = mark.as_object().ok_or_else(|| format!("{path}: a mark must be an object"))?;
    let name =
        mark.get("type").and_then(Value::as_str).ok_or_else(|| format!("{path}: a mark needs a \"type\""))?;
    if let Some(key) = mark.keys().find(|key| !["type", "attrs"].contains(&key.as_str())) {
        return Err(format!("{path}: \"{key}\" is not allowed on mark {name}"));
    }
    let attr = |key: &str| mark.get("attrs").and_then(|attrs| attrs.get(key)).and_then(Value::as_str);
    let keys: Vec<&str> = mark
        .get("attrs")
        .and_then(Value::as_object)
        .map(|attrs| attrs.keys().map(String::as_str).collect())
        .unwrap_or_default();
    let good = match name {
        "strong" | "em" | "strike" | "code" | "underline" => !mark.contains_key("attrs"),
        "link" => {
            attr("href").is_some_and(is_web_address) && keys.iter().all(|key| ["href", "title"].contains(key))
        }
        "subsup" => keys == ["type"] && attr("type").is_some_and(|value| ["sub", "sup"].contains(&value)),
        "textColor" => keys == ["color"] && attr("color").is_some_and(is_colour),
        _ => return Err(format!("{path}: mark \"{name}\" is not allowed")),
    };
    if good { Ok(name) } else { Err(format!("{path}: mark \"{name}\" has attributes that are not allowed")) }
}

fn is_web_address(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

fn is_colour(text: &str) -> bool {
    text.strip_prefix('#')
        .is_some_and(|hex| hex.len() == 6 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn doc(content: Value) -> Value {
        json!({"type":"doc","version":1,"content":content})
    }

    #[test]
    fn a_release_ticket_passes() {
        let cell = json!({"type":"tableCell","content":[{"type":"paragraph","content":[{"type":"text","text":"api"}]}]});
        let body = doc(json!([
            {"type":"heading","attrs":{"level":2},"content":[{"type":"text","text":"Release"}]},
            {"type":"panel","attrs":{"panelType":"info"},"content":[{"type":"paragraph","content":[
                {"type":"text","text":"see ","marks":[{"type":"strong"}]},
                {"type":"text","text":"pipeline","marks":[{"type":"link","attrs":{"href":"https://ci.example/1"}}]}]}]},
            {"type":"table","content":[{"type":"tableRow","content":[cell]}]},
            {"type":"codeBlock","attrs":{"language":"sh"},"content":[{"type":"text","text":"true"}]},
            {"type":"orderedList","content":[{"type":"listItem","content":[{"type":"paragraph"}]}]},
            {"type":"rule"}
        ]));
        assert_eq!(check_adf(&body), Ok(()));
    }

    #[test]
    fn what_jira_refuses_is_refused_with_its_place() {
        let paragraph = |inner: Value| doc(json!([{"type":"paragraph","content":[inner]}]));
        let cases = [
            (json!("plain"), "not an Atlassian Document"),
            (json!({"type":"doc","content":[]}), "\"version\" must be 1"),
            (json!({"type":"doc","version":1}), "\"content\" is missing"),
            (doc(json!([{"type":"text","text":"x"}])), "\"text\" is not allowed in doc"),
            (paragraph(json!({"type":"text","text":""})), "empty text"),
            (paragraph(json!({"type":"mention","attrs":{"id":"1"}})), "\"mention\" is not allowed"),
            (
                paragraph(json!({"type":"text","text":"x","marks":[{"type":"code"},{"type":"strong"}]})),
                "\"code\" goes together",
            ),
            (
                paragraph(
                    json!({"type":"text","text":"x","marks":[{"type":"link","attrs":{"href":"javascript:1"}}]}),
                ),
                "mark \"link\"",
            ),
            (
                doc(json!([{"type":"codeBlock","content":[{"type":"text","text":"x","marks":[]}]}])),
                "takes no marks",
            ),
            (doc(json!([{"type":"bulletList","content":[]}])), "must not be empty"),
            (doc(json!([{"type":"heading","attrs":{"level":7}}])), "\"level\""),
            (
                doc(json!([{"type":"panel","attrs":{"panelType":"x"},"content":[{"type":"paragraph"}]}])),
                "panelType",
            ),
            (doc(json!([{"type":"paragraph","text":"x"}])), "\"text\" is not allowed on paragraph"),
            (paragraph(json!({"type":"text","text":"x".repeat(MAX_TEXT)})), "32,767"),
            (doc(json!(vec![json!({"type":"paragraph"}); 2_000])), "32,767"),
        ];
        for (body, expected) in cases {
            let problem = check_adf(&body).unwrap_err();
            assert!(problem.contains(expected), "{expected:?} not in {problem:?}");
        }
    }
}
