//! Form bodies of the Query protocol, decoded as UTF-8.

use std::collections::HashMap;

/// The parameters of a form body. A name that occurs twice keeps its last value; AWS's clients number
/// list members instead of repeating names.
pub(crate) fn parse(body: &[u8]) -> HashMap<String, String> {
    url::form_urlencoded::parse(body).into_owned().collect()
}

/// The values of a flat list in EC2's manner: `prefix.1`, `prefix.2`, until one is missing.
pub(crate) fn list(form: &HashMap<String, String>, prefix: &str) -> Vec<String> {
    (1..)
        .map_while(|index| form.get(&format!("{prefix}.{index}")).cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_utf_8_and_lists_are_numbered() {
        let form = parse("Action=X&Name=Gr%C3%B6%C3%9Fe+1&Id.1=a&Id.2=b&Id.4=d".as_bytes());
        assert_eq!(form["Name"], "Größe 1");
        assert_eq!(list(&form, "Id"), ["a", "b"]);
    }
}
