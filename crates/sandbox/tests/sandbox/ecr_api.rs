//! ECR's API: what it tells of repositories, images and layers, and what it refuses.

use landfall_sandbox::images::{ImageIndex, function_image};
use landfall_sandbox::registry::{BlobState, digest_of};
use landfall_sandbox::{Sandbox, Service};
use serde_json::{Value, json};

use crate::client::{ecr_call, start};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// The answer of an operation by the sandbox's own keys.
async fn call(sandbox: &Sandbox, operation: &str, body: Value) -> Value {
    ecr_call(sandbox, sandbox.static_keys(), "eu-west-1", operation, body).await.json()
}

/// The body with the repository `app`.
fn of_app(mut body: Value) -> Value {
    body["repositoryName"] = json!("app");
    body
}

/// Members of an object.
fn members(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn layers_are_available_or_not_and_known_by_their_type_once_a_manifest_names_them() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let (named, bare) =
        (digest_of(&image.layers[0].bytes), sandbox.ecr_registry.put_blob("app", b"bare".as_slice().into()));
    sandbox.ecr_registry.put_image("app", "1", &image);
    let elsewhere = sandbox.ecr_registry.put_blob("other", b"elsewhere".as_slice().into());
    let absent = digest_of(b"none");
    let asked = [&named, &bare, &absent, &elsewhere, &named];
    let body = of_app(json!({"layerDigests": asked}));
    let answer = call(&sandbox, "BatchCheckLayerAvailability", body.clone()).await;
    assert_eq!((members(&answer), &answer["failures"]), (vec!["failures", "layers"], &json!([])));
    let layers = answer["layers"].as_array().unwrap();
    assert_eq!(layers.len(), 4, "each once");
    assert!(layers.is_sorted_by_key(|layer| layer["layerDigest"].as_str().unwrap().to_owned()));
    let layer = |digest: &str| layers.iter().find(|layer| layer["layerDigest"] == *digest).unwrap().clone();
    let size = image.layers[0].bytes.len();
    let media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    assert_eq!(
        layer(&named),
        json!({"layerDigest": named, "layerAvailability": "AVAILABLE", "layerSize": size, "mediaType": media_type})
    );
    assert_eq!(layer(&bare), json!({"layerDigest": bare, "layerAvailability": "AVAILABLE", "layerSize": 4}));
    for digest in [&absent, &elsewhere] {
        let expected = json!({"layerDigest": digest, "layerAvailability": "UNAVAILABLE", "layerSize": 0});
        assert_eq!(layer(digest), expected);
    }

    sandbox.ecr_registry.configure(|quirks| quirks.absent_layers_are_failures = true);
    let answer = call(&sandbox, "BatchCheckLayerAvailability", body).await;
    assert_eq!(answer["layers"].as_array().unwrap().len(), 2);
    let failures = answer["failures"].as_array().unwrap();
    assert!(failures.len() == 2 && failures.iter().all(|one| one["failureCode"] == "MissingLayerDigest"));
    assert_eq!(members(&failures[0]), ["failureCode", "failureReason", "layerDigest"]);
}

#[tokio::test]
async fn an_archived_layer_is_neither_served_nor_taken_for_there_until_it_comes_again() {
    let sandbox = start().await;
    let digest = sandbox.ecr_registry.put_blob("app", b"old".as_slice().into());
    let body = of_app(json!({"layerDigests": [digest]}));
    sandbox.ecr_registry.archive_blob("app", &digest);
    let answer = call(&sandbox, "BatchCheckLayerAvailability", body.clone()).await;
    assert_eq!(answer["layers"][0]["layerAvailability"], "ARCHIVED");
    assert!(!sandbox.ecr_registry.has_blob("app", &digest));
    assert_eq!(sandbox.ecr_registry.blob_state("app", &digest), BlobState::Archived { size: 3 });
    sandbox.ecr_registry.put_blob("app", b"old".as_slice().into());
    let answer = call(&sandbox, "BatchCheckLayerAvailability", body).await;
    assert_eq!(answer["layers"][0]["layerAvailability"], "AVAILABLE");
}

#[tokio::test]
async fn what_is_no_layer_digest_fails_alone() {
    let sandbox = start().await;
    let held = sandbox.ecr_registry.put_blob("app", b"x".as_slice().into());
    let upper = held.to_uppercase().replace("SHA256", "sha256");
    let sha512 = format!("sha512:{}", "0".repeat(128));
    let body = of_app(json!({"layerDigests": [held, "", "x", upper, sha512]}));
    let answer = call(&sandbox, "BatchCheckLayerAvailability", body).await;
    assert_eq!(answer["layers"].as_array().unwrap().len(), 1);
    let code = |digest: &str| {
        let failures = answer["failures"].as_array().unwrap();
        failures.iter().find(|one| one["layerDigest"] == *digest).unwrap()["failureCode"].clone()
    };
    assert_eq!(code(""), "MissingLayerDigest");
    for digest in ["x", &upper, &sha512] {
        assert_eq!(code(digest), "InvalidLayerDigest", "{digest}");
    }
}

