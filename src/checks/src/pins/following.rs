//! What requirements files include. Pip follows the links whatever the files are called, so their names tell nothing.

use super::Settings;
use super::graph::is_named;
use super::name::is_requirements_file;
use super::requirements_file::RequirementsFile;
use crate::SourceTree;
use std::collections::BTreeSet;

/// The files that requirements files include, or that those include, as far as the contents are there. Whether a file itself is
/// there does not matter.
pub(super) fn included(tree: &SourceTree, settings: &Settings) -> BTreeSet<String> {
    let is_known = |path: &str| is_requirements_file(path) || is_named(path, settings);
    let mut included = BTreeSet::new();
    let mut open: Vec<(&str, &[u8])> = tree.contents(is_known).collect();
    while let Some((path, bytes)) = open.pop() {
        for target in targets(path, bytes) {
            if !included.contains(&target) {
                open.extend(tree.entry(&target));
                included.insert(target);
            }
        }
    }
    included
}

fn targets(path: &str, bytes: &[u8]) -> Vec<String> {
    if !may_have_links(bytes) {
        return Vec::new();
    }
    let links = RequirementsFile::new(path, bytes).links.into_iter();
    links.filter_map(|link| link.path).collect()
}

/// Most files have no links and need not be read line by line.
fn may_have_links(bytes: &[u8]) -> bool {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    text.split(|byte| matches!(byte, b'\n' | b'\r'))
        .map(<[u8]>::trim_ascii_start)
        .any(|line| {
            let option = line.strip_prefix(b"--").or_else(|| line.strip_prefix(b"-"));
            option.is_some_and(|option| option.starts_with(b"r") || option.starts_with(b"c"))
        })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{changed, found};
    use super::*;

    fn all(files: &[(&str, &str)]) -> Vec<String> {
        let tree = files.iter().copied().collect();
        included(&tree, &Settings::default()).into_iter().collect()
    }

    #[test]
    fn links_are_followed_whatever_their_names() {
        let files = [
            (
                "requirements.txt",
                "a==1\n-r deps/prod.txt\n--constraint=upper\n",
            ),
            (
                "deps/prod.txt",
                "  -r more.list\n-r prod.txt\n-r https://h/x.txt\n",
            ),
            ("deps/other.txt", "-r never.txt\n"),
        ];
        assert_eq!(all(&files), ["deps/more.list", "deps/prod.txt", "upper"]);
        assert_eq!(
            all(&[("requirements.txt", "\u{feff}-r a.txt\r\n")]),
            ["a.txt"]
        );
        assert_eq!(all(&[("requirements.txt", "a==1\n# -r b.txt\n")]), [""; 0]);
    }

    #[test]
    fn a_file_that_is_only_included_is_judged() {
        let files = [
            ("requirements.txt", "-r deps/list\n"),
            ("deps/list", "django>=5\n"),
        ];
        assert_eq!(
            found(&changed(&files, "deps/list", &[(1, 1)])),
            ["deps/list:1:1 unpinned-package"]
        );
        assert_eq!(
            found(&changed(&files[1..], "deps/list", &[(1, 1)])),
            [""; 0]
        );
    }
}
