//! What a bundle asks of the instance besides its containers: `.ebextensions/*.config`.
//!
//! Rules: of `container_commands`, those of the form `docker compose run --rm [--no-deps] SERVICE
//! [COMMAND…]` are rehearsed, in the order in which Beanstalk runs them: files by name, commands by name.
//! `sh .beanpole/release.sh` does the same with the service `release` and streams its output.
//! Everything else that would do something on an instance is reported as not rehearsed.
//! `option_settings` belong to the control plane and are not looked at here.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::data_plane::release_log;

/// Keys of a config file that do something on the instance (developer guide, "Customizing software on
/// Linux servers").
const ON_THE_INSTANCE: [&str; 7] = [
    "packages", "groups", "users", "sources", "files", "commands", "services",
];

/// A container command that a rehearsal runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ContainerCommand {
    /// Its name in the config file.
    pub(super) name: String,
    /// The service of the compose file that it runs in.
    pub(super) service: String,
    /// The command in place of the service's own.
    pub(super) command: Option<Vec<String>>,
    /// True if only one instance of the environment runs it.
    pub(super) leader_only: bool,
    /// True if its failure does not fail the deployment.
    pub(super) ignore_errors: bool,
    /// True if its output goes to the log of the release step.
    pub(super) streams: bool,
}

/// What the config files of a bundle ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Extensions {
    pub(super) commands: Vec<ContainerCommand>,
    /// What is not rehearsed, for people.
    pub(super) notes: Vec<String>,
}

/// Reads the config files (path and text).
///
/// # Errors
/// One sentence: a file that is not valid, as Beanstalk refuses it too.
pub(super) fn parse<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<Extensions, String> {
    let files: BTreeMap<&str, &str> = files.into_iter().collect();
    let mut extensions = Extensions::default();
    for (path, text) in files {
        let value: Value = serde_yaml::from_str(text).map_err(|error| {
            let words: Vec<String> = error
                .to_string()
                .split_whitespace()
                .map(str::to_owned)
                .collect();
            format!("`{path}` is not valid: {}", words.join(" "))
        })?;
        let Some(keys) = value.as_object() else {
            if value.is_null() {
                continue;
            }
            return Err(format!("`{path}` is not a mapping"));
        };
        for key in ON_THE_INSTANCE
            .iter()
            .filter(|key| keys.contains_key(**key))
        {
            extensions
                .notes
                .push(format!("`{key}` of {path} is not rehearsed"));
        }
        let Some(commands) = keys.get("container_commands") else {
            continue;
        };
        let commands = commands
            .as_object()
            .ok_or_else(|| format!("`container_commands` of `{path}` is not a mapping"))?;
        let sorted: BTreeMap<&String, &Value> = commands.iter().collect();
        for (name, value) in sorted {
            match container_command(name, value) {
                Some(command) => extensions.commands.push(command),
                None => extensions.notes.push(format!(
                    "the container command `{name}` of {path} is not rehearsed: only `docker compose run --rm \
                     [--no-deps] SERVICE` is"
                )),
            }
        }
    }
    Ok(extensions)
}

/// The command if it has the form that is rehearsed.
fn container_command(name: &str, value: &Value) -> Option<ContainerCommand> {
    let keys = value.as_object()?;
    if keys.get("command").and_then(Value::as_str) == Some(release_log::COMMAND) {
        return own_command(name, keys);
    }
    let words = match keys.get("command")? {
        Value::String(line) => plain_words(line)?,
        Value::Array(items) => items
            .iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect::<Option<Vec<_>>>()?,
        _ => return None,
    };
    let mut words = words.into_iter().peekable();
    let program = words.next()?;
    let compose =
        program == "docker" && words.next_if_eq("compose").is_some() || program == "docker-compose";
    if !compose || words.next()? != "run" {
        return None;
    }
    let mut removes = false;
    while let Some(flag) = words.next_if(|word| word.starts_with('-')) {
        match flag.as_str() {
            "--rm" => removes = true,
            "--no-deps" | "-T" | "--no-TTY" | "--quiet-pull" => {}
            _ => return None,
        }
    }
    let service = words.next()?;
    let command: Vec<String> = words.collect();
    let known = keys.keys().all(|key| {
        matches!(
            key.as_str(),
            "command" | "leader_only" | "ignoreErrors" | "ignore_errors"
        )
    });
    (removes && known).then(|| ContainerCommand {
        name: name.to_owned(),
        streams: false,
        service,
        command: (!command.is_empty()).then_some(command),
        leader_only: keys.get("leader_only").is_some_and(is_true),
        ignore_errors: ["ignoreErrors", "ignore_errors"]
            .iter()
            .any(|key| keys.get(*key).is_some_and(is_true)),
    })
}

