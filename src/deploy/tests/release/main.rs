//! Whole releases against the embedded AWS: what is said, what is true afterwards, and what is left
//! behind. Only the modules `docker` and `docker_image` need a container engine.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a world that cannot be built ends the test"
)]

mod blue_green;
mod bundles;
mod docker;
mod docker_image;
mod failing;
mod good;
mod ledger;
mod scenes;
mod stopped;
mod stories;
mod strategies;
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
