//! Durations as people read them.

use std::time::Duration;

/// `340 ms`, `4.2 s`, `3 min 20 s`, `1 h 5 min`: two units at most.
#[must_use]
pub fn short(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..=59 => format!("{:.1} s", duration.as_secs_f64()),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_units_at_most() {
        let cases = [
            (Duration::from_millis(340), "340 ms"),
            (Duration::from_millis(4210), "4.2 s"),
            (Duration::from_secs(200), "3 min 20 s"),
            (Duration::from_secs(3900), "1 h 5 min"),
        ];
        for (duration, expected) in cases {
            assert_eq!(short(duration), expected);
        }
    }
}
