//! Values that are written as text: durations and days.

/// Durations as people write them: `10s`, `2m`, `1h30m`, `500ms`.
pub(crate) mod duration {
    use std::borrow::Cow;
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// The longest duration that is accepted: 366 days. Anything beyond it is a slip of the pen.
    const LONGEST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

    /// Unit names with their length in milliseconds, longest first.
    const UNITS: [(&str, u64); 5] = [
        ("d", 86_400_000),
        ("h", 3_600_000),
        ("m", 60_000),
        ("s", 1000),
        ("ms", 1),
    ];

    /// Reads `1h30m` and the like. Units go from long to short, each at most once.
    pub(crate) fn parse(text: &str) -> Result<Duration, String> {
        let refused = || {
            format!(
                "duration `{text}` is not valid: a number and a unit, such as `10s`, `2m`, `1h30m`"
            )
        };
        let mut rest = text;
        let mut milliseconds: u64 = 0;
        let mut last_unit: Option<usize> = None;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let (number, tail) = rest.split_at(digits);
            let letters = tail.bytes().take_while(u8::is_ascii_alphabetic).count();
            let (unit, tail) = tail.split_at(letters);
            rest = tail;
            let number: u64 = number.parse().map_err(|_| refused())?;
            let index = UNITS
                .iter()
                .position(|(name, _)| *name == unit)
                .ok_or_else(refused)?;
            if last_unit.is_some_and(|last| last >= index) {
                return Err(refused());
            }
            last_unit = Some(index);
            let length = UNITS.get(index).map_or(0, |(_, length)| *length);
            milliseconds = number
                .checked_mul(length)
                .and_then(|part| milliseconds.checked_add(part))
                .ok_or_else(refused)?;
        }
        let duration = Duration::from_millis(milliseconds);
        if last_unit.is_none() {
            Err(refused())
        } else if duration > LONGEST {
            Err(format!("duration `{text}` is not valid: at most 366 days"))
        } else {
            Ok(duration)
        }
    }

    /// Writes what [`parse`] reads, with the fewest units: `1h30m`, `0s`.
    pub(crate) fn format(duration: Duration) -> String {
        let mut rest = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let mut text = String::new();
        for (unit, length) in UNITS {
            let count = rest / length;
            rest %= length;
            if count > 0 {
                text.push_str(&count.to_string());
                text.push_str(unit);
            }
        }
        if text.is_empty() {
            "0s".to_owned()
        } else {
            text
        }
    }

    pub(crate) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }

    /// The schema of a duration.
    pub(crate) struct Text;

    impl schemars::JsonSchema for Text {
        fn schema_name() -> Cow<'static, str> {
            "Duration".into()
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({
                "description": "A duration such as `10s`, `2m` or `1h30m`.",
                "type": "string",
                "pattern": "^(?=.)([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$",
            })
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use proptest::prelude::*;

        #[test]
        fn reads_what_people_write() {
            for (text, seconds) in [("10s", 10), ("2m", 120), ("1h30m", 5400), ("1d", 86_400)] {
                assert_eq!(parse(text), Ok(Duration::from_secs(seconds)), "{text}");
            }
            assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        }

        #[test]
        fn refuses_what_could_be_misread() {
            for text in [
                "",
                "10",
                "s",
                "10 s",
                "-1s",
                "1.5h",
                "30s1m",
                "1m1m",
                "1w",
                "367d",
                "99999999999999999999s",
                "ms",
            ] {
                assert!(parse(text).is_err(), "{text}");
            }
        }

        proptest! {
            #[test]
            fn never_panics(text in "\\PC*") {
                let _ = parse(&text);
            }

            #[test]
            fn writes_what_it_reads(milliseconds in 0u64..31_000_000_000) {
                let duration = Duration::from_millis(milliseconds);
                prop_assert_eq!(parse(&format(duration)), Ok(duration));
            }
        }
    }
}

/// Days as ISO 8601 writes them: `2027-01-31`. None is no day.
pub(crate) mod day {
    use std::borrow::Cow;

    use jiff::civil::Date;
    use serde::{Deserialize, Deserializer, Serialize as _, Serializer};

    pub(crate) fn serialize<S: Serializer>(
        day: &Option<Date>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        day.map(|day| day.to_string()).serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Date>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else {
            return Ok(None);
        };
        // jiff reads times and zones as well, which would be dropped.
        let day = text
            .parse()
            .ok()
            .filter(|day: &Date| day.to_string() == text);
        day.map(Some).ok_or_else(|| {
            serde::de::Error::custom(format!(
                "day `{text}` is not valid: year, month and day, such as `2027-01-31`"
            ))
        })
    }

    /// The schema of a day.
    pub(crate) struct Text;

    impl schemars::JsonSchema for Text {
        fn schema_name() -> Cow<'static, str> {
            "Day".into()
        }

        fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
            schemars::json_schema!({
                "description": "A day such as `2027-01-31`.",
                "type": "string",
                "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
            })
        }
    }
}
