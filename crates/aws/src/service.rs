//! The services that are spoken to, and where they are.

use std::fmt;

/// A service of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Service {
    /// Security Token Service.
    Sts,
    /// Elastic Container Registry's API (not the registry itself).
    Ecr,
    /// Lambda.
    Lambda,
    /// Simple Storage Service, in path style.
    S3,
}

impl Service {
    /// The name in counters and messages, such as `lambda`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Ecr => "ecr",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
        }
    }

    /// The regional endpoint, such as `https://lambda.eu-west-2.amazonaws.com` (AWS General Reference, "Service endpoints").
    /// The region was checked before.
    pub(crate) fn endpoint(self, region: &str) -> String {
        let host = match self {
            Self::Sts => "sts",
            Self::Ecr => "api.ecr",
            Self::Lambda => "lambda",
            Self::S3 => "s3",
        };
        format!("https://{host}.{region}.{}", dns_suffix(region))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The domain of a region's partition.
fn dns_suffix(region: &str) -> &'static str {
    match region {
        _ if region.starts_with("cn-") => "amazonaws.com.cn",
        _ if region.starts_with("us-iso-") => "c2s.ic.gov",
        _ if region.starts_with("us-isob-") => "sc2s.sgov.gov",
        _ if region.starts_with("us-isof-") => "csp.hci.ic.gov",
        _ if region.starts_with("eu-isoe-") => "cloud.adc-e.uk",
        _ if region.starts_with("eusc-") => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

#[cfg(test)]
mod tests {
    use super::Service;

    #[test]
    fn each_partition_has_its_domain() {
        assert_eq!(Service::Lambda.endpoint("eu-west-2"), "https://lambda.eu-west-2.amazonaws.com");
        assert_eq!(Service::Ecr.endpoint("us-gov-west-1"), "https://api.ecr.us-gov-west-1.amazonaws.com");
        assert_eq!(Service::Sts.endpoint("cn-north-1"), "https://sts.cn-north-1.amazonaws.com.cn");
        assert_eq!(Service::Sts.endpoint("eusc-de-east-1"), "https://sts.eusc-de-east-1.amazonaws.eu");
    }
}
