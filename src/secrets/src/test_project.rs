//! Projects for tests.

use beanpole_manifest::{Manifest, Project};
use camino::Utf8Path;

/// A project with a database and a cache, in environment `blog-prod`.
pub(crate) fn project() -> Project {
    with("")
}

/// The same with other keys of `prod` on top.
pub(crate) fn with(overlay: &str) -> Project {
    let overlay = if overlay.is_empty() {
        "{}".to_owned()
    } else {
        format!("{{{overlay}}}")
    };
    let text = format!(
        "application: blog\n\
         region: eu-central-1\n\
         processes: {{web: {{command: serve, port: 8000}}}}\n\
         database: {{name: blog, username: blog}}\n\
         cache: {{}}\n\
         environments: {{prod: {overlay}}}\n"
    );
    let manifest = Manifest::parse(Utf8Path::new("beanpole.yaml"), &text).unwrap();
    manifest.environment(Some("prod")).unwrap()
}
