//! Deploys code to Lambda functions, images and archives: many at once, proved, and back again.
//!
//! [`observe`] reads what runs (GetFunction). [`plan`] decides, purely, what is to be done and finds everything that stands
//! in the way. [`apply`] updates all functions side by side under the account's rate of calls: it sends code by its digest,
//! guards each write with the revision that was seen, waits until Lambda is done, and reads back the digest that runs, of the
//! function, its version and its alias. A write whose answer was lost is read back before anything else. Traffic goes over in
//! steps with a check after each. [`put_back`] gives functions the code and the alias that they had before.
//!
//! Source: AWS Lambda API 2015-03-31, UpdateFunctionCode, GetFunction, PublishVersion, UpdateAlias; "Lambda function states".
//!
//! ```no_run
//! # async fn f(aws: &landfall_aws::AwsConfig, run: &landfall_run::Run, wanted: Vec<landfall_lambda_deploy::Desired>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_lambda_deploy::{ApplyOptions, LambdaClient, Live, apply, observe, plan};
//!
//! let client = LambdaClient::new(aws, run.share())?;
//! let names: Vec<_> = wanted.iter().map(|desired| desired.function.clone()).collect();
//! let plan = plan(&wanted, &observe(&client, &names, None, 8, run).await, Live::default(), client.place());
//! for problem in plan.problems() {
//!     eprintln!("{}: {}", problem.code, problem.what);
//! }
//! let report = apply(&plan, &client, run, &ApplyOptions::default(), None).await;
//! assert!(report.functions.iter().all(|function| function.problem.is_none()));
//! # Ok(()) }
//! ```

mod alias;
mod apply;
mod client;
mod code;
mod deploy;
mod effects;
mod error;
mod function;
mod invoke;
mod listing;
mod observe;
mod plan;
mod point;
mod put_back;
mod reason;
mod result;
mod settle;
mod shift;
mod traffic;

pub use alias::Alias;
pub use apply::{ApplyOptions, ApplyReport, Check, Moment, OnFailure, apply};
pub use client::{LambdaClient, Rates};
pub use code::{Archive, Code};
pub use error::Error;
pub use function::{Function, LastUpdate, Package, State};
pub use invoke::Invocation;
pub use listing::{ListedFunction, aliased_versions, list_functions};
pub use observe::{AliasSeen, Observed, observe};
pub use plan::{Action, Desired, First, Live, Place, Plan, Step, plan};
pub use put_back::{AliasBefore, PutBack, Undoes, code_of, put_back};
pub use reason::advice;
pub use result::{FunctionResult, Outcome};
pub use traffic::{Traffic, TrafficError, TrafficStep};
