//! `Location`, redirects and realms as texts: the first byte chooses the site, the first line is the path that was asked.
#![no_main]

use landfall_fuzz::sites::{ORIGINS, check};
use landfall_fuzz::{Choices, fuzz_target};
use url::Url;

fuzz_target!(|input: &[u8]| {
    let mut choices = Choices::new(input);
    let number = usize::from(choices.byte()) % ORIGINS.len();
    let text = choices.rest();
    let (path, given) = text.split_once('\n').unwrap_or(("/v2/", &text));
    let mut asked = Url::parse(ORIGINS[number]).expect("an address");
    asked.set_path(path);
    check(number, &asked, given);
});
