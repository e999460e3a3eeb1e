//! What goes into a bundle, and the digest that names it. Pure.
//!
//! Rules:
//! - The commit decides, never the working tree. Git attributes such as `export-ignore` have no say:
//!   what is committed ships, but for what the ignore file hides ([`crate::ignore_file`]) and for the
//!   names in [`is_left_out`].
//! - There are two forms. The source form holds everything that the image is built from, and the
//!   instances build it. The image form holds what the platform itself reads ([`is_for_platform`]) and
//!   a compose file that names a pushed image by its digest.
//! - The digest is SHA-256 over modes, paths and contents, sorted by path. Contents of committed
//!   files enter by their git object id, so that the digest of ten thousand files costs no reading.
//!   The commit's own id and time do not enter: the same content has one digest, whoever committed
//!   it.
//! - Paths are checked as if they came from an enemy: they are unpacked as root on the instances.

use beanpole_git::{Mode, TreeEntry};
use beanpole_manifest::Project;
use sha2::{Digest, Sha256};

use crate::compose::{ENVIRONMENT_FILE, RenderedFile, image_name, render, render_pushed};
use crate::error::Error;
use crate::ignore_file::IGNORE_FILE;

/// Changes with the bundle's format, so that a new format never meets an old bundle.
const FORMAT: &str = "beanpole bundle 1";

/// Compose prefers or merges these over the file that we render, so they stay behind. They are for
/// the developers' machines.
const DEVELOPMENT_COMPOSE_FILES: [&str; 8] = [
    "compose.override.yaml",
    "compose.override.yml",
    "compose.yaml",
    "compose.yml",
    "docker-compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.yaml",
    "docker-compose.yml",
];

/// Where the content of an entry comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A git object.
    Object {
        /// Its id.
        id: String,
        /// Its size in bytes.
        size: u64,
    },
    /// Text that we made.
    Text(String),
}

/// One file or link of the bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutEntry {
    /// The path from the bundle's root, with `/` between its parts.
    pub path: String,
    /// File, executable file or link.
    pub mode: Mode,
    /// Its content; for a link, its target.
    pub content: Content,
}

impl LayoutEntry {
    /// The size of the content in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        match &self.content {
            Content::Object { size, .. } => *size,
            Content::Text(text) => text.len() as u64,
        }
    }
}

/// A bundle before it is packed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    entries: Vec<LayoutEntry>,
    digest: String,
    image_name: String,
}

impl Layout {
    /// Lays out the bundle of a commit: its files below the project's directory, and the files that
    /// are rendered from the manifest.
    ///
    /// # Errors
    /// [`Error::UnsafePath`]; [`Error::Render`].
    pub fn new(project: &Project, files: &[TreeEntry]) -> Result<Self, Error> {
        let entries = committed(files)?;
        let source_digest = digest(&entries, &image_settings(project));
        let rendered = render(project, &source_digest)?;
        Ok(Self::assembled(
            entries,
            rendered,
            image_name(project, &source_digest),
        ))
    }

    /// Lays out what an image is built from before it is pushed: the commit's files alone. The digest
    /// covers the build settings too, so that it names the image.
    ///
    /// # Errors
    /// [`Error::UnsafePath`].
    pub fn sources(project: &Project, files: &[TreeEntry]) -> Result<Self, Error> {
        let entries = committed(files)?;
        let settings = format!("{}\0{:?}", image_settings(project), project.image.platforms);
        let digest = digest(&entries, &settings);
        Ok(Self {
            image_name: image_name(project, &digest),
            digest,
            entries,
        })
    }

    /// Lays out the bundle of the image form: those files of `sources` that the platform reads, and
    /// rendered files whose services run `image`: `<repository>@<digest>`.
    ///
    /// # Errors
    /// [`Error::Render`].
    pub fn of_image(project: &Project, sources: &Self, image: &str) -> Result<Self, Error> {
        let entries = sources
            .entries
            .iter()
            .filter(|entry| is_for_platform(&entry.path))
            .cloned()
            .collect();
        let rendered = render_pushed(project, image)?;
        Ok(Self::assembled(entries, rendered, image.to_owned()))
    }

    fn assembled(
        mut entries: Vec<LayoutEntry>,
        rendered: Vec<RenderedFile>,
        image_name: String,
    ) -> Self {
        for RenderedFile { path, mode, text } in rendered {
            entries.retain(|entry| entry.path != path);
            entries.push(LayoutEntry {
                path: path.to_owned(),
                mode,
                content: Content::Text(text),
            });
        }
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Self {
            digest: digest(&entries, ""),
            entries,
            image_name,
        }
    }

