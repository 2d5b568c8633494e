//! Names and references as they stand in files: how they are read and how schemas describe them.

use crate::digest::Digest;
use crate::json::text_form;
use crate::name::{EnvironmentName, Folder, LambdaName, ProjectName, ReleaseId, Tag};
use crate::reference::{PinnedReference, Reference, Repository};

text_form!(Digest, "Digest", "a digest: `sha256:` and 64 lower-case hex digits", "^sha256:[0-9a-f]{64}$");
text_form!(
    Tag,
    "Tag",
    "a tag: 1 to 128 of A-Z a-z 0-9 _ . -, not beginning with . or -",
    "^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$"
);
text_form!(
    LambdaName,
    "LambdaName",
    "a Lambda function name: 1 to 64 of A-Z a-z 0-9 _ -",
    "^[A-Za-z0-9_-]{1,64}$"
);
text_form!(
    ProjectName,
    "ProjectName",
    "a project name: 1 to 100 of A-Z a-z 0-9 _ . - with at most one @scope/ before it",
    "^(@[A-Za-z0-9_][A-Za-z0-9._-]*/)?[A-Za-z0-9_][A-Za-z0-9._-]*$"
);
text_form!(
    Folder,
    "Folder",
    "a folder: one path segment without / or \\, not . or .., no control characters, at most 255 bytes",
    "^(?!\\.{1,2}$)[^/\\\\\\u0000-\\u001f\\u007f-\\u009f]{1,255}$"
);
text_form!(
    ReleaseId,
    "ReleaseId",
    "a release: 1 to 64 of A-Z a-z 0-9 _ . + -, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}$"
);
text_form!(
    EnvironmentName,
    "EnvironmentName",
    "an environment: 1 to 64 of A-Z a-z 0-9 _ . / -, beginning with a letter or digit",
    "^[A-Za-z0-9][A-Za-z0-9_./-]{0,63}$"
);
text_form!(Repository, "Repository", "a repository: host[:port]/path without scheme", "^[^/@ ]+/[^@ ]+$");
text_form!(
    Reference,
    "Reference",
    "a reference: host/path:tag or host/path@sha256:digest",
    "^[^/@ ]+/[^@ ]+(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|@sha256:[0-9a-f]{64})$"
);
text_form!(
    PinnedReference,
    "PinnedReference",
    "a pinned reference: host/path@sha256:digest",
    "^[^/@ ]+/[^@ ]+@sha256:[0-9a-f]{64}$"
);
