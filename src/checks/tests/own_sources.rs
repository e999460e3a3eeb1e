//! The rules on secrets, judged by their own sources and pages: full of words about secrets, and without one.

use beanpole_checks::{Scope, SourceTree, secrets};
use std::path::Path;

fn read(
    directory: &Path,
    root: &Path,
    tree: &mut SourceTree,
) -> Result<(), Box<dyn std::error::Error>> {
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            read(&path, root, tree)?;
        } else {
            let name = path
                .strip_prefix(root)?
                .to_string_lossy()
                .replace('\\', "/");
            tree.insert(name, fs_err::read(&path)?);
        }
    }
    Ok(())
}

#[test]
fn no_secret_is_in_the_sources_of_the_checks() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut tree = SourceTree::new();
    for directory in ["src/checks/src", "docs/checks"] {
        read(&root.join(directory), &root, &mut tree)?;
    }
    assert!(tree.len() > 100);
    let found = secrets::check(&Scope::all(tree), &secrets::Settings::default());
    let told: Vec<_> = found
        .iter()
        .map(|finding| format!("{:?} {}", finding.location, finding.message))
        .collect();
    assert!(told.is_empty(), "{told:#?}");
    Ok(())
}
