//! The manifest as a whole: reading the file, its environments, choosing one.

use std::io::ErrorKind;

use camino::{Utf8Path, Utf8PathBuf};

use crate::decode::{nearest, unknown_key};
use crate::error::Error;
use crate::issue::{Fault, Issue, IssueKind};
use crate::overlay::merge;
use crate::project::Project;
use crate::resolve::resolve;
use crate::schema;
use crate::tree::{self, Entry, LARGEST, Node, Position, Value};

/// The environment of a manifest that has no `environments`.
const ONLY_ENVIRONMENT: &str = "production";
/// The keys that stand at the top only.
const TOP_KEYS: [&str; 2] = ["default_environment", "environments"];

/// A manifest that has been read and checked, with all its environments.
#[derive(Clone, Debug, PartialEq)]
pub struct Manifest {
    path: Utf8PathBuf,
    default_environment: Option<String>,
    /// In the order of the file.
    projects: Vec<Project>,
}

impl Manifest {
    /// Reads and checks the manifest at `path`, all environments included.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Unreadable`], [`Error::NotText`], [`Error::TooLarge`], or
    /// [`Error::Invalid`] with every issue that was found.
    pub fn load(path: &Utf8Path) -> Result<Self, Error> {
        let unreadable = |source: std::io::Error| {
            let path = path.to_owned();
            if source.kind() == ErrorKind::NotFound {
                Error::Missing { path }
            } else {
                Error::Unreadable { path, source }
            }
        };
        let metadata = fs_err::metadata(path).map_err(unreadable)?;
        if metadata.is_dir() {
            return Err(unreadable(ErrorKind::IsADirectory.into()));
        }
        if metadata.len() > LARGEST {
            return Err(too_large(path, metadata.len()));
        }
        let bytes = fs_err::read(path).map_err(unreadable)?;
        let text = std::str::from_utf8(&bytes).map_err(|error| Error::NotText {
            path: path.to_owned(),
            offset: error.valid_up_to(),
        })?;
        Self::parse(path, text)
    }

    /// Reads and checks the text of a manifest. `path` is used in messages only.
    ///
    /// # Errors
    /// [`Error::TooLarge`], or [`Error::Invalid`] with every issue that was found.
    pub fn parse(path: &Utf8Path, text: &str) -> Result<Self, Error> {
        // A byte order mark is not part of the text.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if size > LARGEST {
            return Err(too_large(path, size));
        }
        let mut faults = Vec::new();
        let manifest = read(path, text, &mut faults);
        match manifest {
            Some(manifest) if faults.is_empty() => Ok(manifest),
            _ => {
                // Several environments find the same fault in what they share.
                faults.sort_by_key(|fault| fault.at);
                let mut issues: Vec<Issue> = Vec::new();
                for fault in faults {
                    let issue = Issue::new(path, text, fault);
                    if !issues.contains(&issue) {
                        issues.push(issue);
                    }
                }
                Err(Error::Invalid {
                    path: path.to_owned(),
                    issues,
                })
            }
        }
    }

    /// The project of one environment. `None` takes the only environment, or the manifest's
    /// `default_environment`.
    ///
    /// # Errors
    /// [`Error::UnknownEnvironment`] or [`Error::NoEnvironmentChosen`], both with the names there are.
    pub fn environment(&self, name: Option<&str>) -> Result<Project, Error> {
        let known = || {
            self.environment_names()
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let name = match (
            name.or(self.default_environment.as_deref()),
            self.projects.as_slice(),
        ) {
            (Some(name), _) => name,
            (None, [only]) => return Ok(only.clone()),
            (None, _) => {
                return Err(Error::NoEnvironmentChosen {
                    path: self.path.clone(),
                    known: known(),
                });
            }
        };
        self.projects
            .iter()
            .find(|project| project.environment_key == name)
            .cloned()
            .ok_or_else(|| Error::UnknownEnvironment {
                path: self.path.clone(),
                name: name.to_owned(),
                nearest: nearest(name, self.environment_names()).map(str::to_owned),
                known: known(),
            })
    }

    /// The environments' names, in the order of the file. A manifest without `environments` has one,
    /// `production`.
    #[must_use]
    pub fn environment_names(&self) -> Vec<&str> {
        self.projects
            .iter()
            .map(|project| project.environment_key.as_str())
            .collect()
    }

    /// The file that it was read from.
    #[must_use]
    pub fn path(&self) -> &Utf8Path {
        &self.path
    }

    /// The JSON Schema (2020-12) of the file, for editors.
    #[must_use]
    pub fn json_schema() -> serde_json::Value {
        schema::manifest()
    }
}

fn too_large(path: &Utf8Path, size: u64) -> Error {
    Error::TooLarge {
        path: path.to_owned(),
        size,
        limit: LARGEST,
    }
}

