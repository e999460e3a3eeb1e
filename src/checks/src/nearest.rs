//! The name that was probably meant.

/// How alike two names must be for a suggestion.
const ALIKE: f64 = 0.78;

/// The candidate that is most like `name`, if one is near.
pub(crate) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let name = name.to_lowercase().replace('_', "-");
    candidates
        .into_iter()
        .map(|candidate| (candidate, strsim::jaro_winkler(&name, candidate)))
        .filter(|(_, score)| *score >= ALIKE)
        .max_by(|(_, one), (_, other)| one.total_cmp(other))
        .map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn slips_are_recognised() {
        let known = ["drop-column", "drop-table", "unpinned-requirement"];
        assert_eq!(nearest("drop_colum", known), Some("drop-column"));
        assert_eq!(nearest("unpined-requirements", known), Some(known[2]));
        assert_eq!(nearest("colour", known), None);
    }
}
