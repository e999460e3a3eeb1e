//! What a project tells pytest.

use crate::SourceTree;
use crate::ini::section;
use crate::paths::{ancestors, base_name, join, parent};
use crate::pattern::fnmatch;
use globset::GlobMatcher;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The files in which pytest looks for its settings, the first found wins.
const FILES: [&str; 7] = [
    "pytest.toml",
    ".pytest.toml",
    "pytest.ini",
    ".pytest.ini",
    "pyproject.toml",
    "tox.ini",
    "setup.cfg",
];

/// The largest file of settings that is read, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// Whether that path may hold settings of pytest.
pub(super) fn is_config(path: &str) -> bool {
    FILES.contains(&base_name(path))
}

/// Names of test files. Compiled once: every file of a project is compared with them.
#[derive(Clone, Debug)]
pub(super) struct FilePatterns {
    /// As written.
    pub(super) written: Vec<String>,
    /// For names, and for paths where the pattern has a slash.
    globs: Vec<(bool, GlobMatcher)>,
}

impl FilePatterns {
    pub(super) fn new(written: Vec<String>) -> Self {
        let compile = |pattern: &String| {
            let is_path = pattern.contains('/');
            let text = if is_path {
                format!("*/{pattern}")
            } else {
                pattern.clone()
            };
            Some((is_path, fnmatch(&text)?))
        };
        Self {
            globs: written.iter().filter_map(compile).collect(),
            written,
        }
    }

    /// Whether one of the patterns fits: the name, or with a slash the end of the path.
    pub(super) fn finds(&self, path: &str) -> bool {
        self.globs.iter().any(|(is_path, glob)| {
            if *is_path {
                glob.is_match(format!("/{path}"))
            } else {
                glob.is_match(base_name(path))
            }
        })
    }
}

/// The settings that decide what is found.
#[derive(Clone, Debug)]
pub(super) struct Pytest {
    /// Where they count from.
    pub(super) directory: String,
    /// The file that they stand in, if there is one.
    pub(super) path: Option<String>,
    pub(super) python_files: FilePatterns,
    pub(super) test_paths: Vec<String>,
    /// Directories that are not entered, unless it is told to begin there.
    no_recurse: FilePatterns,
    /// `--ignore` and `--ignore-glob` of `addopts`: paths, and patterns of paths.
    ignored: Vec<String>,
    ignored_globs: Vec<String>,
    classes: Vec<String>,
    functions: Vec<String>,
    /// With `--import-mode=importlib` names of modules need not differ.
    pub(super) imports_by_path: bool,
}

impl Pytest {
    /// What pytest does without settings.
    pub(super) fn default_in(directory: &str) -> Self {
        Self {
            directory: directory.to_owned(),
            path: None,
            python_files: FilePatterns::new(["test_*.py", "*_test.py"].map(str::to_owned).to_vec()),
            test_paths: Vec::new(),
            no_recurse: FilePatterns::new(Vec::new()),
            ignored: Vec::new(),
            ignored_globs: Vec::new(),
            classes: vec!["Test".to_owned()],
            functions: vec!["test".to_owned()],
            imports_by_path: false,
        }
    }

    fn with(mut self, path: &str, values: &BTreeMap<String, Vec<String>>) -> Self {
        self.path = Some(path.to_owned());
        let set = |field: &mut Vec<String>, key: &str| {
            if let Some(words) = values.get(key) {
                field.clone_from(words);
            }
        };
        if let Some(words) = values.get("python_files") {
            self.python_files = FilePatterns::new(words.clone());
        }
        if let Some(words) = values.get("norecursedirs") {
            self.no_recurse = FilePatterns::new(words.clone());
        }
        set(&mut self.test_paths, "testpaths");
        set(&mut self.classes, "python_classes");
        set(&mut self.functions, "python_functions");
        let options = values.get("addopts").map(Vec::as_slice).unwrap_or_default();
        self.imports_by_path = values_of(options, "--import-mode").any(|mode| mode == "importlib");
        self.ignored = values_of(options, "--ignore").map(str::to_owned).collect();
        self.ignored_globs = values_of(options, "--ignore-glob")
            .map(str::to_owned)
            .collect();
        self
    }

