//! `large-file` and `not-in-lfs`: blobs that stay in the history for ever.

use super::Settings;
use crate::attributes::{Attribute, Attributes};
use crate::pattern::path_patterns;
use crate::report::finding;
use crate::{Change, ChangeKind, FileMode, Group, Rule, Scope};
use beanpole_model::{Finding, Location, Severity};

pub(super) const LARGE: Rule = Rule {
    id: "large-file",
    group: Group::Files,
    severity: Severity::Error,
    summary: "a file is larger than the history should carry",
};

pub(super) const NOT_IN_LFS: Rule = Rule {
    id: "not-in-lfs",
    group: Group::Files,
    severity: Severity::Error,
    summary: "a file that belongs in LFS is committed whole",
};

/// The first line of an LFS pointer.
const POINTER: &[u8] = b"version https://git-lfs.github.com/spec/v1";

/// The largest pointer that LFS itself reads, in bytes.
const LARGEST_POINTER: u64 = 1_024;

pub(super) fn check(scope: &Scope, settings: &Settings) -> Vec<Finding> {
    let (exempt, _) = path_patterns(&settings.large_files);
    let attributes = Attributes::new(&scope.tree);
    scope
        .changes
        .iter()
        .filter(|change| change.is_there() && !is_only_moved(change))
        .filter_map(|change| {
            let entry = scope.entries.get(&change.path)?;
            let is_file = matches!(entry.mode, FileMode::Regular | FileMode::Executable);
            let content = scope.tree.get(&change.path);
            let size = entry
                .size
                .or_else(|| content.and_then(|bytes| u64::try_from(bytes.len()).ok()))
                .filter(|_| is_file)?;
            if attributes.has(&change.path, Attribute::Lfs) {
                // An empty file has an empty pointer.
                let is_pointer =
                    content.map_or(size <= LARGEST_POINTER, |bytes| bytes.starts_with(POINTER));
                return (!is_pointer && size > 0).then(|| not_in_lfs(&change.path, size));
            }
            let limit = settings.largest_file_kib.saturating_mul(1_024);
            let is_large = limit > 0 && size > limit;
            let may_be_large = exempt.iter().any(|pattern| pattern.matches(&change.path));
            (is_large && !may_be_large)
                .then(|| large(&change.path, size, settings.largest_file_kib))
        })
        .collect()
}

/// A rename or another mode alone adds no blob.
fn is_only_moved(change: &Change) -> bool {
    change.kind != ChangeKind::Added && change.counts == Some((0, 0))
}

fn whole_file(path: &str) -> Option<Location> {
    Some(Location {
        path: path.to_owned(),
        line: None,
        column: None,
    })
}

fn large(path: &str, size: u64, limit: u64) -> Finding {
    finding(
        &LARGE,
        whole_file(path),
        format!(
            "{path} has {} KiB; up to {limit} are agreed",
            size.div_ceil(1_024)
        ),
        "every clone and every CI run downloads it from now on, even after it is deleted",
        format!(
            "keep it outside of git, or in LFS (`git lfs track {path:?}`), or name it in `checks.files.large` in beanpole.yaml"
        ),
    )
}

fn not_in_lfs(path: &str, size: u64) -> Finding {
    finding(
        &NOT_IN_LFS,
        whole_file(path),
        format!(
            "{path} ({size} bytes) belongs in LFS by .gitattributes, but its content is committed"
        ),
        "git lfs is not set up here: the blob enters the history, and everyone who has LFS sees the file as changed",
        format!("run `git lfs install`, then `git rm --cached {path:?}` and `git add {path:?}`"),
    )
}

#[cfg(test)]
mod tests {
    use super::super::testing::shown;
    use super::*;
    use crate::{ChangedLines, Entry};

    fn scope(path: &str, size: u64, mode: FileMode) -> Scope {
        let mut scope = Scope::default();
        scope.entries.insert(
            path.to_owned(),
            Entry {
                mode,
                size: Some(size),
            },
        );
        scope.changes.push(Change {
            path: path.to_owned(),
            kind: ChangeKind::Added,
            lines: ChangedLines::All,
            counts: None,
        });
        scope
    }

    fn with_lfs(mut scope: Scope) -> Scope {
        scope.tree.insert(
            ".gitattributes",
            "*.bin filter=lfs diff=lfs merge=lfs -text\n",
        );
        scope
    }

    #[test]
    fn the_limit_is_in_kibibytes() {
        let settings = Settings::default();
        let of = |size| shown(&scope("a.csv", size, FileMode::Regular), &settings);
        assert_eq!(of(500 * 1_024), [""; 0]);
        assert_eq!(of(500 * 1_024 + 1), ["a.csv large-file"]);
        let any = Settings {
            largest_file_kib: 0,
            ..settings
        };
        assert_eq!(
            shown(&scope("a.csv", u64::MAX, FileMode::Regular), &any),
            [""; 0]
        );
    }

    #[test]
    fn leave_links_and_moves_are_heard() {
        let settings = Settings {
            large_files: vec!["*.csv".to_owned()],
            ..Settings::default()
        };
        let size = 9_000_000;
        assert_eq!(
            shown(&scope("a.csv", size, FileMode::Regular), &settings),
            [""; 0]
        );
        assert_eq!(
            shown(&scope("a", size, FileMode::Submodule), &settings),
            [""; 0]
        );
        let mut moved = scope("a.bin", size, FileMode::Regular);
        moved.changes[0].kind = ChangeKind::Renamed {
            from: "b.bin".to_owned(),
        };
        assert_eq!(shown(&moved, &settings), ["a.bin large-file"]);
        moved.changes[0].counts = Some((0, 0));
        assert_eq!(shown(&moved, &settings), [""; 0]);
    }

    #[test]
    fn lfs_keeps_pointers_only() {
        let settings = Settings::default();
        let mut pointer = with_lfs(scope("a.bin", 130, FileMode::Regular));
        assert_eq!(shown(&pointer, &settings), [""; 0]);
        pointer.tree.insert(
            "a.bin",
            "version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
        );
        assert_eq!(shown(&pointer, &settings), [""; 0]);
        pointer.tree.insert("a.bin", "PK..");
        assert_eq!(shown(&pointer, &settings), ["a.bin not-in-lfs"]);
        let whole = with_lfs(scope("a.bin", 9_000_000, FileMode::Regular));
        assert_eq!(shown(&whole, &settings), ["a.bin not-in-lfs"]);
        let empty = with_lfs(scope("a.bin", 0, FileMode::Regular));
        assert_eq!(shown(&empty, &settings), [""; 0]);
    }
}