#[tokio::test]
async fn images_are_found_by_tag_by_digest_and_by_both() {
    let sandbox = start().await;
    let (one, two) = (function_image("cart", "1", "amd64", 10), function_image("cart", "2", "amd64", 10));
    let first = sandbox.ecr_registry.put_image("app", "Cart-1", &one);
    let second = sandbox.ecr_registry.put_image("app", "Cart-2", &two);
    let unknown = digest_of(b"none");
    let ids = [
        json!({"imageTag": "Cart-1"}),
        json!({"imageDigest": first}),
        json!({"imageDigest": second, "imageTag": "Cart-2"}),
    ];
    let answer = call(&sandbox, "BatchGetImage", of_app(json!({"imageIds": ids}))).await;
    assert_eq!((members(&answer), &answer["failures"]), (vec!["failures", "images"], &json!([])));
    let expected = [
        (json!({"imageDigest": second, "imageTag": "Cart-2"}), &two),
        (json!({"imageDigest": first}), &one),
        (json!({"imageDigest": first, "imageTag": "Cart-1"}), &one),
    ];
    for (image, (id, bytes)) in answer["images"].as_array().unwrap().iter().zip(expected) {
        let whole = json!({
            "registryId": "111122223333", "repositoryName": "app", "imageId": id,
            "imageManifest": std::str::from_utf8(&bytes.manifest).unwrap(), "imageManifestMediaType": MANIFEST,
        });
        assert_eq!(*image, whole, "in the reverse order");
    }

    let cases = [
        (json!({"imageTag": "none"}), "ImageNotFound"),
        (json!({"imageDigest": unknown}), "ImageNotFound"),
        (json!({"imageDigest": unknown, "imageTag": "none"}), "ImageNotFound"),
        (json!({"imageDigest": first, "imageTag": "Cart-2"}), "ImageTagDoesNotMatchDigest"),
        (json!({"imageDigest": first, "imageTag": "none"}), "ImageTagDoesNotMatchDigest"),
        (json!({"imageDigest": "x"}), "InvalidImageDigest"),
        (json!({"imageDigest": "sha256:"}), "InvalidImageDigest"),
        (json!({"imageTag": "-x"}), "InvalidImageTag"),
        // A digest is not to be had in the place of a tag.
        (json!({"imageTag": first}), "InvalidImageTag"),
        (json!({}), "MissingDigestAndTag"),
    ];
    let ids: Vec<_> = cases.iter().map(|(id, _)| id.clone()).collect();
    let answer = call(&sandbox, "BatchGetImage", of_app(json!({"imageIds": ids}))).await;
    assert_eq!(answer["images"], json!([]));
    for (id, code) in cases {
        let failures = answer["failures"].as_array().unwrap();
        let failure = failures.iter().find(|one| one["imageId"] == id).unwrap();
        assert_eq!(failure["failureCode"], code, "{id}");
        assert_eq!(members(failure), ["failureCode", "failureReason", "imageId"]);
    }
}

#[tokio::test]
async fn only_accepted_media_types_are_given() {
    let sandbox = start().await;
    let index = ImageIndex::new(vec![function_image("cart", "1", "amd64", 10)], false);
    sandbox.ecr_registry.put_index("app", "all", &index);
    let asked = async |accepted: Value| {
        let body = of_app(json!({"imageIds": [{"imageTag": "all"}], "acceptedMediaTypes": accepted}));
        call(&sandbox, "BatchGetImage", body).await
    };
    for accepted in [Value::Null, json!([INDEX]), json!([MANIFEST, INDEX])] {
        assert_eq!(asked(accepted).await["images"][0]["imageManifestMediaType"], INDEX);
    }
    assert_eq!(asked(json!([MANIFEST])).await["failures"][0]["failureCode"], "ImageNotFound");
}

