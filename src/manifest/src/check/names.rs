//! What names AWS and shells accept.

/// An environment variable's name, as every shell takes it.
pub(crate) fn is_variable(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Letters, digits and single hyphens, a letter first and no hyphen last: identifiers of RDS
/// instances (at most 63) and ElastiCache replication groups (at most 40), as their API references
/// have it.
pub(crate) fn is_identifier(name: &str, longest: usize) -> bool {
    (1..=longest).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && !name.ends_with('-')
        && !name.contains("--")
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A name inside PostgreSQL that needs no quotes: a letter first, then letters, digits and
/// underscores, at most 63 bytes.
pub(crate) fn is_postgres_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// A Secrets Manager name or ARN, with an optional `#key`.
pub(crate) fn is_secret_reference(reference: &str) -> bool {
    let (name, key) = match reference.split_once('#') {
        Some((name, key)) => (name, Some(key)),
        None => (reference, None),
    };
    // API reference, CreateSecret: at most 512 of these characters. ARNs have colons too.
    let valid_name = (1..=2048).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_+=.@-:".contains(&byte))
        && (name.starts_with("arn:") || (!name.contains(':') && name.len() <= 512));
    valid_name && key.is_none_or(|key| !key.is_empty() && !key.contains('#'))
}

/// A path of a URL, without scheme and host: printable ASCII, no space.
pub(crate) fn is_path(path: &str) -> bool {
    path.starts_with('/') && path.len() <= 1024 && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A daily window `hh:mm-hh:mm` of at least 30 minutes (RDS API reference, PreferredBackupWindow).
/// It may pass midnight.
pub(crate) fn is_backup_window(window: &str) -> bool {
    let minutes = |time: &str| -> Option<u32> {
        let (hour, minute) = time.split_once(':')?;
        let number = |text: &str, limit: u32| {
            (text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| text.parse::<u32>().ok())
                .flatten()
                .filter(|number| *number < limit)
        };
        Some(number(hour, 24)? * 60 + number(minute, 60)?)
    };
    let Some((start, end)) = window
        .split_once('-')
        .and_then(|(start, end)| minutes(start).zip(minutes(end)))
    else {
        return false;
    };
    let day = 24 * 60;
    (end + day - start) % day >= 30
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn identifiers() {
        for good in ["a", "blog-db", "Blog1"] {
            assert!(is_identifier(good, 63), "{good}");
        }
        let long = "a".repeat(64);
        for bad in [
            "",
            "1blog",
            "-a",
            "a-",
            "a--b",
            "a_b",
            "bücher",
            long.as_str(),
        ] {
            assert!(!is_identifier(bad, 63), "{bad}");
        }
    }

    #[test]
    fn windows_may_pass_midnight_and_last_half_an_hour() {
        for good in ["03:00-04:00", "23:45-00:15", "00:00-00:30"] {
            assert!(is_backup_window(good), "{good}");
        }
        for bad in [
            "03:00-03:29",
            "03:00-03:00",
            "3:00-4:00",
            "24:00-01:00",
            "03:00",
            "a-b",
            "03:60-05:00",
            "+3:00-05:00",
        ] {
            assert!(!is_backup_window(bad), "{bad}");
        }
    }

    #[test]
    fn secret_references() {
        for good in [
            "django/secret-key",
            "django/all#SECRET_KEY",
            "arn:aws:secretsmanager:eu-central-1:123456789012:secret:django-AbCdEf#key",
        ] {
            assert!(is_secret_reference(good), "{good}");
        }
        for bad in ["", "#key", "name#", "a b", "name:with:colons", "a#b#c"] {
            assert!(!is_secret_reference(bad), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,40}") {
            let _ = (is_backup_window(&text), is_secret_reference(&text), is_path(&text), is_identifier(&text, 40));
        }
    }
}
