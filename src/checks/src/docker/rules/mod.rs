//! Rules of Dockerfiles, scripts and Procfiles: one file each, with its tests.

pub(super) mod alpine;
pub(super) mod apt;
pub(super) mod carriage;
pub(super) mod context;
pub(super) mod exec;
pub(super) mod mode;
pub(super) mod root;
pub(super) mod runserver;
pub(super) mod secret;
pub(super) mod shell_form;
pub(super) mod wait;

use super::dockerfile::{Instruction, Stage};
use super::is_development;
use super::project::{Image, Project};
use crate::findings::Report;

pub(super) fn check(project: &Project<'_>, report: &mut Report<'_>) {
    for image in &project.dockerfiles {
        alpine::check(image, report);
        secret::check(project.settings, image, report);
        apt::check(image, report);
        context::check(project, image, report);
        if let Some(stage) = served(project, image) {
            root::check(project, image, stage, report);
            shell_form::check(image, stage, report);
        }
    }
    for script in &project.scripts {
        carriage::check(script, report);
        mode::check(project, script, report);
        exec::check(script, report);
    }
    runserver::check(project, report);
    wait::check(project, report);
}

/// The last stage of an image that is not for development: what runs in production.
fn served<'i>(project: &Project<'_>, image: &'i Image<'_>) -> Option<&'i Stage> {
    let stage = image.file.target(None)?;
    let development = is_development(project.settings, image.path)
        || stage
            .name
            .as_deref()
            .is_some_and(|name| is_development(project.settings, name));
    (!development).then_some(stage)
}

/// ENTRYPOINT and CMD that count in a stage.
fn processes<'i>(image: &'i Image<'_>, stage: &Stage) -> Vec<&'i Instruction> {
    ["ENTRYPOINT", "CMD"]
        .into_iter()
        .filter_map(|keyword| image.file.last(stage, keyword))
        .collect()
}
