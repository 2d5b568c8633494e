//! Colours can be told apart from their grounds (WCAG 2.2, 1.4.3: a contrast of at least 4.5).

use std::collections::BTreeMap;

use landfall_dashboard::{Layout, build};

use crate::sample::small;

/// The variables of each `:root` of the style sheet: light, dark, print.
fn themes(css: &str) -> Vec<BTreeMap<String, String>> {
    let blocks = css.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap_or_default());
    blocks
        .map(|block| {
            let rules = block.split(';').filter_map(|rule| rule.trim().strip_prefix("--")?.split_once(':'));
            rules.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
        })
        .collect()
}

fn luminance(colour: &str) -> f64 {
    let hex = colour.strip_prefix('#').unwrap_or_else(|| panic!("{colour} is a colour"));
    let digits: Vec<char> = hex.chars().collect();
    let wide: String = if digits.len() == 3 {
        digits.iter().flat_map(|digit| [*digit, *digit]).collect()
    } else {
        hex.to_owned()
    };
    let part = |at: usize| {
        let value = f64::from(u8::from_str_radix(&wide[at..at + 2], 16).expect("hex")) / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * part(0) + 0.7152 * part(2) + 0.0722 * part(4)
}

fn contrast(one: &str, other: &str) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn texts_can_be_read_on_their_grounds() {
    let pages = build(&small(), &Layout::default());
    let css = pages.iter().find(|page| page.path == "pages/site.css").expect("a style sheet").text();
    let themes = themes(&css);
    assert_eq!(themes.len(), 3, "light, dark, print");
    let grounds = ["ground", "card", "head"];
    let tinted =
        [("good", "good-ground"), ("warn", "warn-ground"), ("bad", "bad-ground"), ("info", "info-ground")];
    let texts = ["ink", "soft", "accent", "good", "warn", "bad", "info"];
    let mut pairs: Vec<(&str, &str)> =
        texts.iter().flat_map(|text| grounds.map(|ground| (*text, ground))).collect();
    pairs.extend(tinted);
    pairs.extend(
        tinted.iter().flat_map(|(_, ground)| [("ink", *ground), ("soft", *ground), ("accent", *ground)]),
    );
    pairs.extend([("info", "warn-ground"), ("warn", "bad-ground")]);
    let mut bad = Vec::new();
    for (number, theme) in themes.iter().enumerate() {
        for (text, ground) in &pairs {
            let found = contrast(&theme[*text], &theme[*ground]);
            if found < 4.5 {
                bad.push(format!("theme {number}: {text} on {ground} is {found:.2}"));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(contrast("#000", "#fff") > 20.9 && contrast("#777", "#fff") < 4.5, "the measure is right");
}
