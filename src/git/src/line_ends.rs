//! Files whose line ends git changes on their way to the disk.

use std::collections::{BTreeMap, BTreeSet};

use crate::error::Error;
use crate::repository::Repository;

/// The most bytes of paths for one git: Windows takes 32,767 characters in a command line.
const MOST_BYTES: usize = 16_000;

impl Repository {
    /// Those of the paths, from the root, that git keeps with LF and has written to the disk with CRLF, all through:
    /// `core.autocrlf` or `eol=crlf` in `.gitattributes` told it so. A file that differs on disk from what git keeps is none of
    /// them, whatever its line ends: an editor made them. Neither is what git does not keep, or what is not on disk.
    ///
    /// # Errors
    /// What went wrong with git.
    pub fn crlf_paths(&self, paths: &[&str]) -> Result<BTreeSet<String>, Error> {
        let asked: BTreeSet<&str> = paths.iter().copied().collect();
        let mut found = BTreeSet::new();
        for paths in portions(&asked) {
            let mut arguments = vec!["ls-files", "--cached", "--modified", "--eol", "-z", "--"];
            arguments.extend(paths);
            let output = self.git().read(self.root(), &arguments)?;
            let mut times: BTreeMap<&str, usize> = BTreeMap::new();
            for path in output.split(|byte| *byte == 0).filter_map(crlf_path) {
                let times = times.entry(path).or_default();
                *times = times.saturating_add(1);
            }
            // What is modified, or in conflict, is listed more than once. A directory brings what is below it.
            times.retain(|path, times| *times == 1 && asked.contains(path));
            found.extend(times.into_keys().map(str::to_owned));
        }
        Ok(found)
    }
}

/// The paths in as few parts as command lines take. Git would take no path at all for every path.
fn portions<'p>(paths: &BTreeSet<&'p str>) -> Vec<Vec<&'p str>> {
    let mut portions: Vec<Vec<&str>> = Vec::new();
    let mut bytes = MOST_BYTES;
    for path in paths {
        bytes = bytes.saturating_add(path.len()).saturating_add(1);
        match portions.last_mut() {
            Some(portion) if bytes <= MOST_BYTES => portion.push(path),
            _ => {
                bytes = path.len();
                portions.push(vec![path]);
            }
        }
    }
    portions
}

/// The path of `i/lf w/crlf attr/… <tab>path`.
fn crlf_path(entry: &[u8]) -> Option<&str> {
    let tab = entry.iter().position(|byte| *byte == b'\t')?;
    let (ends, path) = entry.split_at_checked(tab)?;
    let ends = std::str::from_utf8(ends).ok()?;
    let mut words = ends.split_ascii_whitespace();
    let changes = words.next() == Some("i/lf") && words.next() == Some("w/crlf");
    let path = std::str::from_utf8(path.get(1..)?).ok()?;
    changes.then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lf_that_became_crlf_counts() {
        let spaced = "i/lf    w/crlf  attr/text=auto eol=crlf \ta b\tc.sh";
        assert_eq!(crlf_path(spaced.as_bytes()), Some("a b\tc.sh"));
        for entry in [
            "",
            "i/lf    w/lf    attr/                 \ta",
            "i/crlf  w/crlf  attr/                 \ta",
            "i/lf    w/mixed attr/                 \ta",
            "i/lf    w/      attr/                 \ta",
            "i/-text w/-text attr/-text            \ta",
            "i/lf    w/crlf  attr/",
        ] {
            assert_eq!(crlf_path(entry.as_bytes()), None, "{entry}");
        }
        assert_eq!(crlf_path(b"i/lf w/crlf attr/ \t\xff"), None);
    }

    #[test]
    fn long_lists_are_cut() {
        let cut = |paths: &[&str]| -> Vec<usize> {
            let paths = paths.iter().copied().collect();
            portions(&paths).iter().map(Vec::len).collect()
        };
        assert!(cut(&[]).is_empty());
        let long = "b".repeat(MOST_BYTES);
        assert_eq!(cut(&["a", "aa", &long, "c"]), [2, 1, 1]);
        let many: Vec<String> = (0..5_000).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        let cut = cut(&many);
        assert!(cut.len() > 1 && cut.iter().sum::<usize>() == many.len());
    }
}
