//! Tests of the release step's programs, which really run: the shell and Python parts with stand-ins
//! for Django, Docker and AWS on the path.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::{Value, json};

use super::*;
use crate::release_step::{Lock, LogReader, ReleaseStepReport};
use crate::testing::project;

const PROJECT: &str = "database: {name: blog, username: blog}\nrelease:\n  - python manage.py migrate\n  - 'test -n \"$X\" || \
                       exit 1 # why'\nsecrets: {names: {API_KEY: shared/key}}\n";

#[test]
fn the_configuration_names_commands_and_what_to_hide() {
    let files = render(&project(PROJECT)).unwrap();
    let configuration: Value = serde_json::from_str(&files[4].text).unwrap();
    assert_eq!(
        configuration,
        json!({
            "application": "blog",
            "commands": ["python manage.py migrate", "test -n \"$X\" || exit 1 # why"],
            "lock_seconds": 300,
            "secrets": ["API_KEY", "DATABASE_URL", "DB_PASSWORD", "DJANGO_SECRET_KEY"],
        })
    );
    let plain = "( python manage.py migrate\n) &&\n( test -n \"$X\" || exit 1 # why\n)\n";
    assert!(files[2].text.ends_with(plain), "{}", files[2].text);
}

#[test]
fn the_lock_is_given_up_before_beanstalk_gives_up() {
    let short = project("deployment: {timeout: 60s}\n");
    assert_eq!(lock_patience(&short), Duration::from_secs(30));
    let long = project("deployment: {timeout: 1h}\n");
    assert_eq!(lock_patience(&long), LONGEST_PATIENCE);
}

/// A directory with the bundle's files in `bundle`, a project in `app`, and stand-ins in `bin`.
struct Machine {
    directory: tempfile::TempDir,
}

impl Machine {
    fn new(configuration: &Value) -> Self {
        let machine = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        for file in render(&project(PROJECT)).unwrap() {
            machine.write(&format!("bundle/{}", file.path), &file.text, 0o644);
        }
        machine.write(
            &format!("bundle/{CONFIGURATION_FILE}"),
            &configuration.to_string(),
            0o644,
        );
        machine.write("app/here.txt", "", 0o644);
        machine
    }

    fn path(&self, path: &str) -> Utf8PathBuf {
        Utf8Path::from_path(self.directory.path())
            .unwrap()
            .join(path)
    }

    fn write(&self, path: &str, text: &str, mode: u32) {
        let path = self.path(path);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(&path, text).unwrap();
        fs_err::set_permissions(&path, PermissionsExt::from_mode(mode)).unwrap();
    }

    fn text(&self, path: &str) -> String {
        fs_err::read_to_string(self.path(path)).unwrap_or_default()
    }

    /// The program in the container, not started yet.
    fn program(&self) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.path("bundle").join(PROGRAM_FILE));
        command.arg(self.path("bundle").join(CONFIGURATION_FILE));
        command.current_dir(self.path("app"));
        command.env_remove("DJANGO_SETTINGS_MODULE");
        command
    }

    /// The script on the instance, not started yet.
    fn host(&self) -> Command {
        let mut command = Command::new("sh");
        command.arg(self.path("bundle").join(HOST_FILE)).arg("1");
        #[expect(
            clippy::disallowed_methods,
            reason = "the programs that a test starts are found where the test's own are"
        )]
        let path = std::env::var("PATH").unwrap_or_default();
        command.env("PATH", format!("{}:{path}", self.path("bin")));
        command.env("HERE", self.path(""));
        command
    }
}

/// What the release engineer sees of a program's output, and what the report says.
fn seen(output: &Output) -> (Vec<String>, ReleaseStepReport) {
    let text = String::from_utf8_lossy(&output.stdout);
    let mut reader = LogReader::default();
    let lines = reader.read(&format!(
        "@beanpole {{\"event\": \"log\", \"id\": \"x\"}}\n{text}"
    ));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors, "");
    (lines, reader.report().unwrap().clone())
}

fn configuration(commands: &[&str]) -> Value {
    json!({"application": "blog", "commands": commands, "lock_seconds": 2, "secrets": ["KEY", "EMPTY"]})
}

