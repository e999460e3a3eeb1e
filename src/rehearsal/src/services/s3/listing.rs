//! Lists of objects: prefix, delimiter, pages. Pure.

use std::collections::BTreeMap;

use super::store::Object;

/// What a list is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Question {
    pub(super) prefix: String,
    /// Keys that have it after the prefix are shown by what stands before it; empty for none.
    pub(super) delimiter: String,
    /// Entries up to and with this one are left out; empty for none.
    pub(super) after: String,
    /// The most entries.
    pub(super) most: usize,
}

/// A page of a list.
#[derive(Debug, Default)]
pub(super) struct Page<'a> {
    pub(super) objects: Vec<(&'a String, &'a Object)>,
    pub(super) prefixes: Vec<String>,
    /// The last entry of the page, if there are more.
    pub(super) next: Option<String>,
}

/// The page that answers a question. Keys come in the order of their bytes.
pub(super) fn page<'a>(objects: &'a BTreeMap<String, Object>, question: &Question) -> Page<'a> {
    let mut page = Page::default();
    let mut last = String::new();
    for (key, object) in objects.range(question.prefix.clone()..) {
        let Some(rest) = key.strip_prefix(&question.prefix) else {
            break;
        };
        let group = group(rest, question);
        let entry = group.as_ref().unwrap_or(key);
        // Keys of a group that a former page ended with come after it in order, but belong to it.
        if *entry <= question.after || (group.is_some() && page.prefixes.last() == group.as_ref()) {
            continue;
        }
        if page.objects.len() + page.prefixes.len() >= question.most {
            page.next = Some(last).filter(|last| !last.is_empty());
            return page;
        }
        last.clone_from(entry);
        match group {
            Some(group) => page.prefixes.push(group),
            None => page.objects.push((key, object)),
        }
    }
    page
}

fn group(rest: &str, question: &Question) -> Option<String> {
    if question.delimiter.is_empty() {
        return None;
    }
    let (before, _) = rest.split_once(&question.delimiter)?;
    Some(format!("{}{before}{}", question.prefix, question.delimiter))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;
    use jiff::Timestamp;

    use super::*;

    fn objects(keys: &[&str]) -> BTreeMap<String, Object> {
        let object = Object::new(Bytes::new(), &HeaderMap::new(), None, Timestamp::UNIX_EPOCH);
        keys.iter()
            .map(|key| ((*key).to_owned(), object.clone()))
            .collect()
    }

    fn pages(
        objects: &BTreeMap<String, Object>,
        prefix: &str,
        delimiter: &str,
        most: usize,
    ) -> Vec<String> {
        let mut shown = Vec::new();
        let mut after = String::new();
        loop {
            let question = Question {
                prefix: prefix.to_owned(),
                delimiter: delimiter.to_owned(),
                after: after.clone(),
                most,
            };
            let page = page(objects, &question);
            let mut entries: Vec<String> = page
                .objects
                .iter()
                .map(|(key, _)| (*key).clone())
                .chain(page.prefixes)
                .collect();
            entries.sort();
            shown.push(entries.join(" "));
            match page.next {
                Some(next) => after = next,
                None => return shown,
            }
        }
    }

    #[test]
    fn pages_have_each_entry_once() {
        let objects = objects(&["a/1", "a/2", "b", "c/1", "c/2", "d"]);
        assert_eq!(pages(&objects, "", "", 4), ["a/1 a/2 b c/1", "c/2 d"]);
        assert_eq!(pages(&objects, "", "/", 2), ["a/ b", "c/ d"]);
        assert_eq!(pages(&objects, "", "/", 1), ["a/", "b", "c/", "d"]);
        assert_eq!(pages(&objects, "a/", "/", 10), ["a/1 a/2"]);
        assert_eq!(pages(&objects, "x", "", 10), [""]);
    }
}
