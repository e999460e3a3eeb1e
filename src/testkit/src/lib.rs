//! What several crates' tests need: an isolated home, git repositories, the example project.
//!
//! Rules: a dev-dependency only. Failures panic with the object named, since a test that cannot
//! build its world has nothing to say. Nothing here reads the developer's own configuration.

#![expect(
    clippy::panic,
    reason = "a test's world that cannot be built ends the test"
)]

mod postgres;
mod registry;
mod sandbox;

pub use postgres::Postgres;
pub use registry::Registry;
pub use sandbox::{Sandbox, example_blog, services_required, virtual_environment};
