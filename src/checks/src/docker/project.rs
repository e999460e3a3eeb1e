//! The files that this group judges, read once, and how they hang together: which script an image starts, which Dockerfile a
//! compose service builds.

use super::compose::{Compose, Service};
use super::dockerfile::{Dockerfile, Instruction};
use super::script::Script;
use super::{Settings, is_compose, is_dockerfile, is_procfile};
use crate::paths::{inside, parent};
use crate::source::{Place, Source};
use crate::{FileMode, Scope};

/// Everything that was read.
pub(super) struct Project<'s> {
    pub(super) scope: &'s Scope,
    pub(super) settings: &'s Settings,
    pub(super) dockerfiles: Vec<Image<'s>>,
    pub(super) composes: Vec<Compose>,
    pub(super) procfiles: Vec<(&'s str, Source<'s>)>,
    /// Scripts that an image or a compose service starts, and those whose name says so.
    pub(super) scripts: Vec<Script<'s>>,
    pub(super) unread: Vec<Unread>,
}

/// A file that could not be read.
pub(super) struct Unread {
    pub(super) path: String,
    pub(super) why: String,
    pub(super) place: Place,
}

/// A Dockerfile and where it is built.
pub(super) struct Image<'s> {
    pub(super) path: &'s str,
    pub(super) file: Dockerfile,
    /// The directory that COPY copies from; empty for the root.
    pub(super) context: String,
}

impl<'s> Project<'s> {
    pub(super) fn read(scope: &'s Scope, settings: &'s Settings) -> Self {
        let mut project = Self {
            scope,
            settings,
            dockerfiles: Vec::new(),
            composes: Vec::new(),
            procfiles: Vec::new(),
            scripts: Vec::new(),
            unread: Vec::new(),
        };
        let mut dockerfiles = Vec::new();
        for path in scope.tree.paths() {
            let judged = is_dockerfile(path) || is_compose(path) || is_procfile(path);
            if !judged || !is_file(scope, path) {
                continue;
            }
            let Some(bytes) = scope.tree.get(path) else {
                continue;
            };
            match Source::read(bytes) {
                Err(why) => project.cannot_read(path, why, Place::START),
                Ok(source) if is_dockerfile(path) => {
                    let file = Dockerfile::read(&source);
                    if !file.is_whole {
                        project.cannot_read(
                            path,
                            "the file has more than 2000 instructions",
                            Place::START,
                        );
                    }
                    dockerfiles.push((path, file));
                }
                Ok(source) if is_compose(path) => match Compose::read(path, &source) {
                    Ok(compose) => project.composes.push(compose),
                    Err((why, place)) => project.cannot_read(path, &why, place),
                },
                Ok(source) => project.procfiles.push((path, source)),
            }
        }
        for (path, file) in dockerfiles {
            let context = project.context(path, &file);
            project.dockerfiles.push(Image {
                path,
                file,
                context,
            });
        }
        project.read_scripts();
        project
    }

    pub(super) fn cannot_read(&mut self, path: &str, why: &str, place: Place) {
        self.unread.push(Unread {
            path: path.to_owned(),
            why: why.to_owned(),
            place,
        });
    }

    /// The build context: as the settings say, as a compose file says, where the first source that COPY names is, or where the
    /// Dockerfile is.
    fn context(&self, path: &str, file: &Dockerfile) -> String {
        if let Some(context) = self.settings.contexts.get(path) {
            return inside("", context).unwrap_or_default();
        }
        let builds = self.composes.iter().flat_map(|compose| &compose.services);
        let by_compose = builds
            .filter_map(|service| service.build.as_ref())
            .find(|build| build.dockerfile.as_deref() == Some(path))
            .and_then(|build| build.context.clone());
        if let Some(context) = by_compose {
            return context;
        }
        let sources: Vec<String> = file.instructions.iter().flat_map(sources).collect();
        let has = |directory: &str| {
            sources.iter().any(|source| {
                inside(directory, source).is_some_and(|path| {
                    !path.is_empty() && path != directory && self.is_there(&path)
                })
            })
        };
        let beside = parent(path);
        if !has(beside) && has("") {
            return String::new();
        }
        beside.to_owned()
    }

    /// Whether a path is a file or a directory of the project.
    fn is_there(&self, path: &str) -> bool {
        let below = format!("{path}/");
        let entries = &self.scope.entries;
        entries.contains_key(path)
            || entries
                .range(below.clone()..)
                .next()
                .is_some_and(|(found, _)| found.starts_with(&below))
    }

    /// Whether another Dockerfile is the one for production: `docker/prod/Dockerfile` beside `docker/Dockerfile`,
    /// `Dockerfile.prod` beside `Dockerfile`.
    pub(super) fn has_production_twin(&self, path: &str) -> bool {
        let others = self.dockerfiles.iter().map(|image| image.path);
        others
            .filter_map(without_production)
            .any(|other| other == path)
    }

    /// Whether the image of a service, if it is built here, brings a health check of its own.
    pub(super) fn image_has_health_check(&self, service: &Service) -> bool {
        let Some(build) = &service.build else {
            return false;
        };
        self.dockerfiles
            .iter()
            .filter(|image| Some(image.path) == build.dockerfile.as_deref())
            .filter_map(|image| Some((image, image.file.target(build.target.as_deref())?)))
            .filter_map(|(image, stage)| image.file.last(stage, "HEALTHCHECK"))
            .any(|check| !check.body.text.trim().eq_ignore_ascii_case("none"))
    }
}

/// The path without the part that says that it is for production. None without such a part.
fn without_production(path: &str) -> Option<String> {
    let is_word = |part: &str| matches!(part, "prod" | "production");
    let mut found = false;
    let mut parts = Vec::new();
    for part in path.split('/') {
        if is_word(part) {
            found = true;
            continue;
        }
        let plain = ["prod", "production"].iter().find_map(|word| {
            let start = part.strip_suffix(word)?;
            start.strip_suffix(['.', '-', '_'])
        });
        found |= plain.is_some();
        parts.push(plain.unwrap_or(part));
    }
    found.then(|| parts.join("/"))
}

/// The sources of COPY and ADD that come from the context.
pub(super) fn sources(instruction: &Instruction) -> Vec<String> {
    let copies = instruction.is("COPY") || instruction.is("ADD");
    if !copies || instruction.flag("from").is_some() {
        return Vec::new();
    }
    let mut paths = instruction.paths();
    paths.pop();
    paths
        .into_iter()
        .filter(|path| !path.contains("://"))
        .map(|path| path.trim_start_matches('/').to_owned())
        .collect()
}

pub(super) fn is_file(scope: &Scope, path: &str) -> bool {
    scope
        .entries
        .get(path)
        .is_some_and(|entry| matches!(entry.mode, FileMode::Regular | FileMode::Executable))
}
