//! How a sandbox is set up.

use std::time::Duration;

use crate::lambda::Rates;

/// How a sandbox is set up. Every value has a default that suits the demo.
#[derive(Clone, Debug)]
pub struct SandboxOptions {
    /// Durations of the world outside are multiplied by this ([`crate::Sandbox::scaled`]). Default: 1.
    pub time_scale: f64,
    /// Passwords and ids that never change while it runs are made from this; the same seed gives the same. Default: 1.
    pub seed: u64,
    /// AWS region. Default: `eu-west-1`.
    pub region: String,
    /// AWS account. Default: `111122223333`.
    pub account: String,
    /// Repository at ECR, made with immutable tags. Default: `app`.
    pub ecr_repository: String,
    /// Folder of the images below the repository key at Artifactory. Default: `shop`.
    pub image_namespace: String,
    /// Value of `CI_ENVIRONMENT_NAME`. Default: `stg_eu00`.
    pub environment: String,
    /// Life of the registry passwords that ECR gives out. Default: twelve hours.
    pub ecr_token_lifetime: Duration,
    /// Rates beyond which Lambda throttles. Default: unlimited.
    pub lambda_rates: Option<Rates>,
}

impl Default for SandboxOptions {
    fn default() -> Self {
        Self {
            time_scale: 1.0,
            seed: 1,
            region: "eu-west-1".to_owned(),
            account: "111122223333".to_owned(),
            ecr_repository: "app".to_owned(),
            image_namespace: "shop".to_owned(),
            environment: "stg_eu00".to_owned(),
            ecr_token_lifetime: Duration::from_secs(12 * 3600),
            lambda_rates: None,
        }
    }
}
