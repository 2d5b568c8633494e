//! What pages of a listing show together: every object up to some key, in the order of their bytes, or a contradiction.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;

use super::etag::{Etag, Listed};

/// Most pages in a row that hold nothing and promise more.
const MOST_EMPTY_PAGES: u32 = 100;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// At the first key.
    Start,
    /// Behind a key, whether that is there or not.
    After(Box<str>),
    /// Where another page ended.
    Token(String),
}

/// What follows a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing: that was all.
    End,
    /// More, by this token.
    Token(String),
    /// Whatever followed before: other pages have shown more than this one by now.
    Overtaken,
}

/// What the pages so far have shown. Each but the first begins where everything before is known, so that together they are one listing.
pub(super) struct Pages<'a> {
    prefix: &'a str,
    /// All objects are known up to this key.
    covered: Option<String>,
    tokens: BTreeSet<String>,
    empty: u32,
    count: u64,
}

impl<'a> Pages<'a> {
    pub(super) fn new(prefix: &'a str) -> Self {
        Self { prefix, covered: None, tokens: BTreeSet::new(), empty: 0, count: 0 }
    }

    /// How many objects there were.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Whether all objects up to a key are known, so that a page that begins behind it leaves none out.
    pub(super) fn covers(&self, key: &str) -> bool {
        self.covered.as_deref().is_some_and(|covered| covered.as_bytes() >= key.as_bytes())
    }

    /// Notes that a token is followed.
    ///
    /// # Errors
    /// It was followed before: pages lead in a circle.
    pub(super) fn follow(&mut self, token: &str) -> Result<(), String> {
        let is_new = self.tokens.insert(token.to_owned());
        if is_new { Ok(()) } else { Err("a page leads back to one that was there before".to_owned()) }
    }

    /// Takes a page: hands on what no page has shown before. One that begins behind a key must begin where that is covered.
    ///
    /// # Errors
    /// What contradicts itself or another page.
    pub(super) fn page(
        &mut self,
        ask: &Ask,
        page: &ListObjectsV2Output,
        take: &mut impl FnMut(&str, Listed),
    ) -> Result<Next, String> {
        let is_encoded = page.encoding_type() == Some(&EncodingType::Url);
        let plain = |text: &str| if is_encoded { decoded(text) } else { Some(text.to_owned()) };
        if let Some(of) = page.prefix()
            && plain(of).as_deref() != Some(self.prefix)
        {
            return Err(format!("a page is of another prefix, `{}`", shown(of)));
        }
        let objects = page.contents();
        if page.key_count().is_some_and(|count| usize::try_from(count) != Ok(objects.len())) {
            return Err("a page does not hold as many keys as it says".to_owned());
        }
        let mut last = match ask {
            Ask::Start => None,
            Ask::After(key) => Some(key.to_string()),
            Ask::Token(_) => self.covered.clone(),
        };
        for object in objects {
            let key = object.key().and_then(plain).ok_or("a key cannot be read")?;
            let Some(name) = key.strip_prefix(self.prefix) else {
                return Err(format!("the key `{}` is not below the prefix", shown(&key)));
            };
            if last.as_deref().is_some_and(|last| last.as_bytes() >= key.as_bytes()) {
                return Err(format!("the key `{}` is out of order", shown(&key)));
            }
            let size = object.size().and_then(|size| u64::try_from(size).ok());
            let listed = Listed {
                size_bytes: size.ok_or_else(|| format!("the object `{}` has no size", shown(&key)))?,
                etag: Etag::of(object.e_tag()),
                modified: object.last_modified().and_then(|time| time.to_millis().ok()).unwrap_or(i64::MAX),
            };
            if !self.covers(&key) {
                take(name, listed);
                self.count += 1;
            }
            last = Some(key);
        }
        let next = match (page.is_truncated().unwrap_or_default(), page.next_continuation_token()) {
            (false, None) => Next::End,
            (false, Some(_)) => {
                return Err("a page says that it is the last one and that one follows".to_owned());
            }
            (true, None) => return Err("a page says that another one follows, and not which".to_owned()),
            (true, Some(token)) => Next::Token(token.to_owned()),
        };
        // Its word of what follows is older or less than what is known: another page has gone further.
        if last.as_deref().map(str::as_bytes) < self.covered.as_deref().map(str::as_bytes) {
            return Ok(Next::Overtaken);
        }
        self.covered = last;
        self.empty = if objects.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY_PAGES && next != Next::End {
            return Err(format!("more than {MOST_EMPTY_PAGES} pages in a row hold nothing"));
        }
        Ok(next)
    }
}

fn shown(key: &str) -> String {
    landfall_secret::escape(key, 200)
}

