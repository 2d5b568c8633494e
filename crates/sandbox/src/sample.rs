//! A sample service repo of six Lambda functions, with the images that its build made and the functions as they run today.

use std::io;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::json;

use crate::images::{Format, Image, Layer, base_layers};
use crate::{BUILD_KEY, Sandbox};

/// Bytes of each of the two layers that all images of the build share. Large enough to be seen in a transfer, small enough for a test.
const SHARED_LAYER_BYTES: usize = 512 * 1024;

/// A function of the sample repo.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SampleProject {
    /// Name in `project.json`, and of the image.
    pub project: &'static str,
    /// Folder below `functions`.
    pub folder: &'static str,
    /// Name of the Lambda function.
    pub lambda: &'static str,
    /// Version that the repo is at.
    pub version: &'static str,
    /// Version that the function runs before the release.
    pub running: &'static str,
    /// As image configurations spell it.
    pub architecture: &'static str,
}

const PROJECTS: [SampleProject; 6] = [
    sample("basketPricing", "basket-pricing", "BasketPricingFunction", "3.1.0", "3.0.2"),
    sample("customerNotice", "customer-notice", "CustomerNoticeFunction", "0.9.4", "0.9.3"),
    sample("orderService", "order-service", "OrderServiceFunction", "1.4.2", "1.4.1"),
    sample("paymentGateway", "payment-gateway", "PaymentGatewayFunction", "2.0.0", "1.12.5"),
    sample("shippingLabels", "shipping-labels", "ShippingLabelsFunction", "1.0.1", "1.0.0"),
    sample("stockLevels", "stock-levels", "StockLevelsFunction", "5.2.0-rc.1", "5.1.7"),
];

const fn sample(
    project: &'static str,
    folder: &'static str,
    lambda: &'static str,
    version: &'static str,
    running: &'static str,
) -> SampleProject {
    SampleProject { project, folder, lambda, version, running, architecture: "amd64" }
}

impl SampleProject {
    /// The image that the build made of this project.
    pub fn image(&self) -> Image {
        static SHARED: OnceLock<Vec<Layer>> = OnceLock::new();
        let shared = SHARED.get_or_init(|| base_layers(self.architecture, SHARED_LAYER_BYTES)).clone();
        image(self, self.version, shared)
    }

    /// The image that the function runs before the release. It stands on an older base.
    pub fn running_image(&self) -> Image {
        image(self, self.running, vec![Layer::new(&[("var/runtime/node", b"an older runtime")])])
    }

    /// The tag in the registry that Lambda runs from, for the version that the repo is at.
    pub fn tag(&self) -> String {
        format!("{}-{}", self.lambda, self.version)
    }
}

fn image(project: &SampleProject, version: &str, mut layers: Vec<Layer>) -> Image {
    let code = format!(
        "exports.handler = async () => ({{ service: \"{}\", version: \"{version}\" }});\n",
        project.project
    );
    layers.push(Layer::new(&[("var/task/index.js", code.as_bytes())]));
    let labels =
        [("org.opencontainers.image.title", project.project), ("org.opencontainers.image.version", version)];
    Image::new(Format::Oci, project.architecture, layers, &labels)
}

/// No function of the sample repo has that name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the sample repo has no project {0}")]
pub struct UnknownProject(pub String);

/// The functions of the sample repo, sorted by name.
pub fn projects() -> &'static [SampleProject] {
    &PROJECTS
}

/// A function of the sample repo.
///
/// # Errors
/// [`UnknownProject`].
pub fn project(name: &str) -> Result<&'static SampleProject, UnknownProject> {
    PROJECTS.iter().find(|project| project.project == name).ok_or_else(|| UnknownProject(name.to_owned()))
}

/// Writes the repo: `nx.json`, `package.json`, `landfall.toml`, and a folder for each function below `functions`.
///
/// The settings name no host: those are the sandbox's, told by [`Sandbox::env`]. Files that are there are overwritten.
///
/// # Errors
/// What the file system says.
pub fn write_repo(dir: &Path) -> io::Result<()> {
    write(
        dir,
        "nx.json",
        &json!({"$schema": "./node_modules/nx/schemas/nx-schema.json", "targetDefaults": {}}),
    )?;
    write(dir, "package.json", &json!({"name": "shop-services", "version": "0.0.0", "private": true}))?;
    std::fs::write(dir.join("landfall.toml"), SETTINGS)?;
    for project in &PROJECTS {
        let folder = dir.join("functions").join(project.folder);
        std::fs::create_dir_all(folder.join("src"))?;
        let description = json!({
            "name": project.project,
            "version": project.version,
            "projectType": "application",
            "sourceRoot": format!("functions/{}/src", project.folder),
            "tags": ["type:function"],
            "targets": {"docker": {"executor": "nx:run-commands"}},
        });
        write(&folder, "project.json", &description)?;
        let package =
            json!({"name": format!("@shop/{}", project.folder), "version": project.version, "private": true});
        write(&folder, "package.json", &package)?;
        std::fs::write(folder.join(".deployment"), format!("{}\n", project.lambda))?;
        let code = format!("exports.handler = async () => ({{ service: \"{}\" }});\n", project.project);
        std::fs::write(folder.join("src/index.js"), code)?;
    }
    Ok(())
}

