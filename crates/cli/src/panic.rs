//! What a panic shows: a defect of ours, said plainly, without secrets.

use std::io::Write as _;
use std::sync::Arc;

use landfall_secret::Redactor;

use crate::Shower;

/// Makes a panic print an error page with code `LF-DEFECT`, after the progress was closed: bars would be drawn over it. The exit
/// code is the caller's to set.
pub fn install(redactor: Redactor, shower: &Arc<Shower>) {
    let shower = Arc::downgrade(shower);
    std::panic::set_hook(Box::new(move |info| {
        if let Some(shower) = shower.upgrade() {
            shower.close_for_panic();
        }
        let message = info
            .payload()
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| info.payload().downcast_ref::<String>().cloned())
            .unwrap_or_default();
        let place = info.location().map(|at| format!("{}:{}", at.file(), at.line())).unwrap_or_default();
        // Before it is cut: of a secret across the end its beginning would stay.
        let shown = landfall_secret::escape(&redactor.redact(&message), 500);
        let _ = writeln!(
            std::io::stderr(),
            "error[LF-DEFECT] exit {}\n  Landfall stopped at a defect of its own at {place}: {shown}\n  next: report this text with the version {}; running again does only what is left",
            crate::exit::DEFECT,
            env!("CARGO_PKG_VERSION"),
        );
    }));
}
