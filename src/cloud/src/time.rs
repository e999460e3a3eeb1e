//! AWS timestamps to ours.

use aws_smithy_types::DateTime;
use jiff::Timestamp;

/// The same instant; `None` if it lies outside of what a [`Timestamp`] can hold (years -9999 to
/// 9999), which no real answer does.
pub(crate) fn timestamp(value: &DateTime) -> Option<Timestamp> {
    let nanoseconds = i32::try_from(value.subsec_nanos()).ok()?;
    Timestamp::new(value.secs(), nanoseconds).ok()
}

/// The other way round.
pub(crate) fn date_time(value: Timestamp) -> DateTime {
    DateTime::from_nanos(value.as_nanosecond())
        .unwrap_or_else(|_| DateTime::from_secs(value.as_second()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_survive_the_way_there_and_back() {
        let instant: Timestamp = "2026-01-13T10:20:30.123Z".parse().unwrap();
        assert_eq!(timestamp(&date_time(instant)), Some(instant));
        let before: Timestamp = "1969-12-31T23:59:59.5Z".parse().unwrap();
        assert_eq!(timestamp(&date_time(before)), Some(before));
    }
}
