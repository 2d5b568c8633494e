//! `landfall demo`: two releases, end to end, on embedded sandboxes.

mod afterwards;
mod checks;
mod place;
mod production;
mod screen;
mod shop;
mod story;
mod teller;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn main(keep: Option<PathBuf>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let place = match place::Place::make(keep) {
        Ok(place) => place,
        Err(error) => {
            eprintln!("error[LF-DEMO-FOLDER] exit 2\n  {error:#}\n\nnothing was changed");
            return ExitCode::from(2);
        }
    };
    let result = match runtime {
        Ok(runtime) => runtime.block_on(story::tell(&place)),
        Err(cause) => Err(cause.into()),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error[LF-DEMO] exit 1\n  {error:#}");
            ExitCode::FAILURE
        }
    }
}
