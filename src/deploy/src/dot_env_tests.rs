//! Tests of the list and of the program, which really runs: with `sh` and `dash`, Python, and a
//! program named `aws` that answers from a file.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use beanpole_model::Secret;
use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::*;
use crate::testing::project;

const DOTENV: &str = "environment_name: blog-staging\ndatabase: {name: blog, username: \
                      blog}\nsecrets:\n  mode: dotenv\n  names: {API_KEY: shared/key, PART: \
                      'shared/json#odd'}\n";

#[test]
fn with_native_references_the_bundle_gets_nothing() {
    let project = project("database: {name: blog, username: blog}\n");
    assert_eq!(render(&project).unwrap(), []);
    assert_eq!(values_file(&project), None);
}

#[test]
fn the_list_names_secrets_and_the_hooks_are_executable() {
    let project = project(DOTENV);
    let files = render(&project).unwrap();
    let modes: Vec<_> = files.iter().map(|file| (file.path, file.mode)).collect();
    assert_eq!(
        modes,
        [
            (LIST_FILE, Mode::File),
            (PROGRAM_FILE, Mode::File),
            (HOOK_FILE, Mode::Executable),
            (CONFIGURATION_HOOK_FILE, Mode::Executable),
        ]
    );
    let list: Value = serde_json::from_str(&files[0].text).unwrap();
    assert_eq!(list["environment"], "blog-staging");
    assert_eq!(list["region"], "eu-central-1");
    assert_eq!(list["file"], values_file(&project).unwrap());
    let variables = list["variables"].as_array().unwrap();
    for variable in [
        json!({"name": "API_KEY", "secret": "shared/key"}),
        json!({"name": "PART", "secret": "shared/json", "key": "odd"}),
        json!({"name": "DB_PASSWORD", "secret": "django/blog-staging/database", "key": "password"}),
    ] {
        assert!(variables.contains(&variable), "{variable}: {variables:?}");
    }
}

#[test]
fn the_file_is_named_by_what_is_in_the_list() {
    let one = values_file(&project(DOTENV)).unwrap();
    assert_eq!(one, values_file(&project(DOTENV)).unwrap());
    for other in [
        DOTENV.replace("blog-staging", "blog-other"),
        DOTENV.replace("shared/key", "shared/key2"),
        DOTENV.replace("json#odd", "json#even"),
    ] {
        assert_ne!(one, values_file(&project(&other)).unwrap(), "{other}");
    }
}

/// An instance: the bundle's files in one directory, an `aws` in another.
struct Instance {
    directory: tempfile::TempDir,
}

/// Answers from `answers.json` beside it, which holds what Secrets Manager would say for each id, and
/// writes down with what it was called.
const AWS: &str = r#"#!/usr/bin/env python3
import json, os, sys
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "calls"), "a") as calls:
    calls.write(" ".join(sys.argv[1:]) + "\n")
answers = json.load(open(os.path.join(here, "answers.json")))
answer = answers.get(sys.argv[sys.argv.index("--secret-id") + 1])
if answer is None:
    sys.exit("\nAn error occurred (ResourceNotFoundException) when calling the GetSecretValue operation: "
             "Secrets Manager can't find the specified secret.")
print(json.dumps(answer))
"#;

impl Instance {
    fn new(variables: &Value, secrets: &Value) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let instance = Self { directory };
        for file in render(&project(DOTENV)).unwrap() {
            instance.write(&format!("app/{}", file.path), &file.text, file.mode);
        }
        let list = json!({
            "environment": "blog-staging",
            "region": "eu-central-1",
            "file": instance.path("secrets/one.env"),
            "variables": variables,
        });
        let list = list.to_string();
        instance.write(&format!("app/{LIST_FILE}"), &list, Mode::File);
        instance.write("bin/aws", AWS, Mode::Executable);
        // A Python that is found through a wrapper may put its own directory in front of the path.
        let python = format!("#!/bin/sh\nexec '{}' \"$@\"\n", real_python());
        instance.write("bin/python3", &python, Mode::Executable);
        instance.write("bin/answers.json", &secrets.to_string(), Mode::File);
        instance
    }

    fn path(&self, path: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.directory.path())
            .unwrap()
            .join(path)
    }

    fn write(&self, path: &str, text: &str, mode: Mode) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        let mode = if mode == Mode::Executable {
            0o755
        } else {
            0o644
        };
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        #[expect(
            clippy::disallowed_methods,
            reason = "the programs that a test starts are found where the test's own are"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin")));
        command
    }

    fn hook(&self, shell: &str) -> Output {
        let mut command = self.command(shell);
        command
            .arg(self.path("app").join(HOOK_FILE))
            .current_dir("/");
        command.output().unwrap()
    }

    fn file(&self) -> Option<String> {
        fs_err::read_to_string(self.path("secrets/one.env")).ok()
    }
}

