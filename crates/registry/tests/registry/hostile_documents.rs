//! Manifests as documents: what has one meaning is read, all else is refused.

use axum::body::Bytes;
use landfall_artifacts::Digest;
use landfall_registry::{Manifest, ManifestFault, ManifestKind};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::server::{GZIP, INDEX, OCI};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// The longest manifest, in bytes.
const LONGEST: usize = 4 << 20;

fn descriptor(of: &str) -> Value {
    json!({"mediaType": GZIP, "digest": Digest::of(of.as_bytes()), "size": of.len()})
}

fn image() -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI, "config": descriptor("c"), "layers": [descriptor("l")]})
}

fn read(document: &Value, content_type: &str) -> Result<Manifest, ManifestFault> {
    Manifest::read(Bytes::from(document.to_string()), Some(content_type))
}

#[test]
fn images_and_indexes_are_read() {
    let found = read(&image(), OCI).expect("an image");
    assert_eq!(found.digest, Digest::of(image().to_string().as_bytes()));
    assert!(matches!(&found.kind, ManifestKind::Image(image) if image.layers.len() == 1));
    let mut child = descriptor("m");
    child["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    let index = json!({"schemaVersion": 2, "manifests": [child]});
    let found = read(&index, INDEX).expect("an index");
    assert!(matches!(&found.kind, ManifestKind::Index(index) if index.entries[0].is_attestation));
}

#[test]
fn what_could_be_two_things_is_refused() {
    let mut both = image();
    both["manifests"] = json!([]);
    assert!(matches!(read(&both, OCI), Err(ManifestFault::Shape(_))));
    assert!(matches!(read(&image(), DOCKER), Err(ManifestFault::MediaTypes { .. })));
    let mut silent = image();
    silent.as_object_mut().expect("fields").remove("mediaType");
    assert!(read(&silent, OCI).is_ok());
    assert!(matches!(read(&silent, INDEX), Err(ManifestFault::MediaType { .. })));
    assert!(matches!(read(&silent, "application/json"), Err(ManifestFault::MediaType { .. })));
    let twice = image().to_string().replacen('{', "{\"layers\":[],", 1);
    assert!(matches!(Manifest::read(Bytes::from(twice), Some(OCI)), Err(ManifestFault::Json(_))));
    let mut old = image();
    old["schemaVersion"] = json!(1);
    assert!(matches!(read(&old, OCI), Err(ManifestFault::Schema(_))));
}

#[test]
fn odd_parts_are_refused() {
    for (field, value) in [
        ("digest", json!("sha512:00")),
        ("digest", json!("sha256:../../x")),
        ("size", json!(-1)),
        ("size", json!("1")),
        ("mediaType", json!("")),
    ] {
        let mut bad = image();
        bad["layers"][0][field] = value;
        assert!(read(&bad, OCI).is_err(), "{bad}");
    }
    let mut many = image();
    many["layers"] = Value::Array(vec![descriptor("l"); 2000]);
    assert!(matches!(read(&many, OCI), Err(ManifestFault::TooMany { .. })));
    let mut two_sizes = image();
    two_sizes["layers"][0]["digest"] = two_sizes["config"]["digest"].clone();
    two_sizes["layers"][0]["size"] = json!(77);
    assert!(matches!(read(&two_sizes, OCI), Err(ManifestFault::Part(_))));
}

/// Readers that take no notice of case, Go's among them, would take the one for the other, and the last for both.
#[test]
fn a_field_that_differs_in_case_alone_is_refused() {
    for twin in ["Manifests", "LAYERS", "Config", "mediatype", "SchemaVersion", "layer\u{17f}", "subJect"] {
        let mut bad = image();
        bad[twin] = json!([]);
        assert!(matches!(read(&bad, OCI), Err(ManifestFault::Shape(_))), "{bad}");
    }
    let child = json!({"os": "linux", "architecture": "amd64", "Architecture": "arm64"});
    let mut index = json!({"schemaVersion": 2, "manifests": [descriptor("m")]});
    index["manifests"][0]["platform"] = child;
    assert!(matches!(read(&index, INDEX), Err(ManifestFault::Shape(_))), "{index}");
    for (place, twin) in
        [("config", "Digest"), ("config", "Size"), ("config", "\u{17f}ize"), ("subject", "URLs")]
    {
        let mut bad = image();
        bad["subject"] = descriptor("s");
        bad[place][twin] = json!("x");
        assert!(matches!(read(&bad, OCI), Err(ManifestFault::Shape(_))), "{bad}");
    }
    let mut good = image();
    good["annotations"] = json!({"Config": "x", "LAYERS": "y"});
    good["layers"][0]["annotations"] = json!({"Digest": "z"});
    good["org.example"] = json!({"Config": null});
    assert!(read(&good, OCI).is_ok(), "names that are free");
}

#[test]
fn a_child_of_two_sizes_is_refused() {
    let mut index = json!({"schemaVersion": 2, "manifests": [descriptor("m"), descriptor("m")]});
    assert!(read(&index, INDEX).is_ok(), "the same twice says nothing else");
    index["manifests"][1]["size"] = json!(2);
    assert!(matches!(read(&index, INDEX), Err(ManifestFault::Part(_))));
}

#[test]
fn the_most_parts_are_borne_and_one_more_is_not() {
    for (count, is_good) in [(1_998, true), (1_999, true), (2_000, false)] {
        let mut many = image();
        many["layers"] = (0..count).map(|n| descriptor(&format!("{n:04}"))).collect();
        assert_eq!(read(&many, OCI).is_ok(), is_good, "{count} layers and a configuration");
    }
    for (count, is_good) in [(255, true), (256, true), (257, false)] {
        let children: Value = (0..count).map(|n| descriptor(&format!("{n:04}"))).collect();
        let index = json!({"schemaVersion": 2, "manifests": children});
        assert_eq!(read(&index, INDEX).is_ok(), is_good, "{count} children");
    }
    for (longer, is_good) in [(-1, true), (0, true), (1, false)] {
        let mut long = image();
        long["annotations"] = json!({"x": ""});
        let fill = LONGEST - long.to_string().len();
        long["annotations"]["x"] = "y".repeat(fill.saturating_add_signed(longer)).into();
        assert_eq!(read(&long, OCI).is_ok(), is_good, "4 MiB and {longer}");
    }
}

proptest! {
    #[test]
    fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(Manifest::read(Bytes::from(bytes), Some(OCI)).is_err());
    }

    #[test]
    fn no_mixture_of_fields_is_two_things(
        fields in proptest::collection::btree_set(0usize..6, 0..6),
        types in 0usize..4,
    ) {
        let all = [
            ("schemaVersion", json!(2)), ("config", descriptor("c")), ("layers", json!([descriptor("l")])),
            ("manifests", json!([descriptor("m")])), ("fsLayers", json!([])), ("annotations", json!({})),
        ];
        let document: Value = fields.iter().map(|at| (all[*at].0.to_owned(), all[*at].1.clone())).collect::<serde_json::Map<_, _>>().into();
        if let Ok(manifest) = read(&document, [OCI, DOCKER, INDEX, DOCKER_LIST][types]) {
            let index = matches!(manifest.kind, ManifestKind::Index(_));
            prop_assert_eq!(index, document.get("manifests").is_some());
            prop_assert_eq!(!index, document.get("layers").is_some());
            prop_assert_eq!(index, types >= 2);
        }
    }
}
