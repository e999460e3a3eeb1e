//! Packages that `pyproject.toml` and `Pipfile` declare.

use super::address::{is_commit, version_of_address};
use super::name::{is_for_development, normal_name};
use super::requirement::{self, Requirement, Version, normal_marker, read_versions};
use super::source::{Fault, Source};
use pep440_rs::Version as Pep440;
use std::str::FromStr;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A file that declares packages and leaves exact versions to a lock file.
pub(super) struct Declared<'a> {
    pub(super) source: Source<'a>,
    pub(super) packages: Vec<Package>,
    pub(super) faults: Vec<Fault>,
}

/// A declared package.
pub(super) struct Package {
    pub(super) requirement: Requirement,
    pub(super) production: bool,
    /// Whether it is one of `project.dependencies`, which are installed whatever groups are chosen.
    pub(super) is_main: bool,
}

/// Reads a `pyproject.toml`.
pub(super) fn read_pyproject<'a>(path: &'a str, bytes: &'a [u8]) -> Declared<'a> {
    read(path, bytes, |root, reader| {
        let project = root.get("project");
        reader.strings(below(project, "dependencies"), true);
        for package in &mut reader.packages {
            package.is_main = true;
        }
        reader.groups(below(project, "optional-dependencies"), |group| {
            !is_for_development(group)
        });
        // Groups of PEP 735 are not installed with the package.
        reader.groups(root.get("dependency-groups"), |group| {
            matches!(group, "prod" | "production")
        });
        let tool = |name: &str| below(root.get("tool"), name);
        reader.groups(below(tool("pdm"), "dev-dependencies"), |_| false);
        reader.strings(below(tool("uv"), "dev-dependencies"), false);
        let Some(poetry) = tool("poetry") else {
            return;
        };
        reader.poetry(below(Some(poetry), "dependencies"), true);
        reader.poetry(below(Some(poetry), "dev-dependencies"), false);
        let groups = below(Some(poetry), "group").and_then(|groups| groups.get_ref().as_table());
        for (name, group) in groups.into_iter().flatten() {
            let production = matches!(name.get_ref().as_ref(), "main" | "prod" | "production");
            reader.poetry(group.get_ref().get("dependencies"), production);
        }
    })
}

/// Reads a `Pipfile`.
pub(super) fn read_pipfile<'a>(path: &'a str, bytes: &'a [u8]) -> Declared<'a> {
    read(path, bytes, |root, reader| {
        reader.pipenv(root.get("packages"), true);
        reader.pipenv(root.get("dev-packages"), false);
    })
}

fn read<'a>(
    path: &'a str,
    bytes: &'a [u8],
    collect: impl FnOnce(&DeValue<'_>, &mut Reader),
) -> Declared<'a> {
    let (source, fault) = Source::new(path, bytes);
    let mut reader = Reader {
        packages: Vec::new(),
        faults: fault.into_iter().collect(),
    };
    match DeTable::parse(&source.text) {
        Ok(table) => collect(&DeValue::Table(table.into_inner()), &mut reader),
        Err(error) => reader.faults.push(toml_fault(&error)),
    }
    Declared {
        source,
        packages: reader.packages,
        faults: reader.faults,
    }
}

/// The value under that key, if the value is a table that has it.
fn below<'v, 'i>(
    value: Option<&'v Spanned<DeValue<'i>>>,
    key: &str,
) -> Option<&'v Spanned<DeValue<'i>>> {
    value?.get_ref().get(key)
}

/// What the parser says, in one line.
pub(super) fn toml_fault(error: &toml::de::Error) -> Fault {
    let message = error.message().lines().next().unwrap_or_default();
    Fault {
        at: error.span().map_or(0, |span| span.start),
        why: format!("not valid TOML: {message}"),
    }
}

#[derive(Default)]
struct Reader {
    packages: Vec<Package>,
    faults: Vec<Fault>,
}

