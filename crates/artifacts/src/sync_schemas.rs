//! Schemas of what `s3-sync` keeps: its manifest in the bucket, and the record of a publication.
//!
//! Both are written and read object by object by `landfall-s3-sync`, since either may be of a hundred thousand objects; no type here holds a
//! whole one. That crate's tests hold what it writes against these.

use serde_json::{Value, json};

use crate::file::FORMAT_VERSION;
use crate::schema::DRAFT;

/// `.landfall-manifest.json`.
pub(crate) fn sync_manifest() -> Value {
    json!({
        "$schema": DRAFT,
        "title": ".landfall-manifest.json",
        "description": "What the last publication put below a prefix of a bucket.",
        "type": "object",
        "additionalProperties": false,
        "required": ["formatVersion", "headers", "objects"],
        "properties": {
            "formatVersion": { "const": FORMAT_VERSION },
            "headers": {
                "description": "Sets of headers; objects name theirs by its place, from 0.",
                "type": "array",
                "items": headers()
            },
            "objects": {
                "description": "The name below the prefix to what was put there, in the order of the names' bytes.",
                "type": "object",
                "additionalProperties": {
                    "type": "object",
                    "additionalProperties": false,
                    "required": ["etag", "sha256", "sizeBytes", "headers"],
                    "properties": {
                        "etag": {
                            "description": "The ETag that S3 gave it, without quotation marks; empty where the store gives none.",
                            "type": "string"
                        },
                        "sha256": {
                            "description": "SHA-256 of its bytes, hex.",
                            "type": "string",
                            "pattern": "^[0-9a-f]{64}$"
                        },
                        "sizeBytes": { "type": "integer", "minimum": 0 },
                        "headers": {
                            "description": "The place of its headers.",
                            "type": "integer",
                            "minimum": 0,
                            "maximum": u32::MAX
                        }
                    }
                }
            }
        }
    })
}

/// `s3-sync-record.json`.
pub(crate) fn sync_record() -> Value {
    json!({
        "$schema": DRAFT,
        "title": "s3-sync-record.json",
        "description": "What a publication changes below a prefix of a bucket, and what stood there before.",
        "type": "object",
        "additionalProperties": false,
        "required": ["formatVersion", "address", "region", "time", "isComplete", "changes"],
        "properties": {
            "formatVersion": { "const": FORMAT_VERSION },
            "address": { "description": "`s3://bucket/prefix/`.", "type": "string", "pattern": "^s3://" },
            "region": { "description": "The bucket's region.", "type": "string" },
            "time": {
                "description": "When it was planned: RFC 3339, UTC.",
                "type": "string",
                "format": "date-time"
            },
            "environment": { "type": ["string", "null"] },
            "release": { "type": ["string", "null"] },
            "isComplete": {
                "description": "Whether everything was made so. One that was not is carried on by the record of the next run.",
                "type": "boolean"
            },
            "keptIn": {
                "description": "Where the old bytes are; `null` where nothing was kept: such a publication cannot be undone.",
                "oneOf": [
                    { "type": "null" },
                    { "const": "versions" },
                    kept_in("folder", "A folder with files called by the SHA-256 of their bytes."),
                    kept_in("prefix", "`s3://bucket/prefix/`.")
                ]
            },
            "hadManifest": {
                "description": "Whether the sync manifest was there before; missing in records of before that was noted.",
                "type": ["boolean", "null"]
            },
            "changes": {
                "description": "In the order of their names' bytes.",
                "type": "array",
                "items": change()
            }
        }
    })
}

fn change() -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": { "description": "The name below the prefix.", "type": "string" },
            "before": object("The object that is replaced or deleted; `null` where there was none.", &json!({
                "sizeBytes": { "type": "integer", "minimum": 0 },
                "etag": {
                    "description": "Without quotation marks; `null` where the store gives none.",
                    "type": ["string", "null"]
                },
                "sha256": sha256(),
                "headers": headers(),
                "kept": {
                    "description": "The file's name in the folder, the name below the prefix, or the version; `null` where it was not kept.",
                    "type": ["string", "null"]
                }
            }), &["sizeBytes", "headers"]),
            "after": object("The object that is put there; `null` where it is deleted.", &json!({
                "sizeBytes": { "type": "integer", "minimum": 0 },
                "sha256": sha256(),
                "md5": {
                    "description": "MD5 of its bytes, hex; `null` where nothing was kept.",
                    "type": ["string", "null"],
                    "pattern": "^[0-9a-f]{32}$"
                },
                "headers": headers()
            }), &["sizeBytes"])
        }
    })
}

fn object(description: &str, properties: &Value, required: &[&str]) -> Value {
    json!({
        "description": description,
        "type": ["object", "null"],
        "additionalProperties": false,
        "required": required,
        "properties": properties
    })
}

fn sha256() -> Value {
    json!({
        "description": "SHA-256 of its bytes; `null` where it is not known.",
        "type": ["string", "null"],
        "pattern": "^sha256:[0-9a-f]{64}$"
    })
}

fn headers() -> Value {
    json!({
        "description": "Headers by their names in lower case.",
        "type": "object",
        "propertyNames": { "pattern": "^[^A-Z]+$" },
        "additionalProperties": { "type": "string" }
    })
}

fn kept_in(way: &str, description: &str) -> Value {
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": [way],
        "properties": { way: { "description": description, "type": "string" } }
    })
}
