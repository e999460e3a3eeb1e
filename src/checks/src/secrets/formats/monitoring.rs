//! Monitoring, messages and payments: what a Django project talks to.

use super::{FORMAT, Format};

pub(super) const FORMATS: &[Format] = &[
    // api.slack.com/concepts/token-types.
    Format {
        id: "slack-token",
        what: "a Slack token",
        keywords: &[
            "xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe-", "xoxe.", "xapp-",
        ],
        pattern: r"\b(?:xox[abprs]-(?:\d[\w-]{15,250}|[0-9a-zA-Z]{10,48})|xoxe[.-][\w.-]{20,300}|xapp-\d-[A-Z0-9]{8,20}-\d{6,20}-[a-z0-9]{32,80})",
        prefixes: &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxe", "xapp-"],
        ..FORMAT
    },
    Format {
        id: "slack-webhook-url",
        what: "a Slack webhook",
        keywords: &["hooks.slack.com"],
        pattern: r"hooks\.slack\.com/(?:services|workflows|triggers)/(?P<secret>[A-Za-z0-9+/]{40,70})",
        ..FORMAT
    },
    // docs.stripe.com/keys: pk_ is public.
    Format {
        id: "stripe-access-token",
        what: "a Stripe secret key",
        keywords: &[
            "sk_test_", "sk_live_", "rk_test_", "rk_live_", "sk_prod_", "rk_prod_",
        ],
        pattern: r"\b[sr]k_(?:test|live|prod)_[0-9A-Za-z]{16,200}\b",
        prefixes: &[
            "sk_test_", "sk_live_", "rk_test_", "rk_live_", "sk_prod_", "rk_prod_",
        ],
        ..FORMAT
    },
    Format {
        id: "stripe-webhook-secret",
        what: "a Stripe webhook secret",
        keywords: &["whsec_"],
        pattern: r"\bwhsec_[0-9A-Za-z+/]{32,80}",
        prefixes: &["whsec_"],
        ..FORMAT
    },
    // develop.sentry.dev: a DSN with two keys; the second is secret. One with a single key is public.
    Format {
        id: "sentry-dsn-secret",
        what: "a Sentry DSN with its secret key",
        keywords: &["sentry", "https://"],
        pattern: r"https?://[0-9a-f]{32}:(?P<secret>[0-9a-f]{32})@[\w.-]{3,100}/\d+",
        ..FORMAT
    },
    Format {
        id: "sentry-org-token",
        what: "a Sentry organisation token",
        keywords: &["sntrys_"],
        pattern: r"\bsntrys_eyJ[A-Za-z0-9+/]{10,400}={0,2}_[A-Za-z0-9+/]{43}",
        prefixes: &["sntrys_"],
        ..FORMAT
    },
    Format {
        id: "sentry-user-token",
        what: "a Sentry user token",
        keywords: &["sntryu_"],
        pattern: r"\bsntryu_[a-f0-9]{64}\b",
        prefixes: &["sntryu_"],
        ..FORMAT
    },
    Format {
        id: "rollbar-access-token",
        what: "a Rollbar access token",
        keywords: &["rollbar"],
        pattern: r#"(?i)rollbar[^=:\n]{0,60}(?:token|key)["'\]]{0,2}\s{0,8}(?:=>|:=|=|:|,)\s{0,8}["']?(?P<secret>[a-f0-9]{32}(?:[a-f0-9]{96})?)\b"#,
        ..FORMAT
    },
    // docs.newrelic.com, "New Relic API keys": browser keys (NRJS-) are public.
    Format {
        id: "new-relic-license-key",
        what: "a New Relic licence key",
        keywords: &["nral"],
        pattern: r"\b[0-9A-Za-z]{36}NRAL\b",
        ..FORMAT
    },
    Format {
        id: "new-relic-user-api-key",
        what: "a New Relic user key",
        keywords: &["nrak-"],
        pattern: r"\bNRAK-[A-Z0-9]{27}\b",
        prefixes: &["NRAK-"],
        ..FORMAT
    },
    Format {
        id: "new-relic-insert-key",
        what: "a New Relic insert key",
        keywords: &["nrii-"],
        pattern: r"\bNRII-[\w-]{32}",
        prefixes: &["NRII-"],
        ..FORMAT
    },
    Format {
        id: "sendgrid-api-token",
        what: "a SendGrid key",
        keywords: &["sg."],
        pattern: r"\bSG\.[\w-]{22}\.[\w-]{43}(?:[^\w-]|$)",
        prefixes: &["SG."],
        entropy: 3.5,
        ..FORMAT
    },
    Format {
        id: "twilio-api-key",
        what: "a Twilio key",
        keywords: &["twilio"],
        pattern: r#"(?i)twilio[\w .-]{0,40}["'\]]{0,2}\s{0,8}(?:=>|:=|=|:|,)\s{0,8}["']?(?P<secret>(?:SK)?[0-9a-f]{32})\b"#,
        prefixes: &["SK"],
        ..FORMAT
    },
    Format {
        id: "mailgun-private-api-token",
        what: "a Mailgun key",
        keywords: &["mailgun", "key-"],
        pattern: r#"(?:\bkey-[a-f0-9]{32}\b|(?i:mailgun)[\w .-]{0,40}["'\]]{0,2}\s{0,8}(?:=>|:=|=|:|,)\s{0,8}["']?(?P<secret>[a-f0-9]{32}-[a-f0-9]{8}-[a-f0-9]{8})\b)"#,
        prefixes: &["key-"],
        ..FORMAT
    },
];
