//! What coverage.py leaves out of its reports. Its database knows nothing of it, so whoever reads one has to ask the settings.
//!
//! Follows coverage.py 7.17: which file is read (`config.py`, `config_files_to_try`), and how paths fit (`files.py`,
//! `prep_patterns`).

use crate::SourceTree;
use crate::ini::section;
use crate::paths::{ancestors, base_name, inside, join, parent};
use crate::pattern::coverage_glob;
use crate::python::Exclusion;
use globset::GlobMatcher;
use std::collections::BTreeMap;
use toml::de::{DeTable, DeValue};

/// The files that are looked for, the first that holds settings wins. Its own two hold some even when they are empty.
const FILES: [&str; 5] = [
    ".coveragerc",
    ".coveragerc.toml",
    "setup.cfg",
    "tox.ini",
    "pyproject.toml",
];

/// The sections of coverage.py's settings.
const SECTIONS: [&str; 7] = ["report", "run", "paths", "html", "xml", "json", "lcov"];

/// The largest file of settings that is read, in bytes.
const LARGEST: usize = 4 * 1024 * 1024;

/// As many characters of what is not understood are shown.
const LONGEST_SHOWN: usize = 80;

/// Whether that file may hold settings of coverage.py.
pub(super) fn is_settings(path: &str) -> bool {
    FILES.contains(&base_name(path))
}

/// Settings of reports.
pub(super) struct Reporting {
    pub(super) exclusion: Exclusion,
    /// Where they stand; none without any.
    pub(super) path: Option<String>,
    /// What could not be understood, with the reason.
    pub(super) unknown: Vec<(String, String)>,
    include: Vec<Pattern>,
    omit: Vec<Pattern>,
}

/// A pattern of paths.
struct Pattern {
    /// For paths as the database has them.
    as_written: GlobMatcher,
    /// For paths from the project's root, which is `/` to it: what begins with no wildcard counts from where the settings lie,
    /// which is where the tests ran. None for what lies outside of the project.
    in_project: Option<GlobMatcher>,
}

impl Pattern {
    /// None for what is no pattern.
    fn new(pattern: &str, directory: &str) -> Option<Self> {
        let is_relative = !pattern.starts_with(['*', '?', '/']);
        let from_root = is_relative.then(|| inside(directory, pattern)).flatten();
        Some(Self {
            as_written: coverage_glob(pattern)?,
            in_project: from_root.and_then(|path| coverage_glob(&format!("/{path}"))),
        })
    }
}

impl Reporting {
    /// Finds the settings for a database: beside it, or above. One that lies elsewhere has those of the project's root.
    pub(super) fn of(database: &str, sources: &SourceTree) -> Self {
        let found = ancestors(parent(database)).find_map(|directory| {
            FILES.iter().find_map(|name| {
                let path = join(directory, name);
                let values = read(name, sources.get(&path)?)?;
                Some((path, values))
            })
        });
        match found {
            Some((path, values)) => Self::new(Some(path), values),
            None => Self::new(None, Ok(BTreeMap::new())),
        }
    }

    fn new(path: Option<String>, values: Result<Values, String>) -> Self {
        let mut unknown = Vec::new();
        let mut values = values.unwrap_or_else(|why| {
            unknown.push(("all that stands".to_owned(), why));
            Values::new()
        });
        let mut not_understood = |value: &str, why: &str| {
            let shown: String = value.chars().take(LONGEST_SHOWN).collect();
            let more = if shown.len() < value.len() { "…" } else { "" };
            unknown.push((format!("`{shown}{more}`"), why.to_owned()));
        };
        let mut take = |key| -> Option<Vec<String>> {
            let (variable, plain): (Vec<_>, Vec<_>) =
                (values.remove(key)?.into_iter()).partition(|value| is_of_environment(value));
            for value in variable {
                not_understood(&value, "it names a variable of the environment");
            }
            let dollars = |value: String| value.replace("$$", "$");
            Some(plain.into_iter().map(dollars).collect())
        };
        let paths = [take("include"), take("omit")];
        let (lines, also) = (take("exclude_lines"), take("exclude_also"));
        let (exclusion, not_searched) = Exclusion::of_settings(lines, also.unwrap_or_default());
        for (pattern, why) in not_searched {
            not_understood(&pattern, &why);
        }
        let directory = parent(path.as_deref().unwrap_or_default());
        let [include, omit] = paths.map(|patterns| {
            let compile = |pattern: String| {
                let compiled = Pattern::new(&pattern, directory);
                if compiled.is_none() {
                    not_understood(&pattern, "it is no pattern of paths");
                }
                compiled
            };
            (patterns.into_iter().flatten().filter_map(compile)).collect()
        });
        Self {
            exclusion,
            path,
            unknown,
            include,
            omit,
        }
    }

