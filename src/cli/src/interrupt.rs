//! What Ctrl-C means. The first one (or SIGTERM) asks the work to stop at its next safe point and
//! to clean up. The second one ends the process at once with 130.

use std::sync::Arc;

use beanpole_model::ExitCode;
use beanpole_terminal::Terminal;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Listens for interrupts for the rest of the process's life.
pub(crate) fn listen(cancel: CancellationToken, terminal: Arc<Terminal>) {
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) = (
            signal(SignalKind::interrupt()),
            signal(SignalKind::terminate()),
        ) else {
            terminal.say("warning: Ctrl-C cannot be caught here; it will end the process at once");
            return;
        };
        let mut first = true;
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if !first {
                leave();
            }
            first = false;
            terminal.say(
                "Interrupted: stopping at the next safe point. Interrupt again to leave at once.",
            );
            cancel.cancel();
        }
    });
}

#[expect(
    clippy::exit,
    reason = "a second interrupt must end the process whatever it is doing"
)]
fn leave() -> ! {
    std::process::exit(i32::from(ExitCode::Interrupted.code()))
}