#[tokio::test]
async fn what_the_model_bounds_is_an_invalid_parameter() {
    let sandbox = start().await;
    let digests = |count: usize| (0..count).map(|_| digest_of(b"none")).collect::<Vec<_>>();
    let ids = |count: usize| vec![json!({"imageTag": "a"}); count];
    let layers = "BatchCheckLayerAvailability";
    let ok =
        [(layers, json!({"layerDigests": digests(100)})), ("BatchGetImage", json!({"imageIds": ids(100)}))];
    for (operation, body) in ok {
        assert!(call(&sandbox, operation, of_app(body)).await["failures"].is_array(), "{operation}");
    }
    let refused = [
        (layers, json!({"layerDigests": digests(101)})),
        (layers, json!({"layerDigests": []})),
        (layers, json!({"layerDigests": [1]})),
        (layers, json!({"layerDigests": "x"})),
        (layers, json!({"layerDigests": ["x".repeat(1001)]})),
        (layers, json!({})),
        ("BatchGetImage", json!({"imageIds": ids(101)})),
        ("BatchGetImage", json!({"imageIds": []})),
        ("BatchGetImage", json!({"imageIds": [{"tag": "a"}]})),
        ("BatchGetImage", json!({"imageIds": [{"imageTag": ""}]})),
        ("BatchGetImage", json!({"imageIds": [{"imageTag": "a".repeat(301)}]})),
        ("BatchGetImage", json!({"imageIds": ids(1), "acceptedMediaTypes": []})),
        ("BatchGetImage", json!({})),
        (layers, json!({"layerDigests": digests(1), "registryId": "12"})),
        ("DescribeImages", json!({"maxResults": 0})),
        ("DescribeImages", json!({"nextToken": "mine"})),
        ("CreateRepository", json!({"imageTagMutability": "SOMETIMES"})),
    ];
    for (operation, body) in refused {
        let answer = call(&sandbox, operation, of_app(body.clone())).await;
        assert_eq!(answer["__type"], "InvalidParameterException", "{operation} {body}");
    }
    let names = vec!["app"; 101];
    for body in [
        json!({"repositoryNames": []}),
        json!({"repositoryNames": names}),
        json!({"repositoryNames": ["App"]}),
        json!({"repositoryNames": ["app"], "maxResults": 1}),
    ] {
        let answer = call(&sandbox, "DescribeRepositories", body.clone()).await;
        assert_eq!(answer["__type"], "InvalidParameterException", "{body}");
    }
    for name in [json!("A"), json!("App"), json!("app/"), json!(1), Value::Null] {
        let answer =
            call(&sandbox, layers, json!({"repositoryName": name, "layerDigests": digests(1)})).await;
        assert_eq!(answer["__type"], "InvalidParameterException", "{name}");
    }
    let answer = call(&sandbox, layers, of_app(json!({"layerDigests": digests(1), "surprise": 1}))).await;
    assert_eq!(answer["__type"], "SerializationException");
}

#[tokio::test]
async fn a_missing_repository_and_another_registry_are_told_by_name() {
    let sandbox = start().await;
    let bodies = [
        ("BatchCheckLayerAvailability", json!({"layerDigests": ["x"]})),
        ("BatchGetImage", json!({"imageIds": [{"imageTag": "a"}]})),
        ("DescribeImages", json!({})),
        ("ListImages", json!({})),
    ];
    for (operation, mut body) in bodies {
        body["repositoryName"] = json!("none");
        let answer = call(&sandbox, operation, body.clone()).await;
        assert_eq!(answer["__type"], "RepositoryNotFoundException", "{operation}");
        assert_eq!(
            answer["message"],
            "The repository with name 'none' does not exist in the registry with id '111122223333'"
        );
        body["repositoryName"] = json!("app");
        body["registryId"] = json!("999999999999");
        let answer = call(&sandbox, operation, body).await;
        assert!(answer["message"].as_str().unwrap().contains("'999999999999'"), "{answer}");
    }
    let own = of_app(json!({"registryId": "111122223333"}));
    assert_eq!(call(&sandbox, "ListImages", own).await["imageIds"], json!([]));
}

#[tokio::test]
async fn repositories_and_images_are_listed_in_pages() {
    let sandbox = start().await;
    let image = function_image("cart", "1", "amd64", 10);
    let digest = sandbox.ecr_registry.put_image("app", "Cart-1", &image);
    let answer = call(&sandbox, "DescribeImages", of_app(json!({}))).await;
    let detail = &answer["imageDetails"][0];
    assert_eq!((&detail["imageTags"], &detail["imageDigest"]), (&json!(["Cart-1"]), &json!(digest)));
    let answer = call(&sandbox, "ListImages", of_app(json!({}))).await;
    assert_eq!(answer["imageIds"], json!([{"imageDigest": digest, "imageTag": "Cart-1"}]));
    let answer = call(&sandbox, "DescribeRepositories", json!({"repositoryNames": ["app"]})).await;
    assert_eq!(answer["repositories"][0]["imageTagMutability"], "IMMUTABLE");
    assert_eq!(
        answer["repositories"][0]["repositoryUri"],
        format!("{}/app", sandbox.host(Service::EcrRegistry))
    );
    let answer = call(&sandbox, "DescribeRepositories", json!({"repositoryNames": ["none"]})).await;
    assert_eq!(answer["__type"], "RepositoryNotFoundException");
    let made = call(&sandbox, "CreateRepository", json!({"repositoryName": "second"})).await;
    assert_eq!(made["repository"]["repositoryName"], "second");
    let again = call(&sandbox, "CreateRepository", json!({"repositoryName": "second"})).await;
    assert_eq!(again["__type"], "RepositoryAlreadyExistsException");
    let answer = call(&sandbox, "DescribeRepositories", json!({"maxResults": 1})).await;
    assert_eq!(answer["nextToken"], "page-1");
    let answer =
        call(&sandbox, "DescribeRepositories", json!({"maxResults": 1, "nextToken": "page-1"})).await;
    assert_eq!(
        (&answer["repositories"][0]["repositoryName"], &answer["nextToken"]),
        (&json!("second"), &Value::Null)
    );
    assert_eq!(call(&sandbox, "DeleteRepository", json!({})).await["__type"], "UnknownOperationException");
}
