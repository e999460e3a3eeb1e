//! The files of a commit with those of its submodules.
//!
//! Rules:
//! - A submodule's files are those of the commit that the superproject records, at any depth. Its
//!   checked-out files have no say, and are not touched.
//! - Objects are read from the submodules' own stores, by one git process that is told of all of
//!   them as alternates (`GIT_ALTERNATE_OBJECT_DIRECTORIES`, `git(1)`). An object's id is its content's
//!   address, so it does not matter which store has it.
//! - What is not on this machine is told by name, never fetched: a release must not depend on what
//!   another server says today.

use std::collections::BTreeMap;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

use crate::commit::CommitId;
use crate::entry::{Mode, TreeEntry};
use crate::error::Error;
use crate::git::failed;
use crate::repository::Repository;

/// The variable that names further object stores.
const STORES: &str = "GIT_ALTERNATE_OBJECT_DIRECTORIES";

/// All files of a commit, with those of its submodules.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The same repository, which reads the submodules' objects as well.
    pub repository: Repository,
    /// The files, sorted by path. A submodule that could be read is replaced by its files; one that
    /// could not is left out and stands in `missing`.
    pub entries: Vec<TreeEntry>,
    /// The paths of the submodules that could be read, outer before inner.
    pub submodules: Vec<Utf8PathBuf>,
    /// The submodules that could not be read.
    pub missing: Vec<MissingSubmodule>,
}

/// A submodule whose files are not on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingSubmodule {
    /// Its path, relative to the directory that was listed.
    pub path: Utf8PathBuf,
    /// The commit that is recorded for it.
    pub commit: String,
    /// Why it could not be read.
    pub why: WhyMissing,
}

/// Why a submodule could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyMissing {
    /// `.gitmodules` does not name it, so nobody knows where it comes from: usually a clone inside
    /// of the repository that was added by mistake.
    NotDeclared,
    /// It was never fetched.
    NotInitialised,
    /// It was fetched, and does not have the recorded commit.
    CommitMissing,
}

/// A commit whose submodules are looked for: the repository's own, or a submodule's.
struct Level {
    commit: CommitId,
    /// The directories in whose `modules` the stores of its submodules are.
    git_directories: Vec<Utf8PathBuf>,
    /// Where its files are checked out.
    work_tree: Utf8PathBuf,
    /// The directory inside of it that was listed.
    inside: Utf8PathBuf,
    /// Where that directory is in the whole listing.
    prefix: Utf8PathBuf,
    entries: Vec<TreeEntry>,
}

impl Repository {
    /// The files of a commit under a directory, sorted by path, with those of its submodules at their
    /// recorded commits. `under` is absolute, or relative to the root; `""` is the whole commit.
    /// Without submodules this costs no more than [`Repository::files`].
    ///
    /// # Errors
    /// Those of [`Repository::files`].
    pub fn tree(&self, commit: &CommitId, under: &Utf8Path) -> Result<Tree, Error> {
        let entries = self.files(commit, under)?;
        let mut tree = Tree {
            repository: self.clone(),
            entries: Vec::new(),
            submodules: Vec::new(),
            missing: Vec::new(),
        };
        if entries.iter().all(|entry| entry.mode != Mode::Submodule) {
            tree.entries = entries;
            return Ok(tree);
        }
        let mut stores = Vec::new();
        let mut levels = vec![Level {
            commit: commit.clone(),
            git_directories: self.git_directories()?,
            work_tree: self.root().to_owned(),
            inside: self.relative(under)?,
            prefix: Utf8PathBuf::new(),
            entries,
        }];
        while let Some(level) = levels.pop() {
            levels.extend(self.descend(&level, &mut tree, &mut stores)?);
        }
        tree.entries
            .sort_by(|one, other| one.path.as_str().cmp(other.path.as_str()));
        tree.submodules.sort();
        tree.missing.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(tree)
    }

