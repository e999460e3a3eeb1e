//! The Python files of a tree, read once and on demand.

use crate::SourceTree;
use crate::python::{self, Module, Unreadable};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// A file that was read.
pub(crate) type Parsed = Result<Arc<Module>, Unreadable>;

/// All files of a tree that were asked for.
pub(crate) struct Modules<'t> {
    tree: &'t SourceTree,
    parsed: Mutex<HashMap<String, Parsed>>,
}

impl<'t> Modules<'t> {
    /// Reads those files at once, on all cores. Files that `known` has with the same bytes are taken from there.
    pub(crate) fn read(tree: &'t SourceTree, paths: &[&str], known: Option<&Modules<'_>>) -> Self {
        let mut parsed: HashMap<String, Parsed> = HashMap::with_capacity(paths.len());
        let mut unknown: Vec<&str> = Vec::new();
        for path in paths {
            let shared = known
                .filter(|known| known.tree.has_same(tree, path))
                .and_then(|known| known.cached(path));
            match shared {
                Some(shared) => {
                    parsed.insert((*path).to_owned(), shared);
                }
                None => unknown.push(path),
            }
        }
        tree.fetch(unknown.iter().copied());
        let jobs: Vec<(&str, &[u8])> = unknown
            .into_iter()
            .filter_map(|path| Some((path, tree.get(path)?)))
            .collect();
        for (path, result) in read_all(&jobs) {
            parsed.insert(path, result);
        }
        Self {
            tree,
            parsed: Mutex::new(parsed),
        }
    }

    /// The tree.
    pub(crate) fn tree(&self) -> &'t SourceTree {
        self.tree
    }

    fn cached(&self, path: &str) -> Option<Parsed> {
        self.parsed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(path)
            .cloned()
    }

    /// The file at that path; reads it if that has not been done. `None` if there is no such file.
    pub(crate) fn get(&self, path: &str) -> Option<Parsed> {
        if let Some(found) = self.cached(path) {
            return Some(found);
        }
        let bytes = self.tree.get(path)?;
        let result = read_all(&[(path, bytes)]).pop().map(|(_, result)| result)?;
        self.parsed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(path.to_owned(), result.clone());
        Some(result)
    }

    /// The file that `importer` gets for a module name with its leading dots. Absolute names are tried from every directory
    /// above the importer, the nearest first, since a project's root need not be the tree's.
    pub(crate) fn import(&self, importer: &str, module: &str) -> Option<(String, Arc<Module>)> {
        let dots = module.chars().take_while(|char| *char == '.').count();
        let relative = module.trim_start_matches('.').replace('.', "/");
        let mut directory = parent(importer);
        if dots > 0 {
            for _ in 1..dots {
                directory = parent(directory?);
            }
            return self.module_in(directory?, &relative);
        }
        while let Some(current) = directory {
            if let Some(found) = self.module_in(current, &relative) {
                return Some(found);
            }
            directory = parent(current);
        }
        // Tests and tools beside a `src` import what is in it once the project is installed.
        self.module_in("src", &relative)
    }

    fn module_in(&self, directory: &str, relative: &str) -> Option<(String, Arc<Module>)> {
        let joined = match (directory.is_empty(), relative.is_empty()) {
            (true, _) => relative.to_owned(),
            (_, true) => directory.to_owned(),
            _ => format!("{directory}/{relative}"),
        };
        [format!("{joined}.py"), format!("{joined}/__init__.py")]
            .into_iter()
            .find_map(|path| {
                let module = self.get(&path)?.ok()?;
                Some((path, module))
            })
    }
}

/// The directory above; the root's is none.
pub(crate) fn parent(path: &str) -> Option<&str> {
    if path.is_empty() {
        return None;
    }
    Some(crate::paths::parent(path))
}

/// How many files make another thread worth its start: some 50 µs each (measured).
const FILES_FOR_A_THREAD: usize = 4;

/// Reads files on all cores, each with its path.
fn read_all(jobs: &[(&str, &[u8])]) -> Vec<(String, Parsed)> {
    let read_all = || python::on_all_cores(jobs, FILES_FOR_A_THREAD, |(_, bytes)| read(bytes));
    let parsed = python::with_deep_stack(read_all)
        .unwrap_or_else(|unreadable| vec![Err(unreadable); jobs.len()]);
    let paths = jobs.iter().map(|(path, _)| (*path).to_owned());
    paths.zip(parsed).collect()
}

/// A fault of the parser on one file must not cost the others.
fn read(bytes: &[u8]) -> Parsed {
    let read = || {
        let text = python::decode(bytes)?;
        python::read(&text).map(Arc::new)
    };
    std::panic::catch_unwind(read).unwrap_or_else(|_| {
        Err(Unreadable {
            why: "the parser failed on it".to_owned(),
            at: None,
        })
    })
}
