//! The headers of objects, of which many have the same.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The headers of an object by their names in lower case.
pub type Headers = BTreeMap<String, String>;

/// Different headers that are shared at most: where each object has its own, comparing them would take longer than it helps.
const MOST_SHARED: usize = 64;

/// Where there are none.
static NONE: Headers = Headers::new();

/// Headers that are kept with many objects. Clones are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SharedHeaders(
    /// `None` where there are none, which takes no memory.
    Option<Arc<Headers>>,
);

impl SharedHeaders {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Headers> for SharedHeaders {
    fn from(headers: Headers) -> Self {
        Self((!headers.is_empty()).then(|| Arc::new(headers)))
    }
}

impl Deref for SharedHeaders {
    type Target = Headers;

    fn deref(&self) -> &Headers {
        self.0.as_deref().unwrap_or(&NONE)
    }
}

impl Serialize for SharedHeaders {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        (**self).serialize(to)
    }
}

impl<'de> Deserialize<'de> for SharedHeaders {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Headers::deserialize(from).map(Self::from)
    }
}

/// Makes equal headers the same, so that those of a hundred thousand objects take no memory of their own.
#[derive(Debug, Default)]
pub(super) struct Sharing(Vec<SharedHeaders>);

impl Sharing {
    pub(super) fn shared(&mut self, headers: SharedHeaders) -> SharedHeaders {
        if headers.is_empty() {
            return headers;
        }
        if let Some(known) = self.0.iter().find(|known| **known == headers) {
            return known.clone();
        }
        if self.0.len() < MOST_SHARED {
            self.0.push(headers.clone());
        }
        headers
    }
}

#[cfg(test)]
mod tests {
    use super::{Headers, MOST_SHARED, SharedHeaders, Sharing};

    #[test]
    fn equal_headers_become_the_same() {
        let headers =
            |kind: &str| SharedHeaders::from(Headers::from([("content-type".to_owned(), kind.to_owned())]));
        let mut sharing = Sharing::default();
        let first = sharing.shared(headers("text/css"));
        let is_first = |other: SharedHeaders| std::ptr::eq(&raw const *first, &raw const *other);
        assert!(is_first(sharing.shared(headers("text/css"))));
        assert!(!is_first(headers("text/css")));
        assert_ne!(sharing.shared(headers("text/plain")), first);
        for number in 0..2 * MOST_SHARED {
            let own = number.to_string();
            assert_eq!(sharing.shared(headers(&own)), headers(&own));
        }
        assert_eq!(sharing.0.len(), MOST_SHARED);
        assert!(is_first(sharing.shared(headers("text/css"))));
    }

    #[test]
    fn no_headers_are_no_headers_however_they_came() {
        let none = SharedHeaders::from(Headers::new());
        assert_eq!((&none, none.is_empty(), none.len()), (&SharedHeaders::default(), true, 0));
        assert_eq!(serde_json::to_string(&none).expect("JSON"), "{}");
        assert_eq!(serde_json::from_str::<SharedHeaders>("{}").expect("headers"), none);
    }
}