const SETTINGS: &str = "\
functions = \"functions\"

[environment.stg_eu00]
kind = \"staging\"
region_key = \"eu\"

[environment.prod_eu00]
kind = \"production\"
region_key = \"eu\"
after = [\"stg_eu00\"]
";

fn write(folder: &Path, name: &str, document: &serde_json::Value) -> io::Result<()> {
    std::fs::write(folder.join(name), format!("{document:#}\n"))
}

/// Puts the six images of the build into Artifactory, and makes the six functions, each running an older image from ECR.
///
/// # Errors
/// None at present; the sample fits the sandbox.
pub fn load(sandbox: &Sandbox) -> Result<(), UnknownProject> {
    load_except(sandbox, &[])
}

/// Like [`load`], but the builds of these projects did not happen.
///
/// # Errors
/// A project that the sample repo does not have; nothing is loaded then.
pub fn load_except(sandbox: &Sandbox, missing: &[&str]) -> Result<(), UnknownProject> {
    for name in missing {
        project(name)?;
    }
    let repository = sandbox.options().ecr_repository.as_str();
    for project in &PROJECTS {
        let tag = format!("{}-{}", project.lambda, project.running);
        sandbox.ecr_registry.put_image(repository, &tag, &project.running_image());
        let address = format!("{}/{repository}:{tag}", sandbox.ecr_registry.host());
        let architecture = if project.architecture == "amd64" { "x86_64" } else { project.architecture };
        sandbox.lambda.create_function(project.lambda, architecture, &address);
        if !missing.contains(&project.project) {
            add_image(sandbox, project.project)?;
        }
    }
    Ok(())
}

/// Puts the image of one project into Artifactory, as its build does, and gives its digest.
///
/// # Errors
/// A project that the sample repo does not have.
pub fn add_image(sandbox: &Sandbox, name: &str) -> Result<String, UnknownProject> {
    let project = project(name)?;
    let repository = sandbox.source_repository(BUILD_KEY, project.project);
    Ok(sandbox.artifactory.put_image(&repository, project.version, &project.image()))
}

#[cfg(test)]
mod tests {
    use super::{add_image, load_except, project, projects, write_repo};
    use crate::{BUILD_KEY, Sandbox, SandboxOptions};

    #[tokio::test]
    async fn images_are_in_the_build_repository_and_functions_run_older_ones() {
        let sandbox = Sandbox::start(SandboxOptions::default()).await.unwrap();
        load_except(&sandbox, &["orderService"]).unwrap();
        let digest = |name: &str| {
            let project = project(name).unwrap();
            sandbox.artifactory.digest_of(&sandbox.source_repository(BUILD_KEY, name), project.version)
        };
        assert_eq!(digest("orderService"), None);
        assert_eq!(digest("stockLevels"), Some(project("stockLevels").unwrap().image().digest()));
        assert_eq!(add_image(&sandbox, "orderService").ok(), digest("orderService"));
        for project in projects() {
            assert_eq!(sandbox.lambda.running_digest(project.lambda), Some(project.running_image().digest()));
        }
        assert!(load_except(&sandbox, &["nothing"]).is_err());
        sandbox.stop().await;
    }

    #[test]
    fn the_repo_names_every_project() {
        let folder = std::env::temp_dir().join(format!(
            "landfall-sample-{}-{:x}",
            std::process::id(),
            fastrand::u64(..)
        ));
        write_repo(&folder).unwrap_err();
        std::fs::create_dir(&folder).unwrap();
        write_repo(&folder).unwrap();
        for project in projects() {
            let place = folder.join("functions").join(project.folder);
            let text = std::fs::read_to_string(place.join("project.json")).unwrap();
            assert!(text.contains(project.project) && text.contains(project.version));
            assert_eq!(std::fs::read_to_string(place.join(".deployment")).unwrap().trim(), project.lambda);
        }
        std::fs::remove_dir_all(folder).unwrap();
    }
}