/// The release step that beanpole puts into bundles: a script that runs the service and streams its
/// output.
fn own_command(name: &str, keys: &serde_json::Map<String, Value>) -> Option<ContainerCommand> {
    let known = |key: &String| matches!(key.as_str(), "command" | "leader_only");
    keys.keys().all(known).then(|| ContainerCommand {
        name: name.to_owned(),
        service: release_log::SERVICE.to_owned(),
        command: None,
        leader_only: keys.get("leader_only").is_some_and(is_true),
        ignore_errors: false,
        streams: true,
    })
}

/// The words of a line that needs no shell; `None` if it uses any of the shell's operators.
fn plain_words(line: &str) -> Option<Vec<String>> {
    let mut quote = None;
    for character in line.chars() {
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (Some('\''), _) => {}
            (_, '$' | '`') => return None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(character),
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '\n') => return None,
            (None, _) => {}
        }
    }
    shlex::split(line)
}

fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(truth) => *truth,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Extensions {
        parse([(".ebextensions/a.config", text)]).unwrap()
    }

    #[test]
    fn the_release_step_that_a_deploy_renders() {
        let extensions = one(
            "container_commands:\n  10_beanpole_release:\n    command: sh .beanpole/release.sh\n    leader_only: true\n",
        );
        assert_eq!(extensions.notes, Vec::<String>::new());
        assert_eq!(
            extensions.commands,
            [ContainerCommand {
                name: "10_beanpole_release".to_owned(),
                service: "release".to_owned(),
                command: None,
                leader_only: true,
                ignore_errors: false,
                streams: true,
            }]
        );
    }

    #[test]
    fn commands_run_by_file_and_name() {
        let extensions = parse([
            (".ebextensions/b.config", "container_commands:\n  a: {command: docker compose run --rm one}\n"),
            (
                ".ebextensions/a.config",
                "container_commands:\n  z: {command: docker-compose run --rm -T two python 'a b', leader_only: 'true', ignoreErrors: true}\n  b: {command: [docker, compose, run, --rm, three]}\n",
            ),
        ])
        .unwrap();
        let services: Vec<&str> = extensions
            .commands
            .iter()
            .map(|command| command.service.as_str())
            .collect();
        assert_eq!(services, ["three", "two", "one"]);
        let two = &extensions.commands[1];
        assert_eq!(two.command.as_ref().unwrap(), &["python", "a b"]);
        assert!(two.leader_only && two.ignore_errors);
        assert!(!extensions.commands[0].leader_only);
    }

    #[test]
    fn other_forms_are_reported_by_name() {
        for command in [
            "echo hello",
            "docker compose run release",
            "docker compose exec web migrate",
            "docker compose run --rm release && echo done",
            "docker compose run --rm release && echo 'done'",
            "docker compose run --rm release $HOME",
            "docker compose run --rm -v /x:/y release",
            "docker run --rm image",
            "docker compose run --rm",
        ] {
            let text = format!("container_commands:\n  mine:\n    command: {command:?}\n");
            let extensions = one(&text);
            assert!(extensions.commands.is_empty(), "{command}");
            assert!(
                extensions.notes[0].contains("`mine`"),
                "{:?}",
                extensions.notes
            );
        }
        let test = one(
            "container_commands:\n  t: {command: docker compose run --rm x, test: '[ -f y ]'}\n",
        );
        assert!(test.commands.is_empty());
        let others = one("option_settings: {}\nfiles: {}\npackages: {}\n");
        assert_eq!(others.notes.len(), 2);
        assert_eq!(one("# nothing\n"), Extensions::default());
    }

    #[test]
    fn json_is_read_too_and_nonsense_is_refused() {
        let json =
            one("{\"container_commands\": {\"a\": {\"command\": \"docker compose run --rm x\"}}}");
        assert_eq!(json.commands.len(), 1);
        for text in ["a: [", "- a", "container_commands: []"] {
            let error = parse([(".ebextensions/a.config", text)]).unwrap_err();
            assert!(error.contains(".ebextensions/a.config"), "{error}");
        }
    }
}
