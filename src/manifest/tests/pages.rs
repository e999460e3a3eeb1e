//! What pages and findings say of the manifest's keys is true.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::collections::BTreeSet;

use beanpole_manifest::Manifest;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;

fn root() -> Utf8PathBuf {
    Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The section `checks` that docs/checks.md shows whole.
fn example_of_checks() -> String {
    let page = fs_err::read_to_string(root().join("docs/checks.md")).unwrap();
    let (_, below) = page.split_once("```yaml\nchecks:\n").unwrap();
    let (example, _) = below.split_once("```").unwrap();
    format!("checks:\n{example}")
}

/// The keys of the section `checks`: `checks.pins.allow`.
fn known_keys() -> BTreeSet<String> {
    let schema = Manifest::json_schema();
    let mut known = BTreeSet::new();
    let checks = schema.pointer("/$defs/Checks").unwrap();
    keys_of(&schema, checks, "checks", &mut known);
    assert!(known.len() > 60, "{known:?}");
    known
}

fn keys_of(schema: &Value, section: &Value, at: &str, found: &mut BTreeSet<String>) {
    let section = match section["$ref"].as_str() {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => section,
    };
    for (name, property) in section["properties"].as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        keys_of(schema, property, &at, found);
        found.insert(at);
    }
}

#[test]
fn the_page_shows_every_key_of_the_checks() {
    let example = example_of_checks();
    let text = format!(
        "application: blog\nregion: eu-central-1\nprocesses: {{web: {{command: c, port: 1}}}}\n{example}"
    );
    Manifest::parse(Utf8Path::new("beanpole.yaml"), &text).unwrap();
    let value: Value = serde_yaml::from_str(&text).unwrap();
    let validator = jsonschema::validator_for(&Manifest::json_schema()).unwrap();
    let errors: Vec<_> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, [""; 0]);
    let mut shown = BTreeSet::new();
    for (section, keys) in value["checks"].as_object().unwrap() {
        shown.insert(format!("checks.{section}"));
        for (name, _) in keys.as_object().into_iter().flatten() {
            shown.insert(format!("checks.{section}.{name}"));
        }
    }
    assert_eq!(shown, known_keys());
}

/// The keys that a text names in backticks.
fn named_keys(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("`checks.").filter_map(|(at, _)| {
        let key = text.get(at + 1..)?;
        let end = key.find(|letter: char| {
            !(letter.is_ascii_lowercase() || matches!(letter, '_' | '-' | '.'))
        })?;
        key.get(..end).map(|key| key.trim_end_matches('.'))
    })
}

fn files_below(directory: &Utf8Path, ending: &str, found: &mut Vec<Utf8PathBuf>) {
    for entry in directory.read_dir_utf8().unwrap() {
        let path = entry.unwrap().into_path();
        if path.is_dir() {
            files_below(&path, ending, found);
        } else if path.as_str().ends_with(ending) {
            found.push(path);
        }
    }
}

#[test]
fn keys_that_pages_and_findings_name_exist() {
    let mut files = Vec::new();
    files_below(&root().join("docs"), ".md", &mut files);
    files_below(&root().join("src/checks/src"), ".rs", &mut files);
    let mut known = known_keys();
    known.insert("checks".to_owned());
    let mut seen = 0;
    for file in files {
        for key in named_keys(&fs_err::read_to_string(&file).unwrap()) {
            assert!(known.contains(key), "{file}: there is no key `{key}`");
            seen += 1;
        }
    }
    assert!(seen > 60, "{seen}");
}

/// The keys of a table below "Under `checks.pins` in `beanpole.yaml`:".
fn table_keys(page: &str) -> Vec<String> {
    let Some((section, below)) = page
        .split_once("Under `")
        .and_then(|(_, below)| below.split_once('`'))
    else {
        return Vec::new();
    };
    let settings = below.split("\n## ").next().unwrap_or_default();
    settings
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(key, _)| format!("{section}.{key}"))
        .collect()
}

#[test]
fn tables_of_the_pages_have_every_key_that_is_theirs() {
    let known = known_keys();
    let of = |section: &str| -> BTreeSet<String> {
        let start = format!("{section}.");
        let keys = known.iter().filter(|key| key.starts_with(&start));
        keys.cloned().collect()
    };
    let mut files = Vec::new();
    files_below(&root().join("docs/checks"), ".md", &mut files);
    let mut seen = 0;
    for file in files {
        let shown = table_keys(&fs_err::read_to_string(&file).unwrap());
        for key in &shown {
            assert!(known.contains(key), "{file}: there is no key `{key}`");
        }
        let first = shown.first().and_then(|key| key.rsplit_once('.'));
        let section = first.map(|(section, _)| section.to_owned());
        // The rules about files have each their own keys.
        if let Some(section) = section.filter(|section| section != "checks.files") {
            let shown: BTreeSet<_> = shown.into_iter().collect();
            assert_eq!(shown, of(&section), "{file}");
            seen += 1;
        }
    }
    assert!(seen > 15, "{seen}");
}
