//! Manifests, indexes and configurations that mean harm, on their way through the client: refused by name, nothing fetched
//! further, nothing written.

use axum::body::Bytes;
use landfall_artifacts::{Class, Digest, Explain as _, Platform, Problem, Version};
use landfall_registry::{
    Choose, CopyOptions, Descriptor, Error, LambdaImage, Manifest, ManifestKind, Registries, plan_copies,
    resolve_for_lambda,
};
use serde_json::{Value, json};

use crate::server::{CONFIG, GZIP, INDEX, Image, OCI, Server, descriptor, layer, request, run};

const DOCKER: &str = "application/vnd.docker.distribution.manifest.v2+json";
const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const MIB: usize = 1 << 20;

fn image() -> Value {
    json!({"schemaVersion": 2, "mediaType": OCI, "config": descriptor(CONFIG, b"{}"), "layers": [descriptor(GZIP, b"l")]})
}

fn index(children: &[Value]) -> Value {
    json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": children})
}

/// A change of one field, by its JSON pointer; objects get what they lack.
fn with(mut document: Value, place: &str, value: Value) -> Value {
    let (object, field) = place.rsplit_once('/').expect("a pointer");
    document.pointer_mut(object).expect("the place of the field")[field] = value;
    document
}

/// Serves bytes as the manifest `a:1`, under its digest too.
fn serve(server: &Server, media_type: &str, bytes: impl Into<Bytes>) -> Digest {
    let image = Image { blobs: Vec::new(), media_type: media_type.to_owned(), manifest: bytes.into() };
    server.push("a", "1", &image)
}

async fn get(server: &Server) -> Result<Option<Manifest>, Error> {
    let version = Version::Tag("1".parse().expect("a tag"));
    server.registry().get_manifest("a", &version, &run()).await
}

async fn resolve(server: &Server) -> Result<LambdaImage, Error> {
    let manifest = get(server).await?.expect("there");
    resolve_for_lambda(&server.registry(), "a", manifest, Some(Platform::LinuxAmd64), &run()).await
}

#[tokio::test]
async fn a_document_of_two_meanings_or_none_is_refused() {
    let child = || descriptor(OCI, b"m");
    let twice = |field: &str| image().to_string().replacen('{', &format!("{{\"{field}\":[],"), 1);
    let mut cases: Vec<(&str, Bytes)> = vec![
        (OCI, Bytes::new()),
        (OCI, Bytes::from_static(b"<html>please log in</html>")),
        (OCI, Bytes::from_static(b"\x1f\x8b\x08\x00")),
        (OCI, image().to_string()[..100].to_owned().into()),
        (OCI, format!("\u{feff}{}", image()).into()),
        (OCI, format!("{}{}", image(), image()).into()),
        (OCI, image().to_string().replace("application", "\\ud800").into()),
        (OCI, [image().to_string().as_bytes(), b"\xff"].concat().into()),
        (OCI, image().to_string().encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<_>>().into()),
        (OCI, twice("layers").into()),
        (OCI, twice("la\\u0079ers").into()),
        (OCI, twice("manifests").into()),
        (OCI, twice("Layers").into()),
        (OCI, format!("{}1{}", "[".repeat(1_000_000), "]".repeat(1_000_000)).into()),
        (
            OCI,
            image()
                .to_string()
                .replacen('{', &format!("{{\"x\":{}{},", "[".repeat(64), "]".repeat(64)), 1)
                .into(),
        ),
        (OCI, format!("[{}1]", "1,".repeat(200_000)).into()),
        (INDEX, index(&vec![json!({}); 100_000]).to_string().into()),
        (INDEX, index(&vec![child(); 257]).to_string().into()),
    ];
    for (media_type, document) in [
        (OCI, json!([])),
        (OCI, json!("manifest")),
        (OCI, Value::Null),
        (OCI, json!({})),
        (OCI, with(image(), "/manifests", json!([child()]))),
        (OCI, with(image(), "/manifests", Value::Null)),
        (INDEX, with(index(&[child()]), "/config", child())),
        (INDEX, with(index(&[child()]), "/layers", json!([]))),
        (OCI, with(image(), "/layers", Value::Null)),
        (OCI, with(image(), "/config", Value::Null)),
        (OCI, with(image(), "/layers", json!({}))),
        (OCI, with(image(), "/fsLayers", json!([]))),
        (SCHEMA_1, json!({"schemaVersion": 1, "fsLayers": [], "history": [], "signatures": []})),
        (OCI, with(image(), "/schemaVersion", json!(1))),
        (OCI, with(image(), "/schemaVersion", json!("2"))),
        (INDEX, image()),
        (DOCKER, image()),
        (OCI, index(&[child()])),
        ("text/html", image()),
        ("application/json", with(image(), "/mediaType", json!("application/json"))),
        ("application/vnd.oci.image.manifest.v1+json, text/html", image()),
        (OCI, with(image(), "/mediaType", json!(INDEX))),
        (OCI, with(image(), "/mediaType", json!(7))),
    ] {
        cases.push((media_type, document.to_string().into()));
    }
    let server = Server::start().await;
    for (number, (media_type, bytes)) in cases.into_iter().enumerate() {
        let case = format!("case {number}, {}", String::from_utf8_lossy(&bytes[..bytes.len().min(80)]));
        serve(&server, media_type, bytes);
        is_refused(&case, &get(&server).await.expect_err(&case), "LF-REG-MANIFEST");
    }
    assert!(
        server.contents().seen.iter().all(|one| one.path == "/v2/a/manifests/1"),
        "nothing else is fetched"
    );
}