impl Reader {
    /// An array of requirements as PEP 508 writes them.
    fn strings(&mut self, array: Option<&Spanned<DeValue<'_>>>, production: bool) {
        let Some(items) = array.and_then(|array| array.get_ref().as_array()) else {
            return;
        };
        for item in items.iter() {
            // Tables include another group, whose packages are read there.
            let Some(text) = item.get_ref().as_str() else {
                continue;
            };
            let span = item.span();
            match requirement::read(text) {
                Ok(requirement) => self.add(requirement, span.start + 1, span.end, production),
                Err(fault) => self.faults.push(Fault {
                    at: (span.start + 1 + fault.at).min(span.end),
                    ..fault
                }),
            }
        }
    }

    /// A table of such arrays.
    fn groups(
        &mut self,
        table: Option<&Spanned<DeValue<'_>>>,
        is_production: impl Fn(&str) -> bool,
    ) {
        let groups = table.and_then(|table| table.get_ref().as_table());
        for (name, group) in groups.into_iter().flatten() {
            self.strings(Some(group), is_production(name.get_ref()));
        }
    }

    /// A table of poetry: the name, and a version, a table, or several tables with markers.
    fn poetry(&mut self, table: Option<&Spanned<DeValue<'_>>>, production: bool) {
        let packages = table.and_then(|table| table.get_ref().as_table());
        for (name, value) in packages.into_iter().flatten() {
            if name.get_ref() == "python" {
                continue;
            }
            let several = value.get_ref().as_array();
            let one = several.is_none().then_some(value);
            for value in several
                .into_iter()
                .flat_map(|values| values.iter())
                .chain(one)
            {
                let version = |text: &str| poetry_version(text);
                self.table_entry(name, value, production, version);
            }
        }
    }

    fn pipenv(&mut self, table: Option<&Spanned<DeValue<'_>>>, production: bool) {
        let packages = table.and_then(|table| table.get_ref().as_table());
        for (name, value) in packages.into_iter().flatten() {
            let version = |text: &str| match text.trim() {
                "*" => Ok(Version::Any),
                text => read_versions(text),
            };
            self.table_entry(name, value, production, version);
        }
    }

    fn table_entry(
        &mut self,
        name: &Spanned<std::borrow::Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
        production: bool,
        version: impl Fn(&str) -> Result<Version, String>,
    ) {
        let text = |key: &str| {
            value
                .get_ref()
                .get(key)
                .and_then(|found| found.get_ref().as_str())
        };
        let written = value.get_ref().as_str().or_else(|| text("version"));
        let version = if text("path").is_some() {
            Ok(Version::Local)
        } else if text("git").is_some() {
            let revision = text("rev").or_else(|| text("ref")).unwrap_or_default();
            Ok(if is_commit(revision) {
                Version::Commit
            } else {
                Version::Branch
            })
        } else if let Some(address) = text("url").or_else(|| text("file")) {
            Ok(version_of_address(address))
        } else {
            written.map_or(Ok(Version::Any), version)
        };
        let span = value.span();
        match version {
            Ok(version) => {
                let requirement = Requirement {
                    shown: name.get_ref().to_string(),
                    name: Some(normal_name(name.get_ref())),
                    version,
                    marker: normal_marker(text("markers").unwrap_or_default()),
                    hashed: false,
                    editable: false,
                    from: 0,
                    to: 0,
                };
                self.add(requirement, name.span().start, span.end, production);
            }
            Err(why) => self.faults.push(Fault {
                at: span.start,
                why,
            }),
        }
    }

    fn add(&mut self, requirement: Requirement, from: usize, end: usize, production: bool) {
        self.packages.push(Package {
            requirement: Requirement {
                from,
                to: end.saturating_sub(1).max(from),
                ..requirement
            },
            production,
            is_main: false,
        });
    }
}

