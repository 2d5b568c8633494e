//! Odd keys and odd files.

use crate::{BUCKET, World};

/// Names that files may have and that keys may be.
const NAMES: [&str; 22] = [
    "a b",
    "a+b",
    "a%20b",
    "a%b",
    "a&b<c>\"d'",
    "é",
    "e\u{301}",
    "日本語/ファイル",
    "😀",
    "a\\b",
    "a:b;c,d",
    "a?b#c",
    "a=b@c$d!",
    "~x",
    "a\tb",
    "a\nb",
    "a\rb",
    "a\u{1}b",
    "a\u{7f}b",
    "a.b./c",
    "-rf",
    "x/y/z/..z",
];

#[tokio::test(flavor = "multi_thread")]
async fn odd_names_are_published_and_found_again() {
    let world = World::new().await;
    for name in NAMES {
        world.write(name, name);
    }
    let (plan, _) = world.published().await;
    assert_eq!(plan.puts.len(), NAMES.len());
    assert_eq!(world.holds(), world.files());
    let (plan, _) = world.published().await;
    assert!(plan.is_empty(), "{plan:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_keys_are_deleted_and_nothing_else_is() {
    let mut world = World::new().await;
    world.ten();
    let further = ["a//b", "a/../b", "./c", "/d", "folder/", "é/", "a\u{0}b", &"k".repeat(1000)];
    for name in NAMES.iter().chain(&further) {
        world.there(name, "old");
    }
    // What a sloppy request would hit in place of the odd ones.
    for near in ["b", "c", "d", "a/b", "folder"] {
        world.write(near, near);
    }
    world.guards.expected = Some((NAMES.len() + further.len()) as u64);
    let (plan, _) = world.published().await;
    assert_eq!(plan.deletes.len(), NAMES.len() + further.len());
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn names_that_differ_in_little_are_different() {
    let world = World::new().await;
    for (number, name) in ["a", "A", "a.", "a/b", "a-", "é", "e\u{301}", "ab", "a0"].iter().enumerate() {
        if *name == "a" {
            continue;
        }
        world.write(name, format!("{number}"));
    }
    world.published().await;
    assert_eq!(world.holds(), world.files());
    world.unlink("A");
    let (plan, _) = world.published().await;
    assert_eq!(crate::told(&plan), ["- A"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mark_of_the_prefix_itself_stays() {
    let world = World::new().await;
    world.write("a", "1");
    world.sandbox.s3.put(BUCKET, "web/", "");
    let (plan, _) = world.published().await;
    assert_eq!((plan.left_out, plan.deletes.len()), (1, 0));
    assert!(world.sandbox.s3.object(BUCKET, "web/").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_takes_the_place_of_a_folder() {
    let world = World::new().await;
    world.ten();
    world.there("x/a", "old");
    world.there("x/b", "old");
    world.write("x", "a file now");
    let (plan, _) = world.published().await;
    assert_eq!(crate::told(&plan), ["+ x", "- x/a", "- x/b"]);
    assert_eq!(world.holds(), world.files());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_key_is_taken_and_a_longer_one_refused() {
    let world = World::new().await;
    let name = |length: usize| {
        format!(
            "{}/{}/{}/{}/{}",
            "a".repeat(250),
            "b".repeat(250),
            "c".repeat(250),
            "d".repeat(200),
            "e".repeat(length)
        )
    };
    let fits = 1024 - "web/".len() - (250 * 3 + 200 + 4);
    world.write(&name(fits), "x");
    world.published().await;
    assert_eq!(world.holds(), world.files());
    world.write(&name(fits + 1), "x");
    assert!(world.source().is_err());
}
