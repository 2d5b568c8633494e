//! Addresses put together from parts of which it is known where they lead: the site's own are accepted, all others are not.
#![no_main]

use landfall_fuzz::sites::{ORIGINS, check};
use landfall_fuzz::{Choices, fuzz_target};
use url::Url;

/// Spellings of one host, by what a URL parser makes of them (WHATWG URL, "host parsing").
const REGISTRY: [&str; 9] = [
    "registry.example.com",
    "REGISTRY.Example.COM",
    "%72egistry.example.com",
    "registry%2eexample.com",
    "registry\u{3002}example.com",
    "registry.example\u{ff0e}com",
    "\u{ff52}egistry.example.com",
    "regi\u{ad}stry.example.com",
    "registry.ex\tample.com",
];
const LOOPBACK: [&str; 9] = [
    "127.0.0.1",
    "127.1",
    "0x7f.1",
    "0x7F000001",
    "2130706433",
    "0177.0.0.1",
    "127.0.0.1.",
    "%31%32%37.0.0.1",
    "\u{ff11}27.0.0.1",
];
const OTHERS: [&str; 20] = [
    "evil.example",
    "registry.example.com.evil.example",
    "evil-registry.example.com",
    "registry.example.com.",
    "registry.example.co",
    "registry.example.comm",
    "sub.registry.example.com",
    "registry.example.com%2f.evil.example",
    "registry.example.com%00.evil.example",
    "registry.example.com%40evil.example",
    "registry.ex\u{430}mple.com",
    "registry-example.com",
    "127.0.0.2",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::127.0.0.1]",
    "localhost",
    "169.254.169.254",
    "10.0.0.1",
    "",
];
/// What ends the host, and things behind it that look like hosts.
const TAILS: [&str; 12] = [
    "/v2/app/blobs/uploads/1",
    "",
    "/",
    "?_state=canary-signature",
    "#fragment",
    "/@evil.example/",
    "?@evil.example/",
    "#@evil.example/",
    "\\@evil.example/",
    "/../../..//evil.example/",
    "/%2e%2e/%2f",
    "//evil.example",
];

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let number = usize::from(choices.byte()) % ORIGINS.len();
    let (own_scheme, own_port, own_hosts) = match number {
        0 => ("https", "443", REGISTRY),
        1 => ("https", "8443", REGISTRY),
        _ => ("http", "5000", LOOPBACK),
    };
    let (written_scheme, scheme) = choices.of(&[
        ("", own_scheme),
        ("https:", "https"),
        ("http:", "http"),
        ("HTTPS:", "https"),
        ("hTTp:", "http"),
        ("ht\ttps:", "https"),
        ("ftp:", "ftp"),
        ("wss:", "wss"),
    ]);
    let slashes = choices.of(&["//", "//", "\\\\", "/\\", "\\/", "/\t/"]);
    let (user, is_anonymous) = choices.of(&[
        ("", true),
        ("", true),
        ("user@", false),
        ("user:password@", false),
        (":password@", false),
        ("registry.example.com@", false),
        ("registry.example.com:443@", false),
        ("a@b@", false),
        ("%40@", false),
    ]);
    let is_own_host = choices.of(&[true, true, false]);
    let host = if is_own_host { choices.of(&own_hosts) } else { choices.of(&OTHERS) };
    let (written_port, port) = choices.of(&[
        ("", ""),
        (":", ""),
        (":443", "443"),
        (":80", "80"),
        (":8443", "8443"),
        (":5000", "5000"),
        (":00443", "443"),
        (":05000", "5000"),
        (":65979", "none"),
        (":-443", "none"),
        (":4 43", "none"),
    ]);
    let port = match (port, scheme) {
        ("", "https" | "wss") => "443",
        ("", "http") => "80",
        (port, _) => port,
    };
    let tail = choices.of(&TAILS);
    let blank = choices.of(&["", "", " ", "\u{1}"]);
    let rest = if tail.is_empty() { String::new() } else { choices.rest() };
    // What a parser takes away at the ends is put there.
    let given = format!("{blank}{written_scheme}{slashes}{user}{host}{written_port}{tail}{rest}{blank}");

    let asked = Url::parse(&format!("{}/v2/app/blobs/uploads/", ORIGINS[number])).expect("an address");
    let is_own = scheme == own_scheme && is_anonymous && is_own_host && port == own_port;
    assert_eq!(check(number, &asked, &given), is_own, "{given:?}");
});