/// Poetry's own language: a bare version is exact, `^1.2` and `~1.2` are ranges. Ranges are not read further.
fn poetry_version(text: &str) -> Result<Version, String> {
    let text = text.trim();
    let exact = text.trim_start_matches('=').trim();
    Ok(if text == "*" || text.is_empty() {
        Version::Any
    } else if let Ok(version) = Pep440::from_str(exact) {
        Version::Exact(version.to_string())
    } else {
        Version::Range(text.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(declared: &Declared<'_>) -> Vec<String> {
        let mut all: Vec<String> = declared
            .packages
            .iter()
            .map(|package| {
                format!(
                    "{} {} {:?} {}",
                    declared.source.place(package.requirement.from),
                    package.requirement.name.as_deref().unwrap_or_default(),
                    package.requirement.version,
                    package.production
                )
            })
            .collect();
        all.sort();
        all
    }

    #[test]
    fn all_tables_of_pyproject_are_read() {
        let text = "[project]\nname = 'x'\ndependencies = [\n  'Django>=5',\n  'a==1',\n]\n[project.optional-dependencies]\n\
                    test = ['b']\ns3 = ['c==2']\n[dependency-groups]\ndev = ['d', {include-group = 'x'}]\n";
        assert_eq!(
            shown(&read_pyproject("p", text.as_bytes())),
            [
                "p:11:9 d Any false",
                "p:4:4 django Range(\">=5\") true",
                "p:5:4 a Exact(\"1\") true",
                "p:8:10 b Any false",
                "p:9:8 c Exact(\"2\") true",
            ]
        );
    }

    #[test]
    fn uv_and_pdm_have_tables_for_development() {
        let text =
            "[tool.uv]\ndev-dependencies = ['a']\n[tool.pdm.dev-dependencies]\ntest = ['b==1']\n";
        assert_eq!(
            shown(&read_pyproject("p", text.as_bytes())),
            ["p:2:22 a Any false", "p:4:10 b Exact(\"1\") false"]
        );
    }

    #[test]
    fn poetry_has_a_language_of_its_own() {
        let text = "[tool.poetry.dependencies]\npython = '^3.12'\na = '1.2'\nb = '^1'\nc = {version = '*', markers = 'x'}\n\
                    d = [{version = '==1'}, {version = '2'}]\ne = {git = 'https://h/p', rev = 'main'}\nf = {path = '../f'}\n\
                    [tool.poetry.group.dev.dependencies]\ng = '*'\n[tool.poetry.group.production.dependencies]\nh = '3'\n";
        assert_eq!(
            shown(&read_pyproject("p", text.as_bytes())),
            [
                "p:10:1 g Any false",
                "p:12:1 h Exact(\"3\") true",
                "p:3:1 a Exact(\"1.2\") true",
                "p:4:1 b Range(\"^1\") true",
                "p:5:1 c Any true",
                "p:6:1 d Exact(\"1\") true",
                "p:6:1 d Exact(\"2\") true",
                "p:7:1 e Branch true",
                "p:8:1 f Local true",
            ]
        );
    }

    #[test]
    fn pipfiles_are_read() {
        let text = "[packages]\ndjango = '*'\na = {version = '==1', extras = ['x']}\n[dev-packages]\nb = '==2'\n";
        assert_eq!(
            shown(&read_pipfile("P", text.as_bytes())),
            [
                "P:2:1 django Any true",
                "P:3:1 a Exact(\"1\") true",
                "P:5:1 b Exact(\"2\") false"
            ]
        );
    }

    #[test]
    fn faults_have_places() {
        let place = |text: &str| {
            let declared = read_pyproject("p", text.as_bytes());
            declared.source.place(declared.faults[0].at).to_string()
        };
        assert_eq!(place("[project]\ndependencies = ['a', 'b=1']\n"), "p:2:24");
        assert_eq!(place("[project\n"), "p:1:9");
        for deep in [
            format!("a = {}", "[".repeat(100_000)),
            format!("a = {}", "{a=".repeat(100_000)),
            format!("{}a = 1", "a.".repeat(100_000)),
            format!("[{}a]", "a.".repeat(100_000)),
        ] {
            assert!(!read_pyproject("p", deep.as_bytes()).faults.is_empty());
        }
    }

    #[test]
    fn other_shapes_are_passed_over() {
        for text in [
            "project = 1",
            "[project]\ndependencies = 'a'\n",
            "tool = {poetry = [1]}",
        ] {
            let declared = read_pyproject("p", text.as_bytes());
            assert!(
                declared.packages.is_empty() && declared.faults.is_empty(),
                "{text}"
            );
        }
    }
}
