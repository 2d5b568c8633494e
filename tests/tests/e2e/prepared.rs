//! Files of earlier stages, written without running those: for tests that need many worlds.

use std::os::unix::fs::PermissionsExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use landfall_sandbox::images::ImageIndex;
use landfall_sandbox::sample::project;
use landfall_sandbox::{BUILD_KEY, Service};
use serde_json::{Map, Value, json};

use crate::world::World;

impl World {
    /// A small world with its versions.
    pub(crate) async fn with_versions() -> Self {
        let world = Self::small().await;
        world.has_versions();
        world
    }

    /// A small world on which `retag-push-ecr` can run.
    pub(crate) async fn copyable() -> Self {
        let mut world = Self::with_versions().await;
        world.has_logins();
        world.has_aws_keys();
        world
    }

    /// A small world on which `deploy-lambda` can run.
    pub(crate) async fn deployable() -> Self {
        let mut world = Self::with_versions().await;
        world.has_aws_keys();
        world.has_images_and_plan();
        world
    }

    /// What `generate-versions` leaves.
    pub(crate) fn has_versions(&self) {
        let entry = |project: &&landfall_sandbox::sample::SampleProject| {
            (project.project.to_owned(), json!({"version": project.version, "folder": project.folder}))
        };
        let versions: Map<String, Value> = self.projects().iter().map(entry).collect();
        self.write("versions.json", &format!("{:#}\n", Value::Object(versions)));
    }

    /// AWS keys that work, in the variables, instead of `aws_auth.env`.
    pub(crate) fn has_aws_keys(&mut self) {
        let keys = self.sandbox.static_keys().clone();
        self.set("AWS_ACCESS_KEY_ID", &keys.access_key_id);
        self.set("AWS_SECRET_ACCESS_KEY", &keys.secret_access_key);
    }

    /// What `prepare-docker-config --skip-ecr` would leave: the login at Artifactory.
    pub(crate) fn has_logins(&self) {
        let access = self.sandbox.artifactory_access();
        let login = STANDARD.encode(format!("{}:{}", access.user, access.password));
        let host = self.sandbox.host(Service::Artifactory);
        let ecr = STANDARD.encode(format!("AWS:{}", self.sandbox.ecr_password()));
        let ecr_host = self.sandbox.host(Service::EcrRegistry);
        let config = json!({"auths": {host.as_str(): {"auth": login}, ecr_host.as_str(): {"auth": ecr}}});
        self.write("docker-config.json", &format!("{config:#}\n"));
        let private = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(self.path("docker-config.json"), private).expect("the mode is set");
    }

    /// The image of one project is behind an index with an attestation, as buildx pushes it.
    pub(crate) fn has_index(&self, name: &str) {
        let project = project(name).expect("a project of the sample");
        let repository = self.sandbox.source_repository(BUILD_KEY, project.project);
        let index = ImageIndex::new(vec![project.image()], true);
        self.sandbox.artifactory.put_index(&repository, project.version, &index);
    }

    /// What `retag-push-ecr` leaves, in the repo and at ECR.
    pub(crate) fn has_images_and_plan(&self) {
        let options = self.sandbox.options();
        let host = self.sandbox.host(Service::EcrRegistry);
        let (mut mappings, mut images) = (Map::new(), Vec::new());
        for project in self.projects() {
            let image = project.image();
            let digest = self.sandbox.ecr_registry.put_image(&options.ecr_repository, &project.tag(), &image);
            let source = self.sandbox.source_repository(BUILD_KEY, project.project);
            mappings.insert(project.lambda.to_owned(), project.tag().into());
            images.push(json!({
                "project": project.project,
                "version": project.version,
                "lambda": project.lambda,
                "environment": options.environment,
                "source": format!("{}/{source}@{digest}", self.sandbox.host(Service::Artifactory)),
                "sourceIndex": null,
                "target": format!("{host}/{}:{}", options.ecr_repository, project.tag()),
                "digest": digest,
                "mediaType": image.media_type,
                "sizeBytes": image.manifest.len() + image.blobs().fold(0, |sum, blob| sum + blob.len()),
            }));
        }
        let lock = json!({
            "formatVersion": 1,
            "release": "r-0123456789ab",
            "environment": options.environment,
            "platform": "linux/amd64",
            "images": images,
        });
        self.write("lambda-ecr-mappings.json", &format!("{:#}\n", Value::Object(mappings)));
        self.write("image-lock.json", &format!("{lock:#}\n"));
    }
}
