//! Where the run's ledger is, and what it takes to open it there.

use std::sync::Arc;

use landfall_artifacts::{AccountId, Class, Problem};
use landfall_aws::{AwsConfig, FailureKind};
use landfall_cli::{Opt, Values};
use landfall_ledger::{Hold, Ledger, Place};
use landfall_run::{Event, Run};
use landfall_stages::Refusal;

use crate::context::Keys;
use crate::part::part;
use crate::prepare::Prepared;
use crate::{Context, Effects, aws, aws_keys, report};

/// The options of every stage that say where the ledger is.
pub(crate) const OPTIONS: [Opt; 3] = [
    Opt::value(
        "ledger",
        "PLACE",
        "where intents, outcomes and deployments are recorded: a folder, or s3://bucket/prefix",
    )
    .env(&["LANDFALL_LEDGER"])
    .key("ledger.store")
    .default(".landfall/ledger"),
    Opt::value(
        "ledger-region",
        "REGION",
        "the AWS region of the ledger's bucket; else that of the environment",
    )
    .env(&["LANDFALL_LEDGER_REGION"])
    .key("ledger.region"),
    Opt::value("ledger-account", "ID", "the AWS account that the ledger's bucket must belong to")
        .env(&["LANDFALL_LEDGER_ACCOUNT"])
        .key("ledger.account"),
];

/// The runs in which a ledger is opened.
#[derive(Debug)]
pub(crate) struct Runs {
    /// For the ledger's own requests: no stop cuts them off.
    pub(crate) ledger: Run,
    /// For finding keys, which a login may take some time for.
    pub(crate) keys: Run,
}

/// Where the ledger is, by `--ledger`; what is odd about it is noted as a problem.
pub(crate) fn place(values: &mut Values<'_>) -> Place {
    let text = values.text("ledger").unwrap_or_default();
    text.parse().unwrap_or_else(|error: landfall_ledger::PlaceError| {
        let remedy = "give a folder or s3://bucket/prefix by --ledger, LANDFALL_LEDGER, or ledger.store in landfall.toml";
        values.problem("LF-LEDGER-STORE", &error.to_string(), Some(remedy.to_owned()));
        Place::Folder(text.into())
    })
}