    /// Whether a file is in the reports. `raw` is its path in the database, `path` that in the project.
    pub(super) fn shows(&self, raw: &str, path: &str) -> bool {
        let from_root = format!("/{path}");
        let fits = |patterns: &[Pattern]| {
            patterns.iter().any(|pattern| {
                let in_project = pattern.in_project.as_ref();
                pattern.as_written.is_match(raw)
                    || in_project.is_some_and(|glob| glob.is_match(&from_root))
            })
        };
        (self.include.is_empty() || fits(&self.include)) && !fits(&self.omit)
    }
}

/// The lists of the section `report` by their keys.
type Values = BTreeMap<String, Vec<String>>;

/// The settings of a file. None: it has none, and the next one is asked.
fn read(name: &str, bytes: &[u8]) -> Option<Result<Values, String>> {
    let text = std::str::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() <= LARGEST);
    let Some(text) = text else {
        return Some(Err("the file is no text, or too large".to_owned()));
    };
    match name {
        ".coveragerc" => Some(Ok(of_ini(text, &["coverage:", ""]).unwrap_or_default())),
        ".coveragerc.toml" => match of_toml(text, true) {
            Ok(values) => Some(Ok(values.unwrap_or_default())),
            Err(why) => Some(Err(why)),
        },
        "pyproject.toml" => of_toml(text, false).transpose(),
        _ => of_ini(text, &["coverage:"]).map(Ok),
    }
}

/// None without a section of coverage.py.
fn of_ini(text: &str, prefixes: &[&str]) -> Option<Values> {
    let find = |name: &str| {
        let mut names = prefixes.iter().map(|prefix| format!("{prefix}{name}"));
        names.find_map(|name| section(text, &name))
    };
    let has_any = || {
        let mut found = SECTIONS.iter().filter_map(|name| find(name));
        found.any(|section| !section.is_empty())
    };
    let Some(report) = find("report").filter(|_| has_any()) else {
        return has_any().then(Values::new);
    };
    let list = |(key, value): (String, String)| {
        // Patterns of lines may hold commas.
        let separators: &[char] = match key.to_ascii_lowercase().as_str() {
            "exclude_lines" | "exclude_also" => &['\n'],
            _ => &['\n', ','],
        };
        let values = value.split(separators).map(str::trim);
        let values = values.filter(|value| !value.is_empty()).map(str::to_owned);
        let values = values.collect();
        (key.to_ascii_lowercase(), values)
    };
    Some(report.into_iter().map(list).collect())
}

/// None without a table of coverage.py.
///
/// # Errors
/// Why it is not TOML.
fn of_toml(text: &str, is_own: bool) -> Result<Option<Values>, String> {
    let root = DeTable::parse(text).map_err(|error| error.message().to_owned())?;
    let root = root.get_ref();
    let tool = root
        .get("tool")
        .and_then(|tool| tool.get_ref().get("coverage"));
    let report = match (tool.map(toml::Spanned::get_ref), is_own) {
        (Some(table), _) => table.get("report"),
        (None, true) => root.get("report"),
        (None, false) => return Ok(None),
    };
    let table = report.and_then(|table| table.get_ref().as_table());
    let list = |value: &DeValue<'_>| match value {
        DeValue::Array(items) => items
            .iter()
            .filter_map(|item| item.get_ref().as_str())
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
            .collect(),
        _ => Vec::new(),
    };
    Ok(Some(
        table
            .into_iter()
            .flatten()
            .map(|(key, value)| (key.get_ref().to_string(), list(value.get_ref())))
            .collect(),
    ))
}

