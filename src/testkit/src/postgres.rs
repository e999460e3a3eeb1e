//! A Postgres of a test's own: Debian's programs on a free port of loopback.

use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use tempfile::TempDir;

use crate::registry::free_address;

/// How long the server may take to answer.
const START_WITHIN: Duration = Duration::from_secs(60);

/// A server with one empty database, that is gone after the test.
#[derive(Debug)]
pub struct Postgres {
    child: Child,
    port: u16,
    user: Option<(u32, u32)>,
    programs: Utf8PathBuf,
    directory: TempDir,
}

impl Postgres {
    /// The one user, and the name of the database.
    pub const USER: &str = "postgres";

    /// Whether Debian's programs are here.
    #[must_use]
    pub fn is_installed() -> bool {
        programs().is_some()
    }

    /// A server that lets everyone in from this machine.
    #[must_use]
    pub fn start() -> Self {
        let programs = programs().unwrap_or_else(|| {
            panic!("no Postgres is installed: run scripts/test-services postgres")
        });
        let directory = TempDir::with_prefix("beanpole-postgres-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let user = other_user(&directory);
        if let Some((user, group)) = user {
            chown(directory.path(), Some(user), Some(group))
                .unwrap_or_else(|error| panic!("the directory cannot be given away: {error}"));
        }
        let data = directory.path().join("data");
        let made = command(&programs, "initdb", user)
            .args(["--no-sync", "--auth=trust", "--encoding=UTF8", "--username"])
            .arg(Self::USER)
            .arg(&data)
            .output()
            .unwrap_or_else(|error| panic!("initdb did not start: {error}"));
        assert!(
            made.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = free_address().port();
        let child = command(&programs, "postgres", user)
            .arg("-D")
            .arg(&data)
            .args(["-p", &port.to_string()])
            .args(["-c", "listen_addresses=127.0.0.1"])
            .args(["-c", "unix_socket_directories="])
            .args(["-c", "fsync=off"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("postgres did not start: {error}"));
        let server = Self {
            child,
            port,
            user,
            programs,
            directory,
        };
        server.wait();
        server
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    fn wait(&self) {
        let end = Instant::now() + START_WITHIN;
        loop {
            let port = self.port.to_string();
            let asked = command(&self.programs, "pg_isready", self.user)
                .args(["--quiet", "--host", "127.0.0.1", "--port", &port])
                .status();
            if asked.is_ok_and(|status| status.success()) {
                return;
            }
            assert!(Instant::now() < end, "Postgres did not answer on {port}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _stopped = command(&self.programs, "pg_ctl", self.user)
            .args(["stop", "--silent", "--mode", "immediate", "--pgdata"])
            .arg(self.directory.path().join("data"))
            .status();
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where Debian has the programs, those of the newest version.
fn programs() -> Option<Utf8PathBuf> {
    let versions = Utf8Path::new("/usr/lib/postgresql").read_dir_utf8().ok()?;
    let found = versions.filter_map(|entry| Some(entry.ok()?.path().join("bin")));
    found.filter(|path| path.join("postgres").is_file()).max()
}

/// The server refuses to run as root: then the user of Debian's package runs it.
fn other_user(directory: &TempDir) -> Option<(u32, u32)> {
    let owner = fs_err::metadata(directory.path()).map(|known| known.uid());
    if owner.is_ok_and(|owner| owner != 0) {
        return None;
    }
    let ask = |what: &str| -> u32 {
        let output = Command::new("id").args([what, "postgres"]).output();
        let output = output.unwrap_or_else(|error| panic!("id did not start: {error}"));
        let text = String::from_utf8_lossy(&output.stdout);
        text.trim()
            .parse()
            .unwrap_or_else(|_| panic!("there is no user `postgres`"))
    };
    Some((ask("-u"), ask("-g")))
}

fn command(programs: &Utf8Path, name: &str, user: Option<(u32, u32)>) -> Command {
    let mut command = Command::new(programs.join(name));
    command.current_dir("/").stdin(Stdio::null());
    if let Some((user, group)) = user {
        command.uid(user).gid(group);
    }
    command
}
