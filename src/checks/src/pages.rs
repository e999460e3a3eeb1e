//! Every rule has its page, and the page says what people look for.

use crate::Rule;
use std::path::PathBuf;

/// Fails if a rule has no page in `docs/checks/`, or if the page leaves something out.
#[track_caller]
pub(crate) fn assert_pages(rules: &[Rule]) {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
    for rule in rules {
        let page = folder.join(format!("{}.md", rule.id));
        let text = fs_err::read_to_string(&page).expect("every rule has a page");
        assert!(
            text.starts_with(&format!("# {}\n", rule.id)),
            "{}: begins with the id",
            rule.id
        );
        for part in ["## Why", "## Bad", "## Good", "## Settings", "## Suppress"] {
            assert!(text.contains(part), "{}: has {part}", rule.id);
        }
        assert!(
            rule.id
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter == '-'),
            "{}: kebab case",
            rule.id
        );
        assert!(!rule.summary.ends_with('.'), "{}: no full stop", rule.id);
    }
    let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules.len(), "an id is given twice");
}
