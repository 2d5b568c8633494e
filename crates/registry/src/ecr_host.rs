//! Host names of Amazon ECR, of all partitions and kinds of endpoint.

use landfall_artifacts::AccountId;

use crate::Error;

/// What a host name of Amazon ECR says.
///
/// Source: Amazon ECR endpoints (AWS General Reference), the patterns of Kubernetes' and Bottlerocket's credential providers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcrHost {
    /// The account, twelve digits.
    pub account: AccountId,
    /// The region, such as `eu-west-2`.
    pub region: String,
    /// Whether it is a FIPS endpoint, which Lambda does not pull from.
    pub is_fips: bool,
}

/// Suffixes of `<account>.dkr.ecr[-fips].<region>`.
const CLASSIC: [&str; 7] = [
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "c2s.ic.gov",
    "sc2s.sgov.gov",
    "csp.hci.ic.gov",
    "cloud.adc-e.uk",
];
/// Suffixes of the dual-stack `<account>.dkr-ecr[-fips].<region>`.
const DUAL_STACK: [&str; 2] = ["on.aws", "on.amazonwebservices.com.cn"];

/// How the regions of a partition begin, and the suffix of its hosts.
const PARTITIONS: [(&str, &str); 6] = [
    ("cn-", "amazonaws.com.cn"),
    ("eusc-", "amazonaws.eu"),
    ("us-iso-", "c2s.ic.gov"),
    ("us-isob-", "sc2s.sgov.gov"),
    ("us-isof-", "csp.hci.ic.gov"),
    ("eu-isoe-", "cloud.adc-e.uk"),
];

impl EcrHost {
    /// Reads a host name; `None` where it is none of Amazon ECR.
    pub fn parse(host: &str) -> Option<Self> {
        let (account, rest) = host.split_once('.')?;
        let account: AccountId = account.parse().ok()?;
        let kinds = [
            ("dkr.ecr.", false, &CLASSIC[..]),
            ("dkr.ecr-fips.", true, &CLASSIC[..]),
            ("dkr-ecr.", false, &DUAL_STACK[..]),
            ("dkr-ecr-fips.", true, &DUAL_STACK[..]),
        ];
        kinds.into_iter().find_map(|(prefix, is_fips, suffixes)| {
            let (region, suffix) = rest.strip_prefix(prefix)?.split_once('.')?;
            let fits = is_region(region) && suffixes.contains(&suffix);
            fits.then(|| Self { account: account.clone(), region: region.to_owned(), is_fips })
        })
    }

    /// The classic host name of an account's registry in a region, `<account>.dkr.ecr.<region>.<suffix>`. The suffix is that of the
    /// region's partition, `amazonaws.com` where the region's name says none (AWS General Reference, "Amazon ECR endpoints").
    pub fn name_of(account: &AccountId, region: &str) -> String {
        let partition = PARTITIONS.iter().find(|(prefix, _)| region.starts_with(prefix));
        let suffix = partition.map_or("amazonaws.com", |(_, suffix)| suffix);
        format!("{account}.dkr.ecr.{region}.{suffix}")
    }

    /// Refuses a registry of another region than the configured one: Lambda pulls from its own.
    ///
    /// # Errors
    /// [`Error::EcrRegion`].
    pub fn check_region(host: &str, region: &str) -> Result<(), Error> {
        match Self::parse(host) {
            Some(found) if found.region != region => Err(Error::EcrRegion {
                host: landfall_secret::escape(host, 200),
                found: found.region,
                region: landfall_secret::escape(region, 60),
            }),
            Some(_) | None => Ok(()),
        }
    }
}

fn is_region(text: &str) -> bool {
    (5..=32).contains(&text.len())
        && text.contains('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::EcrHost;

    #[test]
    fn all_kinds_of_hosts_are_known() {
        for (host, region, is_fips) in [
            ("123456789012.dkr.ecr.eu-west-2.amazonaws.com", "eu-west-2", false),
            ("123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", false),
            ("123456789012.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", true),
            ("123456789012.dkr-ecr.eu-west-2.on.aws", "eu-west-2", false),
            ("123456789012.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", true),
            ("123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", false),
            ("123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", false),
        ] {
            let found = EcrHost::parse(host).expect(host);
            assert_eq!((found.region.as_str(), found.is_fips), (region, is_fips), "{host}");
        }
    }

    #[test]
    fn a_name_follows_from_account_and_region() {
        let account: landfall_artifacts::AccountId = "123456789012".parse().expect("an account");
        for (region, suffix) in [
            ("eu-west-2", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
        ] {
            let name = EcrHost::name_of(&account, region);
            assert_eq!(name, format!("123456789012.dkr.ecr.{region}.{suffix}"));
            assert_eq!(EcrHost::parse(&name).expect("read again").region, region);
        }
    }

    #[test]
    fn others_are_not_taken_for_it() {
        for host in [
            "",
            "12345.dkr.ecr.eu-west-2.amazonaws.com",
            "123456789012.dkr.ecr.eu-west-2.amazonaws.com.evil.example",
            "123456789012.dkr.ecr.eu-west-2.evil.example",
            "123456789012.dkr.ecr..amazonaws.com",
            "x123456789012.dkr.ecr.eu-west-2.amazonaws.com",
            "public.ecr.aws",
            "127.0.0.1:5000",
        ] {
            assert_eq!(EcrHost::parse(host), None, "{host}");
        }
        assert!(EcrHost::check_region("127.0.0.1:5000", "eu-west-2").is_ok());
        let host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com";
        assert!(EcrHost::check_region(host, "eu-west-1").is_ok());
        assert!(EcrHost::check_region(host, "eu-west-2").is_err());
    }
}
