//! Reviews every migration of a project as if it were new and prints how often each rule speaks, with one place for each.
//!
//! `cargo run --release -p beanpole-checks --example migrations_table -- PROJECT [RULE]`: with a rule, all its findings.
#![expect(
    clippy::print_stdout,
    reason = "a table for a person is what this program is for"
)]

use beanpole_checks::SourceTree;
use beanpole_checks::migrations::{Review, Settings, review};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("name a project's directory")?;
    let only = arguments.next();
    let mut head = SourceTree::new();
    collect(Path::new(&root), Path::new(&root), &mut head)?;
    let settings = Settings::default();
    let start = Instant::now();
    // The code that serves has the models, and no migration but the first of each app.
    let base: SourceTree = head
        .iter()
        .filter(|(path, _)| !path.contains("/migrations/") || path.contains("/0001"))
        .collect();
    let found = review(&Review {
        base: Some(&base),
        head: &head,
        settings: &settings,
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut rules: BTreeMap<(String, String), (usize, String)> = BTreeMap::new();
    for finding in &found.findings {
        let place = finding
            .location
            .as_ref()
            .map_or_else(String::new, ToString::to_string);
        if only.as_deref() == Some(finding.rule.as_str()) {
            println!("{place}: {}", finding.message);
        }
        let entry = rules
            .entry((format!("{:?}", finding.severity), finding.rule.clone()))
            .or_insert_with(|| (0, format!("{place}: {}", finding.message)));
        entry.0 += 1;
    }
    for ((severity, rule), (count, example)) in rules {
        println!("{count:6} {severity:8} {rule:32} {example}");
    }
    println!(
        "{} files, {} migrations judged, {:.1} ms",
        head.len(),
        found.added.len(),
        seconds * 1000.0
    );
    Ok(())
}

fn collect(root: &Path, directory: &Path, tree: &mut SourceTree) -> Result<(), std::io::Error> {
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        if path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            collect(root, &path, tree)?;
        } else if path.extension().is_some_and(|end| end == "py") {
            let name = path.strip_prefix(root).unwrap_or(&path);
            tree.insert(name.to_string_lossy(), fs_err::read(&path)?);
        }
    }
    Ok(())
}
