//! What Lambda's reason codes mean for the person who deploys.

/// What to do about a code of `LastUpdateStatusReasonCode` or `StateReasonCode` (Lambda API, FunctionConfiguration). The list
/// grows; an unknown code has no advice.
pub fn advice(code: &str) -> Option<&'static str> {
    Some(match code {
        "ImageDeleted" => {
            "the image is gone from ECR: look at the repository's lifecycle rules, copy the image again, then run again"
        }
        "ImageAccessDenied" => {
            "let lambda.amazonaws.com do ecr:BatchGetImage and ecr:GetDownloadUrlForLayer in the repository's policy, then run again"
        }
        "InvalidImage" => {
            "Lambda cannot run this image: look at its entry point, layers and size; build it again for one platform and without attestations"
        }
        "EniLimitExceeded" => "raise the quota of network interfaces of the VPC, or delete unused ones",
        "SubnetOutOfIPAddresses" => "give the function's subnets more free addresses, or other subnets",
        "InvalidSubnet" | "InvalidSecurityGroup" => {
            "correct the function's VPC configuration: a subnet or security group is gone"
        }
        "DisallowedByVpcEncryptionControl" => {
            "the VPC's encryption controls refuse the function; ask whoever owns the VPC"
        }
        "InsufficientRolePermissions" => {
            "give the function's role the permissions that its VPC, file system or key needs"
        }
        "KMSKeyAccessDenied" => "let the function's role use its KMS key",
        "KMSKeyNotFound" => "the function's KMS key is gone: name another one in its configuration",
        "InvalidStateKMSKey" | "DisabledKMSKey" => "enable the function's KMS key",
        "EFSIOError" | "EFSMountConnectivityError" | "EFSMountFailure" | "EFSMountTimeout" => {
            "the function's file system cannot be mounted: look at its mount targets, security groups and access point"
        }
        "InvalidConfiguration" => "correct the function's configuration as the text says",
        "InvalidRuntime" => "the function's runtime is not usable any more: choose a newer one",
        "InvalidZipFileException" => "the archive is damaged: build it again",
        "InternalError" | "InsufficientCapacity" | "EC2RequestLimitExceeded" => {
            "a passing fault at AWS: run again"
        }
        "ServiceQuotaExceededException" | "VcpuLimitExceeded" | "CapacityProviderScalingLimitExceeded" => {
            "a quota of the account is used up: raise it, or free some"
        }
        "IncompatibleAcceleratorInstanceTypes" => {
            "correct the function's capacity provider: its instance types do not fit"
        }
        "DependencyError" => {
            "something the function depends on failed: the text says what; run again when it is well"
        }
        "FunctionError" => "the function's code fails as it starts: look at its log",
        "FunctionError.InitTimeout" => {
            "the function takes too long to start: look at its log, raise memory or do less at start"
        }
        "FunctionError.RuntimeInitError" | "FunctionError.ExtensionInitError" => {
            "the runtime or an extension fails at start: look at the function's log"
        }
        "FunctionError.InvalidEntryPoint" => {
            "the image's entry point is not there or cannot be run: correct ENTRYPOINT and CMD"
        }
        "FunctionError.InvalidWorkingDirectory" => {
            "the image's working directory is not there: correct WORKDIR"
        }
        "FunctionError.PermissionDenied" => {
            "the entry point may not be run: make it executable and readable for everybody"
        }
        "FunctionError.TooManyExtensions" => {
            "the function has more extensions than Lambda allows: remove some"
        }
        "FunctionError.InitResourceExhausted" => {
            "the function needs more memory, disk or processes at start than it has: raise them"
        }
        "Creating" | "Restoring" | "Idle" => "Lambda is still at it: run again in a minute",
        _ => return None,
    })
}

/// Whether a failed function can be mended by giving it another image: what it ran is gone, it is not broken itself.
pub(crate) fn is_about_the_image(code: &str) -> bool {
    matches!(code, "ImageDeleted" | "ImageAccessDenied" | "InvalidImage")
}

/// What an `InvalidParameterValueException` of UpdateFunctionCode is about, from its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ImageTrouble {
    Missing,
    MediaType,
    Access,
    Architecture,
    Other,
}

pub(crate) fn image_trouble(said: &str) -> ImageTrouble {
    let said = said.to_ascii_lowercase();
    if said.contains("does not exist") {
        ImageTrouble::Missing
    } else if said.contains("media type") {
        ImageTrouble::MediaType
    } else if said.contains("permission") || said.contains("not authorized") || said.contains("access") {
        ImageTrouble::Access
    } else if said.contains("architecture") {
        ImageTrouble::Architecture
    } else {
        ImageTrouble::Other
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageTrouble, advice, image_trouble};

    #[test]
    fn texts_of_refused_images_are_told_apart() {
        let texts = [
            (
                "Source image 1.dkr.ecr.eu-west-2.amazonaws.com/a@sha256:00 does not exist. Provide a valid source image.",
                ImageTrouble::Missing,
            ),
            (
                "The image manifest, config or layer media type for the source image 1.dkr/a is not supported.",
                ImageTrouble::MediaType,
            ),
            (
                "Lambda does not have permission to access the ECR image. Check the ECR permissions.",
                ImageTrouble::Access,
            ),
            ("The architecture of the image differs from the function's", ImageTrouble::Architecture),
            ("Value at 'imageUri' failed", ImageTrouble::Other),
        ];
        for (text, trouble) in texts {
            assert_eq!(image_trouble(text), trouble, "{text}");
        }
    }

    #[test]
    fn an_unknown_code_has_no_advice() {
        assert!(advice("ImageDeleted").is_some_and(|text| text.contains("lifecycle")));
        assert_eq!(advice("SomethingNew"), None);
    }
}