/// coverage.py puts variables of the environment where the tests ran into its settings (`misc.py`, `substitute_variables`):
/// `$NAME` and `${NAME}`.
fn is_of_environment(value: &str) -> bool {
    let mut letters = value.chars().peekable();
    while let Some(letter) = letters.next() {
        // Two of them are one dollar.
        if letter == '$' && letters.next_if_eq(&'$').is_none() {
            let is_name = |next: &char| matches!(next, '{' | '_') || next.is_alphanumeric();
            if letters.peek().is_some_and(is_name) {
                return true;
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(database: &str, files: &[(&str, &str)]) -> Reporting {
        Reporting::of(database, &files.iter().copied().collect())
    }

    #[test]
    fn the_first_file_with_settings_wins() {
        let setup = ("setup.cfg", "[metadata]\nname = x\n");
        let tox = ("tox.ini", "[coverage:run]\nbranch = true\n");
        let project = (
            "pyproject.toml",
            "[tool.coverage.report]\nomit = [\"a.py\"]\n",
        );
        let path = |files: &[(&str, &str)]| of(".coverage", files).path;
        assert_eq!(path(&[setup]), None);
        assert_eq!(path(&[setup, project]).unwrap(), "pyproject.toml");
        assert_eq!(path(&[setup, tox, project]).unwrap(), "tox.ini");
        let empty = ("setup.cfg", "[coverage:report]\n");
        assert_eq!(path(&[empty, project]).unwrap(), "pyproject.toml");
        let own = (".coveragerc", "");
        assert_eq!(path(&[setup, tox, project, own]).unwrap(), ".coveragerc");
        let own = (".coveragerc.toml", "[report]\nomit = [\"a.py\"]\n");
        let found = of(".coverage", &[own, project]);
        assert!(!found.shows("/ci/a.py", "a.py") && found.shows("/ci/b.py", "b.py"));
        assert_eq!(
            of(".coverage", &[("pyproject.toml", "[tool.x]\n")]).path,
            None
        );
    }

    #[test]
    fn settings_lie_beside_the_database_or_above() {
        let files = [
            (".coveragerc", "[report]\nomit = b.py\n"),
            (
                "api/setup.cfg",
                "[coverage:report]\nomit =\n    a.py,\n    shop/*\n",
            ),
        ];
        let beside = of("api/.coverage", &files);
        assert_eq!(beside.path.as_deref(), Some("api/setup.cfg"));
        assert!(!beside.shows("/ci/api/x/a.py", "api/x/a.py"));
        assert!(!beside.shows("/ci/api/shop/x/y.py", "api/shop/x/y.py"));
        assert!(beside.shows("/ci/api/b.py", "api/b.py"));
        assert!(beside.shows("/ci/api/x/shop/y.py", "api/x/shop/y.py"));
        // Patterns may name what lies above.
        let above = "[report]\nomit = ../shop/x/../old.py, ../../y/*, ./a.py\n";
        let up = of("api/.coverage", &[("api/.coveragerc", above)]);
        assert_eq!(up.unknown, []);
        assert!(!up.shows("/ci/shop/old.py", "shop/old.py"));
        assert!(!up.shows("/ci/api/a.py", "api/a.py"));
        assert!(up.shows("/ci/y/a.py", "y/a.py"));
        let above = of("web/tests/.coverage", &files);
        assert_eq!(above.path.as_deref(), Some(".coveragerc"));
        assert_eq!(
            of("/tmp/x/.coverage", &files).path.as_deref(),
            Some(".coveragerc")
        );
    }

    #[test]
    fn paths_fit_as_in_coverage_py() {
        let text = "[report]\n  include = */shop/*, /app/*, ./web/*\n  omit = */migrations/*\n    shop/**/old.py\n    {x}.py\n    *tests/*\n";
        let found = of(".coverage", &[(".coveragerc", text)]);
        assert_eq!(found.unknown, []);
        for (raw, path, is_shown) in [
            ("/ci/shop/a.py", "shop/a.py", true),
            ("/ci/x/shop/a.py", "x/shop/a.py", true),
            ("/app/a.py", "a.py", true),
            ("/ci/a.py", "a.py", false),
            ("/ci/web/a.py", "web/a.py", true),
            ("/ci/web/tests/a.py", "web/tests/a.py", true),
            (
                "/ci/shop/migrations/0001.py",
                "shop/migrations/0001.py",
                false,
            ),
            ("/ci/shop/old.py", "shop/old.py", false),
            ("/ci/shop/x/y/old.py", "shop/x/y/old.py", false),
            ("/ci/shop/x.py", "shop/x.py", true),
            ("/ci/shop/{x}.py", "shop/{x}.py", false),
        ] {
            assert_eq!(found.shows(raw, path), is_shown, "{raw}");
        }
    }

    #[test]
    fn what_is_not_understood_is_kept() {
        let text = "[report]\nexclude_also =\n    if (?=x)\n    ${WORDS}\n    ends$\n    x$$\nomit = a***b\n";
        let found = of(".coverage", &[(".coveragerc", text)]);
        let said: Vec<_> = found
            .unknown
            .iter()
            .map(|(what, _)| what.as_str())
            .collect();
        assert_eq!(said, ["`${WORDS}`", "`if (?=x)`", "`a***b`"]);
        let found = of(".coverage", &[("pyproject.toml", "[tool.coverage\n")]);
        assert_eq!(found.unknown[0].0, "all that stands");
    }
}
