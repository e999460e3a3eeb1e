//! Files that hold secrets and nothing else, by their names, and by their content where the name alone does not say.

/// What a name promises.
enum Promise {
    /// It is a secret, whatever is in it.
    Secret(&'static str),
    /// It is one if one of these is in it.
    If(&'static [&'static str], &'static str),
}

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
        // Nobody has read it, so its name has to do.
        (Promise::If(_, what), None) => Some(what),
    }
}

fn promise(path: &str, name: &str) -> Option<Promise> {
    if name == ".env" || name.starts_with(".env.") {
        return Some(Promise::Secret("an environment file, where secrets live"));
    }
    if name == ".envrc" || name.ends_with(".env") {
        return Some(Promise::If(
            &["PASSWORD=", "SECRET", "TOKEN=", "API_KEY=", "ACCESS_KEY="],
            "an environment file with secrets",
        ));
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
        for path in [
            ".env",
            "a/.env.production",
            "keys/id_rsa",
            "a.P12",
            "x/.pgpass",
            "a/.aws/credentials",
        ] {
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
        assert!(secret_file("prod.env", Some(b"DB_PASSWORD=x")).is_some());
        assert!(secret_file("prod.env", Some(b"DEBUG=0")).is_none());
    }

    #[test]
    fn encrypted_files_may_be_committed() {
        assert!(secret_file(".env", Some(b"A=ENC[AES256]\nsops_mac=ENC[1]")).is_none());
        assert!(secret_file(".env.production", Some(b"\0GITCRYPT\0abc")).is_none());
    }
}
