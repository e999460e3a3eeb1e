//! Secrets for tests, made at run time from pieces: none is in the source, and none is in use.

use base64::Engine as _;

/// A format's id, a line with `{}` where the value stands, the pieces of the value, and what of it may be shown.
pub(super) struct Sample {
    pub(super) id: &'static str,
    line: &'static str,
    pieces: &'static [&'static str],
    pub(super) shown: &'static str,
}

const HEX: &str = "3f9a1c7e5b2d8046";
const MIXED: &str = "k7Rx2QmV9pB4wZ1eT6uY";

const fn of(
    id: &'static str,
    line: &'static str,
    pieces: &'static [&'static str],
    shown: &'static str,
) -> Sample {
    Sample {
        id,
        line,
        pieces,
        shown,
    }
}

pub(super) const SAMPLES: &[Sample] = &[
    of(
        "aws-access-token",
        "key_id = '{}'",
        &["AK", "IA", "Q7ZR2XMV", "P4BWT6YN"],
        "AKIA",
    ),
    of(
        "aws-secret-key",
        "aws_secret_access_key = {}",
        &[MIXED, "/", "s8D3fG5hJ+0kL2zX4cv"],
        "",
    ),
    of(
        "gcp-api-key",
        "x = '{}'",
        &["AI", "za", MIXED, "s8D3fG5hJ0kL2zX"],
        "AIza",
    ),
    of(
        "gcp-oauth-client-secret",
        "x = '{}'",
        &["GOC", "SPX-", MIXED, "s8D3fG5h"],
        "GOCSPX-",
    ),
    of(
        "azure-storage-account-key",
        "'...;AccountKey={};'",
        &[MIXED, MIXED, "a8", MIXED, MIXED, "Zq4x", "=="],
        "",
    ),
    of(
        "digitalocean-pat",
        "x = '{}'",
        &["dop", "_v1_", HEX, HEX, HEX, HEX],
        "dop_v1_",
    ),
    of(
        "heroku-api-key",
        "HEROKU_API_KEY={}",
        &["3f9a1c7e", "-5b2d", "-8046", "-9c1e", "-7a3f5b2d8046"],
        "",
    ),
    of("github-pat", "x = '{}'", &["github", "ghp_"], "ghp_"),
    of("github-oauth", "x = '{}'", &["github", "gho_"], "gho_"),
    of("github-app-token", "x = '{}'", &["github", "ghs_"], "ghs_"),
    of(
        "github-refresh-token",
        "x = '{}'",
        &["ghr", "_", MIXED, "s8D3fG5hJ0kL2zX4"],
        "ghr_",
    ),
    of(
        "github-fine-grained-pat",
        "x = '{}'",
        &[
            "github",
            "_pat_",
            MIXED,
            "ab_",
            MIXED,
            MIXED,
            "s8D3fG5hJ0kL2zX4cv9",
        ],
        "github_pat_",
    ),
    of("gitlab-pat", "x = '{}'", &["gl", "pat-", MIXED], "glpat-"),
    of(
        "npm-access-token",
        "x = '{}'",
        &["np", "m_", MIXED, "s8D3fG5hJ0kL2zX4"],
        "npm_",
    ),
    of(
        "pypi-upload-token",
        "x = '{}'",
        &["py", "pi-", "AgEIcHlwaS5vcmc", MIXED, MIXED, MIXED],
        "pypi-AgEIcHlwaS5vcmc",
    ),
    of(
        "openai-api-key",
        "x = '{}'",
        &["sk", "-proj-", MIXED, "T3Blbk", "FJ", MIXED],
        "sk-",
    ),
    of(
        "anthropic-api-key",
        "x = '{}'",
        &[
            "sk",
            "-ant-",
            "api03-",
            MIXED,
            MIXED,
            MIXED,
            MIXED,
            "s8D3fG5hJ0kAA",
        ],
        "sk-ant-",
    ),
    of(
        "huggingface-access-token",
        "x = '{}'",
        &["hf", "_", "kRxQmVpBwZeTuY", "sDfGhJkLzXcvNqWaEiOy"],
        "hf_",
    ),
    of(
        "slack-token",
        "x = '{}'",
        &["xo", "xb-", "2483957160-", "9471625038-", MIXED],
        "xoxb-",
    ),
    of(
        "slack-webhook-url",
        "'https://hooks.slack.com/services/{}'",
        &["T7R2", "Q9XMV/", "B4W1Z8EYT/", MIXED, "s8D3"],
        "",
    ),
    of(
        "stripe-access-token",
        "x = '{}'",
        &["sk", "_live_", MIXED],
        "sk_live_",
    ),
    of(
        "stripe-webhook-secret",
        "x = '{}'",
        &["wh", "sec_", MIXED, "s8D3fG5hJ0kL"],
        "whsec_",
    ),
    of(
        "sentry-dsn-secret",
        "'https://0a1b2c3d4e5f60718293a4b5c6d7e8f9:{}@o1.ingest.sentry.io/42'",
        &[HEX, HEX],
        "",
    ),
    of(
        "sentry-org-token",
        "x = '{}'",
        &["sn", "trys_", "eyJ", MIXED, "_", MIXED, MIXED, "s8D"],
        "sntrys_",
    ),
    of(
        "sentry-user-token",
        "x = '{}'",
        &["sn", "tryu_", HEX, HEX, HEX, HEX],
        "sntryu_",
    ),
    of(
        "rollbar-access-token",
        "ROLLBAR_ACCESS_TOKEN = '{}'",
        &[HEX, HEX],
        "",
    ),
    of(
        "new-relic-license-key",
        "x = '{}'",
        &["eu01xx", HEX, "5b2d80461c7e9f", "NR", "AL"],
        "",
    ),
    of(
        "new-relic-user-api-key",
        "x = '{}'",
        &["NR", "AK-", "Q7ZR2XMVP4BWT6YN", "K8D3FG5HJ0L"],
        "NRAK-",
    ),
    of(
        "new-relic-insert-key",
        "x = '{}'",
        &["NR", "II-", MIXED, "s8D3fG5hJ0kL"],
        "NRII-",
    ),
    of(
        "sendgrid-api-token",
        "x = '{}'",
        &["S", "G.", MIXED, "s8", ".", MIXED, MIXED, "zX4"],
        "SG.",
    ),
    of(
        "twilio-api-key",
        "TWILIO_AUTH_TOKEN = '{}'",
        &[HEX, HEX],
        "",
    ),
    of(
        "mailgun-private-api-token",
        "x = '{}'",
        &["ke", "y-", HEX, HEX],
        "key-",
    ),
    of(
        "private-key",
        "{}",
        &[
            "-----BEGIN RSA PRIV",
            "ATE KEY-----\n",
            MIXED,
            MIXED,
            "\n-----END",
        ],
        "-----BEGIN RSA PRIVATE KEY-----",
    ),
    of("jwt", "x = '{}'", &["jwt"], "eyJ"),
    of(
        "url-password",
        "'postgres://shop:{}@db.internal/shop'",
        &["kR7xQ2mV", "9pB4"],
        "",
    ),
];

/// The line of a sample, and its value.
pub(super) fn sample(one: &Sample) -> (String, String) {
    let value = match one.pieces {
        ["github", prefix] => github_token(prefix),
        ["jwt"] => web_token(
            "{\"alg\":\"HS256\",\"typ\":\"JWT\"}",
            "{\"sub\":\"42\",\"name\":\"Ada\"}",
        ),
        pieces => pieces.concat(),
    };
    (one.line.replace("{}", &value), value)
}

/// A token with a valid checksum.
pub(super) fn github_token(prefix: &str) -> String {
    let random = [MIXED, "s8D3fG5hJ0"].concat();
    let mut sum = crc32fast::hash(random.as_bytes());
    let mut digits = Vec::new();
    for _ in 0..6 {
        let digit = u8::try_from(sum % 62).unwrap();
        digits.push(char::from(match digit {
            0..10 => b'0' + digit,
            10..36 => b'A' + digit - 10,
            _ => b'a' + digit - 36,
        }));
        sum /= 62;
    }
    let sum: String = digits.iter().rev().collect();
    format!("{prefix}{random}{sum}")
}

/// A JSON web token with that header and those claims.
pub(super) fn web_token(header: &str, claims: &str) -> String {
    let part = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(header), part(claims), MIXED)
}
