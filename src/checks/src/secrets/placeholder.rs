//! What stands where a secret would stand, and is none.

/// Parts that make any value an example.
const NEVER: [&str; 9] = [
    "example",
    "xxxxxx",
    "******",
    "......",
    "1234567890",
    "abcdefghij",
    "placeholder",
    "redacted",
    "…",
];

/// Parts that make a value made up by a person an example. A random key may contain `test` by chance.
const MADE_UP: [&str; 27] = [
    "changeme",
    "change-me",
    "change_me",
    "changethis",
    "dummy",
    "your",
    "todo",
    "fake",
    "sample",
    "insert",
    "replace",
    "test",
    "foobar",
    "password",
    "passwd",
    "secret",
    "12345678",
    "qwerty",
    "letmein",
    "default",
    "development",
    "django-insecure",
    "not-so",
    "notso",
    "postgres",
    "localhost",
    "os.environ",
];

/// Passwords that tutorials and images come with.
const KNOWN: [&str; 15] = [
    "admin", "guest", "pass", "postgres", "root", "user", "mysql", "redis", "rabbitmq", "django",
    "1234", "12345", "123456", "hunter2", "pwd",
];

/// Words that stand for any word (RFC 3092), and rows of keys.
const ANY: [&str; 6] = ["foo", "bar", "baz", "qux", "asdf", "qwer"];

/// Marks of templates and shells: the value comes from elsewhere.
const TEMPLATE: [&str; 12] = [
    "${", "$(", "{{", "}}", "%(", "{%", "<", ">", "%s", "{0}", "#{", "@@",
];

/// Whether a value of a known format is an example.
pub(super) fn is_example(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    // Three capitals of that kind are the mark of a hand; by chance, one key of thousands has them.
    NEVER.iter().any(|part| lower.contains(part))
        || value.contains("XXX")
        || longest_run(&lower) >= 8
}

/// Whether a value that a person chose is an example, or is filled in elsewhere.
pub(super) fn is_made_up(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    is_example(value)
        || TEMPLATE.iter().any(|part| lower.contains(part))
        || lower.starts_with('$')
        || (lower.starts_with('{') && lower.ends_with('}'))
        || (lower.starts_with('%') && lower.ends_with('%'))
        || MADE_UP.iter().any(|part| lower.contains(part))
        || KNOWN.contains(&lower.as_str())
        || is_any_word(&lower)
        // `shop_pass`: nobody's generator makes words.
        || lower.split(['_', '-']).any(|word| word == "pass")
        || longest_run(&lower) >= 4
}

/// Whether a value in small letters is a word that stands for any word.
pub(crate) fn is_any_word(value: &str) -> bool {
    ANY.contains(&value)
}

/// The length of the longest run of one character.
fn longest_run(text: &str) -> usize {
    let mut longest = 0;
    let mut run = 0;
    let mut last = None;
    for byte in text.bytes() {
        run = if last == Some(byte) { run + 1 } else { 1 };
        last = Some(byte);
        longest = longest.max(run);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_known() {
        for value in [
            "AKIAIOSFODNN7EXAMPLE",
            "ghp_xxxxxxxxxxxx",
            "sk_live_0000000000000000",
            "SG.1234567890",
            "AKIAHERBARIUMXXX7Q2A",
        ] {
            assert!(is_example(value), "{value}");
        }
        assert!(!is_example("kR7xQ2mV9pTestB4"));
    }

    #[test]
    fn values_of_templates_and_tutorials_are_known() {
        for value in [
            "changeme",
            "${DB_PASSWORD}",
            "$DB_PASSWORD",
            "<your-token>",
            "{{ secrets.TOKEN }}",
            "%(password)s",
            "postgres",
            "asdf",
            "shop_pass",
            "Password1!",
            "{token}",
            "%TOKEN%",
            "aaaa",
            "dummy-key-1",
        ] {
            assert!(is_made_up(value), "{value}");
        }
        for value in ["kR7xQ2mV9pB4", "tr0ub4dor&3"] {
            assert!(!is_made_up(value), "{value}");
        }
    }
}
