//! `landfall demo`: a release, end to end, on the embedded sandbox.

mod checks;
mod screen;
mod story;

use std::path::PathBuf;
use std::process::ExitCode;

pub(crate) fn main(keep: Option<PathBuf>) -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let result = match runtime {
        Ok(runtime) => runtime.block_on(story::tell(keep)),
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
