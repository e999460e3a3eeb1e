//! The INI files of Python's tools: pytest, tox, setuptools, coverage.py.

use std::collections::BTreeMap;

/// The keys of a section with their values; lines of a value are joined by line ends. `None`: there is no such section.
pub(crate) fn section(text: &str, wanted: &str) -> Option<BTreeMap<String, String>> {
    let mut found: Option<BTreeMap<String, String>> = None;
    let mut inside = false;
    let mut key: Option<String> = None;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
            continue;
        }
        if let Some(name) = trimmed
            .strip_prefix('[')
            .filter(|_| !line.starts_with([' ', '\t']))
        {
            inside = name.split(']').next().map(str::trim) == Some(wanted);
            key = None;
            if inside {
                found.get_or_insert_with(BTreeMap::new);
            }
            continue;
        }
        let Some(values) = found.as_mut().filter(|_| inside) else {
            continue;
        };
        if line.starts_with([' ', '\t']) {
            if let Some(value) = key.as_ref().and_then(|key| values.get_mut(key)) {
                value.push('\n');
                value.push_str(trimmed);
            }
        } else if let Some(at) = trimmed.find(['=', ':']) {
            let name = trimmed.get(..at).unwrap_or_default().trim().to_owned();
            let value = trimmed.get(at + 1..).unwrap_or_default().trim().to_owned();
            values.insert(name.clone(), value);
            key = Some(name);
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
    fn nonsense_is_passed_over() {
        assert!(section("[", "pytest").is_none());
        assert!(section("[pytest]\n  lost\n= \nword\n", "pytest").is_some());
    }
}