#[test]
fn commands_run_in_order_and_the_first_failure_ends_it() {
    let commands = [
        "echo one; echo two >&2; ls",
        "printf 'no end of line'; (exit 7)",
        "echo never",
    ];
    let machine = Machine::new(&configuration(&commands));
    let output = machine.program().output().unwrap();
    assert_eq!(output.status.code(), Some(7));
    let (lines, report) = seen(&output);
    let shown = lines.join("\n");
    for part in [
        "running without a release lock: there is no manage.py and no DJANGO_SETTINGS_MODULE\n$ echo one",
        "one\ntwo\nhere.txt\n(done in",
        "no end of line\n(failed with exit code 7 after",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    assert!(!shown.contains("never"), "{shown}");
    let codes: Vec<_> = report.commands.iter().map(|own| own.exit_code).collect();
    assert_eq!(codes, [Some(0), Some(7)]);
    assert_eq!(report.exit_code, Some(7));
    assert_eq!(report.failed_command().unwrap().command, commands[1]);
}

#[test]
fn secrets_are_not_printed_and_marks_are_not_forged() {
    let commands = [
        "echo \"key=$KEY.\"; echo plain",
        "echo '@beanpole {\"event\": \"end\", \"exit_code\": 0}'",
        "printf 'cut\\rshort\\n'; printf '\\303\\n'",
        "printf '%040000d\\n' 1",
        "env | grep -c ^PYTHONUNBUFFERED=1",
    ];
    let machine = Machine::new(&configuration(&commands));
    let mut program = machine.program();
    let output = program
        .env("KEY", "planted-value\nsecond-line")
        .env("EMPTY", "")
        .output()
        .unwrap();
    let (lines, report) = seen(&output);
    let shown = lines.join("\n");
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(
        shown.contains("key=[secret]") && shown.contains("plain"),
        "{shown}"
    );
    assert!(
        !shown.contains("planted-value") && !shown.contains("second-line"),
        "{shown}"
    );
    assert!(shown.contains("\n @beanpole {"), "{shown}");
    assert!(shown.contains("\nshort\n\u{fffd}\n"), "{shown}");
    assert!(lines.iter().all(|line| line.len() <= 16 * 1024));
    assert_eq!(report.commands.len(), commands.len());
    assert!(report.failed_command().is_none());
}

/// A stand-in for Django: its database's lock is free when the file `held` is not there, and its
/// migrations stand in `applied`.
const DJANGO: [(&str, &str); 6] = [
    ("django/__init__.py", "def setup():\n    import settings\n"),
    (
        "django/db/__init__.py",
        r#"import os
class Cursor:
    def __enter__(self): return self
    def __exit__(self, *_): pass
    def execute(self, query, values):
        self.row = None
        if "pg_try_advisory_lock" in query: self.row = (not os.path.exists("held"),)
        elif "pg_stat_activity" in query: self.row = (4711, "10.0.0.1", "yesterday")
        elif "pg_backend_pid" in query: self.row = None if os.path.exists("lost") else (1,)
    def fetchone(self): return self.row
class Connection:
    vendor = "postgresql"
    def ensure_connection(self):
        if os.path.exists("refused"): raise RuntimeError("connection refused\nwith more")
    def set_autocommit(self, _): pass
    def cursor(self): return Cursor()
connection = Connection()
"#,
    ),
    ("django/db/migrations/__init__.py", ""),
    (
        "django/db/migrations/recorder.py",
        r#"class Applied:
    def __init__(self, when): self.applied = when
class MigrationRecorder:
    def __init__(self, _): pass
    def applied_migrations(self):
        return {tuple(line.split()): Applied(when) for when, line in enumerate(open("applied"))}
"#,
    ),
    (
        "django/db/migrations/loader.py",
        r#"class MigrationLoader:
    def __init__(self, connection, load): pass
    def load_disk(self):
        self.disk_migrations = {("posts", "0001_initial"): 1, ("posts", "0002_slug"): 1}
"#,
    ),
    (
        "manage.py",
        "import os\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', \"settings\")\n",
    ),
];

fn with_django(commands: &[&str]) -> Machine {
    let machine = Machine::new(&configuration(commands));
    for (path, text) in DJANGO {
        machine.write(&format!("app/{path}"), text, 0o644);
    }
    machine.write("app/settings.py", "", 0o644);
    machine.write(
        "app/applied",
        "posts 0000_squashed\nposts 0001_initial\nother 0001_x\n",
        0o644,
    );
    machine
}

#[test]
fn under_the_lock_the_applied_migrations_are_reported() {
    let machine = with_django(&[
        "echo 'posts 0002_slug\nposts 0009_later' >>applied; test -z \"$DJANGO_SETTINGS_MODULE$PGCONNECT_TIMEOUT\"",
        "exit 3",
    ]);
    let output = machine.program().output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let (lines, report) = seen(&output);
    // A later command that fails does not take back what was applied.
    assert_eq!(
        report.migrations_applied,
        ["posts.0002_slug", "posts.0009_later"]
    );
    assert_eq!(report.migrations_unknown, ["posts.0009_later"]);
    assert_eq!(report.lock, Some(Lock::Taken));
    assert!(lines.contains(&"migrations applied: posts.0002_slug, posts.0009_later".to_owned()));

    machine.write("app/lost", "", 0o644);
    let (lines, _) = seen(&machine.program().output().unwrap());
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("the lock was lost")),
        "{lines:?}"
    );
}

