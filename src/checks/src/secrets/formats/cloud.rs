//! Clouds and hosting.

use super::{FORMAT, Format};
use crate::secrets::proof::has_digit_and_letter;

pub(super) const FORMATS: &[Format] = &[
    // docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html: unique id prefixes.
    Format {
        id: "aws-access-token",
        what: "an AWS access key id",
        keywords: &["akia", "asia", "abia", "acca"],
        pattern: r"\b(?P<secret>(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        prefixes: &["AKIA", "ASIA", "ABIA", "ACCA"],
        ..FORMAT
    },
    Format {
        id: "aws-secret-key",
        what: "an AWS secret access key",
        keywords: &[
            "secret_access_key",
            "secretaccesskey",
            "secret-access-key",
            "aws_secret",
            "secret_key",
            "secretkey",
        ],
        pattern: r#"(?i)secret[_-]?(?:access[_-]?)?(?:key)?["'\]]{0,2}\s{0,8}(?:=>|:=|=|:|,)\s{0,8}["']?(?P<secret>[a-z0-9/+]{40})(?:[^a-z0-9/+=]|$)"#,
        entropy: 4.0,
        proof: Some(has_digit_and_letter),
        ..FORMAT
    },
    Format {
        id: "gcp-api-key",
        what: "a Google API key",
        keywords: &["aiza"],
        pattern: r"\b(?P<secret>AIza[\w-]{35})(?:[^\w-]|$)",
        prefixes: &["AIza"],
        entropy: 3.5,
        ..FORMAT
    },
    Format {
        id: "gcp-oauth-client-secret",
        what: "a Google OAuth client secret",
        keywords: &["gocspx-"],
        pattern: r"\bGOCSPX-[\w-]{28}",
        prefixes: &["GOCSPX-"],
        ..FORMAT
    },
    Format {
        id: "azure-storage-account-key",
        what: "an Azure storage account key",
        keywords: &["accountkey"],
        pattern: r"(?i)accountkey\s{0,4}=\s{0,4}(?P<secret>[a-z0-9+/]{86}==)",
        entropy: 4.0,
        ..FORMAT
    },
    Format {
        id: "digitalocean-pat",
        what: "a DigitalOcean token",
        keywords: &["dop_v1_", "doo_v1_", "dor_v1_"],
        pattern: r"\bdo[opr]_v1_[a-f0-9]{64}\b",
        prefixes: &["dop_v1_", "doo_v1_", "dor_v1_"],
        ..FORMAT
    },
    Format {
        id: "heroku-api-key",
        what: "a Heroku API key",
        keywords: &["heroku", "hrku-"],
        pattern: r#"(?i)(?:heroku[\w .-]{0,30}["'\]]{0,2}\s{0,8}(?:=>|:=|=|:|,)\s{0,8}["']?(?P<secret>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b|\b(?-i:HRKU-)[\w-]{36,90})"#,
        prefixes: &["HRKU-"],
        ..FORMAT
    },
];
