//! The file that `nx graph --file=graph.json` writes.

use landfall_artifacts::{FileErrors, FileProblem, Limits, ProjectName, strict_value};
use serde_json::{Map, Value};

use super::{FoundProject, normalized};
use crate::{Edge, EdgeKind, GraphError};

/// Largest such file in bytes.
const MOST_BYTES: usize = 64 * 1024 * 1024;

/// Projects and dependencies of the file. Installed packages in it (`npm:...`) are passed over.
pub(super) fn read(bytes: &[u8], name: &str) -> Result<(Vec<FoundProject>, Vec<Edge>), Vec<GraphError>> {
    let limits = Limits { max_bytes: MOST_BYTES, max_depth: 128, max_values: 8_000_000 };
    let value = strict_value(bytes, name, limits).map_err(|errors| vec![GraphError::File(errors)])?;
    let graph = value.get("graph").unwrap_or(&value);
    let (Some(nodes), Some(dependencies)) =
        (graph.get("nodes").and_then(Value::as_object), graph.get("dependencies").and_then(Value::as_object))
    else {
        return Err(vec![GraphError::File(wrong(name, "no `graph` with `nodes` and `dependencies`"))]);
    };
    let (mut found, mut problems) = (Vec::new(), Vec::new());
    for (key, node) in nodes {
        match project(key, node, name) {
            Ok(project) => found.push(project),
            Err(problem) => problems.push(problem),
        }
    }
    let mut edges = Vec::new();
    for edge in dependencies.values().filter_map(Value::as_array).flatten() {
        let end = |key: &str| -> Option<ProjectName> {
            edge.get(key)?.as_str().filter(|name| nodes.contains_key(*name))?.parse().ok()
        };
        if let (Some(from), Some(to)) = (end("source"), end("target")) {
            edges.push(Edge { from, to, kind: EdgeKind::Given });
        }
    }
    if problems.is_empty() { Ok((found, edges)) } else { Err(problems) }
}

fn project(key: &str, node: &Value, file: &str) -> Result<FoundProject, GraphError> {
    let data = node.get("data").and_then(Value::as_object);
    let root = data.and_then(|data| data.get("root")).and_then(Value::as_str);
    let (Some(data), Some(root)) = (data, root) else {
        let shown = landfall_secret::escape(key, 100);
        return Err(GraphError::File(wrong(file, &format!("the node {shown} without `data.root`"))));
    };
    let folder = normalized(root).unwrap_or_default();
    let name = key
        .parse()
        .map_err(|cause| GraphError::Name { folder: landfall_secret::escape(root, 200), cause })?;
    Ok(FoundProject { name, folder, project: data.clone(), package: Map::new() })
}

fn wrong(file: &str, found: &str) -> FileErrors {
    FileErrors::one(FileProblem {
        file: landfall_secret::escape(file, 200),
        pointer: String::new(),
        place: None,
        found: found.to_owned(),
        expected: "the file that nx graph --file=graph.json writes".to_owned(),
    })
}
