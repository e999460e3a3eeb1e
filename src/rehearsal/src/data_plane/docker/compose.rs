//! The part of a compose file that a rehearsal runs, read strictly.
//!
//! Rules: a key that this module does not know is an error that names it, since ignoring it would
//! rehearse something else than what runs on AWS. A few keys that change nothing here are let pass
//! and reported. Keys that start with `x-` are free, as in Docker Compose.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

use super::interpolate::interpolate;

/// How long a container may take to end after SIGTERM unless the file says otherwise (Compose
/// specification, `stop_grace_period`).
const DEFAULT_GRACE: Duration = Duration::from_secs(10);

/// Keys of a service that have no effect in a rehearsal.
const WITHOUT_EFFECT: [&str; 7] = [
    "container_name",
    "expose",
    "healthcheck",
    "labels",
    "logging",
    "stdin_open",
    "tty",
];

/// A compose file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Compose {
    pub(super) services: BTreeMap<String, Service>,
    /// What was let pass without effect, for people.
    pub(super) notes: Vec<String>,
}

/// One service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Service {
    pub(super) source: Source,
    pub(super) command: Option<Vec<String>>,
    pub(super) entrypoint: Option<Vec<String>>,
    /// Host port to container port, both TCP.
    pub(super) ports: BTreeMap<u16, u16>,
    pub(super) env_files: Vec<EnvFile>,
    /// A variable without a value takes it from the project's variables, if it is there.
    pub(super) environment: BTreeMap<String, Option<String>>,
    /// A service with profiles runs only when it is asked for.
    pub(super) profiles: Vec<String>,
    pub(super) depends_on: Vec<String>,
    /// True if the engine starts it again when it fails.
    pub(super) restarts: bool,
    pub(super) working_directory: Option<String>,
    pub(super) user: Option<String>,
    pub(super) grace: Duration,
    /// Files and folders of the bundle that the container sees, read-only.
    pub(super) mounts: Vec<Mount>,
}

/// A part of the bundle in a container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Relative to the bundle's root.
    pub(super) source: String,
    /// The absolute path in the container.
    pub(super) target: String,
}

/// Where a service's image comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Source {
    Image(String),
    Build(BuildSource),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct BuildSource {
    /// The folder in the bundle; empty for its root.
    pub(super) context: String,
    pub(super) dockerfile: String,
    pub(super) target: Option<String>,
    pub(super) args: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EnvFile {
    /// Relative to the bundle's root, or a whole path on the instance.
    pub(super) path: String,
    pub(super) required: bool,
}

impl Compose {
    /// The services that run by themselves, each after those that it depends on.
    ///
    /// # Errors
    /// One sentence: an unknown dependency, or a circle.
    pub(super) fn running(&self) -> Result<Vec<(&str, &Service)>, String> {
        let mut order = Vec::new();
        for (name, service) in &self.services {
            if service.profiles.is_empty() {
                self.visit(name, &mut order, &mut Vec::new())?;
            }
        }
        Ok(order)
    }

    fn visit<'a>(
        &'a self,
        name: &str,
        order: &mut Vec<(&'a str, &'a Service)>,
        path: &mut Vec<String>,
    ) -> Result<(), String> {
        if order.iter().any(|(done, _)| *done == name) {
            return Ok(());
        }
        let (name, service) = self.services.get_key_value(name).ok_or_else(|| {
            format!("a service depends on `{name}`, and there is no such service")
        })?;
        if path.contains(name) {
            return Err(format!(
                "the services {} depend on each other",
                path.join(", ")
            ));
        }
        path.push(name.clone());
        for dependency in &service.depends_on {
            self.visit(dependency, order, path)?;
        }
        path.pop();
        order.push((name, service));
        Ok(())
    }
}