fn is_refused(case: &str, error: &Error, code: &str) {
    assert_eq!(error.code(), code, "{case}: {error:?}");
    assert_ne!(error.class(), Class::Transient, "{case}: the same comes again");
    let problem = Problem::of(error);
    let shown = format!("{} {}", problem.what, problem.cause.join(" "));
    assert!(shown.len() < 16 << 10 && !shown.contains(['\u{1b}', '\u{202e}']), "{case}: {shown:?}");
}

#[tokio::test]
async fn a_part_that_is_odd_is_refused() {
    let good = Digest::of(b"l").to_string();
    let server = Server::start().await;
    for (field, values) in [
        (
            "digest",
            vec![
                json!(""),
                json!("sha256:"),
                json!(good.to_uppercase()),
                json!(good.replace("sha256", "SHA256")),
                json!(good.replace("sha256", "sha512")),
                json!(format!("sha512:{}", "0".repeat(128))),
                json!(good[7..]),
                json!(good[..70]),
                json!(format!("{good}0")),
                json!(format!("{good}\n")),
                json!(format!(" {good}")),
                json!(format!("{good}/../../x")),
                json!("sha256:../../../../etc/passwd"),
                json!("sha256:..%2f..%2fetc%2fpasswd"),
                json!("../blobs/uploads/"),
                json!("\u{1b}[2J\u{202e}"),
                json!(7),
                Value::Null,
            ],
        ),
        (
            "size",
            vec![
                json!(-1),
                json!(i64::MIN),
                json!((10u64 << 30) + 1),
                json!(i64::MAX),
                json!(u64::MAX),
                json!(1.5),
                json!(1e300),
                json!("1"),
                Value::Null,
            ],
        ),
        ("mediaType", vec![json!(""), json!("x".repeat(256)), json!("a/b\r\nx: y"), json!(7), Value::Null]),
        ("urls", vec![json!("http://127.0.0.2/"), json!([7])]),
        ("Digest", vec![json!(good)]),
    ] {
        for value in values {
            for (media_type, document, place) in [
                (OCI, image(), "/layers/0"),
                (OCI, image(), "/config"),
                (INDEX, index(&[descriptor(OCI, b"m")]), "/manifests/0"),
            ] {
                if (field, media_type) == ("urls", INDEX) {
                    continue;
                }
                let document = with(document, &format!("{place}/{field}"), value.clone());
                serve(&server, media_type, document.to_string());
                let case = document.to_string();
                is_refused(&case, &get(&server).await.expect_err(&case), "LF-REG-MANIFEST");
            }
        }
    }
}

