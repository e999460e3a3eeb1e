//! The files of one commit, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// Fetches contents by their keys, in their order; `None` for one that cannot be had. Who makes it keeps the reason.
type Fetch = dyn Fn(&[&str]) -> Vec<Option<Vec<u8>>> + Send + Sync;

/// Where contents are kept that may never be asked for: a large project has thousands of files, and a review of a new migration
/// looks into few of them.
#[derive(Clone)]
pub struct ContentSource(Arc<Fetch>);

impl ContentSource {
    /// A source that fetches the contents of keys, several at once where that is known beforehand. It must answer the same
    /// whenever it is asked. `None`: the content cannot be had, and the file counts as one that was not read.
    pub fn new(fetch: impl Fn(&[&str]) -> Vec<Option<Vec<u8>>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(fetch))
    }
}

impl fmt::Debug for ContentSource {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContentSource")
    }
}

/// The files that a check reads, by their path from the project's root. Directories are separated by `/`.
///
/// Only files that matter need to be here: for migrations all `*.py` files are the best choice, since models and helper modules
/// are looked up as well. Other files do no harm. Clones share their contents.
#[derive(Clone, Debug, Default)]
pub struct SourceTree {
    files: BTreeMap<String, Arc<SourceFile>>,
}

/// A content, or where it is.
#[derive(Debug)]
struct SourceFile {
    content: OnceLock<Option<Vec<u8>>>,
    later: Option<(ContentSource, String)>,
}

impl SourceFile {
    fn content(&self) -> Option<&[u8]> {
        let content = self.content.get_or_init(|| {
            let (source, key) = self.later.as_ref()?;
            (source.0)(&[key.as_str()]).pop().flatten()
        });
        content.as_deref()
    }
}

impl SourceTree {
    /// An empty tree.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        let file = SourceFile {
            content: OnceLock::from(Some(bytes.into())),
            later: None,
        };
        self.files.insert(path.into(), Arc::new(file));
    }

    /// Adds or replaces a file whose content is fetched when it is asked for.
    pub fn insert_later(
        &mut self,
        path: impl Into<String>,
        source: &ContentSource,
        key: impl Into<String>,
    ) {
        let file = SourceFile {
            content: OnceLock::new(),
            later: Some((source.clone(), key.into())),
        };
        self.files.insert(path.into(), Arc::new(file));
    }

    /// Files whose contents are fetched when they are asked for, by path and key. Faster than one after the other, most of all in
    /// the order of the paths.
    pub fn later(
        source: &ContentSource,
        files: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let later = |(path, key)| {
            let file = SourceFile {
                content: OnceLock::new(),
                later: Some((source.clone(), key)),
            };
            (path, Arc::new(file))
        };
        Self {
            files: files.into_iter().map(later).collect(),
        }
    }

    /// Adds the files of another tree. Those that are there already stay as they are.
    pub fn add(&mut self, mut others: Self) {
        others.files.append(&mut self.files);
        self.files = others.files;
    }

    /// Adds or replaces a file that has the content of another tree's file, read or not. Says whether there is one.
    pub fn share(&mut self, path: impl Into<String>, from: &Self, other: &str) -> bool {
        let Some(file) = from.files.get(other) else {
            return false;
        };
        self.files.insert(path.into(), Arc::clone(file));
        true
    }

    /// Gives a file another path, where it replaces what was there. Says whether there is one.
    pub fn rename(&mut self, from: &str, to: impl Into<String>) -> bool {
        let Some(file) = self.files.remove(from) else {
            return false;
        };
        self.files.insert(to.into(), file);
        true
    }

    /// Removes a file. Says whether it was there.
    pub fn remove(&mut self, path: &str) -> bool {
        self.files.remove(path).is_some()
    }

    /// Whether there is a file, read or not.
    #[must_use]
    pub fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    /// Whether somebody has asked for the content of a file.
    pub(crate) fn is_read(&self, path: &str) -> bool {
        let file = self.files.get(path);
        file.is_some_and(|file| file.content.get().is_some())
    }

    /// The bytes of a file.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&[u8]> {
        self.files.get(path)?.content()
    }

    /// The path as the tree holds it, and the bytes.
    pub(crate) fn entry(&self, path: &str) -> Option<(&str, &[u8])> {
        let (path, file) = self.files.get_key_value(path)?;
        Some((path, file.content()?))
    }

    /// Whether both trees have the same content at a path. What they share is not read for that.
    pub(crate) fn has_same(&self, other: &Self, path: &str) -> bool {
        match (self.files.get(path), other.files.get(path)) {
            (Some(one), Some(two)) => Arc::ptr_eq(one, two) || one.content() == two.content(),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    /// Fetches the contents of files that will be asked for, all that are kept in one place at once.
    pub(crate) fn fetch<'p>(&self, paths: impl IntoIterator<Item = &'p str>) {
        let paths: BTreeSet<&str> = paths.into_iter().collect();
        let mut open: Vec<(&SourceFile, &ContentSource, &str)> = Vec::new();
        for file in paths.iter().filter_map(|path| self.files.get(*path)) {
            if let (None, Some((source, key))) = (file.content.get(), &file.later) {
                open.push((file, source, key));
            }
        }
        while let Some((_, source, _)) = open.first().copied() {
            let (here, elsewhere): (Vec<_>, Vec<_>) =
                (open.into_iter()).partition(|(_, other, _)| Arc::ptr_eq(&source.0, &other.0));
            let keys: Vec<&str> = here.iter().map(|(_, _, key)| *key).collect();
            for ((file, _, _), content) in here.iter().zip((source.0)(&keys)) {
                // Another thread may have been faster: it has fetched the same.
                let _same = file.content.set(content);
            }
            open = elsewhere;
        }
    }

    /// All files in the order of their paths, with their contents. Fetches what was not read; where paths decide, ask for
    /// [`Self::paths`] first.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fetch(self.paths());
        self.files
            .iter()
            .filter_map(|(path, file)| Some((path.as_str(), file.content()?)))
    }

    /// The files whose paths are wanted, in their order, with their contents. The others are not read for that.
    pub(crate) fn contents(
        &self,
        is_wanted: impl Fn(&str) -> bool,
    ) -> impl Iterator<Item = (&str, &[u8])> {
        let paths: Vec<&str> = self.paths().filter(|path| is_wanted(path)).collect();
        self.fetch(paths.iter().copied());
        paths.into_iter().filter_map(|path| self.entry(path))
    }

    /// The paths of all files, in their order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    /// The paths of all files that begin with a text, in their order.
    pub(crate) fn paths_with<'t>(&'t self, prefix: &'t str) -> impl Iterator<Item = &'t str> {
        self.files
            .range::<str, _>((
                std::ops::Bound::Included(prefix),
                std::ops::Bound::Unbounded,
            ))
            .map(|(path, _)| path.as_str())
            .take_while(move |path| path.starts_with(prefix))
    }

    /// How many files there are, read or not.
    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there is no file.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

