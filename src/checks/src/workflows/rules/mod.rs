//! Rules of workflows: one file each, with its tests.

pub(super) mod permissions;
pub(super) mod pin;
pub(super) mod secret;
pub(super) mod target;
pub(super) mod untrusted;

use super::Settings;
use super::workflow::Workflow;
use crate::findings::Report;

pub(super) fn check(settings: &Settings, workflow: &Workflow<'_>, report: &mut Report<'_>) {
    if !workflow.is_action() {
        permissions::check(workflow, report);
        target::check(workflow, report);
    }
    pin::check(settings, workflow, report);
    secret::check(workflow, report);
    untrusted::check(workflow, report);
}
