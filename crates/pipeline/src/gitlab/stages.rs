//! One order of the stages of all pipelines, so that any set of files can be included together.

use crate::model::Pipeline;

/// Two pipelines that have two stages in opposite order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Opposed(pub(super) Vec<String>);

/// The stages of all pipelines, each once, in an order that agrees with that of every pipeline; where it is free, in the order in
/// which they come.
pub(super) fn merged(pipelines: &[Pipeline]) -> Result<Vec<String>, Opposed> {
    let mut left: Vec<&String> = Vec::new();
    for stage in pipelines.iter().flat_map(|pipeline| &pipeline.ci_stages) {
        if !left.contains(&stage) {
            left.push(stage);
        }
    }
    let comes_before = |first: &String, second: &String| {
        pipelines.iter().any(|pipeline| {
            let place = |stage: &String| pipeline.ci_stages.iter().position(|other| other == stage);
            matches!((place(first), place(second)), (Some(a), Some(b)) if a < b)
        })
    };
    let mut order = Vec::new();
    while !left.is_empty() {
        let free = left.iter().position(|stage| !left.iter().any(|other| comes_before(other, stage)));
        match free {
            Some(at) => order.push(left.remove(at).clone()),
            None => return Err(Opposed(left.into_iter().cloned().collect())),
        }
    }
    Ok(order)
}