    /// Whether the file lies where pytest looks when it is called without arguments.
    pub(super) fn looks_at(&self, path: &str) -> bool {
        self.tops(path).next().is_some()
    }

    /// The directories above the file, or the file itself, from which pytest begins when it is called without arguments.
    fn tops<'p>(&'p self, path: &'p str) -> impl Iterator<Item = &'p str> {
        let whole = self
            .test_paths
            .is_empty()
            .then_some(self.directory.as_str());
        let named = self.test_paths.iter().filter_map(move |wanted| {
            let wanted = plain(wanted);
            if wanted.is_empty() {
                return Some(self.directory.as_str());
            }
            let whole = join(&self.directory, wanted);
            let fits = is_at_or_below(path, &whole)
                || fnmatch(&format!("{whole}/*")).is_some_and(|glob| glob.is_match(path));
            fits.then(|| first_parts(path, whole.split('/').count()))
        });
        whole.into_iter().chain(named)
    }

    /// The setting by which pytest is told to pass the file over, as far as it would come there: as it is written.
    pub(super) fn leaves_out(&self, path: &str) -> Option<String> {
        let ignored = self
            .ignored
            .iter()
            .find(|ignored| is_at_or_below(path, &join(&self.directory, plain(ignored))));
        if let Some(ignored) = ignored {
            return Some(format!("--ignore={ignored}"));
        }
        let fits = |glob: &&String| {
            let glob = fnmatch(&join(&self.directory, plain(glob)));
            let mut above = ancestors(path).filter(|above| !above.is_empty());
            glob.is_some_and(|glob| above.any(|above| glob.is_match(above)))
        };
        if let Some(glob) = self.ignored_globs.iter().find(fits) {
            return Some(format!("--ignore-glob={glob}"));
        }
        let is_cut_off = |top: &str| {
            ancestors(parent(path))
                .take_while(|directory| directory.len() > top.len())
                .any(|directory| self.no_recurse.finds(directory))
        };
        let mut tops = self.tops(path).peekable();
        let is_passed_over = tops.peek().is_some() && tops.all(is_cut_off);
        is_passed_over.then(|| format!("norecursedirs = {}", self.no_recurse.written.join(" ")))
    }

    /// Whether a class of that name is collected.
    pub(super) fn collects_class(&self, name: &str) -> bool {
        starts_or_matches(&self.classes, name)
    }

    /// Whether a function of that name is collected.
    pub(super) fn collects_function(&self, name: &str) -> bool {
        starts_or_matches(&self.functions, name)
    }
}

/// A path without the signs that say nothing.
fn plain(path: &str) -> &str {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path == "." { "" } else { path }
}

fn is_at_or_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// So many parts of a path; all of them, if it has no more.
fn first_parts(path: &str, count: usize) -> &str {
    let mut slashes = path.match_indices('/').map(|(at, _)| at);
    let end = count.checked_sub(1).and_then(|index| slashes.nth(index));
    end.and_then(|end| path.get(..end)).unwrap_or(path)
}

/// The values of an option, behind `=` or as the next word.
fn values_of<'w>(words: &'w [String], option: &str) -> impl Iterator<Item = &'w str> {
    let next = words.iter().skip(1).map(Some).chain(std::iter::once(None));
    words.iter().zip(next).filter_map(move |(word, next)| {
        let rest = word.strip_prefix(option)?;
        let is_alone = rest.is_empty();
        rest.strip_prefix('=')
            .or_else(|| next.filter(|_| is_alone).map(String::as_str))
            .map(|value| value.trim_matches(['"', '\'']))
    })
}

/// A prefix, or a pattern where it has wildcards.
fn starts_or_matches(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| {
        name.starts_with(pattern.as_str())
            || pattern.contains(['*', '?', '['])
                && fnmatch(pattern).is_some_and(|glob| glob.is_match(name))
    })
}