    /// Adds the files of a level to the tree, and gives the levels below it.
    fn descend(
        &self,
        level: &Level,
        tree: &mut Tree,
        stores: &mut Vec<Utf8PathBuf>,
    ) -> Result<Vec<Level>, Error> {
        let is_submodule = |entry: &&TreeEntry| entry.mode == Mode::Submodule;
        let names = if level.entries.iter().any(|entry| is_submodule(&entry)) {
            tree.repository.submodule_names(&level.commit)?
        } else {
            BTreeMap::new()
        };
        let mut below = Vec::new();
        for entry in &level.entries {
            let path = join(&level.prefix, &entry.path);
            if entry.mode != Mode::Submodule {
                tree.entries.push(TreeEntry {
                    path,
                    ..entry.clone()
                });
                continue;
            }
            let inner = join(&level.inside, &entry.path);
            let found = self.locate(
                level,
                &inner,
                names.get(&inner),
                &entry.object,
                tree,
                stores,
            );
            match found? {
                Ok((commit, git_directories)) => {
                    let entries = tree.repository.files(&commit, Utf8Path::new(""))?;
                    tree.submodules.push(path.clone());
                    below.push(Level {
                        commit,
                        git_directories,
                        work_tree: join(&level.work_tree, &inner),
                        inside: Utf8PathBuf::new(),
                        prefix: path,
                        entries,
                    });
                }
                Err(why) => tree.missing.push(MissingSubmodule {
                    path,
                    commit: entry.object.clone(),
                    why,
                }),
            }
        }
        Ok(below)
    }

    /// Finds the store of one submodule and makes `tree.repository` read it too. Gives its commit and
    /// its git directories.
    fn locate(
        &self,
        level: &Level,
        path: &Utf8Path,
        name: Option<&String>,
        object: &str,
        tree: &mut Tree,
        stores: &mut Vec<Utf8PathBuf>,
    ) -> Result<Result<(CommitId, Vec<Utf8PathBuf>), WhyMissing>, Error> {
        let (Some(name), Ok(commit)) = (name, CommitId::new(object)) else {
            return Ok(Err(WhyMissing::NotDeclared));
        };
        let modules = level
            .git_directories
            .iter()
            .map(|directory| directory.join("modules").join(name));
        let candidates: Vec<Utf8PathBuf> = modules
            // A clone that was added as a submodule keeps its own directory.
            .chain([level.work_tree.join(path).join(".git")])
            .filter(|candidate| candidate.exists())
            .collect();
        let mut git_directories = Vec::new();
        for candidate in candidates {
            if let Some(store) = self.object_store(&candidate)? {
                git_directories.push(candidate);
                if !stores.contains(&store) {
                    stores.push(store);
                }
            }
        }
        if git_directories.is_empty() {
            return Ok(Err(WhyMissing::NotInitialised));
        }
        tree.repository = self.with_stores(stores);
        Ok(if tree.repository.has_commit(&commit)? {
            Ok((commit, git_directories))
        } else {
            Err(WhyMissing::CommitMissing)
        })
    }

    /// This repository with further object stores to read from.
    fn with_stores(&self, stores: &[Utf8PathBuf]) -> Self {
        let list: Vec<String> = stores.iter().map(|store| quoted(store)).collect();
        self.with_git(self.git().clone().variable(STORES, list.join(":")))
    }

    fn has_commit(&self, commit: &CommitId) -> Result<bool, Error> {
        let name = format!("{commit}^{{commit}}");
        let output = self
            .git()
            .run(self.root(), &["cat-file", "-e", name.as_str()])?;
        Ok(output.status.success())
    }

