//! Which names a release and its services may have.

use std::collections::BTreeMap;

use landfall_artifacts::{Class, Problem, ReleaseId, ServiceName, folded};

/// The release of archives: `v` and a version as SemVer 2.0.0 writes it, without build metadata, which gives no order.
///
/// # Errors
/// A problem of class input.
pub fn release_of(release: &ReleaseId) -> Result<semver::Version, Problem> {
    let version = release.as_str().strip_prefix('v').and_then(|text| text.parse::<semver::Version>().ok());
    version.filter(|version| version.build.is_empty()).ok_or_else(|| {
        Problem::new(
            "LF-PACKAGE-RELEASE",
            Class::Input,
            format!("the release {release} is not `v` and a version such as v1.4.0"),
        )
        .with_remedy("give the version by --release or LANDFALL_RELEASE, as v1.4.0, without build metadata")
    })
}

/// Each service once, also where case is not told apart.
pub(super) fn check_services<'a>(
    services: impl Iterator<Item = &'a ServiceName>,
    problems: &mut Vec<Problem>,
) {
    let mut seen: BTreeMap<String, &ServiceName> = BTreeMap::new();
    for service in services {
        if let Some(other) = seen.insert(folded(service.as_str()), service) {
            let what = if other == service {
                format!("the service {service} is there twice")
            } else {
                format!("the services {other} and {service} differ in their case alone")
            };
            problems.push(
                Problem::new("LF-PACKAGE-TWICE", Class::Input, what)
                    .with_remedy("give each service one folder and a name of its own"),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::release_of;

    #[test]
    fn releases_are_versions() {
        let version = |text: &str| release_of(&text.parse().expect("a release id")).map(|v| v.to_string());
        assert_eq!(version("v1.4.0").ok().as_deref(), Some("1.4.0"));
        assert_eq!(version("v2.0.0-rc.1").ok().as_deref(), Some("2.0.0-rc.1"));
        for odd in ["1.4.0", "v1.4", "v1.4.0+5", "r-0123456789ab", "2025.03", "v01.4.0"] {
            assert!(version(odd).is_err(), "{odd}");
        }
    }
}
