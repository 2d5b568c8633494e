//! Functions on the sandbox's Lambda, whose updates take scripted times under Lambda's real rates.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use landfall_sandbox::images::{Format, Image, Layer};
use landfall_sandbox::lambda::Rates;
use landfall_sandbox::{Sandbox, SandboxOptions, Service};
use serde_json::{Map, json};
use tempfile::TempDir;

/// A sandbox with functions, and a checkout with their plan.
pub(super) struct Scene {
    sandbox: Sandbox,
    folder: TempDir,
    seconds: Vec<f64>,
}

/// How long the update of a function takes: from 3 to 20 s, the same in every run, in no order.
pub(super) fn seconds_of(at: usize) -> f64 {
    3.0 + (at * 7919 % 1701) as f64 / 100.0
}

impl Scene {
    pub(super) async fn start(count: usize, seconds_of: impl Fn(usize) -> f64) -> Result<Self> {
        let options = SandboxOptions { lambda_rates: Some(Rates::default()), ..SandboxOptions::default() };
        let sandbox = Sandbox::start(options).await.context("the sandbox does not start")?;
        let repository = sandbox.options().ecr_repository.clone();
        let host = sandbox.host(Service::EcrRegistry);
        let image = |seed| {
            let layer = Layer::filler("var/task/index.js", 1000, seed);
            Image::new(Format::Oci, "amd64", vec![layer], &[])
        };
        let (old, new) = (image(1), image(2));
        sandbox.ecr_registry.put_image(&repository, "old", &old);
        let (mut mappings, mut images, mut seconds) = (Map::new(), Vec::new(), Vec::new());
        for at in 0..count {
            let (project, name) = (format!("fn-{at:04}"), format!("Fn{at:04}"));
            let tag = format!("{name}-1.0.0");
            let digest = sandbox.ecr_registry.put_image(&repository, &tag, &new);
            sandbox.lambda.create_function(&name, "x86_64", &format!("{host}/{repository}:old"));
            sandbox.lambda.settle_after(&name, Duration::from_secs_f64(seconds_of(at)));
            seconds.push(seconds_of(at));
            images.push(json!({
                "project": project, "version": "1.0.0", "lambda": name,
                "source": format!("artifactory.example.com/build/shop/{project}@{digest}"), "sourceIndex": null,
                "target": format!("{host}/{repository}:{tag}"), "digest": digest,
                "mediaType": new.media_type, "sizeBytes": 1000,
            }));
            mappings.insert(name, tag.into());
        }
        let lock = json!({"formatVersion": 1, "release": "r-0123456789ab", "environment": null,
            "platform": "linux/amd64", "images": images});
        let folder = tempfile::tempdir()?;
        let write = |name: &str, text: String| std::fs::write(folder.path().join(name), text);
        write("lambda-ecr-mappings.json", serde_json::Value::Object(mappings).to_string())?;
        write("image-lock.json", lock.to_string())?;
        Ok(Self { sandbox, folder, seconds })
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub(super) fn environment(&self) -> BTreeMap<String, String> {
        let keys = self.sandbox.static_keys();
        let wanted = |name: &str| name.starts_with("AWS_") || name == "ECR_REGISTRY_URI";
        let mut environment = self.sandbox.env();
        environment.retain(|name, _| wanted(name) && name != "AWS_ROLE_ARN");
        environment.insert("AWS_ACCESS_KEY_ID".to_owned(), keys.access_key_id.clone());
        environment.insert("AWS_SECRET_ACCESS_KEY".to_owned(), keys.secret_access_key.clone());
        environment.insert("HOME".to_owned(), self.folder.path().display().to_string());
        environment
    }

    /// The least time: all functions are looked at before the first is changed, a hundred a second; then the i-th update of the plan begins
    /// i fifteenths of a second later, and takes its time.
    pub(super) fn least(&self) -> f64 {
        let looks = self.seconds.len() as f64 / 100.0;
        let ends = self.seconds.iter().enumerate().map(|(at, seconds)| at as f64 / 15.0 + seconds);
        looks + ends.fold(0.0, f64::max)
    }

    pub(super) fn throttled(&self) -> u64 {
        let entries = self.sandbox.journal().entries();
        entries.iter().filter(|entry| entry.status == Some(429)).count() as u64
    }

    /// Calls of GetFunction, and all other requests to Lambda.
    pub(super) fn calls(&self) -> (u64, u64) {
        let entries = self.sandbox.journal().entries();
        let all = entries.iter().filter(|entry| entry.service == Service::Lambda).count() as u64;
        let looks = self.sandbox.lambda.calls("GetFunction");
        (looks, all - looks)
    }
}