/// The settings of each directory that has some.
pub(super) fn read_all(tree: &SourceTree) -> BTreeMap<String, Pytest> {
    let mut all: BTreeMap<String, (usize, Pytest)> = BTreeMap::new();
    for path in tree.paths() {
        let Some(rank) = FILES.iter().position(|name| *name == base_name(path)) else {
            continue;
        };
        let Some(values) = tree
            .get(path)
            .and_then(|bytes| read(base_name(path), bytes))
        else {
            continue;
        };
        let directory = parent(path);
        let is_first = all.get(directory).is_none_or(|(found, _)| rank < *found);
        if is_first {
            let pytest = Pytest::default_in(directory).with(path, &values);
            all.insert(directory.to_owned(), (rank, pytest));
        }
    }
    all.into_iter()
        .map(|(directory, (_, pytest))| (directory, pytest))
        .collect()
}

/// The words of each key, if the file says something about pytest.
fn read(name: &str, bytes: &[u8]) -> Option<BTreeMap<String, Vec<String>>> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() <= LARGEST)?;
    let of_ini = |section_name: &str| {
        section(text, section_name).map(|values| {
            values
                .into_iter()
                .map(|(key, value)| (key, words(&without_comments(&value))))
                .collect()
        })
    };
    match name {
        // These are pytest's own: they count even when they are empty.
        "pytest.ini" | ".pytest.ini" => Some(of_ini("pytest").unwrap_or_default()),
        "tox.ini" => of_ini("pytest"),
        "setup.cfg" => of_ini("tool:pytest"),
        "pyproject.toml" => {
            let root = DeTable::parse(text).ok()?;
            let pytest = root
                .get_ref()
                .get("tool")?
                .get_ref()
                .get("pytest")?
                .get_ref();
            let options = pytest.get("ini_options").map(toml::Spanned::get_ref);
            Some(of_toml(options.unwrap_or(pytest)))
        }
        _ => {
            let root = DeTable::parse(text).ok()?;
            Some(
                root.get_ref()
                    .get("pytest")
                    .map_or_else(BTreeMap::new, |pytest| of_toml(pytest.get_ref())),
            )
        }
    }
}

fn of_toml(table: &DeValue<'_>) -> BTreeMap<String, Vec<String>> {
    let mut values = BTreeMap::new();
    for (key, value) in table.as_table().into_iter().flatten() {
        let found = match value.get_ref() {
            DeValue::String(text) => words(text),
            DeValue::Array(items) => items
                .iter()
                .filter_map(|item| item.get_ref().as_str())
                .map(str::to_owned)
                .collect(),
            _ => continue,
        };
        values.insert(key.get_ref().to_string(), found);
    }
    values
}

/// Values without the comments behind them.
fn without_comments(value: &str) -> String {
    let cut = |line: &str| {
        let at = line.find(" #").into_iter().chain(line.find(" ;")).min();
        line.get(..at.unwrap_or(line.len()))
            .unwrap_or_default()
            .to_owned()
    };
    let lines: Vec<String> = value.lines().map(cut).collect();
    lines.join("\n")
}

