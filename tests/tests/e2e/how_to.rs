//! The pages of docs/how-to: every file that they show is written, and every command that they say is run.

use std::path::Path;

use landfall_sandbox::images::function_image;
use landfall_sandbox::{BUILD_KEY, Service};

use crate::world::{STAGING, World};

/// A block of code of a page: the words behind its fence, and its text.
fn blocks(page: &str) -> Vec<(String, String)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/how-to").join(format!("{page}.md"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.split("```")
        .skip(1)
        .step_by(2)
        .map(|block| block.split_once('\n').expect("a block has lines"))
        .map(|(head, body)| (head.to_owned(), body.to_owned()))
        .collect()
}

/// The words of a command; what stands between `'` is one.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (at, part) in line.split('\'').enumerate() {
        if at % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(str::to_owned));
        }
    }
    words
}

/// Does what a page says, in its order; how many commands that were.
async fn follow(world: &World, page: &str) -> usize {
    let mut count = 0;
    for (head, body) in blocks(page) {
        match head.split_once(' ') {
            // Settings are added to those that are there; other files are new.
            Some(("toml", name)) => world.write(name, &format!("{}\n{body}", world.read(name))),
            Some((_, name)) => world.write(name, &body),
            None if head == "sh" => {
                for line in body.lines() {
                    let words = words(line);
                    let words: Vec<&str> = words.iter().map(String::as_str).collect();
                    let ["landfall", rest @ ..] = words.as_slice() else { panic!("{page}: `{line}`") };
                    let rest = if rest.first() == Some(&"stage") { &rest[1..] } else { rest };
                    world.run(rest).await.expect(0);
                    count += 1;
                }
            }
            None => {}
        }
    }
    count
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_lambda() {
    let mut world = World::small().await;
    world.has_aws_keys();
    world.has_logins();
    let options = world.sandbox.options();
    let running = function_image("priceFetcher", "0.0.1", "amd64", 100);
    world.sandbox.ecr_registry.put_image(&options.ecr_repository, "first", &running);
    let first = format!("{}/{}:first", world.sandbox.host(Service::EcrRegistry), options.ecr_repository);
    world.sandbox.lambda.create_function("PriceFetcherFunction", "x86_64", &first);
    let built = function_image("priceFetcher", "1.0.0", "amd64", 100);
    let repository = world.sandbox.source_repository(BUILD_KEY, "priceFetcher");
    world.sandbox.artifactory.put_image(&repository, "1.0.0", &built);
    assert_eq!(follow(&world, "add-a-lambda").await, 9);
    assert_eq!(world.sandbox.lambda.running_digest("PriceFetcherFunction"), Some(built.digest()));
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_region() {
    let world = World::small().await;
    assert_eq!(follow(&world, "add-a-region").await, 5);
    let staging = world.read("ci/aws/lambda/build-deploy/staging-deploy.gitlab-ci.yml");
    assert!(staging.contains("deploy-lambda-staging-na"), "{staging}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tracing_a_deployment() {
    let mut world = World::small().await;
    world.run_all(&STAGING).await;
    world.has_aws_keys();
    assert_eq!(follow(&world, "trace-a-deployment").await, 7);
}