impl PartialEq for SourceTree {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.paths().all(|path| self.has_same(other, path))
    }
}

impl Eq for SourceTree {}

impl<P: Into<String>, B: Into<Vec<u8>>> FromIterator<(P, B)> for SourceTree {
    fn from_iter<I: IntoIterator<Item = (P, B)>>(files: I) -> Self {
        let mut tree = Self::new();
        for (path, bytes) in files {
            tree.insert(path, bytes);
        }
        tree
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A tree of files whose content is their key, and what was asked for at once.
    fn tree(paths: &[&str]) -> (SourceTree, Arc<Mutex<Vec<String>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&asked);
        let source = ContentSource::new(move |keys| {
            noted.lock().unwrap().push(keys.join(" "));
            let contents = keys.iter();
            contents
                .map(|key| (*key != "gone").then(|| key.as_bytes().to_vec()))
                .collect()
        });
        let mut tree = SourceTree::new();
        for path in paths {
            tree.insert_later(*path, &source, *path);
        }
        (tree, asked)
    }

    #[test]
    fn only_contents_that_are_wanted_are_fetched() {
        let (tree, asked) = tree(&["a.py", "a.txt", "b.txt", "gone"]);
        let paths: Vec<&str> = (tree.contents(|path| path.ends_with(".txt")))
            .map(|(path, _)| path)
            .collect();
        assert_eq!(paths, ["a.txt", "b.txt"]);
        assert_eq!(*asked.lock().unwrap(), ["a.txt b.txt"]);
        assert_eq!(tree.contents(|path| path == "gone").count(), 0);
    }

    #[test]
    fn a_content_is_fetched_once_and_only_if_asked_for() {
        let (mut tree, asked) = tree(&["a", "b", "c", "d"]);
        tree.insert("e", "here");
        assert!(tree.has("b") && !tree.has("z"));
        assert_eq!(tree.paths().count(), 5);
        assert_eq!(tree.get("b"), Some(b"b".as_slice()));
        tree.fetch(["b", "c", "d", "e", "z"]);
        let copy = tree.clone();
        assert_eq!(copy.get("c"), Some(b"c".as_slice()));
        assert_eq!(*asked.lock().unwrap(), ["b", "c d"]);
        assert_eq!(copy.iter().count(), 5);
        assert_eq!(*asked.lock().unwrap(), ["b", "c d", "a"]);
    }

    #[test]
    fn what_is_added_later_replaces_nothing_and_is_not_read() {
        let (other, asked) = tree(&["b"]);
        let source = other.files["b"].later.clone().unwrap().0;
        let mut tree = SourceTree::new();
        tree.insert("b", "here");
        let later = ["c", "b", "a"].map(|path| (path.to_owned(), path.to_owned()));
        tree.add(SourceTree::later(&source, later));
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(tree.is_read("b") && !tree.is_read("a") && !tree.is_read("z"));
        assert_eq!(tree.get("b"), Some(b"here".as_slice()));
        assert_eq!(tree.get("a"), Some(b"a".as_slice()));
        assert!(tree.is_read("a"));
        assert_eq!(*asked.lock().unwrap(), ["a"]);
    }

    #[test]
    fn what_cannot_be_had_was_not_read() {
        let (tree, asked) = tree(&["a", "gone"]);
        assert_eq!(tree.get("gone"), None);
        assert_eq!(tree.get("gone"), None);
        let paths: Vec<&str> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["a"]);
        assert_eq!(*asked.lock().unwrap(), ["gone", "a"]);
    }

    #[test]
    fn what_two_trees_share_is_the_same_without_a_look() {
        let (tree, asked) = tree(&["a", "b"]);
        let mut other = SourceTree::new();
        assert!(other.share("a", &tree, "a") && !other.share("c", &tree, "c"));
        assert!(other.has_same(&tree, "a"));
        assert_eq!(asked.lock().unwrap().len(), 0);
        other.insert("b", "b");
        assert_eq!(other, tree);
        other.insert("b", "c");
        assert_ne!(other, tree);
    }

    #[test]
    fn paths_are_found_by_how_they_begin() {
        let (tree, _) = tree(&["a", "b/c", "b/d", "bc", "c"]);
        let found: Vec<&str> = tree.paths_with("b/").collect();
        assert_eq!(found, ["b/c", "b/d"]);
    }
}
