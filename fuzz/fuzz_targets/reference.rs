//! References to images: what is accepted prints as it was written, and means the same to a URL.
#![no_main]

use landfall_artifacts::{PinnedReference, Reference, Repository, Version};
use landfall_fuzz::{fuzz_target, shown};
use url::{Host, Url};

fuzz_target!(|text: &str| {
    match text.parse::<Reference>() {
        Ok(reference) => accepted(&reference, text),
        Err(error) => drop(shown(&error)),
    }
    match text.parse::<PinnedReference>() {
        Ok(pinned) => {
            assert_eq!(pinned.to_string(), text);
            assert_eq!(text.parse(), Ok(Reference::from(pinned)));
        }
        Err(error) => drop(shown(&error)),
    }
    match text.parse::<Repository>() {
        Ok(repository) => assert_eq!(repository.to_string(), text),
        Err(error) => drop(shown(&error)),
    }
});

fn accepted(reference: &Reference, text: &str) {
    assert_eq!(reference.to_string(), text);
    let json = serde_json::to_string(reference).expect("a text");
    assert_eq!(serde_json::from_str::<Reference>(&json).ok().as_ref(), Some(reference));

    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text:?}");
    assert!(text.len() <= 255 + 1 + 128, "{} characters", text.len());

    let (host, path) = (reference.repository().host(), reference.repository().path());
    let version = match reference.version() {
        Version::Tag(tag) => tag.to_string(),
        Version::Digest(digest) => digest.to_string(),
    };
    assert_eq!(text.split_once('/').map(|(before, _)| before), Some(host));
    let (name, port) = match host.rsplit_once(':').filter(|(_, port)| !port.contains(']')) {
        Some((name, port)) => {
            assert!(port.bytes().all(|byte| byte.is_ascii_digit()), "{text}");
            (name, port.parse().expect("a port is a number"))
        }
        None => (host, 443),
    };

    // What was meant is read once more by the rules of URLs, in which `@`, `?`, `#`, `%` and `..` would say something.
    let asked = format!("/v2/{path}/manifests/{version}");
    // A host may be none to a URL, such as an address with a number too large: then nothing is asked.
    let Ok(url) = Url::parse(&format!("https://{host}{asked}")) else { return };
    assert_eq!((url.path(), url.query(), url.fragment()), (asked.as_str(), None, None), "{text}");
    assert_eq!((url.username(), url.password()), ("", None), "{text}");
    assert_eq!(url.port_or_known_default(), Some(port), "{text}");
    match url.host().expect("https has a host") {
        Host::Domain(domain) => assert_eq!(domain, name, "{text}"),
        // Addresses have many spellings; that they are compared as addresses is the business of `location`.
        Host::Ipv4(_) | Host::Ipv6(_) => {}
    }
}
