//! The files that this project itself ships are judged by its own rules.

use beanpole_checks::{FileMode, Scope, SourceTree, docker, workflows};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// All files below a directory, with paths from it.
fn tree(directory: &Path) -> std::io::Result<SourceTree> {
    let mut tree = SourceTree::new();
    let mut open = vec![directory.to_owned()];
    while let Some(next) = open.pop() {
        for entry in fs_err::read_dir(&next)? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if let Ok(name) = path.strip_prefix(directory) {
                let name = name.to_string_lossy().replace('\\', "/");
                tree.insert(name, fs_err::read(&path)?);
            }
        }
    }
    Ok(tree)
}

fn shown(findings: &[beanpole_model::Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|finding| {
            let place = finding.location.as_ref().map(ToString::to_string);
            format!("{} {}", place.unwrap_or_default(), finding.rule)
        })
        .collect()
}

#[test]
fn the_example_project_is_in_order() {
    let mut scope = Scope::all(tree(&root().join("examples/blog")).unwrap());
    assert!(scope.entries.contains_key("Dockerfile"));
    // A tree has no modes. Without the bit the script could not start: compose mounts it over the one of the image.
    let settings = docker::Settings::default();
    let findings = docker::check(&scope, &settings);
    assert_eq!(
        shown(&findings),
        ["entrypoint.sh:1:1 entrypoint-not-executable"]
    );
    let script = scope.entries.get_mut("entrypoint.sh").unwrap();
    script.mode = FileMode::Executable;
    assert_eq!(
        shown(&docker::check(&scope, &settings)),
        Vec::<String>::new()
    );
}

#[test]
fn the_workflows_are_in_order() {
    let mut files = SourceTree::new();
    for (path, bytes) in tree(&root().join(".github")).unwrap().iter() {
        files.insert(format!(".github/{path}"), bytes);
    }
    let scope = Scope::all(files);
    assert!(scope.entries.keys().any(|path| workflows::wants(path)));
    let findings = workflows::check(&scope, &workflows::Settings::default());
    assert_eq!(shown(&findings), Vec::<String>::new());
}