/// Words as a shell splits them, without its other signs.
fn words(text: &str) -> Vec<String> {
    text.split_whitespace()
        .map(|word| word.trim_matches(['"', '\'']).to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, text: &str) -> Option<Pytest> {
        let tree: SourceTree = [(path, text)].into_iter().collect();
        read_all(&tree).remove(parent(path))
    }

    #[test]
    fn settings_stand_in_many_files() {
        for (path, text) in [
            (
                "pytest.ini",
                "[pytest]\npython_files = tests.py test_*.py\n",
            ),
            (
                "tox.ini",
                "[pytest]\npython_files =\n  tests.py\n  test_*.py\n",
            ),
            (
                "setup.cfg",
                "[tool:pytest]\npython_files = \"tests.py\" 'test_*.py'\n",
            ),
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\npython_files = ['tests.py', 'test_*.py']\n",
            ),
            (
                "pyproject.toml",
                "[tool.pytest]\npython_files = 'tests.py test_*.py'\n",
            ),
            (
                "a/pytest.toml",
                "[pytest]\npython_files = ['tests.py', 'test_*.py']\n",
            ),
        ] {
            let pytest = one(path, text).unwrap();
            assert_eq!(
                pytest.python_files.written,
                ["tests.py", "test_*.py"],
                "{path}"
            );
            assert!(
                pytest.python_files.finds("shop/tests.py")
                    && !pytest.python_files.finds("shop/a_test.py")
            );
        }
        assert!(one("tox.ini", "[tox]\n").is_none());
        assert!(one("pyproject.toml", "[tool.ruff]\n").is_none());
        assert!(one("pyproject.toml", "[[[").is_none());
        assert!(one("pytest.ini", "").is_some());
    }

    #[test]
    fn the_file_of_pytest_itself_wins() {
        let tree: SourceTree = [
            (
                "pyproject.toml",
                "[tool.pytest.ini_options]\npython_files = ['a.py']\n",
            ),
            ("pytest.ini", "[pytest]\npython_files = b.py\n"),
            ("tox.ini", "[pytest]\npython_files = c.py\n"),
        ]
        .into_iter()
        .collect();
        assert_eq!(read_all(&tree)[""].python_files.written, ["b.py"]);
    }

    #[test]
    fn test_paths_and_patterns_with_slashes() {
        let pytest = one(
            "a/pytest.ini",
            "[pytest]\ntestpaths = tests apps/*/tests\npython_files = unit/*.py\n",
        )
        .unwrap();
        assert!(pytest.looks_at("a/tests/x.py") && pytest.looks_at("a/apps/shop/tests/x.py"));
        assert!(!pytest.looks_at("a/testsuite/x.py") && !pytest.looks_at("tests/x.py"));
        assert!(
            pytest.python_files.finds("a/unit/x.py") && !pytest.python_files.finds("a/other/x.py")
        );
    }

    #[test]
    fn directories_are_left_out() {
        let pytest = one(
            "a/pytest.ini",
            "[pytest]\nnorecursedirs = legacy old/* .*\naddopts = -q --ignore=./tests/e2e/ --ignore tests/test_slow.py\n  --ignore-glob='*/manual*'\n",
        )
        .unwrap();
        for (path, by) in [
            ("a/legacy/test_x.py", Some("norecursedirs")),
            ("a/shop/legacy/b/test_x.py", Some("norecursedirs")),
            ("a/old/b/test_x.py", Some("norecursedirs")),
            ("a/old/test_x.py", None),
            ("a/tests/e2e/b/test_x.py", Some("--ignore=./tests/e2e/")),
            ("a/tests/e2e_more/test_x.py", None),
            ("a/tests/test_slow.py", Some("--ignore=tests/test_slow.py")),
            ("a/shop/manual_1/test_x.py", Some("--ignore-glob=*/manual*")),
            ("a/legacy.py", None),
        ] {
            let found = pytest.leaves_out(path);
            assert_eq!(found.is_some(), by.is_some(), "{path} {found:?}");
            let (found, by) = (found.unwrap_or_default(), by.unwrap_or_default());
            assert!(found.starts_with(by), "{path} {found}");
        }
        // Where it is told to begin, it begins.
        let text = "[pytest]\nnorecursedirs = legacy\ntestpaths = legacy apps/*/legacy\n";
        let pytest = one("pytest.ini", text).unwrap();
        for path in ["legacy/test_x.py", "apps/shop/legacy/b/test_x.py"] {
            assert!(pytest.looks_at(path) && pytest.leaves_out(path).is_none());
        }
        assert!(pytest.leaves_out("legacy/legacy/test_x.py").is_some());
        assert!(pytest.leaves_out("other/legacy/test_x.py").is_none());
        assert!(Pytest::default_in("").leaves_out("a/test_x.py").is_none());
    }

    #[test]
    fn import_mode_and_names_are_read() {
        let pytest = one(
            "pytest.ini",
            "[pytest]\naddopts = -q --import-mode importlib\npython_classes = *Suite Check\npython_functions = check_\n",
        )
        .unwrap();
        assert!(pytest.imports_by_path);
        assert!(pytest.collects_class("BasketSuite") && pytest.collects_class("CheckIt"));
        assert!(!pytest.collects_class("TestIt") && !pytest.collects_function("test_x"));
        assert!(!Pytest::default_in("").imports_by_path);
    }
}
