//! Whole releases against the embedded AWS: what is said, what is true afterwards, and what is left
//! behind. Only the module `docker` needs a container engine.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a world that cannot be built ends the test"
)]

mod docker;
mod failing;
mod good;
mod stopped;
mod support;
mod trouble;

/// A release can be run on any thread: by a server, beside other work.
#[expect(dead_code, reason = "it is enough that this compiles")]
fn a_release_can_be_sent(
    request: &beanpole_deploy::ReleaseRequest<'_>,
    steps: &beanpole_deploy::Steps,
    cancel: &tokio_util::sync::CancellationToken,
) -> impl Send {
    beanpole_deploy::release(request, steps, cancel)
}
