//! Reading the members of a request as the service model (ecr-2015-09-21) bounds them.

use serde_json::{Map, Value};

use super::Refusal;
use crate::strict_body;

/// Digests, image ids, names or media types in one call.
const MAX_BATCH: usize = 100;
/// Results on one page.
const MAX_RESULTS: u64 = 1000;
/// Characters of a tag.
const MAX_TAG: usize = 300;

/// The body of a request.
pub(super) type Body = Map<String, Value>;

/// An image as a request names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ImageId {
    pub(super) digest: Option<String>,
    pub(super) tag: Option<String>,
    /// As it was sent.
    pub(super) shown: Value,
}

fn invalid(name: &str, constraint: &str) -> Refusal {
    Refusal::parameter(format!("Invalid parameter at '{name}' failed to satisfy constraint: '{constraint}'"))
}

/// A member that is a text; `None` where it is missing or null.
pub(super) fn optional_text<'a>(body: &'a Body, name: &str) -> Result<Option<&'a str>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(invalid(name, "must be a text")),
    }
}

/// The name of a repository: 2 to 256 characters of `[a-z0-9]`, with `.`, `_`, `__` or hyphens between them and `/` between parts.
pub(super) fn repository_name<'a>(body: &'a Body, name: &str) -> Result<&'a str, Refusal> {
    let text = optional_text(body, name)?.ok_or_else(|| invalid(name, "must not be null"))?;
    if is_repository_name(text) { Ok(text) } else { Err(name_constraint(name)) }
}

fn name_constraint(name: &str) -> Refusal {
    let pattern = "[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*(\\/[a-z0-9]+((\\.|_|__|-+)[a-z0-9]+)*)*";
    invalid(name, &format!("must satisfy regular expression '{pattern}' and have 2 to 256 characters"))
}

fn is_repository_name(text: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good_part = |part: &str| {
        let separators = part.split(|letter: char| letter.is_ascii() && alphanumeric(letter as u8));
        let ends = [part.bytes().next(), part.bytes().last()];
        ends.iter().all(|byte| byte.is_some_and(alphanumeric))
            && separators
                .filter(|run| !run.is_empty())
                .all(|run| run == "." || run == "_" || run == "__" || run.bytes().all(|byte| byte == b'-'))
    };
    (2..=256).contains(&text.len()) && text.split('/').all(good_part)
}

/// A list of 1 to 100 texts.
pub(super) fn texts(body: &Body, name: &str) -> Result<Vec<String>, Refusal> {
    let items = body.get(name).and_then(Value::as_array).ok_or_else(|| invalid(name, "must be a list"))?;
    if items.is_empty() || items.len() > MAX_BATCH {
        return Err(invalid(name, "must have 1 to 100 members"));
    }
    let text = |item: &Value| item.as_str().map(str::to_owned);
    items.iter().map(text).collect::<Option<_>>().ok_or_else(|| invalid(name, "must hold texts"))
}

/// `None` where there is no such list.
pub(super) fn optional_texts(body: &Body, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => texts(body, name).map(Some),
    }
}

/// Names of repositories, 1 to 100; `None` where there is no such list.
pub(super) fn repository_names(body: &Body, name: &str) -> Result<Option<Vec<String>>, Refusal> {
    let names = optional_texts(body, name)?;
    if names.iter().flatten().all(|text| is_repository_name(text)) {
        Ok(names)
    } else {
        Err(name_constraint(name))
    }
}

/// 1 to 100 image ids.
pub(super) fn image_ids(body: &Body) -> Result<Vec<ImageId>, Refusal> {
    let ids = body.get("imageIds").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if ids.is_empty() || ids.len() > MAX_BATCH {
        return Err(invalid("imageIds", "must have 1 to 100 members"));
    }
    ids.iter().map(image_id).collect()
}

fn image_id(id: &Value) -> Result<ImageId, Refusal> {
    let map = id.as_object().ok_or_else(|| invalid("imageIds", "must hold image identifiers"))?;
    if let Some(key) = strict_body::unknown_key(map, &["imageDigest", "imageTag"]) {
        return Err(invalid("imageIds", &format!("unknown field \"{key}\"")));
    }
    let digest = optional_text(map, "imageDigest")?.map(str::to_owned);
    let tag = optional_text(map, "imageTag")?.map(str::to_owned);
    if tag.as_ref().is_some_and(|tag| tag.is_empty() || tag.len() > MAX_TAG) {
        return Err(invalid("imageTag", "must have 1 to 300 characters"));
    }
    Ok(ImageId { digest, tag, shown: id.clone() })
}

/// A page of the items, from `nextToken` on.
pub(super) fn page(body: &Body, name: &str, items: Vec<Value>) -> Result<Value, Refusal> {
    let limit = match body.get("maxResults") {
        None | Some(Value::Null) => 100,
        Some(value) => value
            .as_u64()
            .filter(|limit| (1..=MAX_RESULTS).contains(limit))
            .ok_or_else(|| invalid("maxResults", "must be between 1 and 1000"))?,
    } as usize;
    let start = match optional_text(body, "nextToken")? {
        None => 0,
        Some(token) => token
            .strip_prefix("page-")
            .and_then(|text| text.parse::<usize>().ok())
            .ok_or_else(|| invalid("nextToken", "must be one that was given"))?,
    };
    let end = start.saturating_add(limit);
    let mut answer = Map::new();
    if end < items.len() {
        answer.insert("nextToken".to_owned(), Value::String(format!("page-{end}")));
    }
    answer.insert(name.to_owned(), items.into_iter().skip(start).take(limit).collect());
    Ok(Value::Object(answer))
}

#[cfg(test)]
mod tests {
    use super::is_repository_name;

    #[test]
    fn repository_names_are_as_the_model_has_them() {
        for good in ["app", "a1", "team/app", "a.b_c__d-e--f/g"] {
            assert!(is_repository_name(good), "{good}");
        }
        let long = "a".repeat(257);
        for bad in
            ["", "a", "App", "-a", "a-", "a/", "/a", "a//b", "a..b", "a___b", "a._b", "a b", "é1", &long]
        {
            assert!(!is_repository_name(bad), "{bad}");
        }
    }
}
