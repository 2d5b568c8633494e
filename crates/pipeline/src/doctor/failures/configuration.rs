//! Configuration on its way to S3.

use crate::doctor::Failure;

pub(super) const FAILURES: &[Failure] = &[
    Failure {
        id: "merged-files-empty",
        title: "there is nothing to publish",
        codes: &["LF-SYNC-EMPTY", "LF-SYNC-SOURCE", "LF-FILE-MISSING", "LF-MERGE-NOTHING"],
        words: &[],
        why: "The folder is not there, is empty, or rules leave everything in it out. To publish an empty folder with `--delete` would empty the \
              bucket's prefix.",
        remedy: &[
            "Run `merge-configs configs merged-files`, or the command of `merge_command`, and look at what it says.",
            "Look at `exclude` and `include` under `[sync]`, and at the folder that the stage was given.",
        ],
    },
    Failure {
        id: "bucket-unknown",
        title: "it is not known which bucket is meant, or it is not there",
        codes: &["LF-SYNC-BUCKET", "LF-S3-BUCKET", "LF-S3-REGION", "LF-SYNC-PREFIX", "LF-SYNC-PLACE"],
        words: &[],
        why: "No bucket is named, and none or several have `native-config` in their name; or the named one is in another region or account, or does \
              not exist.",
        remedy: &[
            "Name it by `NATIVE_BUCKET`, and the prefix by `PLATFORM`.",
            "`landfall stage list-buckets` shows the buckets of the account.",
            "Look at `AWS_REGION`: it must be the bucket's.",
        ],
    },
    Failure {
        id: "bucket-denied",
        title: "the role may not read or write the bucket",
        codes: &["LF-AWS-DENIED"],
        words: &["s3", "bucket", "object"],
        why: "The role lacks an action on the bucket or below the prefix, the bucket's policy denies it, or the bucket belongs to another account \
              than the environment's.",
        remedy: &[
            "Grant `s3:ListBucket` on the bucket, and `s3:GetObject`, `s3:PutObject` and, with `--delete`, `s3:DeleteObject` below the prefix.",
            "Where the bucket is another account's, name that by `--bucket-owner`.",
        ],
    },
    Failure {
        id: "too-many-deletes",
        title: "more would be deleted than is allowed",
        codes: &["LF-SYNC-DELETES", "LF-SYNC-PROTECTED", "LF-SYNC-WITHHELD"],
        words: &[],
        why: "`--delete` would remove more objects than the guard lets pass, or one that is protected. A wrong prefix or a folder that is half there \
              look like this.",
        remedy: &[
            "Look at the list of `--dry-run`.",
            "Where it is right, agree to the very number by `--expect-deletes`, or raise `--max-delete`.",
        ],
    },
    Failure {
        id: "bucket-changed",
        title: "the bucket changed meanwhile, or a publication is unfinished",
        codes: &[
            "LF-SYNC-MOVED",
            "LF-SYNC-CHANGED",
            "LF-SYNC-UNFINISHED",
            "LF-S3-UNCONFIRMED",
            "LF-S3-DAMAGED",
            "LF-SYNC-UNDO",
        ],
        words: &[],
        why: "Somebody else wrote there while the stage did, or an earlier publication was cut off.",
        remedy: &[
            "Find out who else writes there (`LF-SYNC-CHANGED`): the next run writes over it.",
            "Run it again: it looks anew and does what is left.",
            "Take back an unfinished publication by `s3-sync --undo <record>`.",
        ],
    },
];
