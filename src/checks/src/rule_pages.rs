//! Every rule has a page under `docs/checks/` that says what it wants.

use crate::Rule;

/// Fails if a rule lacks its page, or the page lacks one of its parts.
pub(crate) fn assert_pages(rules: &[Rule]) {
    let pages = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/checks");
    for rule in rules {
        let path = pages.join(format!("{}.md", rule.id));
        let text = fs_err::read_to_string(&path).unwrap();
        for part in [
            format!("# {}\n", rule.id),
            "## Why\n".to_owned(),
            "## Bad\n".to_owned(),
            "## Good\n".to_owned(),
            "## Settings\n".to_owned(),
            format!("beanpole: ignore[{}] -- ", rule.id),
        ] {
            assert!(text.contains(&part), "{} lacks {part:?}", path.display());
        }
        assert!(!rule.summary.ends_with('.'), "{}", rule.id);
    }
    let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule.id).collect();
    assert_eq!(ids.len(), rules.len(), "an id is given twice");
}
