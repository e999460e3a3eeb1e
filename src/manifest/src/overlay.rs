//! How an environment is laid over the rest of the manifest.
//!
//! The rule: mappings merge key by key, at every level. Lists and scalars replace what is below
//! them, and so does anything that meets a value of another kind. An explicit `null` stands for "not
//! given", so that the key's default holds again: `cache: null` is an environment without a cache,
//! `soak: null` the default soak time. A bare `key:` says nothing and changes nothing: a section
//! whose lines are all commented out does not wipe the one below it.
//!
//! Every node keeps its own place, so that an error points at the line that said it, in the
//! environment or in the rest.

use crate::tree::{Entry, Node, Value};

/// `over` laid over `base`.
pub(crate) fn merge(base: &Node, over: &Node) -> Node {
    if matches!(over.value, Value::Null { written: false }) {
        return base.clone();
    }
    let (Value::Map(below), Value::Map(above)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut entries: Vec<Entry> = Vec::with_capacity(below.len() + above.len());
    for entry in below {
        entries.push(match above.iter().find(|other| other.key == entry.key) {
            None => entry.clone(),
            Some(other) => {
                let node = merge(&entry.node, &other.node);
                let key_at = if node.at == entry.node.at {
                    entry.key_at
                } else {
                    other.key_at
                };
                Entry {
                    key: entry.key.clone(),
                    key_at,
                    node,
                }
            }
        });
    }
    for entry in above {
        if !below.iter().any(|other| other.key == entry.key) {
            entries.push(entry.clone());
        }
    }
    Node {
        at: base.at,
        value: Value::Map(entries),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::parse;

    fn merged(base: &str, over: &str) -> Node {
        merge(&parse(base).unwrap(), &parse(over).unwrap())
    }

    /// The tree without places, as JSON text.
    fn plain(node: &Node) -> String {
        match &node.value {
            Value::Null { .. } => "null".to_owned(),
            Value::Scalar { text, .. } => text.clone(),
            Value::List(items) => {
                format!(
                    "[{}]",
                    items.iter().map(plain).collect::<Vec<_>>().join(",")
                )
            }
            Value::Map(entries) => {
                let entries: Vec<_> = entries
                    .iter()
                    .map(|entry| format!("{}:{}", entry.key, plain(&entry.node)))
                    .collect();
                format!("{{{}}}", entries.join(","))
            }
        }
    }

    #[test]
    fn mappings_merge_and_the_rest_replaces() {
        let node = merged(
            "a: {x: 1, y: {z: 2, w: 3}}\nb: [1, 2]\nc: old\n",
            "a: {y: {z: 9}, v: 4}\nb: [3]\nc: new\nd: 5\n",
        );
        assert_eq!(plain(&node), "{a:{x:1,y:{z:9,w:3},v:4},b:[3],c:new,d:5}");
    }

    #[test]
    fn an_explicit_null_replaces_and_a_bare_key_does_not() {
        let node = merged("a: 1\nb: {c: 2, d: 3}\n", "a: null\nb: {c: ~}\n");
        assert_eq!(plain(&node), "{a:null,b:{c:null,d:3}}");
        assert_eq!(
            plain(&merged("a: 1\nb: {c: 2}\n", "a:\nb:\n")),
            "{a:1,b:{c:2}}"
        );
    }

    #[test]
    fn places_come_from_the_side_that_spoke() {
        let node = merged("a: {x: 1}\n", "\n\n\na: {y: 2}\n");
        assert_eq!(node.position(&["a", "x"]).line, 1);
        assert_eq!(node.position(&["a", "y"]).line, 4);
    }
}
