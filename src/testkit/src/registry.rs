//! An image registry of a test's own: Debian's `docker-registry` on a free port of loopback, which
//! Docker reaches without TLS.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long the registry may take to answer.
const START_WITHIN: Duration = Duration::from_secs(30);

/// `ann` with the password [`Registry::PASSWORD`], as `htpasswd -B` writes it.
const PASSWORDS: &str = "ann:$2b$04$3xW4xlIeLuI6TMn1uJmD5eu98BBkZab/HoWrNnDC7euhbKrsBqQUW\n";

/// A registry that is gone after the test, with everything that was pushed to it.
#[derive(Debug)]
pub struct Registry {
    child: Child,
    address: SocketAddr,
    _directory: TempDir,
}

impl Registry {
    /// The one user of a registry with logins.
    pub const USER: &str = "ann";

    /// The user's password.
    pub const PASSWORD: &str = "open-sesame";

    /// A registry that anybody may push to.
    #[must_use]
    pub fn open() -> Self {
        Self::start("")
    }

    /// A registry that wants the login of [`Registry::USER`].
    #[must_use]
    pub fn with_login() -> Self {
        Self::start("auth:\n  htpasswd:\n    realm: test\n    path: DIRECTORY/passwords\n")
    }

    fn start(more: &str) -> Self {
        let directory = TempDir::with_prefix("beanpole-registry-")
            .unwrap_or_else(|error| panic!("no temporary directory: {error}"));
        let address = free_address();
        let place = directory.path().display().to_string();
        let more = more.replace("DIRECTORY", &place);
        let text = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {place}/images\nhttp:\n  addr: {address}\n{more}"
        );
        let file = directory.path().join("config.yml");
        for (path, text) in [
            (&file, text.as_str()),
            (&directory.path().join("passwords"), PASSWORDS),
        ] {
            fs_err::write(path, text).unwrap_or_else(|error| panic!("{error}"));
        }
        let child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| {
                panic!(
                    "docker-registry did not start ({error}): run scripts/test-services registry"
                )
            });
        let registry = Self {
            child,
            address,
            _directory: directory,
        };
        registry.wait();
        registry
    }

    fn wait(&self) {
        let end = Instant::now() + START_WITHIN;
        while TcpStream::connect(self.address).is_err() {
            assert!(
                Instant::now() < end,
                "docker-registry did not answer at {}",
                self.address
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// The address of the whole registry: `http://127.0.0.1:40000`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A repository of the registry: `127.0.0.1:40000/blog`.
    #[must_use]
    pub fn repository(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn free_address() -> SocketAddr {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .unwrap_or_else(|error| panic!("no free port: {error}"))
}