/// Opens the ledger for a stage that records, and takes the environment where the stage has it to itself, or with the other parts of
/// the same work, which are `alike` in these options; `None` where nothing can be recorded yet.
///
/// # Errors
/// No keys for a bucket, and what opening and locking can bring.
pub(crate) async fn open(
    prepared: &Prepared,
    (stage, alike): (&'static str, &[&str]),
    makes_keys: bool,
    keys: &Keys,
    runs: &Runs,
) -> Result<Option<(Ledger, Option<Hold>)>, Refusal> {
    let run = &runs.ledger;
    let environment = &prepared.layers.environment;
    let target = &prepared.target;
    let context = landfall_ledger::Context {
        run: report::run_link(environment),
        release: target.release.clone(),
        environment: target.environment.clone(),
        stage: Some(stage.to_owned()),
        redactor: run.redactor().clone(),
        ..landfall_ledger::Context::new(report::actor(environment), env!("CARGO_PKG_VERSION"))
    };
    let ledger = match &prepared.ledger {
        Place::Folder(folder) => {
            if environment.get("CI").is_some() {
                run.progress().event(Event::Warning(format!(
                    "the ledger is the folder {}, which is local to this job: keep it as an artifact or it is gone with the job",
                    prepared.ledger
                )));
            }
            Ledger::open(folder, context, *run.clock()).await?
        }
        place @ Place::S3 { .. } if makes_keys => {
            let Some(ledger) = open_with_old_keys(prepared, place, keys, runs, context).await? else {
                let what = format!("there are no keys for the ledger {place} yet: nothing is recorded there");
                run.progress().event(Event::Warning(what));
                return Ok(None);
            };
            ledger
        }
        place @ Place::S3 { .. } => match config(prepared, keys, &runs.keys).await? {
            Some(config) => Ledger::open_s3(&config, place, account(prepared), run.clone(), context).await?,
            None => return Err(no_keys(place)),
        },
    };
    if let Some(torn) = ledger.torn().await {
        run.progress().event(Event::Warning(format!(
            "of record {} of the ledger only the beginning was there, as after a loss of power: it was put aside as {}, and the next record says so",
            torn.sequence,
            landfall_secret::escape(&torn.kept_as.to_string_lossy(), 300)
        )));
    }
    if let Some(room) = ledger.room().await {
        run.progress().event(Event::Warning(format!(
            "the ledger {} has room for {room} more records and takes none after them: begin another one in time; docs/ledger.md says how",
            prepared.ledger
        )));
    }
    let hold = match &target.environment {
        Some(environment) if prepared.effects == Effects::Exclusive => {
            Some(match part(&prepared.options, &prepared.layers, stage, alike) {
                Some(part) => ledger.hold_part(environment, part).await?,
                None => ledger.hold(environment).await?,
            })
        }
        Some(_) | None => None,
    };
    Ok(Some((ledger, hold)))
}

/// The ledger for the stage that makes keys, by keys of before, where they still are good for it: none that are over keep it from making new
/// ones, and it never logs in for the ledger, since a secret id may be good for one login.
async fn open_with_old_keys(
    prepared: &Prepared,
    place: &Place,
    keys: &Keys,
    runs: &Runs,
    context: landfall_ledger::Context,
) -> Result<Option<Ledger>, Refusal> {
    if aws_keys::logs_in(&self::context(prepared, keys, &runs.keys))? {
        return Ok(None);
    }
    // What is wrong with them the stage itself says, where that matters to it.
    let Ok(Some(config)) = config(prepared, keys, &runs.keys).await else { return Ok(None) };
    match Ledger::open_s3(&config, place, account(prepared), runs.ledger.clone(), context).await {
        Ok(ledger) => Ok(Some(ledger)),
        Err(landfall_ledger::Error::Call { failure, .. })
            if matches!(failure.kind, FailureKind::Expired | FailureKind::Keys | FailureKind::Denied) =>
        {
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// The ledger for a stage that only reads it, if at all. Nothing is sent, and keys are only looked for where it `reads`; without
/// any a bucket answers for itself.
///
/// # Errors
/// Keys that are half there or over, an endpoint that cannot be used.
pub(crate) async fn for_reading(
    prepared: &Prepared,
    reads: bool,
    keys: &Keys,
    runs: &Runs,
) -> Result<Ledger, Refusal> {
    let place = match &prepared.ledger {
        Place::Folder(folder) => return Ok(Ledger::for_reading(folder)),
        place @ Place::S3 { .. } => place,
    };
    let with_keys = if reads { config(prepared, keys, &runs.keys).await? } else { None };
    let config = if let Some(config) = with_keys {
        config
    } else {
        let context = context(prepared, keys, &runs.keys);
        let region = region(&context).unwrap_or_else(|| "us-east-1".to_owned());
        AwsConfig::without_keys(&region, aws::endpoints(&context), context.http()?)?
    };
    Ok(Ledger::unchecked_s3(&config, place, account(prepared), runs.ledger.clone(), Ledger::reader())?)
}

/// What speaks to the bucket; `None` where there are no keys.
async fn config(prepared: &Prepared, keys: &Keys, run: &Run) -> Result<Option<AwsConfig>, Refusal> {
    let context = context(prepared, keys, run);
    let Some(held) = aws_keys::keys(&context).await? else { return Ok(None) };
    let Some(region) = region(&context) else {
        return Err(Refusal::one(
            Problem::new("LF-CONFIG-MISSING", Class::Input, "the region of the ledger's bucket is missing")
                .with_remedy("give it by --ledger-region, LANDFALL_LEDGER_REGION, ledger.region in landfall.toml, or AWS_REGION"),
        ));
    };
    Ok(Some(AwsConfig::with_held(&region, held, aws::endpoints(&context), context.http()?)?))
}

fn region(context: &Context) -> Option<String> {
    let values = context.values();
    values.text("ledger-region").or_else(|| values.text("region"))
}

fn account(prepared: &Prepared) -> Option<AccountId> {
    let text = Values::new(&prepared.options, &prepared.layers).text("ledger-account")?;
    text.parse().ok()
}

/// The stage's values with the options of AWS besides: a stage that has nothing to do with AWS may record in a bucket.
fn context(prepared: &Prepared, keys: &Keys, run: &Run) -> Context {
    let mut options = prepared.options.clone();
    for option in aws::OPTIONS {
        if options.iter().all(|known| known.name != option.name) {
            options.push(option);
        }
    }
    Context {
        options,
        layers: prepared.layers.clone(),
        run: run.clone(),
        output: prepared.output.clone(),
        target: prepared.target.clone(),
        settings: prepared.settings.clone(),
        ledger: Ledger::for_reading(""),
        aws_keys: Arc::clone(keys),
    }
}

fn no_keys(place: &Place) -> Refusal {
    Refusal::one(
        Problem::new("LF-AWS-KEYS", Class::Input, format!("there are no AWS credentials for the ledger {place}"))
            .with_remedy(
                "let this job have aws_auth.env of aws-credentials; or set AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
            ),
    )
}