/// Reads every environment. All that is wrong goes to `faults`.
fn read(path: &Utf8Path, text: &str, faults: &mut Vec<Fault>) -> Option<Manifest> {
    let root = match tree::parse(text) {
        Ok(root) => root,
        Err(fault) => {
            faults.push(fault);
            return None;
        }
    };
    let Some(entries) = root.entries() else {
        faults.push(
            Fault::new(root.at, "a manifest is a mapping: lines of `key: value`")
                .suggest("`beanpole init` writes one to start from")
                .of(IssueKind::Syntax),
        );
        return None;
    };
    if entries.is_empty() {
        faults.push(
            Fault::new(root.at, "the manifest is empty")
                .suggest("`beanpole init` writes one to start from")
                .of(IssueKind::Syntax),
        );
        return None;
    }
    let base = Node {
        at: root.at,
        value: Value::Map(
            entries
                .iter()
                .filter(|entry| !TOP_KEYS.contains(&entry.key.as_str()))
                .cloned()
                .collect(),
        ),
    };
    let environments = environments(&root, faults);
    let mut projects = Vec::new();
    for environment in &environments {
        let overlay = &environment.node;
        if let Some(entry) = overlay
            .entries()
            .into_iter()
            .flatten()
            .find(|entry| TOP_KEYS.contains(&entry.key.as_str()))
        {
            faults.push(
                Fault::new(
                    entry.key_at,
                    format!("`{}` stands at the top only", entry.key),
                )
                .suggest("move it out of the environment"),
            );
            continue;
        }
        let mut found = Vec::new();
        let project = resolve(&merge(&base, overlay), &environment.key, &mut found);
        faults.extend(
            found
                .into_iter()
                .map(|fault| complete_suggestion(fault, &base)),
        );
        projects.extend(project);
    }
    distinct(&projects, &root, faults);
    let default_environment = default_environment(&root, &environments, faults);
    Some(Manifest {
        path: path.to_owned(),
        default_environment,
        projects,
    })
}

/// A misspelt `environments` at the top is an unknown key of a section that does not know it.
fn complete_suggestion(fault: Fault, base: &Node) -> Fault {
    let misspelt = base
        .entries()
        .into_iter()
        .flatten()
        .find(|entry| entry.key_at == fault.at && nearest(&entry.key, TOP_KEYS).is_some());
    match misspelt {
        Some(entry) => unknown_key(entry, &TOP_KEYS),
        None => fault,
    }
}

/// The entries under `environments`; one empty `production` if there is no such key.
fn environments(root: &Node, faults: &mut Vec<Fault>) -> Vec<Entry> {
    let only = |at: Position| {
        vec![Entry {
            key: ONLY_ENVIRONMENT.to_owned(),
            key_at: at,
            node: Node::empty_map(at),
        }]
    };
    let Some(entry) = root.entry("environments") else {
        return only(root.at);
    };
    let Some(entries) = entry.node.entries() else {
        faults.push(
            Fault::new(
                entry.node.at,
                "`environments` is a mapping from names to what is different there",
            )
            .suggest("`environments: {staging: {}, production: {}}`"),
        );
        return only(root.at);
    };
    let mut environments = Vec::new();
    for entry in entries.iter().filter(|entry| !entry.key.starts_with("x-")) {
        if !valid_key(&entry.key) {
            faults.push(Fault::new(
                entry.key_at,
                format!(
                    "environment `{}` is not valid: lower-case letters, digits and single hyphens, a letter first, at most 30 characters",
                    entry.key
                ),
            ));
            continue;
        }
        match &entry.node.value {
            Value::Map(_) | Value::Null { .. } => {
                let mut entry = entry.clone();
                if let Value::Null { .. } = entry.node.value {
                    entry.node = Node::empty_map(entry.node.at);
                }
                environments.push(entry);
            }
            Value::Scalar { .. } | Value::List(_) => faults.push(
                Fault::new(
                    entry.node.at,
                    format!("environment `{}` is not a mapping", entry.key),
                )
                .suggest("write `{}` if nothing is different there"),
            ),
        }
    }
    if environments.is_empty() && faults.is_empty() {
        faults.push(
            Fault::new(entry.key_at, "`environments` has no environment")
                .suggest("add one, or remove the key for a single `production`"),
        );
    }
    environments
}

/// Environment keys become part of names in AWS.
fn valid_key(key: &str) -> bool {
    key.len() <= 30
        && key.starts_with(|first: char| first.is_ascii_lowercase())
        && !key.ends_with('-')
        && !key.contains("--")
        && key
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Two environments of one account and region need two names.
fn distinct(projects: &[Project], root: &Node, faults: &mut Vec<Fault>) {
    for (index, project) in projects.iter().enumerate() {
        let earlier = projects.iter().take(index).find(|other| {
            other.environment == project.environment
                && other.region == project.region
                && other.account == project.account
        });
        if let Some(other) = earlier {
            let path = [
                "environments",
                project.environment_key.as_str(),
                "environment_name",
            ];
            faults.push(
                Fault::new(
                    root.position(&path),
                    format!(
                        "environments `{}` and `{}` have the same name `{}`",
                        other.environment_key, project.environment_key, project.environment
                    ),
                )
                .suggest("give each its own `environment_name`, or none at the top"),
            );
        }
    }
}

fn default_environment(
    root: &Node,
    environments: &[Entry],
    faults: &mut Vec<Fault>,
) -> Option<String> {
    let entry = root.entry("default_environment")?;
    let Value::Scalar { text, .. } = &entry.node.value else {
        faults.push(Fault::new(
            entry.node.at,
            "`default_environment` is the name of an environment",
        ));
        return None;
    };
    let names = environments.iter().map(|entry| entry.key.as_str());
    if names.clone().any(|name| name == text) {
        return Some(text.clone());
    }
    let fault = Fault::new(entry.node.at, format!("there is no environment `{text}`"));
    faults.push(match nearest(text, names.clone()) {
        Some(name) => fault.suggest(format!("did you mean `{name}`?")),
        None => fault.suggest(format!(
            "there are: {}",
            names.collect::<Vec<_>>().join(", ")
        )),
    });
    None
}
