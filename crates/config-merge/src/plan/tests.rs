//! Which file becomes what.

use super::{VersionFolders, plan, plan_as_is};
use crate::components::Pins;
use crate::layers::{Layer, LayerKind, Layers};
use crate::unread::Unread;

fn layers() -> Layers {
    let names = |all: &[&str]| all.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    let layer = |kind, known: &[&str], chosen: &[&str]| Layer {
        kind,
        known: names(known).into_iter().collect(),
        chosen: names(chosen),
    };
    Layers::new(vec![
        layer(LayerKind::Environment, &["prod"], &["stg", "stg_eu00"]),
        layer(LayerKind::Platform, &["ios", "android"], &["ios"]),
        layer(LayerKind::Region, &["eu", "na"], &["eu"]),
    ])
    .expect("names")
}

fn planned_with(paths: &[&str], pins: &[(&str, &str)], folders: VersionFolders) -> String {
    let pins: Pins = pins.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
    let unread = Unread::new(["raw/**"]).expect("patterns");
    let (plan, errors) = plan(paths, &layers(), &pins, folders, &unread);
    if !errors.is_empty() {
        return errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    }
    let mut shown = String::new();
    for file in &plan.files {
        let format = file.format.map_or_else(|| "copied".to_owned(), |format| format.to_string());
        shown.push_str(&format!("{} <- {} {format}", file.output, file.source));
        for laid in &file.overlays {
            shown.push_str(&format!(" + {} {}", laid.name, laid.source));
        }
        shown.push('\n');
    }
    for choice in &plan.choices {
        shown.push_str(&format!("{} {}\n", choice.component, choice.folder));
    }
    let (left_out, others, warnings) = (&plan.left_out, plan.other_versions, plan.warnings.join("\n"));
    shown + &format!("left out {left_out:?}, {others} of other versions\n{warnings}")
}

fn planned(paths: &[&str]) -> String {
    planned_with(paths, &[], VersionFolders::Lift)
}