    /// The repository's git directory; in a linked work tree also the one that it is linked to.
    fn git_directories(&self) -> Result<Vec<Utf8PathBuf>, Error> {
        let arguments = ["rev-parse", "--absolute-git-dir", "--git-common-dir"];
        let answer = self.git().read(self.root(), &arguments)?;
        let answer = String::from_utf8_lossy(&answer);
        let mut directories: Vec<Utf8PathBuf> = Vec::new();
        for line in answer.lines() {
            let directory = self.root().join(line);
            let directory = directory.canonicalize_utf8().unwrap_or(directory);
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        Ok(directories)
    }

    /// The object store of a git directory, or of the file that points to one; `None` if it is
    /// neither.
    fn object_store(&self, git_directory: &Utf8Path) -> Result<Option<Utf8PathBuf>, Error> {
        let directory = format!("--git-dir={git_directory}");
        // Its own idea of its work tree may name a directory that is gone.
        let work_tree = format!("--work-tree={}", self.root());
        let arguments = [
            directory.as_str(),
            work_tree.as_str(),
            "rev-parse",
            "--git-path",
            "objects",
        ];
        let output = self.git().run(self.root(), &arguments)?;
        if !output.status.success() {
            return Ok(None);
        }
        let answer = String::from_utf8_lossy(&output.stdout);
        let store = self.root().join(answer.trim_end_matches('\n'));
        Ok(store.is_dir().then_some(store))
    }

    /// The names of a commit's submodules by their paths, as `.gitmodules` has them. A name that
    /// leads out of the `modules` directory counts as none.
    fn submodule_names(&self, commit: &CommitId) -> Result<BTreeMap<Utf8PathBuf, String>, Error> {
        let file = format!("{commit}:.gitmodules");
        let arguments = [
            "config",
            "--blob",
            file.as_str(),
            "-z",
            "--get-regexp",
            r"^submodule\..*\.path$",
        ];
        let output = self.git().run(self.root(), &arguments)?;
        match output.status.code() {
            Some(0) => Ok(parse_names(&output.stdout)),
            // Nothing in it matches.
            Some(1) => Ok(BTreeMap::new()),
            _ => {
                let exists = ["cat-file", "-e", file.as_str()];
                if self.git().run(self.root(), &exists)?.status.success() {
                    return Err(failed(&arguments, &output));
                }
                Ok(BTreeMap::new())
            }
        }
    }
}

/// Reads `submodule.<name>.path LF <path> NUL`.
fn parse_names(output: &[u8]) -> BTreeMap<Utf8PathBuf, String> {
    String::from_utf8_lossy(output)
        .split('\0')
        .filter_map(|record| {
            let (key, path) = record.split_once('\n')?;
            let name = key.strip_prefix("submodule.")?.strip_suffix(".path")?;
            let path = path.trim_end_matches('/');
            stays_inside(name).then(|| (Utf8PathBuf::from(path), name.to_owned()))
        })
        .collect()
}

/// True for a name that is a place below the directory that it is looked for in.
fn stays_inside(name: &str) -> bool {
    !name.is_empty()
        && Utf8Path::new(name)
            .components()
            .all(|part| matches!(part, Utf8Component::Normal(_)))
}

/// `path` below `directory`; without a directory, the path alone.
fn join(directory: &Utf8Path, path: &Utf8Path) -> Utf8PathBuf {
    if directory.as_str().is_empty() {
        path.to_owned()
    } else {
        directory.join(path)
    }
}

/// A path in the quotes of C, which git takes off again: colons separate the stores.
fn quoted(path: &Utf8Path) -> String {
    let mut text = String::from('"');
    for letter in path.as_str().chars() {
        match letter {
            '"' | '\\' => text.extend(['\\', letter]),
            letter if letter.is_ascii_control() => {
                text.push_str(&format!("\\{:03o}", u32::from(letter)));
            }
            letter => text.push(letter),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_come_with_their_paths_and_stay_inside() {
        let output = b"submodule.themes/dark.path\nstatic/dark theme\0submodule.a.b.path\nlib\0\
                       submodule.../../evil.path\nevil\0submodule./etc.path\netc\0";
        let names = parse_names(output);
        let expected = [("lib", "a.b"), ("static/dark theme", "themes/dark")];
        assert_eq!(
            names
                .iter()
                .map(|(path, name)| (path.as_str(), name.as_str()))
                .collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn stores_with_odd_letters_are_quoted() {
        assert_eq!(quoted(Utf8Path::new("/a:b")), r#""/a:b""#);
        assert_eq!(quoted(Utf8Path::new("/a\"\\\n")), "\"/a\\\"\\\\\\012\"");
    }

    proptest! {
        #[test]
        fn never_panics(output in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = parse_names(&output);
        }
    }
}
