//! Who is dead because a release was whose contents it has.

use landfall_artifacts::{EffectResult, EventKind, Explain};

use crate::world::{World, parts};

const NONE: &str = "[environment.dev]\n[environment.prod]\n";

fn codes(world: &World, release: &str, of: &[(&str, &[u8])]) -> Vec<&'static str> {
    world.missing(NONE, &parts(release, "prod", of)).iter().map(Explain::code).collect()
}

/// `v1.4.0` is of two projects, and the test of it failed.
fn killed() -> World {
    let mut world = World::new();
    world.come(EventKind::Deployment, "v1.4.0", "dev", &[("a", b"a1"), ("b", b"b1")]);
    world.test("v1.4.0", "dev", EffectResult::Failed);
    world
}

#[test]
fn a_release_that_mends_a_dead_one_lives_though_most_of_it_is_the_same() {
    let mended: [(&str, &[u8]); 2] = [("a", b"a1"), ("b", b"b2")];
    let mut world = killed();
    assert_eq!(codes(&world, "v1.4.1", &mended), [""; 0]);
    world.come(EventKind::Deployment, "v1.4.1", "dev", &[("b", b"b2")]);
    assert_eq!(codes(&world, "v1.4.1", &mended), [""; 0], "also when a part of it has come");
    // Two dead releases have a good half each: together they are a new one.
    world.come(EventKind::Deployment, "v1.4.2", "dev", &[("a", b"a2"), ("b", b"b2")]);
    world.test("v1.4.2", "dev", EffectResult::Failed);
    assert_eq!(codes(&world, "v1.4.3", &mended), [""; 0]);
}

#[test]
fn a_dead_release_under_another_name_is_dead_whole_and_in_part() {
    let mut world = killed();
    let whole: [(&str, &[u8]); 2] = [("a", b"a1"), ("b", b"b1")];
    let part: [(&str, &[u8]); 1] = [("b", b"b1")];
    assert_eq!(codes(&world, "v1.4.0-again", &whole), ["LF-GATE-DEAD"]);
    assert_eq!(codes(&world, "b-of-v1.4.0", &part), ["LF-GATE-DEAD"]);
    // What an older release has too, which lives, is not dead; what no release had whole is as dead as before.
    world.come(EventKind::Deployment, "v1.3.0", "dev", &[("a", b"a0"), ("b", b"b1")]);
    assert_eq!(codes(&world, "b-of-v1.4.0", &part), [""; 0]);
    assert_eq!(codes(&world, "v1.4.0-again", &whole), ["LF-GATE-DEAD"]);
    assert_eq!(codes(&world, "nothing", &[]), [""; 0]);
}
