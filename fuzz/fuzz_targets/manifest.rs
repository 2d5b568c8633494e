//! Manifests as bytes: the first line is the `Content-Type`, what follows is the body.
#![no_main]

use bytes::Bytes;
use landfall_fuzz::{fuzz_target, manifest};

fuzz_target!(|input: &[u8]| {
    let line = input.iter().position(|byte| *byte == b'\n');
    let (header, body) = match line {
        Some(at) => (std::str::from_utf8(&input[..at]).ok(), &input[at + 1..]),
        None => (None, input),
    };
    let body = Bytes::copy_from_slice(body);
    manifest::check(&body, header);
    manifest::check(&body, None);
});