    /// The sizes of all contents together in bytes, as they are before they are packed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.entries
            .iter()
            .fold(0, |sum, entry| sum.saturating_add(entry.size()))
    }

    /// The entries, sorted by path.
    #[must_use]
    pub fn entries(&self) -> &[LayoutEntry] {
        &self.entries
    }

    /// The content digest: 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// The name that the bundle's services give their image.
    #[must_use]
    pub fn image_name(&self) -> &str {
        &self.image_name
    }

    /// True if Beanstalk should check the version before it is deployed: it holds configuration
    /// files of the project's own.
    #[must_use]
    pub fn has_own_extensions(&self) -> bool {
        self.entries.iter().any(|entry| {
            entry.path == "env.yaml"
                || (entry.path.starts_with(".ebextensions/")
                    && entry.path != crate::compose::RELEASE_FILE)
        })
    }

    /// The largest entries with their sizes in bytes, largest first.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<(String, u64)> {
        let mut sizes: Vec<_> = self
            .entries
            .iter()
            .map(|entry| (entry.path.clone(), entry.size()))
            .collect();
        sizes.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        sizes.truncate(count);
        sizes
    }
}

fn committed(files: &[TreeEntry]) -> Result<Vec<LayoutEntry>, Error> {
    let mut entries = Vec::with_capacity(files.len() + 2);
    for file in files {
        let path = file.path.as_str();
        if file.mode == Mode::Submodule || is_left_out(path) {
            continue;
        }
        check_path(path)?;
        entries.push(LayoutEntry {
            path: path.to_owned(),
            mode: file.mode,
            content: Content::Object {
                id: file.object.clone(),
                size: file.size,
            },
        });
    }
    entries.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(entries)
}

/// True for what Beanstalk's Docker platform reads itself, whatever the containers run: its
/// configuration files and hooks (developer guide, "Advanced environment customization", "Platform
/// hooks"), the environment manifest `env.yaml`, and `Dockerrun.aws.json`, which beside a compose file
/// names the login for a private registry (developer guide, "Using images from a private repository").
#[must_use]
pub fn is_for_platform(path: &str) -> bool {
    path.starts_with(".ebextensions/")
        || path.starts_with(".platform/")
        || matches!(path, "env.yaml" | "Dockerrun.aws.json")
}

/// True for what never ships: git's and `eb`'s own folders, `.env`, the ignore file, and compose files
/// for development.
#[must_use]
pub fn is_left_out(path: &str) -> bool {
    let is_private = path
        .split('/')
        .any(|part| part.eq_ignore_ascii_case(".git") || part == ".elasticbeanstalk");
    let name = path.rsplit('/').next().unwrap_or(path);
    is_private
        || name == ENVIRONMENT_FILE
        || path == IGNORE_FILE
        || DEVELOPMENT_COMPOSE_FILES.contains(&path)
}

fn check_path(path: &str) -> Result<(), Error> {
    let refuse = |why| {
        Err(Error::UnsafePath {
            path: path.escape_debug().to_string(),
            why,
        })
    };
    if path.is_empty() {
        return refuse("the path is empty");
    }
    if path.starts_with('/') {
        return refuse("the path is absolute");
    }
    if path.chars().any(char::is_control) {
        return refuse("the path holds a control character");
    }
    if path.contains('\\') {
        // Some unpackers take it for a separator.
        return refuse("the path holds a backslash");
    }
    if path.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return refuse("the path leads out of the bundle or nowhere");
    }
    Ok(())
}

/// The build settings that change the image without changing a file of the project.
fn image_settings(project: &Project) -> String {
    let image = &project.image;
    let mut text = format!(
        "{}\0{}\0{:?}",
        image.context, image.dockerfile, image.target
    );
    for (name, value) in &image.args {
        text.push_str(&format!("\0{name}={value}"));
    }
    text
}

fn digest(entries: &[LayoutEntry], settings: &str) -> String {
    let mut hasher = Sha256::new();
    hasher.update(format!("{FORMAT}\n{settings}\n"));
    for entry in entries {
        let mode = match entry.mode {
            Mode::File => "file",
            Mode::Executable => "executable",
            Mode::Symlink => "link",
            Mode::Submodule => "submodule",
        };
        let content = match &entry.content {
            Content::Object { id, .. } => format!("git:{id}"),
            Content::Text(text) => format!("sha256:{}", hex::encode(Sha256::digest(text))),
        };
        hasher.update(format!("{mode} {content} {}\0", entry.path));
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
#[path = "layout_tests.rs"]
mod tests;