#[test]
fn overlays_find_their_bases_in_the_order_of_the_layers() {
    insta::assert_snapshot!(planned(&[
        "app.json", "app.eu.json", "app.stg.json", "app.ios.json", "app.prod.json", "app.v2.json", "app.STG.json",
        "overlays/stg_eu00/app.json", "d/db.yml", "d/db.stg.yaml", "d/overlays/na/db.yml", "logo.png", "logo.stg.png", "overlays/ios/logo.png",
        "raw/x.json", "raw/x.stg.json", ".hidden", "stg.json", ".stg.json", "README",
    ]), @r#"
    .hidden <- .hidden copied
    .stg.json <- .stg.json JSON
    README <- README copied
    app.STG.json <- app.STG.json JSON
    app.json <- app.json JSON + stg app.stg.json + stg_eu00 overlays/stg_eu00/app.json + ios app.ios.json + eu app.eu.json
    app.v2.json <- app.v2.json JSON
    d/db.yml <- d/db.yml YAML + stg d/db.stg.yaml
    logo.png <- logo.png copied + stg logo.stg.png + ios overlays/ios/logo.png
    raw/x.json <- raw/x.json copied + stg raw/x.stg.json
    stg.json <- stg.json JSON
    left out ["app.prod.json", "d/overlays/na/db.yml"], 0 of other versions
    app.STG.json is no overlay: names of overlays are told apart by case, and the known one is stg
    "#);
}

#[test]
fn an_overlay_that_may_be_misspelt_is_warned_of_where_its_base_is() {
    insta::assert_snapshot!(planned(&["app.json", "app.stg_eu0.json", "d/app.json", "app.schema.json", "web.stg_eu0.json"]), @r#"
    app.json <- app.json JSON
    app.schema.json <- app.schema.json JSON
    app.stg_eu0.json <- app.stg_eu0.json JSON
    d/app.json <- d/app.json JSON
    web.stg_eu0.json <- web.stg_eu0.json JSON
    left out [], 0 of other versions
    app.stg_eu0.json is no overlay and goes out as it is: was stg_eu00 meant?
    "#);
}

#[test]
fn components_are_lifted_or_kept() {
    let paths = [
        "pay/v1.0.0/app.json",
        "pay/v1.2.0/app.json",
        "pay/v1.2.0/sub/x.toml",
        "pay/v1.2.0/app.stg.json",
        "pay/notes.md",
        "overlays/eu/pay/app.json",
        "overlays/stg/pay/v1.2.0/sub/x.toml",
        "overlays/ios/pay/v1.0.0/app.json",
    ];
    insta::assert_snapshot!(planned(&paths), @r"
    pay/app.json <- pay/v1.2.0/app.json JSON + stg pay/v1.2.0/app.stg.json + eu overlays/eu/pay/app.json
    pay/notes.md <- pay/notes.md copied
    pay/sub/x.toml <- pay/v1.2.0/sub/x.toml TOML + stg overlays/stg/pay/v1.2.0/sub/x.toml
    pay v1.2.0
    left out [], 2 of other versions
    ");
    insta::assert_snapshot!(planned_with(&paths[..5], &[("pay", "1.0.0")], VersionFolders::Keep), @r"
    pay/notes.md <- pay/notes.md copied
    pay/v1.0.0/app.json <- pay/v1.0.0/app.json JSON
    pay v1.0.0
    left out [], 3 of other versions
    ");
}

#[test]
fn an_overlay_of_a_version_belongs_to_that_version_however_it_is_written() {
    let paths = [
        "pay/v1.2.0/app.json",
        "pay/v1.10.0/app.json",
        "overlays/stg/pay/1.10.0/app.json",
        "overlays/eu/pay/1.2.0/app.json",
    ];
    insta::assert_snapshot!(planned(&paths), @r"
    pay/app.json <- pay/v1.10.0/app.json JSON + stg overlays/stg/pay/1.10.0/app.json
    pay v1.10.0
    left out [], 2 of other versions
    ");
    // Misspelt, or of a version that was removed: it would never be laid.
    insta::assert_snapshot!(planned(&[&paths[..], &["overlays/ios/pay/v1.11.0/app.json"]].concat()), @"the overlay overlays/ios/pay/v1.11.0/app.json belongs to pay/v1.11.0/app.json, which is not there");
}

#[test]
fn what_is_not_read_is_named_as_it_stands_in_the_source_or_is_lifted() {
    let unread = Unread::new(["pay/v*/raw.json", "pay/lifted.json"]).expect("patterns");
    let paths = ["pay/v1.0.0/raw.json", "pay/v1.0.0/lifted.json", "pay/v1.0.0/read.json"];
    let (plan, errors) = plan(&paths, &layers(), &Pins::new(), VersionFolders::Lift, &unread);
    assert!(errors.is_empty());
    let formats: Vec<_> =
        plan.files.iter().map(|file| (file.output.as_str(), file.format.is_some())).collect();
    assert_eq!(formats, [("pay/lifted.json", false), ("pay/raw.json", false), ("pay/read.json", true)]);
}

#[test]
fn kept_versions_do_not_fall_together_with_files_beside_them() {
    let paths = ["c/v1.0.0/x.json", "c/x.json", "d/x.stg.json", "d/x.json"];
    let keep = |paths: &[&str]| planned_with(paths, &[], VersionFolders::Keep);
    insta::assert_snapshot!(keep(&paths), @r"
    c/v1.0.0/x.json <- c/v1.0.0/x.json JSON
    c/x.json <- c/x.json JSON
    d/x.json <- d/x.json JSON + stg d/x.stg.json
    c v1.0.0
    left out [], 0 of other versions
    ");
    let named = "c/v1.0.0/x.json and c/x.json are one file to the overlay of that name";
    assert_eq!(keep(&[&paths[..], &["overlays/stg/c/x.json", "c/x.eu.json"]].concat()), named);
    assert_eq!(keep(&[&paths[..], &["c/v1.0.0/x.prod.json"]].concat()), named);
}

#[test]
fn every_problem_is_said_at_once() {
    insta::assert_snapshot!(planned(&[
        "app.json", "ap.stg.json", "db.yaml", "db.prod.json", "overlays/stgg/app.json", "overlays/stgg/b.json", "overlays/x.json",
        "app.eu.json", "overlays/eu/app.json", "overlays/stg/app.eu.json", "overlays/stg/overlays/eu/app.json", "a.stg.eu.json",
        "pic.stg.png", "Readme.md", "README.md", "caf\u{e9}/a", "cafe\u{301}/b", "c/v1.0.0/x", "c/x", "e/v1.0.0/f", "e/f/g", "k/1.0.0/x", "k/v1.0.0/x",
    ]), @r"
    overlays/stg/app.eu.json is an overlay within an overlay
    overlays/stg/overlays/eu/app.json is an overlay within an overlay
    overlays/stgg is the folder of no overlay that is known
    overlays/ is the folder of no overlay that is known
    k has 1.0.0 and v1.0.0, of which none is newer
    c/v1.0.0/x and c/x would be one file of the output
    the overlay a.stg.eu.json belongs to a.stg.json, which is not there
    the overlay ap.stg.json belongs to ap.json, which is not there
    the overlay db.prod.json is JSON and its base db.yaml is YAML
    app.eu.json and overlays/eu/app.json are both the overlay eu of app.json
    the overlay pic.stg.png belongs to pic.png, which is not there
    README.md and Readme.md differ in case or in the spelling of letters alone
    cafe\u{301} and caf\u{e9} differ in case or in the spelling of letters alone
    e/v1.0.0/f and e/f/g would be a file and a file below it
    ");
}

#[test]
fn no_files_are_well() {
    insta::assert_snapshot!(planned(&[]), @r"left out [], 0 of other versions");
}

#[test]
fn what_another_program_made_is_taken_as_it_is() {
    let paths = ["overlays/x.json", "a/v1.0.0/x", "a/v2.0.0/x", "app.stg.json"];
    let (plan, errors) = plan_as_is(&paths, &Unread::default());
    assert!(errors.is_empty());
    assert_eq!(plan.files.len(), paths.len());
    assert_eq!(plan_as_is(&["A/x", "a/y"], &Unread::default()).1.len(), 1);
}