#[test]
fn without_the_lock_no_command_runs() {
    for (file, code, told) in [
        (
            "held",
            75,
            "held by the session 4711 from 10.0.0.1 since yesterday",
        ),
        ("refused", 1, "RuntimeError: connection refused"),
    ] {
        let machine = with_django(&["echo never"]);
        machine.write(&format!("app/{file}"), "", 0o644);
        let output = machine.program().output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{file}");
        let (lines, report) = seen(&output);
        assert!(report.commands.is_empty());
        assert_eq!(report.exit_code, Some(code.into()));
        assert!(lines.join("\n").contains(told), "{lines:?}");
        assert!(!lines.join("\n").contains("with more"), "{lines:?}");
    }
    // It is waited for.
    let machine = with_django(&["echo at last"]);
    machine.write("app/held", "", 0o644);
    let child = machine
        .program()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(Duration::from_millis(600));
    fs_err::remove_file(machine.path("app/held")).unwrap();
    let (lines, report) = seen(&child.wait_with_output().unwrap());
    assert_eq!(report.exit_code, Some(0), "{lines:?}");
    assert!(
        lines[0].starts_with("waiting for the lock of another release of blog"),
        "{lines:?}"
    );
}

#[test]
fn a_project_that_does_not_start_runs_its_commands_all_the_same() {
    for settings in [
        "raise RuntimeError('planted-value')",
        "import sys; sys.exit('planted-value')",
    ] {
        let machine = with_django(&["echo shown"]);
        machine.write("app/settings.py", settings, 0o644);
        let (lines, report) = seen(&machine.program().output().unwrap());
        let shown = lines.join("\n");
        assert!(
            shown.contains("Django does not start with settings"),
            "{shown}"
        );
        assert!(!shown.contains("planted-value"), "{shown}");
        assert_eq!(report.exit_code, Some(0));
    }
}

fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < end, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn terminate(child: &Child) {
    let id = child.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &id])
            .status()
            .unwrap()
            .success()
    );
}

#[test]
fn a_step_that_is_ended_ends_its_command() {
    let machine = Machine::new(&configuration(&[
        "touch begun; sleep 60; echo never",
        "echo never",
    ]));
    let child = machine
        .program()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the command began", || machine.path("app/begun").exists());
    let begun = Instant::now();
    terminate(&child);
    let output = child.wait_with_output().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(output.status.code(), Some(143));
    let (lines, report) = seen(&output);
    assert_eq!(report.commands.len(), 1);
    assert_eq!(report.exit_code, Some(143));
    assert!(!lines.join("\n").contains("\nnever"), "{lines:?}");
}

