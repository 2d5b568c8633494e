//! Reading a JSON request body more strictly than the real services do.

use std::fmt;

use http::HeaderMap;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// How a request names the type of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// `application/json`, with or without parameters.
    Json,
    /// No `Content-Type` at all.
    Unnamed,
    /// Anything else.
    Other,
}

/// Reads the `Content-Type` header.
pub(crate) fn body_kind(headers: &HeaderMap) -> BodyKind {
    let Some(value) = headers.get(http::header::CONTENT_TYPE) else {
        return BodyKind::Unnamed;
    };
    let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") { BodyKind::Json } else { BodyKind::Other }
}

/// Parses one JSON value and refuses duplicate keys at any depth. Depth is bounded by serde_json (128).
pub(crate) fn parse(bytes: &[u8]) -> Result<Value, String> {
    serde_json::from_slice::<Unique>(bytes).map(|unique| unique.0).map_err(|error| error.to_string())
}

/// Parses an object of which every key must be in `known`.
pub(crate) fn parse_object(bytes: &[u8], known: &[&str]) -> Result<Map<String, Value>, String> {
    match parse(bytes)? {
        Value::Object(map) => match unknown_key(&map, known) {
            Some(key) => Err(format!("unknown field \"{key}\"")),
            None => Ok(map),
        },
        _ => Err("the body must be a JSON object".to_owned()),
    }
}

/// The first key that is not in `known`.
pub(crate) fn unknown_key<'a>(map: &'a Map<String, Value>, known: &[&str]) -> Option<&'a str> {
    map.keys().map(String::as_str).find(|key| !known.contains(key))
}

/// A JSON value without duplicate keys.
struct Unique(Value);

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor).map(Unique)
    }
}

struct UniqueVisitor;

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Unique(item)) = access.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut map = Map::new();
        while let Some(key) = access.next_key::<String>()? {
            if map.contains_key(&key) {
                return Err(A::Error::custom(format!("duplicate field \"{key}\"")));
            }
            let Unique(value) = access.next_value()?;
            map.insert(key, value);
        }
        Ok(Value::Object(map))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn duplicate_and_unknown_keys_are_refused_by_name() {
        assert!(parse(br#"{"a":{"b":1,"b":2}}"#).unwrap_err().contains("duplicate field \"b\""));
        assert_eq!(parse_object(br#"{"a":1}"#, &["b"]), Err("unknown field \"a\"".to_owned()));
        assert!(parse_object(b"[]", &[]).is_err());
        assert!(parse(br#"{"a":1} x"#).is_err());
        assert_eq!(
            parse(br#"{"a":[1,-2,1.5,null,"x",true]}"#),
            Ok(serde_json::json!({"a":[1,-2,1.5,null,"x",true]}))
        );
    }

    #[test]
    fn the_content_type_is_read_without_its_parameters() {
        let mut headers = HeaderMap::new();
        assert_eq!(body_kind(&headers), BodyKind::Unnamed);
        headers.insert("content-type", http::HeaderValue::from_static("Application/JSON; charset=utf-8"));
        assert_eq!(body_kind(&headers), BodyKind::Json);
        headers.insert("content-type", http::HeaderValue::from_static("text/json"));
        assert_eq!(body_kind(&headers), BodyKind::Other);
    }
}
