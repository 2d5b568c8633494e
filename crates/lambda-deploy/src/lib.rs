//! Observe, plan, apply and verify the images that Lambda functions run.
//!
//! [`observe`] reads what runs (GetFunction). [`plan`] decides, purely, what is to be done and finds everything that stands
//! in the way. [`apply`] updates function after function, several at a time: it sends images by digest alone, guards each
//! write with the revision that was seen, waits until Lambda is done, and reads back the digest that runs. A write whose
//! answer was lost is read back before anything else. Not done here: archives (zip), versions and aliases, roll-back.
//!
//! Source: AWS Lambda API 2015-03-31, UpdateFunctionCode and GetFunction; "Lambda function states".
//!
//! ```no_run
//! # async fn f(aws: &landfall_aws::AwsConfig, run: &landfall_run::Run, wanted: Vec<landfall_lambda_deploy::Desired>)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! use landfall_lambda_deploy::{ApplyOptions, LambdaClient, apply, observe, plan};
//!
//! let client = LambdaClient::new(aws, run.share())?;
//! let names: Vec<_> = wanted.iter().map(|desired| desired.function.clone()).collect();
//! let plan = plan(&wanted, &observe(&client, &names, 8, run).await, client.place());
//! for problem in plan.problems() {
//!     eprintln!("{}: {}", problem.code, problem.what);
//! }
//! let results = apply(&plan, &client, run, &ApplyOptions::default()).await;
//! assert!(results.iter().all(|result| result.problem.is_none()));
//! # Ok(()) }
//! ```

mod apply;
mod client;
mod deploy;
mod error;
mod function;
mod observe;
mod plan;
mod reason;
mod result;
mod settle;

pub use apply::{ApplyOptions, OnFailure, apply};
pub use client::LambdaClient;
pub use error::Error;
pub use function::{Function, LastUpdate, Package, State};
pub use observe::{Observed, observe};
pub use plan::{Action, Desired, Place, Plan, Step, plan};
pub use reason::advice;
pub use result::{FunctionResult, Outcome};
