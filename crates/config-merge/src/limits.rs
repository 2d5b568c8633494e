//! What is read at most.

/// What is read at most, so that no input takes all memory or time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one document of JSON, YAML or TOML; and besides those that aliases of YAML bring into one file, anchored values that are
    /// kept for them too. Default 8 MiB.
    pub document_bytes: usize,
    /// Levels of lists and maps in a document. Default 64, at most 128.
    pub depth: usize,
    /// Values of all kinds in a document, aliases of YAML expanded. Default 500,000.
    pub values: usize,
    /// Files of a tree, of all kinds and folders too. Default 20,000.
    pub files: usize,
    /// Bytes of all files that are taken from a tree. Default 256 MiB.
    pub tree_bytes: u64,
    /// Levels of folders. Default 64.
    pub folders: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 8 << 20,
            depth: 64,
            values: 500_000,
            files: 20_000,
            tree_bytes: 256 << 20,
            folders: 64,
        }
    }
}

impl Limits {
    /// The same for readers of placed trees.
    pub(crate) fn of_document(&self) -> landfall_artifacts::Limits {
        landfall_artifacts::Limits {
            max_bytes: self.document_bytes,
            max_depth: self.depth,
            max_values: self.values,
        }
    }
}