fn real_python() -> String {
    let ask = ["-c", "import sys; print(sys.executable)"];
    let output = Command::new("python3").args(ask).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn said(output: &Output) -> String {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    String::from_utf8_lossy(&text).into_owned()
}

fn variable(name: &str, secret: &str, key: Option<&str>) -> Value {
    json!({"name": name, "secret": secret, "key": key})
}

/// Whatever the value is, the program writes it as `beanpole_secrets::dotenv` does, whose tests read it
/// back as compose does.
#[test]
fn odd_values_are_written_as_compose_reads_them() {
    let values = [
        "plain-1.2",
        "",
        "two words",
        "a#b",
        " # c",
        "$HOME ${X} $$",
        "it's $5",
        "say \"hi\"",
        "both ' and \"",
        "a\\b",
        "end\\",
        "'\\",
        "one\ntwo\r\nthree\n",
        "tab\there",
        "naïve – ☃",
        "postgres://u:p%2F@h:5432/d",
        "-----BEGIN KEY-----\nabc+/=\n-----END KEY-----\n",
    ];
    let names: Vec<String> = (0..values.len()).map(|index| format!("V{index}")).collect();
    let mut secrets = json!({});
    let mut object = json!({});
    let mut variables = Vec::new();
    let mut expected = BTreeMap::new();
    for (name, value) in names.iter().zip(values) {
        secrets[name] = json!({"Name": name, "SecretString": value});
        object[value] = json!(value);
        variables.push(variable(name, name, None));
        let keyed = format!("{name}K");
        variables.push(variable(&keyed, "object", Some(value)));
        expected.insert(name.clone(), Secret::new(value));
        expected.insert(keyed, Secret::new(value));
    }
    object["number"] = json!({"port": 5432});
    secrets["object"] = json!({"SecretString": object.to_string()});
    variables.push(variable("Z", "object", Some("number")));
    expected.insert("Z".to_owned(), Secret::new("{\"port\":5432}"));
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let expected = beanpole_secrets::dotenv::render(&expected).unwrap();
    for shell in ["sh", "dash", "bash"] {
        let instance = Instance::new(&json!(variables), &secrets);
        let output = instance.hook(shell);
        assert!(output.status.success(), "{shell}: {}", said(&output));
        let file = instance.file().unwrap();
        assert_eq!(sorted(&file), sorted(expected.expose()), "{shell}");
        let calls = fs_err::read_to_string(instance.path("bin/calls")).unwrap();
        assert_eq!(calls.lines().count(), values.len() + 1, "{calls}");
        let told = format!("{calls}{}", said(&output));
        assert!(!told.contains("BEGIN KEY"), "{told}");
    }
}

#[test]
fn only_root_can_read_the_file_and_it_is_replaced_whole() {
    let variables = json!([variable("A", "one", None)]);
    let instance = Instance::new(&variables, &json!({"one": {"SecretString": "first"}}));
    assert!(instance.hook("sh").status.success());
    let mode = |path: &str| {
        let metadata = fs_err::metadata(instance.path(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    assert_eq!((mode("secrets"), mode("secrets/one.env")), (0o700, 0o600));
    // A rotated secret gets there by the twin for changes of the configuration.
    let rotated = json!({"one": {"SecretString": "second"}}).to_string();
    instance.write("bin/answers.json", &rotated, Mode::File);
    let twin = instance.path("app").join(CONFIGURATION_HOOK_FILE);
    let output = instance.command("sh").arg(twin).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(instance.file().unwrap(), "A=second\n");
    let files = fs_err::read_dir(instance.path("secrets")).unwrap().count();
    assert_eq!(files, 1);
}

#[test]
fn what_fails_names_the_secret_and_writes_nothing() {
    for (variables, secrets, part) in [
        (
            json!([variable("A", "gone/one", None)]),
            json!({}),
            "the secret gone/one could not be read: An error occurred (ResourceNotFoundException)",
        ),
        (
            json!([variable("A", "one", Some("k"))]),
            json!({"one": {"SecretString": "planted-value"}}),
            "the secret one is not a JSON object, and A comes from its key k",
        ),
        (
            json!([variable("A", "one", Some("k"))]),
            json!({"one": {"SecretString": "{\"planted-value\": 1}"}}),
            "the secret one has no key k, which A comes from",
        ),
        (
            json!([variable("A", "one", None)]),
            json!({"one": {"SecretBinary": "planted-value"}}),
            "the secret one is binary",
        ),
        (
            json!([variable("A", "one", None)]),
            json!({"one": {"SecretString": "planted-value\u{0}"}}),
            "the secret one has a NUL",
        ),
        (
            json!([variable("A-B", "one", None)]),
            json!({"one": {"SecretString": "planted-value"}}),
            "the variable 'A-B' is not a name",
        ),
    ] {
        let instance = Instance::new(&variables, &secrets);
        let output = instance.hook("sh");
        assert_eq!(output.status.code(), Some(1), "{part}");
        assert!(said(&output).contains(part), "{}", said(&output));
        assert!(!said(&output).contains("planted-value"), "{part}");
        assert_eq!(instance.file(), None, "{part}");
    }
}

#[test]
fn a_missing_tool_is_named() {
    let instance = Instance::new(&json!([]), &json!({}));
    instance.write("tools/python3", "#!/bin/sh\n", Mode::Executable);
    for tool in ["dirname", "env"] {
        let link = instance.path("tools").join(tool);
        std::os::unix::fs::symlink(format!("/usr/bin/{tool}"), link).unwrap();
    }
    let mut command = Command::new("/bin/sh");
    command.arg(instance.path("app").join(HOOK_FILE));
    let output = command
        .env("PATH", instance.path("tools"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said(&output).contains("aws is not on this instance"),
        "{}",
        said(&output)
    );
}

#[test]
fn the_list_of_another_environment_is_refused() {
    let variables = json!([variable("A", "one", None)]);
    let instance = Instance::new(&variables, &json!({"one": {"SecretString": "v"}}));
    let run = |own: &str| {
        instance.write(
            "get-config",
            &format!("#!/bin/sh\n{own}\n"),
            Mode::Executable,
        );
        let mut command = instance.command("python3");
        command.arg(instance.path("app").join(PROGRAM_FILE));
        command.arg(instance.path("app").join(LIST_FILE));
        command.args([instance.path("get-config"), instance.path("current.yml")]);
        command.output().unwrap()
    };
    let refused = run("echo blog-production");
    assert_eq!(refused.status.code(), Some(1));
    let text = said(&refused);
    assert!(
        text.contains("blog-staging") && text.contains("blog-production"),
        "{text}"
    );
    assert_eq!(instance.file(), None);
    for own in ["echo blog-staging", "echo", "echo no such key >&2; exit 1"] {
        assert!(run(own).status.success(), "{own}");
    }
    // Files of former versions go, but for the one that runs.
    instance.write("secrets/two.env", "A=2\n", Mode::File);
    instance.write("secrets/three.env", "A=3\n", Mode::File);
    let current = format!("env_file: [.env, {}]\n", instance.path("secrets/two.env"));
    instance.write("current.yml", &current, Mode::File);
    assert!(run("echo blog-staging").status.success());
    let left = |name: &str| instance.path("secrets").join(name).exists();
    assert_eq!((left("two.env"), left("three.env")), (true, false));
}
