//! The ledger as the journal of a run.

use std::collections::BTreeMap;

use landfall_artifacts::{EffectResult, EventKind, LedgerItem};
use landfall_run::{Effect, EffectItem, EffectOutcome, Intent, Journal, JournalFuture};
use serde_json::Value;

use crate::{Draft, Ledger};

/// Items of an intent that are kept; of more, only the number is.
const MOST_ITEMS: usize = 100;

impl Journal for Ledger {
    fn intend(&self, effect: Effect) -> JournalFuture<'_, Intent> {
        Box::pin(async move {
            let mut draft = draft(EventKind::Intent, &effect);
            draft.items = effect.items.iter().take(MOST_ITEMS).map(item).collect();
            if let Some(more) = effect.items.len().checked_sub(MOST_ITEMS).filter(|more| *more > 0) {
                draft.details.insert("furtherItems".to_owned(), Value::from(more));
            }
            match self.append(draft).await {
                Ok(head) => Ok(Intent { sequence: head.sequence, effect }),
                Err(error) => Err(error.into_journal(effect.action, self.place().to_string())),
            }
        })
    }

    fn outcome(&self, intent: Intent, outcome: EffectOutcome) -> JournalFuture<'_, ()> {
        Box::pin(async move {
            let mut draft = draft(EventKind::Outcome, &intent.effect);
            draft.intent = Some(intent.sequence);
            (draft.outcome, draft.reason) = match outcome {
                EffectOutcome::Done => (Some(EffectResult::Done), None),
                EffectOutcome::Failed(why) => (Some(EffectResult::Failed), Some(why)),
                EffectOutcome::Unknown(why) => (Some(EffectResult::Unknown), Some(why)),
            };
            match self.append(draft).await {
                Ok(_) => Ok(()),
                Err(error) => Err(error.into_journal(intent.effect.action, self.place().to_string())),
            }
        })
    }
}

fn draft(kind: EventKind, effect: &Effect) -> Draft {
    let told = effect.details.iter().map(|(key, text)| ((*key).to_owned(), Value::from(text.as_str())));
    let mut details: BTreeMap<String, Value> = told.collect();
    // A name that breaks its rule is kept as it was told, not dropped.
    let mut named = |key: &str, text: Option<&String>, fits: bool| {
        if let Some(text) = text.filter(|_| !fits) {
            details.insert(key.to_owned(), Value::from(text.as_str()));
        }
    };
    let release = effect.release.as_ref().and_then(|text| text.parse().ok());
    let environment = effect.environment.as_ref().and_then(|text| text.parse().ok());
    named("release", effect.release.as_ref(), release.is_some());
    named("environment", effect.environment.as_ref(), environment.is_some());
    Draft {
        release,
        environment,
        action: Some(effect.action.clone()),
        target: Some(effect.target.clone()),
        details,
        ..Draft::new(kind)
    }
}

fn item(of: &EffectItem) -> LedgerItem {
    let version = of.version.as_ref().and_then(|text| text.parse().ok());
    let name = match (&of.version, &version) {
        (Some(text), None) => format!("{}@{text}", of.name),
        (Some(_) | None, _) => of.name.clone(),
    };
    LedgerItem { version, digest: of.digest, before: of.before, ..LedgerItem::new(name) }
}
