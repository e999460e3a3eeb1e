//! Compose files as services that know their lines, after <https://docs.docker.com/reference/compose-file/>.

mod health;
mod image;
mod mount;
mod port;
mod secret;
mod server;
mod service;
mod store;

pub(super) use service::{Compose, Service};

use super::project::Project;
use crate::Rule;
use crate::findings::Report;

/// The rules of compose files.
pub(super) const RULES: [&Rule; 7] = [
    &port::RULE,
    &health::MISSING,
    &health::NOT_AWAITED,
    &image::RULE,
    &secret::RULE,
    &server::RULE,
    &service::EXTENDS,
];

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    for compose in &project.composes {
        service::check(compose, report);
        port::check(compose, report);
        health::check(project, compose, report);
        image::check(project, compose, report);
        secret::check(project.settings, compose, report);
        server::check(project.settings, compose, report);
    }
}
