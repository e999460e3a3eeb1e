//! What is about to be shown, without keys of known formats.
//!
//! A finding of any rule quotes the project: the line that it stands on, a requirement, the subject of a commit. A key that
//! stands there is hidden, also where a comment lets it stay in its file.

use super::search::Search;
use beanpole_model::secret::REDACTED;

/// The text without keys, and without passwords of addresses.
pub(crate) fn hide(text: &mut String) {
    let mut search = Search::of_words(text);
    search.formats();
    let mut places: Vec<_> = (search.into_hits().into_iter())
        .map(|hit| hit.bytes)
        .collect();
    places.sort_by_key(|place| std::cmp::Reverse(place.start));
    // Hits do not overlap, and the last goes first: places before it stay as they are.
    for place in places {
        if text.is_char_boundary(place.start) && text.is_char_boundary(place.end) {
            text.replace_range(place, REDACTED);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::hide;
    use crate::secrets::testing::{SAMPLES, sample};

    fn hidden(text: &str) -> String {
        let mut text = text.to_owned();
        hide(&mut text);
        text
    }

    #[test]
    fn no_key_of_a_known_format_is_shown() {
        for one in SAMPLES {
            let (line, value) = sample(one);
            let shown = hidden(&format!("é {line} breakpoint()  # gitleaks:allow"));
            assert!(!shown.contains(&value), "{}", one.id);
            assert!(shown.starts_with("é ") && shown.contains("[redacted]"));
        }
    }

    #[test]
    fn several_are_hidden_and_the_rest_stays() {
        let (_, value) = sample(&SAMPLES[0]);
        let text = format!("a '{value}' b '{value}' c");
        assert_eq!(hidden(&text), "a '[redacted]' b '[redacted]' c");
        assert_eq!(hidden("`redis` has no version"), "`redis` has no version");
    }
}
