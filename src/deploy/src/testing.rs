//! Small worlds for this crate's tests.

use beanpole_git::{Mode, TreeEntry};
use beanpole_manifest::{Manifest, Project};
use camino::{Utf8Path, Utf8PathBuf};

/// A project with the given lines besides application, region and the `web` process.
pub(crate) fn project(more: &str) -> Project {
    let text = format!(
        "application: blog\nregion: eu-central-1\nprocesses:\n  web:\n    command: gunicorn \
         blog.wsgi --bind 0.0.0.0:8000\n    port: 8000\n{more}"
    );
    Manifest::parse(Utf8Path::new("beanpole.yaml"), &text)
        .unwrap()
        .environment(None)
        .unwrap()
}

/// A committed file with a made-up object id that follows from `content`.
pub(crate) fn entry(path: &str, mode: Mode, content: &str) -> TreeEntry {
    let hash = content.bytes().fold(7_u64, |hash, byte| {
        hash.wrapping_mul(31).wrapping_add(u64::from(byte))
    });
    TreeEntry {
        path: Utf8PathBuf::from(path),
        mode,
        object: format!("{hash:040x}"),
        size: content.len() as u64,
    }
}
