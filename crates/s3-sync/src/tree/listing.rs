//! All objects below a prefix, page by page, and whether that is all of them.

use std::collections::BTreeSet;

use aws_sdk_s3::operation::list_objects_v2::ListObjectsV2Output;
use aws_sdk_s3::types::EncodingType;
use landfall_aws::{Call, Nature, Service, call};
use landfall_run::Run;

use super::etag::{Etag, Listed};
use super::{Tree, TreeError};

/// Most objects below a prefix.
const MOST_OBJECTS: u64 = 1_000_000;

/// Most pages in a row that hold nothing and promise more.
const MOST_EMPTY_PAGES: u32 = 100;

impl Tree {
    /// Hands on every object below the prefix by its name below it, in the order of the names' bytes, and gives their number.
    ///
    /// # Errors
    /// [`TreeError::Call`]; [`TreeError::Listing`] where pages contradict themselves or each other, so that nobody can say whether that
    /// was all: a page out of order, a key beyond the prefix, a count that is not that of the keys, a token that was there before
    /// or is missing.
    pub(crate) async fn list(
        &self,
        run: &Run,
        mut take: impl FnMut(&str, Listed) + Send,
    ) -> Result<u64, TreeError> {
        let mut pages = Pages::new(self.address().prefix());
        let mut token: Option<String> = None;
        loop {
            let what = Call {
                service: Service::S3,
                operation: "ListObjectsV2",
                nature: Nature::Read,
                limiter: None,
            };
            let request = || {
                self.sdk
                    .list_objects_v2()
                    .bucket(self.address().bucket().as_str())
                    .prefix(self.address().prefix())
                    .encoding_type(EncodingType::Url)
                    .set_continuation_token(token.clone())
                    .set_expected_bucket_owner(self.owner())
                    .send()
            };
            let page = call(run, what, request).await.map_err(|failure| TreeError::Call {
                what: "cannot list",
                address: self.address().to_string(),
                failure: Box::new(failure),
            })?;
            let next = pages.page(&page, &mut take);
            token = next.map_err(|what| TreeError::Listing { address: self.address().to_string(), what })?;
            if pages.count > MOST_OBJECTS {
                let what = format!("objects below {}", self.address());
                return Err(TreeError::TooMany { what, most: MOST_OBJECTS });
            }
            if token.is_none() {
                return Ok(pages.count);
            }
        }
    }
}

/// What the pages so far have shown.
struct Pages<'a> {
    prefix: &'a str,
    last: Option<String>,
    tokens: BTreeSet<String>,
    empty: u32,
    count: u64,
}

impl<'a> Pages<'a> {
    fn new(prefix: &'a str) -> Self {
        Self { prefix, last: None, tokens: BTreeSet::new(), empty: 0, count: 0 }
    }

    /// Takes a page, and gives the token of the next one.
    fn page(
        &mut self,
        page: &ListObjectsV2Output,
        take: &mut impl FnMut(&str, Listed),
    ) -> Result<Option<String>, String> {
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
        for object in objects {
            let key = object.key().and_then(plain).ok_or("a key cannot be read")?;
            let Some(name) = key.strip_prefix(self.prefix) else {
                return Err(format!("the key `{}` is not below the prefix", shown(&key)));
            };
            if self.last.as_deref().is_some_and(|last| last.as_bytes() >= key.as_bytes()) {
                return Err(format!("the key `{}` is out of order", shown(&key)));
            }
            let size = object.size().and_then(|size| u64::try_from(size).ok());
            let listed = Listed {
                size_bytes: size.ok_or_else(|| format!("the object `{}` has no size", shown(&key)))?,
                etag: Etag::of(object.e_tag()),
                modified: object.last_modified().and_then(|time| time.to_millis().ok()).unwrap_or(i64::MAX),
            };
            take(name, listed);
            self.count += 1;
            self.last = Some(key);
        }
        self.empty = if objects.is_empty() { self.empty + 1 } else { 0 };
        match (page.is_truncated().unwrap_or_default(), page.next_continuation_token()) {
            (false, None) => Ok(None),
            (false, Some(_)) => Err("a page says that it is the last one and that one follows".to_owned()),
            (true, None) => Err("a page says that another one follows, and not which".to_owned()),
            (true, Some(_)) if self.empty > MOST_EMPTY_PAGES => {
                Err(format!("more than {MOST_EMPTY_PAGES} pages in a row hold nothing"))
            }
            (true, Some(token)) if !self.tokens.insert(token.to_owned()) => {
                Err("a page leads back to one that was there before".to_owned())
            }
            (true, Some(token)) => Ok(Some(token.to_owned())),
        }
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

    use super::{Pages, decoded};

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
        let (mut seen, mut names) = (Pages::new("p/"), Vec::new());
        for page in pages {
            seen.page(page, &mut |name: &str, _| names.push(name.to_owned()))?;
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
    fn names_in_url_encoding_are_read() {
        assert_eq!(decoded("a+b%2Bc/%25%C3%A9%0A%01").as_deref(), Some("a b+c/%é\n\u{1}"));
        assert_eq!(decoded("%ff"), None);
    }
}