/// The text of a name in url encoding, in which a plus is a space; `None` where it is no UTF-8.
fn decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
    use aws_sdk_s3::types::{EncodingType, Object};

    use super::{Ask, Next, Pages, decoded};

    fn page(keys: &[&str], next: Option<&str>) -> ListObjectsV2Output {
        let mut page = ListObjectsV2Output::builder()
            .is_truncated(next.is_some())
            .key_count(i32::try_from(keys.len()).expect("few"))
            .set_next_continuation_token(next.map(str::to_owned));
        for key in keys {
            page = page.contents(Object::builder().key(*key).size(1).build());
        }
        page.build()
    }

    fn read(pages: &[ListObjectsV2Output]) -> Result<Vec<String>, String> {
        let (mut seen, mut names, mut ask) = (Pages::new("p/"), Vec::new(), Ask::Start);
        for page in pages {
            let next = seen.page(&ask, page, &mut |name: &str, _| names.push(name.to_owned()))?;
            if let Next::Token(token) = next {
                seen.follow(&token)?;
                ask = Ask::Token(token);
            }
        }
        Ok(names)
    }

    #[test]
    fn pages_that_follow_each_other_are_one_listing() {
        let pages = [page(&["p/a", "p/a b"], Some("1")), page(&[], Some("2")), page(&["p/b/c", "p/é"], None)];
        assert_eq!(read(&pages).expect("a listing"), ["a", "a b", "b/c", "é"]);
        assert!(read(&[page(&[], None)]).expect("a listing").is_empty());
    }

    #[test]
    fn listings_that_contradict_themselves_are_refused() {
        let wrong_count = ListObjectsV2Output::builder().key_count(2).build();
        let lost_token = ListObjectsV2Output::builder().is_truncated(true).build();
        let last_and_not =
            ListObjectsV2Output::builder().is_truncated(false).next_continuation_token("x").build();
        let other = ListObjectsV2Output::builder().prefix("q/").build();
        let no_size = ListObjectsV2Output::builder().contents(Object::builder().key("p/a").build()).build();
        let negative =
            ListObjectsV2Output::builder().contents(Object::builder().key("p/a").size(-1).build()).build();
        let no_key = ListObjectsV2Output::builder().contents(Object::builder().size(1).build()).build();
        let odd = ListObjectsV2Output::builder()
            .encoding_type(EncodingType::Url)
            .contents(Object::builder().key("p/%ff").size(1).build())
            .build();
        for (pages, part) in [
            (vec![page(&["p/b", "p/a"], None)], "out of order"),
            (vec![page(&["p/a", "p/a"], None)], "out of order"),
            (vec![page(&["p/a"], Some("1")), page(&["p/a"], None)], "out of order"),
            (vec![page(&["p/b"], Some("1")), page(&["p/a"], None)], "out of order"),
            (vec![page(&["p/a"], Some("1")), page(&["p/b"], Some("1"))], "there before"),
            (vec![page(&["q/a"], None)], "not below"),
            (vec![page(&["p"], None)], "not below"),
            (vec![wrong_count], "as many keys"),
            (vec![lost_token], "not which"),
            (vec![last_and_not], "one follows"),
            (vec![other], "another prefix"),
            (vec![no_size], "no size"),
            (vec![negative], "no size"),
            (vec![no_key], "cannot be read"),
            (vec![odd], "cannot be read"),
        ] {
            let error = read(&pages).expect_err(part);
            assert!(error.contains(part), "{part}: {error}");
        }
        let endless: Vec<_> = (0..150).map(|number| page(&[], Some(&number.to_string()))).collect();
        assert!(read(&endless).expect_err("endless").contains("hold nothing"));
    }

    #[test]
    fn a_page_that_begins_behind_a_key_is_held_against_what_is_known() {
        let after = |key: &str| Ask::After(key.into());
        let known = || {
            let mut pages = Pages::new("p/");
            let next = pages.page(&Ask::Start, &page(&["p/a", "p/c"], Some("1")), &mut |_, _| {});
            assert_eq!(next, Ok(Next::Token("1".to_owned())));
            assert!(pages.covers("p/b") && pages.covers("p/c") && !pages.covers("p/d"));
            pages
        };
        for (ask, shown, names, next) in [
            (after("p/c"), page(&["p/d"], Some("2")), vec!["d"], Next::Token("2".to_owned())),
            // What is known already is not handed on once more.
            (after("p/b"), page(&["p/c", "p/d"], None), vec!["d"], Next::End),
            (after("p/b"), page(&["p/c"], None), vec![], Next::End),
            (after("p/a"), page(&["p/b"], Some("2")), vec![], Next::Overtaken),
            // It says that nothing follows, and something is known that does: others must tell.
            (after("p/b"), page(&[], None), vec![], Next::Overtaken),
            (after("p/c"), page(&[], None), vec![], Next::End),
        ] {
            let (mut pages, mut found) = (known(), Vec::new());
            let got = pages.page(&ask, &shown, &mut |name: &str, _| found.push(name.to_owned()));
            assert_eq!((found, got), (names.into_iter().map(str::to_owned).collect(), Ok(next)), "{ask:?}");
        }
        // A store that knows no beginnings gives what comes first.
        let error = known().page(&after("p/c"), &page(&["p/a"], None), &mut |_, _| {});
        assert!(error.expect_err("refused").contains("out of order"));
    }

    #[test]
    fn names_in_url_encoding_are_read() {
        assert_eq!(decoded("a+b%2Bc/%25%C3%A9%0A%01").as_deref(), Some("a b+c/%é\n\u{1}"));
        assert_eq!(decoded("%ff"), None);
    }
}
