//! The parts of an address that somebody gave.

/// An address as a request takes it apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts<'a> {
    /// Scheme, host and port.
    pub(crate) base: &'a str,
    /// The path as it is written, so that its end stays as it is; `/` where there is none.
    pub(crate) path: &'a str,
    /// The parameters, decoded.
    pub(crate) query: Vec<(String, String)>,
}

impl<'a> Parts<'a> {
    pub(crate) fn of(address: &'a str) -> Self {
        let (address, query) = address.split_once('?').unwrap_or((address, ""));
        let authority = address.find("://").map_or(0, |at| at + 3);
        let path_at = address
            .get(authority..)
            .and_then(|rest| rest.find('/'))
            .map_or(address.len(), |at| authority + at);
        let (base, path) = address.split_at(path_at);
        Self { base, path: if path.is_empty() { "/" } else { path }, query: pairs(query) }
    }
}

/// The parameters of a query as they are written.
fn pairs(query: &str) -> Vec<(String, String)> {
    let query = query.split('#').next().unwrap_or_default();
    let pair = |part: &str| {
        let (name, value) = part.split_once('=').unwrap_or((part, ""));
        (decoded(name), decoded(value))
    };
    query.split('&').filter(|part| !part.is_empty()).map(pair).collect()
}

/// The text behind percent signs.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, hex.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = behind.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::{Parts, pairs};

    #[test]
    fn an_address_keeps_its_end() {
        let parts = Parts::of("https://hooks.example.com/services/T0/B0/?a=1");
        assert_eq!((parts.base, parts.path), ("https://hooks.example.com", "/services/T0/B0/"));
        assert_eq!(Parts::of("http://localhost:8080").path, "/");
    }

    #[test]
    fn queries_are_taken_apart_as_they_are_written() {
        let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
        assert_eq!(
            pairs("a=1&b=x%20y+z&c&%zz=%"),
            [pair("a", "1"), pair("b", "x y z"), pair("c", ""), pair("%zz", "%")]
        );
        assert!(pairs("").is_empty());
    }
}
