//! Forms that belong to no service.

use super::{FORMAT, Format};
use crate::secrets::hit::{PRIVATE_KEY, URL};
use crate::secrets::placeholder::is_made_up;
use crate::secrets::proof::json_web_token;

pub(super) const FORMATS: &[Format] = &[
    // RFC 7468 and PuTTY's own. Behind the head stands base64, on the next line or behind an escaped newline; a head alone is a
    // sentence about keys.
    Format {
        id: "private-key",
        what: "a private key",
        keywords: &[
            "private key-----",
            "private key block-----",
            "putty-user-key-file",
        ],
        pattern: r#"(?:-----BEGIN[ A-Z0-9]{0,40} ?PRIVATE KEY(?: BLOCK)?-----|PuTTY-User-Key-File-\d:)"#,
        prefixes: &["-----BEGIN", "PuTTY-User-Key-File"],
        entropy: 0.0,
        rule: &PRIVATE_KEY,
        ..FORMAT
    },
    Format {
        id: "jwt",
        what: "a JSON web token",
        keywords: &["eyj"],
        pattern: r"\beyJ[\w-]{15,2000}={0,2}\.eyJ[\w-]{5,4000}={0,2}\.[\w-]{10,1000}",
        prefixes: &["eyJ"],
        proof: Some(json_web_token),
        ..FORMAT
    },
    // RFC 3986, section 3.2.1: user and password before the host.
    Format {
        id: "url-password",
        what: "a URL with a password",
        keywords: &["://"],
        pattern: r#"\b[A-Za-z][A-Za-z0-9+.-]{1,20}://(?P<user>[^\s:/?#@"'<>\\`]{0,100}):(?P<secret>[^\s:@/"'<>\\`]{3,200})@[\w\[%-]"#,
        entropy: 1.5,
        proof: Some(is_no_placeholder),
        rule: &URL,
        ..FORMAT
    },
];

fn is_no_placeholder(value: &str) -> bool {
    !is_made_up(value) && !value.contains(['{', '}', '$', '*'])
}
