//! Files that hold secrets and nothing else, by their names, and by their content where the name alone does not say.

use super::placeholder::is_made_up;

/// What a name promises.
enum Promise {
    /// It is a secret, whatever is in it.
    Secret(&'static str),
    /// It is one if one of these is in it.
    If(&'static [&'static str], &'static str),
    /// It is one if a variable in it holds a secret.
    Environment(&'static str),
}

/// Parts of the names of variables that hold secrets.
const SECRET_NAMES: [&str; 9] = [
    "PASSW",
    "PASSPHRASE",
    "_PASS",
    "PWD",
    "SECRET",
    "TOKEN",
    "_KEY",
    "CREDENTIAL",
    "DSN",
];

/// Where an environment file is for: `env.production`.
const STAGES: [&str; 8] = [
    "production",
    "prod",
    "live",
    "staging",
    "stage",
    "local",
    "dev",
    "development",
];

const PRIVATE: &[&str] = &["PRIVATE KEY"];

/// What the file is, if it is a secret as a whole. Without content the name decides.
pub(super) fn secret_file(path: &str, bytes: Option<&[u8]>) -> Option<&'static str> {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    let promise = promise(&path.to_lowercase(), &name)?;
    if bytes.is_some_and(is_encrypted) {
        return None;
    }
    match (promise, bytes) {
        (Promise::Secret(what), _) => Some(what),
        (Promise::If(signs, what), Some(bytes)) => signs
            .iter()
            .any(|sign| contains(bytes, sign.as_bytes()))
            .then_some(what),
        (Promise::Environment(what), Some(bytes)) => has_secret_variable(bytes).then_some(what),
        // Nobody has read it, so its name has to do.
        (Promise::If(_, what) | Promise::Environment(what), None) => Some(what),
    }
}

fn promise(path: &str, name: &str) -> Option<Promise> {
    if name == ".env" || name.starts_with(".env.") {
        return Some(Promise::Environment(
            "an environment file, where secrets live",
        ));
    }
    // `.envs/.production/.django` is where cookiecutter-django keeps them.
    let is_below = |directory: &str| path.split('/').rev().skip(1).any(|part| part == directory);
    let is_named = matches!(name.strip_prefix("env."), Some(rest) if STAGES.contains(&rest));
    if name == ".envrc" || name.ends_with(".env") || is_named || is_below(".envs") {
        return Some(Promise::Environment("an environment file with secrets"));
    }
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let by_name = match name {
        "id_rsa" | "id_dsa" | "id_ecdsa" | "id_ed25519" => {
            Some(Promise::Secret("a private SSH key"))
        }
        "credentials.json"
        | "client_secret.json"
        | "client_secrets.json"
        | "service-account.json"
        | "service_account.json" => Some(Promise::If(
            &[
                "private_key",
                "client_secret",
                "refresh_token",
                "\"password\"",
            ],
            "a file of credentials",
        )),
        ".netrc" | "_netrc" | ".pgpass" | ".git-credentials" => {
            Some(Promise::Secret("a file of stored passwords"))
        }
        ".pypirc" | ".dockercfg" => Some(Promise::If(
            &["password", "auth"],
            "a file of stored passwords",
        )),
        ".npmrc" | ".yarnrc.yml" => Some(Promise::If(
            &["_authToken=npm_", "_password=", "npmAuthToken: npm_"],
            "a package manager's file with a token",
        )),
        ".htpasswd" => Some(Promise::Secret("a file of password hashes")),
        "terraform.tfstate" | "terraform.tfstate.backup" => Some(Promise::Secret(
            "Terraform's state, which holds passwords in clear",
        )),
        _ => None,
    };
    by_name.or(match extension {
        "pem" | "key" => Some(Promise::If(PRIVATE, "a private key file")),
        "p12" | "pfx" | "jks" | "keystore" | "ppk" | "kdbx" => {
            Some(Promise::Secret("a store of private keys"))
        }
        _ if path.ends_with(".aws/credentials") => {
            Some(Promise::Secret("AWS's file of access keys"))
        }
        _ if path.ends_with(".docker/config.json") => Some(Promise::If(
            &["\"auth\""],
            "Docker's file of stored passwords",
        )),
        _ => None,
    })
}

/// Whether the content is encrypted: by git-crypt, ansible-vault, SOPS or dotenvx, which are made for being committed.
fn is_encrypted(bytes: &[u8]) -> bool {
    bytes.starts_with(b"\0GITCRYPT\0")
        || bytes.starts_with(b"$ANSIBLE_VAULT;")
        || contains(bytes, b"sops_mac=")
        || contains(bytes, b"DOTENV_PUBLIC_KEY")
        || contains(bytes, b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
}

/// Whether a line gives a value that may be in use to a variable whose name promises a secret, or holds a URL with a password.
/// Values that are examples by their words (`changeme`) are none.
fn has_secret_variable(bytes: &[u8]) -> bool {
    String::from_utf8_lossy(bytes).lines().any(|line| {
        let line = line.trim_start();
        let Some((name, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) else {
            return false;
        };
        let name = name.to_uppercase();
        let value = value.trim().trim_matches(['"', '\'']);
        let named = SECRET_NAMES.iter().any(|part| name.contains(part));
        named && !value.is_empty() && !is_made_up(value) || has_password(value)
    })
}

/// `scheme://user:password@host` with a password of its own: not the user's name, and no example.
fn has_password(value: &str) -> bool {
    let parts = value.split_once("://").and_then(|(_, rest)| {
        let (login, _) = rest.split_once('@')?;
        login.split_once(':')
    });
    parts.is_some_and(|(user, password)| {
        !password.is_empty() && !user.contains(password) && !is_made_up(password)
    })
}

/// Such files are small; a large one is looked at where its beginning is.
fn contains(bytes: &[u8], part: &[u8]) -> bool {
    let start = bytes.get(..64 * 1024).unwrap_or(bytes);
    memchr::memmem::find(start, part).is_some()
}

#[cfg(test)]
mod tests {
    use super::secret_file;

    #[test]
    fn names_are_enough_where_they_say_it() {
        for path in ["keys/id_rsa", "a.P12", "x/.pgpass", "a/.aws/credentials"] {
            assert!(secret_file(path, Some(b"A=1")).is_some(), "{path}");
        }
        for path in [
            "env.py",
            "environment.md",
            "id_rsa.pub",
            "pem.txt",
            "shop/models.py",
            "credentials.py",
            ".environment",
        ] {
            assert!(secret_file(path, Some(b"A=1")).is_none(), "{path}");
        }
    }

    #[test]
    fn content_decides_where_the_name_does_not() {
        let private = ["-----BEGIN RSA PRIV", "ATE KEY-----"].concat();
        assert!(secret_file("a.pem", Some(private.as_bytes())).is_some());
        assert!(secret_file("a.pem", Some(b"-----BEGIN CERTIFICATE-----")).is_none());
        assert!(secret_file("a.pem", None).is_some());
        assert!(secret_file("credentials.json", Some(b"{\"refresh_token\": 1}")).is_some());
        assert!(secret_file("credentials.json", Some(b"{\"issuer\": 1}")).is_none());
        assert!(secret_file(".npmrc", Some(b"registry=x")).is_none());
        let password = ["kX3v", "Q9"].concat();
        for path in [
            ".env",
            "a/.env.production",
            "prod.env",
            ".envrc",
            "env.production",
            "a/.envs/.production/.django",
        ] {
            let has = |text: &str| secret_file(path, Some(text.as_bytes())).is_some();
            assert!(
                has(&format!("DEBUG=0\nexport DB_PASSWORD='{password}'\n")),
                "{path}"
            );
            assert!(
                has(&format!("DATABASE_URL=postgres://shop:{password}@db/shop")),
                "{path}"
            );
            for text in [
                "DEBUG=0\nCOMPOSE_PROJECT_NAME=shop\n",
                "SECRET_KEY=changeme\nSENTRY_DSN=\nDATABASE_URL=postgres://shop:shop@db/shop",
                "# API_KEY=here",
            ] {
                assert!(!has(text), "{path}: {text}");
            }
            assert!(secret_file(path, None).is_some());
        }
    }

    #[test]
    fn encrypted_files_may_be_committed() {
        assert!(secret_file(".env", Some(b"A=ENC[AES256]\nsops_mac=ENC[1]")).is_none());
        assert!(secret_file(".env.production", Some(b"\0GITCRYPT\0abc")).is_none());
    }
}
