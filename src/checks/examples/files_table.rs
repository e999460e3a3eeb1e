//! Judges all Dockerfiles, scripts, compose files and workflows of a directory as if they were new, and prints the findings.
//!
//! `cargo run --release -p beanpole-checks --example files_table -- PROJECT`. The execute bits are those of the disk.
#![expect(
    clippy::print_stdout,
    reason = "a list for a person is what this program is for"
)]

use beanpole_checks::{FileMode, Scope, SourceTree, docker, workflows};
use std::path::{Path, PathBuf};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = std::env::args()
        .nth(1)
        .ok_or("name a project's directory")?;
    let root = Path::new(&root);
    let mut tree = SourceTree::new();
    let mut executable = Vec::new();
    let mut open: Vec<PathBuf> = vec![root.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs_err::read_dir(&directory)? {
            let entry = entry?;
            let path = entry.path();
            if entry.file_type()?.is_dir() {
                open.push(path);
                continue;
            }
            let name = path.strip_prefix(root)?.to_string_lossy().into_owned();
            let read = docker::wants(&name) || workflows::wants(&name);
            tree.insert(
                name.clone(),
                if read {
                    fs_err::read(&path)?
                } else {
                    Vec::new()
                },
            );
            if is_executable(&path)? {
                executable.push(name);
            }
        }
    }
    let mut scope = Scope::all(tree);
    for name in executable {
        if let Some(entry) = scope.entries.get_mut(&name) {
            entry.mode = FileMode::Executable;
        }
    }
    let start = Instant::now();
    let mut findings = docker::check(&scope, &docker::Settings::default());
    findings.extend(workflows::check(&scope, &workflows::Settings::default()));
    let seconds = start.elapsed().as_secs_f64();
    for finding in &findings {
        let place = finding.location.as_ref().map(ToString::to_string);
        println!(
            "{} {}: {}",
            place.unwrap_or_default(),
            finding.rule,
            finding.message
        );
    }
    println!("{} findings in {:.1} ms", findings.len(), seconds * 1000.0);
    Ok(())
}

#[cfg(unix)]
fn is_executable(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::PermissionsExt;
    Ok(fs_err::symlink_metadata(path)?.permissions().mode() & 0o100 != 0)
}

#[cfg(not(unix))]
fn is_executable(_: &Path) -> std::io::Result<bool> {
    Ok(true)
}
