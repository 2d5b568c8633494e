//! `landfall sandbox`: the stand-ins of all outside systems, until Ctrl-C.

use std::process::ExitCode;

use landfall_sandbox::{Sandbox, SandboxOptions};

pub(crate) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[LF-SANDBOX] exit 1\n  {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        let sandbox = Sandbox::start(SandboxOptions::default()).await?;
        landfall_sandbox::sample::load(&sandbox)?;
        println!("# The sandbox runs until Ctrl-C. Paste these lines into the shell that runs the stages:");
        for (name, value) in sandbox.env() {
            println!("export {name}='{}'", value.replace('\'', "'\\''"));
        }
        println!("# six sample images and functions are loaded; `landfall demo --keep DIR` makes the repo that goes with them");
        tokio::signal::ctrl_c().await?;
        sandbox.stop().await;
        anyhow::Ok(())
    })
}