/// Reads a compose file. `lookup` gives the project's variables.
///
/// # Errors
/// One sentence that names the key or the place.
pub(super) fn parse(
    text: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Compose, String> {
    let value: Value = serde_yaml::from_str(text).map_err(|error| one_line(&error.to_string()))?;
    let value = replace_variables(value, lookup)?;
    let root = mapping(&value, "the file")?;
    let mut compose = Compose::default();
    for (key, value) in root {
        match key.as_str() {
            "services" => {
                for (name, value) in mapping(value, "services")? {
                    let service = service(name, value, &mut compose.notes)?;
                    compose.services.insert(name.clone(), service);
                }
            }
            "name" | "version" => {}
            _ if key.starts_with("x-") => {}
            _ => return Err(unknown(key)),
        }
    }
    if compose.services.is_empty() {
        return Err("it has no `services`".to_owned());
    }
    Ok(compose)
}

fn service(name: &str, value: &Value, notes: &mut Vec<String>) -> Result<Service, String> {
    let at = |key: &str| format!("services.{name}.{key}");
    let keys = mapping(value, &format!("services.{name}"))?;
    let mut image = None;
    let mut build = None;
    let mut service = Service {
        source: Source::Image(String::new()),
        command: None,
        entrypoint: None,
        ports: BTreeMap::new(),
        env_files: Vec::new(),
        environment: BTreeMap::new(),
        profiles: Vec::new(),
        depends_on: Vec::new(),
        restarts: false,
        working_directory: None,
        user: None,
        grace: DEFAULT_GRACE,
        mounts: Vec::new(),
    };
    for (key, value) in keys {
        let place = at(key);
        match key.as_str() {
            "image" => image = Some(text(value, &place)?),
            "build" => build = Some(build_source(value, &place)?),
            "command" => service.command = command(value, &place)?,
            "entrypoint" => service.entrypoint = command(value, &place)?,
            "ports" => service.ports = ports(value, &place)?,
            "env_file" => service.env_files = env_files(value, &place)?,
            "environment" => service.environment = variables(value, &place)?,
            "profiles" => service.profiles = texts(value, &place)?,
            "depends_on" => service.depends_on = depends_on(value, &place)?,
            "restart" => service.restarts = restarts(value, &place)?,
            "working_dir" => service.working_directory = Some(text(value, &place)?),
            "volumes" => service.mounts = mounts(value, &place)?,
            "user" => service.user = Some(text(value, &place)?),
            "stop_grace_period" => service.grace = duration(&text(value, &place)?, &place)?,
            _ if WITHOUT_EFFECT.contains(&key.as_str()) => {
                notes.push(format!("`{place}` has no effect in a rehearsal"));
            }
            _ if key.starts_with("x-") => {}
            _ => return Err(unknown(&place)),
        }
    }
    service.source = match (image, build) {
        // With both, compose builds and gives the result that name.
        (_, Some(build)) => Source::Build(build),
        (Some(image), None) => Source::Image(image),
        (None, None) => return Err(format!("services.{name} has neither `image` nor `build`")),
    };
    Ok(service)
}

fn build_source(value: &Value, place: &str) -> Result<BuildSource, String> {
    let mut source = BuildSource {
        context: String::new(),
        dockerfile: "Dockerfile".to_owned(),
        target: None,
        args: BTreeMap::new(),
    };
    if let Value::String(context) = value {
        source.context = folder(context, place)?;
        return Ok(source);
    }
    for (key, value) in mapping(value, place)? {
        let place = format!("{place}.{key}");
        match key.as_str() {
            "context" => source.context = folder(&text(value, &place)?, &place)?,
            "dockerfile" => source.dockerfile = text(value, &place)?,
            "target" => source.target = Some(text(value, &place)?),
            "args" => {
                let args = variables(value, &place)?;
                source.args = args
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect();
            }
            _ if key.starts_with("x-") => {}
            _ => return Err(unknown(&place)),
        }
    }
    Ok(source)
}

/// A folder of the bundle in its plain form: `.` and `./` are the root, which is the empty text.
fn folder(path: &str, place: &str) -> Result<String, String> {
    let parts: Vec<&str> = path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if path.starts_with('/') || path.contains("://") || parts.contains(&"..") {
        return Err(format!(
            "`{place}` is `{path}`, which is not a folder of the bundle"
        ));
    }
    Ok(parts.join("/"))
}

fn ports(value: &Value, place: &str) -> Result<BTreeMap<u16, u16>, String> {
    let mut ports = BTreeMap::new();
    for item in list(value, place)? {
        let (host, container) = match item {
            Value::Object(keys) => {
                let mut pair = (None, None);
                for (key, value) in keys {
                    let number = || port(&text(value, place)?, place);
                    match key.as_str() {
                        "published" => pair.0 = Some(number()?),
                        "target" => pair.1 = Some(number()?),
                        "protocol" if value == "tcp" => {}
                        "host_ip" | "mode" | "name" | "app_protocol" => {}
                        _ => return Err(unknown(&format!("{place}.{key}"))),
                    }
                }
                pair
            }
            other => {
                let written = text(other, place)?;
                let plain = written.strip_suffix("/tcp").unwrap_or(&written);
                let mut parts = plain.rsplit(':');
                let container = parts.next().map(|part| port(part, place)).transpose()?;
                let host = parts.next().filter(|part| !part.is_empty());
                (host.map(|part| port(part, place)).transpose()?, container)
            }
        };
        // Without a host port, compose takes any free one; nothing on an instance could know it.
        if let (Some(host), Some(container)) = (host, container) {
            ports.insert(host, container);
        }
    }
    Ok(ports)
}

fn port(written: &str, place: &str) -> Result<u16, String> {
    written.parse().map_err(|_| {
        format!(
            "`{place}` has `{written}`, which is not a TCP port; ranges and UDP are not rehearsed"
        )
    })
}

fn env_files(value: &Value, place: &str) -> Result<Vec<EnvFile>, String> {
    let path = |value: &Value| {
        let written = text(value, place)?;
        if written.starts_with('/') {
            return Ok(written);
        }
        folder(&written, place)
    };
    let one = |value: &Value| match value {
        Value::Object(keys) => {
            let mut file = EnvFile {
                path: String::new(),
                required: true,
            };
            for (key, value) in keys {
                match key.as_str() {
                    "path" => file.path = path(value)?,
                    "required" => file.required = value != &Value::Bool(false),
                    _ => return Err(unknown(&format!("{place}.{key}"))),
                }
            }
            Ok(file)
        }
        other => Ok(EnvFile {
            path: path(other)?,
            required: true,
        }),
    };
    match value {
        Value::Array(items) => items.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

/// Read-only mounts of parts of the bundle, in the short form. Other volumes keep data, which an instance
/// of a rehearsal does not.
fn mounts(value: &Value, place: &str) -> Result<Vec<Mount>, String> {
    let one = |written: String| {
        let mount = written.strip_suffix(":ro").and_then(|rest| {
            let (source, target) = rest.strip_prefix("./")?.split_once(':')?;
            let target = target.starts_with('/').then(|| target.to_owned())?;
            Some((source.to_owned(), target))
        });
        let (source, target) = mount.ok_or_else(|| {
            format!(
                "`{place}` has `{written}`; only `./part/of/the/bundle:/in/the/container:ro` is rehearsed"
            )
        })?;
        let source = folder(&source, place)?;
        Ok(Mount { source, target })
    };
    texts(value, place)?.into_iter().map(one).collect()
}

/// Variables as a mapping or as a list of `NAME=value`.
fn variables(value: &Value, place: &str) -> Result<BTreeMap<String, Option<String>>, String> {
    match value {
        Value::Object(keys) => keys
            .iter()
            .map(|(name, value)| {
                let value = match value {
                    Value::Null => None,
                    other => Some(text(other, &format!("{place}.{name}"))?),
                };
                Ok((name.clone(), value))
            })
            .collect(),
        other => Ok(texts(other, place)?
            .into_iter()
            .map(|pair| match pair.split_once('=') {
                Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
                None => (pair, None),
            })
            .collect()),
    }
}

fn depends_on(value: &Value, place: &str) -> Result<Vec<String>, String> {
    let Value::Object(keys) = value else {
        return texts(value, place);
    };
    for (name, value) in keys {
        for (key, value) in mapping(value, &format!("{place}.{name}"))? {
            let plain = key == "condition" && value == "service_started"
                || key == "required"
                || key == "restart";
            if !plain {
                return Err(unknown(&format!("{place}.{name}.{key}")));
            }
        }
    }
    Ok(keys.keys().cloned().collect())
}

fn restarts(value: &Value, place: &str) -> Result<bool, String> {
    // YAML 1.2 reads `no` as text and `false` as a truth value; compose takes both.
    if value == &Value::Bool(false) {
        return Ok(false);
    }
    let policy = text(value, place)?;
    match policy.split(':').next().unwrap_or_default() {
        "no" => Ok(false),
        "always" | "unless-stopped" | "on-failure" => Ok(true),
        _ => Err(format!(
            "`{place}` is `{policy}`, which is not a restart policy"
        )),
    }
}

/// Compose durations of the plain kind: `30s`, `1m30s`.
fn duration(written: &str, place: &str) -> Result<Duration, String> {
    let malformed = || format!("`{place}` is `{written}`, which is not a duration such as `30s`");
    let mut total = Duration::ZERO;
    let mut rest = written;
    while !rest.is_empty() {
        let digits = rest
            .find(|character: char| !character.is_ascii_digit())
            .ok_or_else(malformed)?;
        let (number, after) = rest.split_at(digits);
        let end = after
            .find(|character: char| character.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let number: u32 = number.parse().map_err(|_| malformed())?;
        let one = match unit {
            "ms" => Duration::from_millis(1),
            "s" => Duration::from_secs(1),
            "m" => Duration::from_secs(60),
            "h" => Duration::from_secs(3600),
            _ => return Err(malformed()),
        };
        total += one.saturating_mul(number);
        rest = after;
    }
    Ok(total)
}

/// A command as a list, or as one text that is split as a shell splits words. `None` for null.
fn command(value: &Value, place: &str) -> Result<Option<Vec<String>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::Array(_) => texts(value, place).map(Some),
        other => {
            let line = text(other, place)?;
            shlex::split(&line)
                .map(Some)
                .ok_or_else(|| format!("`{place}` has a quote without its end"))
        }
    }
}

fn mapping<'a>(value: &'a Value, place: &str) -> Result<&'a Map<String, Value>, String> {
    value
        .as_object()
        .ok_or_else(|| format!("`{place}` is not a mapping"))
}

fn list<'a>(value: &'a Value, place: &str) -> Result<&'a [Value], String> {
    value
        .as_array()
        .map(Vec::as_slice)
        .ok_or_else(|| format!("`{place}` is not a list"))
}

fn texts(value: &Value, place: &str) -> Result<Vec<String>, String> {
    list(value, place)?
        .iter()
        .map(|item| text(item, place))
        .collect()
}

fn text(value: &Value, place: &str) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Bool(truth) => Ok(truth.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => Err(format!("`{place}` is not a text")),
    }
}

fn unknown(place: &str) -> String {
    format!("the key `{place}` is not rehearsed")
}

fn replace_variables(
    value: Value,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Value, String> {
    Ok(match value {
        Value::String(text) => Value::String(interpolate(&text, lookup)?),
        Value::Array(items) => Value::Array(
            items
                .into_iter()
                .map(|item| replace_variables(item, lookup))
                .collect::<Result<_, _>>()?,
        ),
        Value::Object(keys) => Value::Object(
            keys.into_iter()
                .map(|(key, value)| Ok((key, replace_variables(value, lookup)?)))
                .collect::<Result<_, String>>()?,
        ),
        other => other,
    })
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
#[path = "compose_tests.rs"]
mod tests;