#[tokio::test]
async fn content_is_taken_up_to_its_caps() {
    let server = Server::start().await;
    for (size, is_taken) in [(4 * MIB - 1, true), (4 * MIB, true), (4 * MIB + 1, false)] {
        let empty = with(image(), "/annotations", json!({"x": ""}));
        let fill = "y".repeat(size - empty.to_string().len());
        serve(&server, OCI, with(empty, "/annotations/x", json!(fill)).to_string());
        let code = get(&server).await.err().map(|error| error.code());
        assert_eq!(code, (!is_taken).then_some("LF-HTTP-TOO-LARGE"), "a manifest of {size} bytes");

        let bytes = layer(7, size);
        let digest = Digest::of(&bytes);
        server.contents().blobs.insert(("a".to_owned(), digest), bytes);
        let blob =
            Descriptor { media_type: CONFIG.to_owned(), digest, size_bytes: size as u64, is_foreign: false };
        let code = server.registry().get_blob("a", &blob, &run()).await.err().map(|error| error.code());
        assert_eq!(code, (!is_taken).then_some("LF-REG-SIZE"), "a configuration of {size} bytes");
    }
    // A hundred thousand children that are each what a child may be.
    let entry = descriptor(OCI, b"m");
    serve(&server, INDEX, index(&vec![entry; 100_000]).to_string());
    assert_eq!(get(&server).await.err().map(|error| error.code()), Some("LF-HTTP-TOO-LARGE"));
}

#[tokio::test]
async fn indexes_lead_down_two_levels_and_never_round() {
    let server = Server::start().await;
    let image = Image::new(&[layer(1, 10)]);
    server.push("a", "image", &image);
    let entry = |media_type: &str, bytes: &[u8]| {
        with(descriptor(media_type, bytes), "/platform", json!({"os": "linux", "architecture": "amd64"}))
    };
    let mut child = entry(OCI, &image.manifest);
    for (depth, is_followed) in [(1, true), (2, true), (3, false)] {
        let above = index(&[child.clone(), child]).to_string();
        serve(&server, INDEX, above.clone());
        let code = resolve(&server).await.err().map(|error| error.code());
        assert_eq!(code, (!is_followed).then_some("LF-REG-LAMBDA"), "{depth} indexes, each child twice");
        child = entry(INDEX, above.as_bytes());
    }

    // No index can hold its own digest, so the server lies about what stands behind one.
    let circle = index(&[entry(INDEX, b"any")]).to_string();
    let lied = Digest::of(b"any");
    serve(&server, INDEX, circle.clone());
    let stored = (INDEX.to_owned(), Bytes::from(circle));
    server.contents().manifests.insert(("a".to_owned(), lied.to_string()), stored);
    for header in [None, Some(lied.to_string())] {
        server.contents().seen.clear();
        server.contents().digest_header.clone_from(&header);
        let error = resolve(&server).await.expect_err("a circle");
        is_refused("a circle", &error, "LF-REG-DIGEST");
        assert!(server.contents().seen.len() <= 3, "the lie is asked for once more and no more: {header:?}");
    }
    server.contents().digest_header = None;

    serve(&server, INDEX, index(&[entry(OCI, b"nowhere")]).to_string());
    is_refused("no child", &resolve(&server).await.expect_err("no child"), "LF-REG-IMAGE-MISSING");
    let two = index(&[entry(OCI, &image.manifest), entry(OCI, b"another")]);
    serve(&server, INDEX, two.to_string());
    is_refused("two children", &resolve(&server).await.expect_err("two children"), "LF-REG-LAMBDA");
}

