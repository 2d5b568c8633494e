//! How many bytes of a body are taken.

/// The largest body that is read; a longer one is refused by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    pub(crate) bytes: u64,
    pub(crate) what: &'static str,
}

impl Cap {
    /// A manifest, index or image config: 4 MiB, the limit of ECR's PutImage.
    pub const MANIFEST: Self = Self { bytes: 4 << 20, what: "manifest" };
    /// A token answer: 64 KiB.
    pub const TOKEN: Self = Self { bytes: 64 << 10, what: "token answer" };
    /// A JSON answer of Vault, Jira, Artifactory or an AWS service: 1 MiB.
    pub const JSON: Self = Self { bytes: 1 << 20, what: "JSON answer" };
    /// What is kept of an answer that says no: 8 KiB, the rest is dropped.
    pub const ERROR: Self = Self { bytes: 8 << 10, what: "error answer" };

    /// A cap of its own for a body of a known kind.
    pub const fn of(bytes: u64, what: &'static str) -> Self {
        Self { bytes, what }
    }
}
