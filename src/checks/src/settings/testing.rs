//! A small project with production settings, for tests.

use super::Settings;
use crate::{ChangeKind, ChangedLines, Scope, SourceTree};
use beanpole_model::Finding;

/// Settings in which no rule finds anything.
pub(super) const SAFE: &str = "import os
SECRET_KEY = os.environ['SECRET_KEY']
ALLOWED_HOSTS = ['shop.example.com']
SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_HSTS_SECONDS = 60 * 60 * 24 * 365
SECURE_SSL_REDIRECT = True
SECURE_PROXY_SSL_HEADER = ('HTTP_X_FORWARDED_PROTO', 'https')
TIME_ZONE = 'UTC'
";

#[derive(Clone)]
pub(super) struct Case {
    tree: SourceTree,
    settings: Settings,
    only: Option<Only>,
}

/// Lines of one file that changed, with how many were removed; nothing else changed.
#[derive(Clone)]
struct Only {
    path: String,
    lines: Vec<(u32, u32)>,
    removed: u32,
}

impl Case {
    pub(super) fn empty() -> Self {
        Self {
            tree: SourceTree::new(),
            settings: Settings::default(),
            only: None,
        }
    }

    pub(super) fn production(text: &str) -> Self {
        Self::empty().file("config/settings/production.py", text)
    }

    pub(super) fn file(mut self, path: &str, text: &str) -> Self {
        self.tree.insert(path, text);
        self
    }

    pub(super) fn only(mut self, path: &str, lines: &[(u32, u32)], removed: u32) -> Self {
        self.only = Some(Only {
            path: path.to_owned(),
            lines: lines.to_vec(),
            removed,
        });
        self
    }

    pub(super) fn with(mut self, set: impl FnOnce(&mut Settings)) -> Self {
        set(&mut self.settings);
        self
    }

    pub(super) fn check(&self) -> Vec<Finding> {
        let mut scope = Scope::all(self.tree.clone());
        if let Some(Only {
            path,
            lines,
            removed,
        }) = &self.only
        {
            scope.changes.retain(|change| change.path == *path);
            for change in &mut scope.changes {
                change.kind = ChangeKind::Modified;
                change.lines = ChangedLines::Only(lines.clone());
                change.counts = Some((1, *removed));
            }
        }
        super::check(&scope, &self.settings)
    }

    pub(super) fn rules(&self) -> Vec<String> {
        self.check()
            .into_iter()
            .map(|finding| finding.rule)
            .collect()
    }
}

#[test]
fn safe_settings_have_no_findings() {
    assert!(
        Case::production(SAFE).check().is_empty(),
        "{:?}",
        Case::production(SAFE).check()
    );
}

#[test]
fn only_what_a_change_brings_about_is_reported() {
    let unsafe_base = format!("{SAFE}DEBUG = True\n");
    let base = "config/settings/base.py";
    let production = "config/settings/production.py";
    let case =
        Case::production("from .base import *\nLANGUAGE_CODE = 'pl'\n").file(base, &unsafe_base);
    // The line itself.
    assert_eq!(
        case.clone().only(base, &[(10, 10)], 0).rules(),
        ["settings-debug"]
    );
    // Another line of the same file was added: nothing to do with it.
    assert!(case.clone().only(base, &[(1, 1)], 0).rules().is_empty());
    assert!(
        case.clone()
            .only(production, &[(2, 2)], 0)
            .rules()
            .is_empty()
    );
    // A line went, perhaps `DEBUG = False`; or the import is new.
    assert_eq!(
        case.clone().only(production, &[], 1).rules(),
        ["settings-debug"]
    );
    assert_eq!(
        case.clone().only(production, &[(1, 1)], 0).rules(),
        ["settings-debug"]
    );
    // A file that has nothing to do with settings.
    let case = case.file("shop/models.py", "x = 1\n");
    assert!(case.only("shop/models.py", &[(1, 1)], 1).rules().is_empty());
}