#[tokio::test]
async fn an_entry_that_lies_about_its_manifest_is_refused() {
    let server = Server::start().await;
    let image = Image::new(&[layer(1, 10)]);
    server.push("a", "image", &image);
    let honest =
        with(descriptor(OCI, &image.manifest), "/platform", json!({"os": "linux", "architecture": "amd64"}));
    let size = image.manifest.len();
    let target = Server::start().await;
    for (entry, code, shown) in [
        (
            with(honest.clone(), "/size", json!(size + 1)),
            "LF-REG-SIZE",
            format!("{size} bytes, and {}", size + 1),
        ),
        (with(honest.clone(), "/size", json!(0)), "LF-REG-SIZE", format!("{size} bytes, and 0")),
        (
            with(honest.clone(), "/mediaType", json!(DOCKER)),
            "LF-REG-MANIFEST",
            format!("`{DOCKER}` and is `{OCI}`"),
        ),
        (
            with(honest.clone(), "/mediaType", json!(INDEX)),
            "LF-REG-MANIFEST",
            format!("`{INDEX}` and is `{OCI}`"),
        ),
    ] {
        serve(&server, INDEX, index(&[entry]).to_string());
        let error = resolve(&server).await.expect_err(&shown);
        is_refused(&shown, &error, code);
        let problem = Problem::of(&error);
        let told = format!("{} {}", problem.what, problem.cause.join(" "));
        assert!(told.contains(&shown) && told.contains(&Digest::of(&image.manifest).to_string()), "{told}");

        // The same where all that an index lists is copied.
        let all: Registries = [server.registry(), target.registry()].into_iter().collect();
        let options = CopyOptions { choose: Choose::AsIs, ..CopyOptions::default() };
        let wanted = vec![request(&server, "a:1", &target, "a:1")];
        let plan = plan_copies(wanted, &all, options, &run()).await;
        assert_eq!(plan.problems.iter().map(|one| one.error.code()).collect::<Vec<_>>(), [code], "{shown}");
    }
    let as_two = [honest.clone(), with(honest.clone(), "/mediaType", json!(INDEX))];
    serve(&server, INDEX, index(&as_two).to_string());
    is_refused("as two", &get(&server).await.expect_err("as two"), "LF-REG-MANIFEST");
    serve(&server, INDEX, index(&[honest.clone(), honest]).to_string());
    assert!(resolve(&server).await.is_ok());
    assert!(target.contents().seen.iter().all(|one| one.method == "GET" || one.method == "HEAD"));
}

#[tokio::test]
async fn a_configuration_of_two_meanings_and_a_layer_from_elsewhere_are_refused() {
    let (server, foreign) = (Server::start().await, Server::start_at("127.0.0.2").await);
    let plain = r#"{"os":"linux","architecture":"amd64"}"#;
    for (config, code) in [
        (r#"{"os":"linux","architecture":"arm64","architecture":"amd64"}"#.to_owned(), "LF-REG-IMAGE-CONFIG"),
        ("<html>please log in</html>".to_owned(), "LF-REG-IMAGE-CONFIG"),
        (format!("{}{}", "[".repeat(1_000), "]".repeat(1_000)), "LF-REG-IMAGE-CONFIG"),
        (format!("{plain}{plain}"), "LF-REG-IMAGE-CONFIG"),
        ("[]".to_owned(), "LF-REG-LAMBDA"),
        (r#"{"os":7,"architecture":"\u001b[2J"}"#.to_owned(), "LF-REG-LAMBDA"),
        (plain.to_owned(), "LF-REG-LAMBDA"),
    ] {
        let elsewhere = json!([format!("http://{}/layer", foreign.host())]);
        let document = with(image(), "/layers/0/urls", elsewhere);
        let document = with(document, "/config", descriptor(CONFIG, config.as_bytes()));
        serve(&server, OCI, document.to_string());
        let digest = Digest::of(config.as_bytes());
        server.contents().blobs.insert(("a".to_owned(), digest), config.clone().into());
        is_refused(&config, &resolve(&server).await.expect_err(&config), code);
    }
    let ManifestKind::Image(image) = get(&server).await.expect("read").expect("there").kind else {
        panic!("an image");
    };
    assert!(image.layers[0].is_foreign, "it is told, and not fetched");
    assert!(foreign.contents().seen.is_empty());
    assert!(server.contents().seen.iter().all(|one| one.method == "GET"), "nothing is written");
}
