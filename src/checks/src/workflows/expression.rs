//! Expressions `${{ … }}` in texts, and what they refer to.

/// An expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expression<'t> {
    /// With its braces, as written.
    pub(super) whole: &'t str,
    /// What stands between the braces.
    pub(super) inner: &'t str,
    /// The offset of the first brace's dollar sign.
    pub(super) start: usize,
}

/// How many expressions of one text are looked at. Finding the place of each costs a look at all before it.
const MOST: usize = 500;

/// The expressions of a text. One that is not closed is none.
pub(super) fn expressions(text: &str) -> Vec<Expression<'_>> {
    let mut found = Vec::new();
    let mut at = 0;
    while found.len() < MOST
        && let Some(start) = text
            .get(at..)
            .and_then(|rest| rest.find("${{"))
            .map(|found| at + found)
    {
        let Some(end) = text
            .get(start..)
            .and_then(|rest| rest.find("}}"))
            .map(|length| start + length + 2)
        else {
            break;
        };
        let whole = text.get(start..end).unwrap_or_default();
        let inner = whole
            .get(3..whole.len().saturating_sub(2))
            .unwrap_or_default();
        found.push(Expression {
            whole,
            inner,
            start,
        });
        at = end;
    }
    found
}

impl Expression<'_> {
    /// The values that the expression reads, in small letters, with dots for brackets: `github.event.commits.*.message`.
    /// Names in texts are none.
    pub(super) fn references(&self) -> Vec<String> {
        let plain = without_texts(self.inner).to_ascii_lowercase();
        plain
            .split(|character: char| {
                !(character.is_ascii_alphanumeric() || "._-*".contains(character))
            })
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Whether the value is only true or false, whatever the expression reads.
    pub(super) fn is_condition(&self) -> bool {
        let inner = self.inner.trim().to_ascii_lowercase();
        let chooses = inner.contains("&&") || inner.contains("||");
        let asks = ["contains(", "startswith(", "endswith("]
            .iter()
            .any(|name| inner.starts_with(name))
            && inner.ends_with(')');
        let compares = inner.contains("==") || inner.contains("!=") || inner.starts_with('!');
        (asks || compares) && !chooses
    }

    /// Whether the expression writes out whole objects.
    pub(super) fn writes_objects(&self) -> bool {
        self.inner.to_ascii_lowercase().contains("tojson")
    }
}

/// Takes quoted texts out, but keeps `['name']` and `[0]` as `.name` and `.*`.
fn without_texts(inner: &str) -> String {
    let mut plain = String::new();
    let mut rest = inner;
    while let Some(at) = rest.find(['\'', '[']) {
        let (before, from) = rest.split_at(at);
        plain.push_str(before);
        if let Some(index) = from.strip_prefix('[') {
            let end = index.find(']').unwrap_or(index.len());
            let key = index.get(..end).unwrap_or_default().trim();
            plain.push('.');
            match key
                .strip_prefix('\'')
                .and_then(|key| key.strip_suffix('\''))
            {
                Some(name) => plain.push_str(name),
                None => plain.push('*'),
            }
            rest = index.get(end + 1..).unwrap_or_default();
        } else {
            let text = from.get(1..).unwrap_or_default();
            let end = text.find('\'').unwrap_or(text.len());
            plain.push(' ');
            rest = text.get(end + 1..).unwrap_or_default();
        }
    }
    plain.push_str(rest);
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn references(inner: &str) -> Vec<String> {
        let text = format!("${{{{{inner}}}}}");
        expressions(&text)[0].references()
    }

    #[test]
    fn expressions_are_found_in_order() {
        let found = expressions("a ${{ b }} ${{c}} ${{ never");
        let inner: Vec<_> = found.iter().map(|one| (one.inner, one.start)).collect();
        assert_eq!(inner, [(" b ", 2), ("c", 11)]);
    }

    #[test]
    fn references_have_one_spelling() {
        assert_eq!(
            references("github.event['pull_request'].Title"),
            ["github.event.pull_request.title"]
        );
        assert_eq!(
            references("github.event.commits[0].message"),
            ["github.event.commits.*.message"]
        );
        assert_eq!(
            references("format('github.head_ref {0}', github.ref)"),
            ["format", "github.ref"]
        );
        assert_eq!(references("a || b"), ["a", "b"]);
    }

    #[test]
    fn conditions_have_no_value_of_their_own() {
        for (inner, is) in [
            ("contains(a, 'b')", true),
            ("a == 'b'", true),
            ("a == 'b' && c || d", false),
            ("a", false),
            ("format('{0}', a)", false),
        ] {
            let text = format!("${{{{ {inner} }}}}");
            assert_eq!(expressions(&text)[0].is_condition(), is, "{inner}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "[${}\\[\\]'a.é =(|]{0,60}") {
            for one in expressions(&text) {
                let _ = (one.references(), one.is_condition());
            }
        }
    }
}
