//! Conditions of which only parts are known.

/// What parts come to that are joined by `or` (`decides` is true) or by `and` (false): one part that is as that decides, else all
/// have to be known.
pub(crate) fn verdict(parts: &[Option<bool>], decides: bool) -> Option<bool> {
    if parts.contains(&Some(decides)) {
        return Some(decides);
    }
    (!parts.contains(&None)).then_some(!decides)
}

#[cfg(test)]
mod tests {
    use super::verdict;

    #[test]
    fn one_part_decides_or_all_are_known() {
        let (yes, no) = (Some(true), Some(false));
        for (parts, or, and) in [
            ([yes, None], yes, None),
            ([no, None], None, no),
            ([no, no], no, no),
            ([yes, no], yes, no),
            ([yes, yes], yes, yes),
        ] {
            assert_eq!((verdict(&parts, true), verdict(&parts, false)), (or, and));
        }
    }
}
