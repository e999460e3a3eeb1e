//! Range requests of one range (RFC 9110, 14.2), as S3 takes them.

/// What a Range header asks of an object of a certain length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it: the header is not one that S3 understands.
    All,
    /// From the first to the last of these bytes, counted from 0.
    Part(usize, usize),
    /// Nothing that the object has.
    OutOfRange,
}

/// Reads a Range header for an object of `length` bytes.
pub(super) fn wanted(header: &str, length: usize) -> Wanted {
    let Some((first, last)) = header
        .strip_prefix("bytes=")
        .and_then(|range| range.split_once('-'))
    else {
        return Wanted::All;
    };
    let end = length.saturating_sub(1);
    match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), _) if first >= length => Wanted::OutOfRange,
        (Ok(first), Ok(last)) if last >= first => Wanted::Part(first, last.min(end)),
        (Ok(first), Err(_)) if last.is_empty() => Wanted::Part(first, end),
        (Err(_), Ok(count)) if first.is_empty() && count > 0 && length > 0 => {
            Wanted::Part(length.saturating_sub(count), end)
        }
        (Err(_), Ok(_)) if first.is_empty() => Wanted::OutOfRange,
        _ => Wanted::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_range() {
        assert_eq!(wanted("bytes=0-4", 10), Wanted::Part(0, 4));
        assert_eq!(wanted("bytes=5-", 10), Wanted::Part(5, 9));
        assert_eq!(wanted("bytes=-3", 10), Wanted::Part(7, 9));
        assert_eq!(wanted("bytes=-30", 10), Wanted::Part(0, 9));
        assert_eq!(wanted("bytes=8-99", 10), Wanted::Part(8, 9));
        assert_eq!(wanted("bytes=10-", 10), Wanted::OutOfRange);
        assert_eq!(wanted("bytes=-0", 10), Wanted::OutOfRange);
        assert_eq!(wanted("bytes=0-", 0), Wanted::OutOfRange);
        for odd in ["bytes=4-2", "items=0-1", "bytes=a-b", "bytes=0-1,3-4"] {
            assert_eq!(wanted(odd, 10), Wanted::All, "{odd}");
        }
    }
}
