//! Every view as JSON fits the schema that is published.

use landfall_artifacts::Digest;
use landfall_ledger::view::{
    Answer, Filter, Moment, Place, Question, Seen, Sight, Span, View, Whole, audit, dora, drift, environment,
    function, graveyard, history, locks, overview, release, standing, trace,
};
use serde_json::Value;

use crate::story::story;
use crate::told::at;

#[test]
fn every_view_fits_the_schema() {
    let told = story();
    let events = &told.events;
    let now = at("2026-02-01");
    let standing = standing(events);
    let sight: Sight =
        [(("stg".parse().expect("a name"), "ordersFunction".to_owned()), Seen::Runs(Digest::of(b"by hand")))]
            .into_iter()
            .collect();
    let question = Question { function: "orders".to_owned(), ..Question::default() };
    let views = [
        View::Overview(overview(events, &standing)),
        View::Release(release(events, &standing, &"r2".parse().expect("a name")).expect("known")),
        View::Environment(environment(events, &standing, &"stg".parse().expect("a name")).expect("known")),
        View::Function(function(events, &standing, "orders").expect("known")),
        View::History(history(events, &Filter::default())),
        View::Graveyard(graveyard(events)),
        View::Drift(drift(&standing, &sight)),
        View::Trace(trace(events, &question, &[]).expect("known")),
        View::Dora(dora(events, Span::default(), now)),
        View::Audit(audit(events, Span { from: "2026-01-02".parse().ok(), to: None })),
        View::Locks(locks(events, now)),
        View::Verify(Whole { compared_with_head: true, checkpoints: 2 }),
    ];
    let validator = jsonschema::validator_for(&Answer::schema()).expect("a schema");
    let mut names = Vec::new();
    for view in views {
        let place = Place { place: "ledger".to_owned(), records: events.len() as u64, head: None };
        let text = Answer::new(place, Moment(now), view).to_json().expect("JSON");
        let value: Value = serde_json::from_str(&text).expect("JSON");
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{errors:#?} in {text}");
        let mut broken = value.clone();
        broken["result"] = Value::Null;
        assert!(!validator.is_valid(&broken), "a view without a result fits: {}", value["view"]);
        names.push(value["view"].as_str().expect("a name").to_owned());
    }
    assert_eq!(names.len(), 12);
    assert_eq!(names[0], "overview");
}