#[test]
fn without_python_the_commands_run_plainly() {
    let machine = Machine::new(&configuration(&[]));
    let run = |commands: &[&str]| {
        let commands: Vec<String> = commands.iter().map(|own| (*own).to_owned()).collect();
        let script = format!("{RUN}{}\n", plain_script(&commands));
        machine.write("bundle/run.sh", &script, 0o644);
        let mut command = Command::new("/bin/sh");
        command.arg(machine.path("bundle/run.sh"));
        command.env("PATH", machine.path("bin")).output().unwrap()
    };
    let output = run(&["echo one # why", "X=1; exit 4", "echo never"]);
    assert_eq!(output.status.code(), Some(4));
    let (lines, report) = seen(&output);
    assert_eq!(
        lines,
        [
            "running without a release lock: the image has no Python 3.7 or newer",
            "one"
        ]
    );
    assert!(matches!(report.lock, Some(Lock::None { .. })));
    // Neither does a Python that is too old count.
    machine.write("bin/python", "#!/bin/sh\nexit 1\n", 0o755);
    assert_eq!(run(&["echo one || false", "true"]).status.code(), Some(0));
}

const CURL: &str = r#"#!/bin/sh
case "$*" in
    *api/token*) echo token ;;
    *) printf '{\n  "accountId" : "123456789012",\n  "region" : "eu-central-1"\n}\n' ;;
esac
"#;

/// Copies what is uploaded, and counts.
const AWS: &str = r#"#!/bin/sh
echo "$@" >>"$HERE/calls"
[ -e "$HERE/denied" ] && { echo "upload failed: Access Denied" >&2; exit 1; }
for word; do case "$word" in s3://*) echo "$word" >"$HERE/target" ;; /*/copy) cp "$word" "$HERE/uploaded" ;; esac; done
"#;

const DOCKER: &str = r#"#!/bin/sh
echo "$@" >"$HERE/docker"
echo first
while [ -e "$HERE/wait" ]; do sleep 0.1; done
echo last >&2
exit 9
"#;

fn instance() -> Machine {
    let machine = Machine::new(&configuration(&[]));
    machine.write("bin/curl", CURL, 0o755);
    machine.write("bin/aws", AWS, 0o755);
    machine.write("bin/docker", DOCKER, 0o755);
    let get_config =
        "#!/bin/sh\n[ \"$*\" = 'container -k environment_name' ] && echo blog-staging\n";
    machine.write("bin/get-config", get_config, 0o755);
    machine
}

#[test]
fn the_log_is_uploaded_while_it_grows_and_the_code_is_kept() {
    let machine = instance();
    machine.write("wait", "", 0o644);
    let child = machine
        .host()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the first lines are uploaded", || {
        machine.text("uploaded").contains("first")
    });
    assert!(!machine.text("uploaded").contains("last"));
    fs_err::remove_file(machine.path("wait")).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    assert_eq!(
        machine.text("docker"),
        "compose run --rm --no-deps -T release\n"
    );
    let expected = "s3://elasticbeanstalk-eu-central-1-123456789012/resources/environments/logs/beanpole/\
                    blog-staging/release.log\n";
    assert_eq!(machine.text("target"), expected);
    assert!(expected.contains(&crate::release_step::log_key("blog-staging")));
    let log = machine.text("uploaded");
    let mut reader = LogReader::default();
    assert_eq!(reader.read(&log), ["first", "last"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), log);
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    // Another run has another name.
    machine.host().output().unwrap();
    assert_ne!(
        crate::release_step::log_name(&machine.text("uploaded")),
        crate::release_step::log_name(&log)
    );
}

#[test]
fn trouble_with_the_upload_is_told_once_and_changes_nothing() {
    let machine = instance();
    machine.write("denied", "", 0o644);
    let output = machine.host().output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(
        text.matches("was not uploaded: upload failed: Access Denied")
            .count(),
        1,
        "{text}"
    );

    let machine = instance();
    machine.write("bin/curl", "#!/bin/sh\nexit 22\n", 0o755);
    let output = machine.host().output().unwrap();
    assert_eq!(output.status.code(), Some(9));
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        text.contains("is not streamed") && text.contains("last"),
        "{text}"
    );
    assert_eq!(machine.text("calls"), "");
}

#[test]
fn every_shell_understands_the_scripts() {
    let machine = instance();
    for shell in ["bash", "dash"] {
        let link = machine.path("bin/sh");
        let _ = fs_err::remove_file(&link);
        symlink(format!("/bin/{shell}"), &link).unwrap();
        let mut command = machine.host();
        command.env("PATH", format!("{}:/usr/bin:/bin", machine.path("bin")));
        let output = Command::new(format!("/bin/{shell}"))
            .args(command.get_args())
            .envs(
                command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(9), "{shell}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{shell}");
    }
}
