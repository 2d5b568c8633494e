//! The schema, once.

fn main() {
    let schemas = landfall_artifacts::schemas();
    let (_, schema) = schemas.iter().find(|(name, _)| *name == "pipeline-plan").unwrap();
    println!("{schema:#}");
}
