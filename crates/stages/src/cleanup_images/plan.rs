//! Which images go and which stay, and why. Decided without doing anything.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use landfall_artifacts::Digest;
use landfall_registry::StoredImage;
use time::OffsetDateTime;

/// What stays whatever its age.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// So many images of each name stay, the newest. A name is what stands before the version in `<name>-<version>`; tags of
    /// another form are one name together.
    pub last: usize,
    /// What was pushed within this time stays.
    pub younger_than: Duration,
    /// Tags or digests that are to go, and no others; all that no rule keeps where there are none.
    pub only: Vec<String>,
}

/// What is to become of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It goes.
    Goes,
    /// It stays, since it runs somewhere or could be gone back to: the words say where.
    Held(String),
    /// It stays: it is among the newest of its name.
    Last,
    /// It stays: it is young.
    Young,
    /// It stays: others were named.
    NotNamed,
}

/// The fate of each image, in their order. What is named explicitly goes whatever its age, unless it is held.
pub fn plan(
    images: &[StoredImage],
    held: &BTreeMap<Digest, String>,
    rules: &Rules,
    now: OffsetDateTime,
) -> Vec<Fate> {
    let newest = newest(images, rules.last);
    let of = |(at, image): (usize, &StoredImage)| {
        if let Some(words) = held.get(&image.digest) {
            return Fate::Held(words.clone());
        }
        if !rules.only.is_empty() {
            return if is_named(image, &rules.only) { Fate::Goes } else { Fate::NotNamed };
        }
        if newest.get(at).copied().unwrap_or(true) {
            return Fate::Last;
        }
        // A clock that lags behind makes an image of the future, which is young.
        let age = now - image.pushed_at;
        if age < rules.younger_than { Fate::Young } else { Fate::Goes }
    };
    images.iter().enumerate().map(of).collect()
}

/// Whether one of the names is a tag of the image, or its digest.
pub fn is_named(image: &StoredImage, names: &[String]) -> bool {
    names.iter().any(|name| *name == image.digest.to_string() || image.tags.contains(name))
}

/// Which images are among the newest of one of their names.
fn newest(images: &[StoredImage], last: usize) -> Vec<bool> {
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (at, image) in images.iter().enumerate() {
        for tag in &image.tags {
            let places = by_name.entry(name_of(tag)).or_default();
            if places.last() != Some(&at) {
                places.push(at);
            }
        }
    }
    let mut stays = vec![false; images.len()];
    for places in by_name.values_mut() {
        places.sort_by_key(|at| images.get(*at).map(|image| Reverse((image.pushed_at, image.digest))));
        for at in places.iter().take(last) {
            if let Some(stays) = stays.get_mut(*at) {
                *stays = true;
            }
        }
    }
    stays
}

/// What stands before the version of `<name>-<version>`; nothing where the tag is of another form.
fn name_of(tag: &str) -> &str {
    let is_version = |text: &str| semver::Version::parse(&text.replace('_', "+")).is_ok();
    let hyphens = tag.match_indices('-').map(|(at, _)| at);
    let mut names = hyphens.filter_map(|at| {
        let (name, version) = tag.split_at(at);
        is_version(version.strip_prefix('-')?).then_some(name)
    });
    names.next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::time::Duration;

    use landfall_artifacts::Digest;
    use landfall_registry::StoredImage;
    use proptest::prelude::*;
    use time::OffsetDateTime;

    use super::{Fate, Rules, name_of, plan};

    const DAY: i64 = 24 * 3600;

    fn image(content: &str, tags: &[&str], days: i64) -> StoredImage {
        StoredImage {
            digest: Digest::of(content.as_bytes()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed_at: now() - Duration::from_secs((days * DAY) as u64),
            size_bytes: 1,
        }
    }

    fn now() -> OffsetDateTime {
        OffsetDateTime::from_unix_timestamp(1_800_000_000).expect("a time")
    }

    fn rules(last: usize, days: u64) -> Rules {
        Rules { last, younger_than: Duration::from_secs(days * DAY as u64), only: Vec::new() }
    }

    #[test]
    fn names_end_before_their_version() {
        for (tag, name) in [
            ("OrderService-1.4.2", "OrderService"),
            ("order-service-us-1.4.2-rc.1", "order-service-us"),
            ("Chat-1.0.0_build.7", "Chat"),
            ("0a1b2c3d", ""),
            ("latest", ""),
            ("v2-final", ""),
        ] {
            assert_eq!(name_of(tag), name, "{tag}");
        }
    }

    #[test]
    fn what_runs_is_new_or_young_stays() {
        let images = [
            image("runs", &["Order-1.0.0"], 400),
            image("old", &["Order-1.1.0"], 300),
            image("last", &["Order-1.2.0"], 200),
            image("chat", &["Chat-9.0.0"], 900),
            image("untagged", &[], 100),
            image("young", &[], 2),
        ];
        let held = BTreeMap::from([(images[0].digest, "runs in prod_eu00".to_owned())]);
        let fates = plan(&images, &held, &rules(1, 30), now());
        let runs = Fate::Held("runs in prod_eu00".to_owned());
        assert_eq!(fates, [runs.clone(), Fate::Goes, Fate::Last, Fate::Last, Fate::Goes, Fate::Young]);
        let only =
            Rules { only: vec!["Order-1.0.0".to_owned(), images[5].digest.to_string()], ..rules(1, 30) };
        let fates = plan(&images, &held, &only, now());
        assert_eq!(fates, [runs, Fate::NotNamed, Fate::NotNamed, Fate::NotNamed, Fate::NotNamed, Fate::Goes]);
    }

    proptest! {
        #[test]
        fn no_rule_lets_what_is_held_go(
            ages in proptest::collection::vec((0..3_usize, 0..400_i64, any::<bool>()), 0..30),
            last in 0..4_usize,
            days in 0..200_u64,
        ) {
            let images: Vec<StoredImage> = ages
                .iter()
                .enumerate()
                .map(|(at, (name, days, _))| {
                    image(&at.to_string(), &[&format!("{}-1.0.{at}", ["A", "B", "C"][*name])], *days)
                })
                .collect();
            let held: BTreeMap<Digest, String> = images
                .iter()
                .zip(&ages)
                .filter(|(_, (_, _, held))| *held)
                .map(|(image, _)| (image.digest, "runs".to_owned()))
                .collect();
            let fates = plan(&images, &held, &rules(last, days), now());
            for (image, fate) in images.iter().zip(&fates) {
                prop_assert_eq!(matches!(fate, Fate::Held(_)), held.contains_key(&image.digest));
                if *fate == Fate::Goes {
                    let age = (now() - image.pushed_at).whole_days();
                    prop_assert!(age >= days.cast_signed());
                }
            }
            for name in ["A-", "B-", "C-"] {
                let of_name: Vec<usize> =
                    (0..images.len()).filter(|at| images[*at].tags[0].starts_with(name)).collect();
                let stay = of_name.iter().filter(|at| fates[**at] != Fate::Goes).count();
                prop_assert!(stay >= last.min(of_name.len()));
            }
        }
    }
}
