//! The INI files of Python's tools: pytest, tox, setuptools, coverage.py.

use std::collections::BTreeMap;

/// The keys of a section with their values; lines of a value are joined by line ends. `None`: there is no such section.
pub(crate) fn section(text: &str, wanted: &str) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut is_inside = false;
    // The key whose value may go on, and how far it is indented.
    let mut key: Option<(String, usize)> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        let indent = line.len() - line.trim_start().len();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        let values = found.as_mut().filter(|_| is_inside);
        if let Some((key, _)) = key.as_ref().filter(|(_, before)| indent > *before) {
            if let Some(value) = values.and_then(|values| values.get_mut(key)) {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some(name) = trimmed.strip_prefix('[') {
            is_inside = name.split(']').next().map(str::trim) == Some(wanted);
            key = None;
            if is_inside {
                found.get_or_insert_default();
            }
        } else if let Some((name, value)) = trimmed.split_once(['=', ':']) {
            let name = name.trim().to_owned();
            if let Some(values) = values {
                values.insert(name.clone(), value.trim().to_owned());
            }
            key = Some((name, indent));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_on_on_indented_lines() {
        let text = "[tox]\nenvlist = a\n\n[pytest]\n# note\npython_files =\n    test_*.py\n    check_*.py\naddopts: -q\n[other]\nx = 1\n";
        let found = section(text, "pytest").unwrap();
        assert_eq!(found["python_files"], "\ntest_*.py\ncheck_*.py");
        assert_eq!(found["addopts"], "-q");
        assert_eq!(found.len(), 2);
        assert!(section(text, "tool:pytest").is_none());
        assert!(
            section("[tool:pytest]\n", "tool:pytest")
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn indented_keys_are_keys_and_values_may_look_like_sections() {
        let text = "[a]\n  x = 1\n    [b]\n    y = 2\n  z =\n    3\n[b]\ny = 4\n";
        let found = section(text, "a").unwrap();
        assert_eq!((&*found["x"], &*found["z"]), ("1\n[b]\ny = 2", "\n3"));
        assert_eq!(section(text, "b").unwrap()["y"], "4");
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert!(section("[", "pytest").is_none());
        assert!(section("[pytest]\n  lost\n= \nword\n", "pytest").is_some());
    }
}
