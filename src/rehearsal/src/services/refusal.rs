//! What the services of the Query protocol say when they refuse.

use winterbaume_core::MockResponse;

use crate::server::answers::Protocol;

/// An error answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    /// HTTP 400 with this code.
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            code,
            message: message.into(),
        }
    }

    /// HTTP 404 with this code.
    pub(super) fn not_found(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 404,
            code,
            message: message.into(),
        }
    }

    /// A parameter has a value that is never right.
    pub(super) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    /// Parameters do not go together, or not with what is there.
    pub(super) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    /// An operation that the rehearsal lacks.
    pub(super) fn unknown_operation(service: &str, operation: &str) -> Self {
        Self::new(
            "InvalidAction",
            format!("The rehearsal does not know the operation {operation} of {service}."),
        )
    }
}

impl From<Refusal> for MockResponse {
    fn from(refusal: Refusal) -> Self {
        Protocol::Query.error(refusal.status, refusal.code, &refusal.message)
    }
}

/// True for the identifiers of databases and replication groups: 1 to `longest` letters, digits and
/// hyphens; a letter first, no hyphen last, no two hyphens together.
pub(super) fn is_identifier(text: &str, longest: usize) -> bool {
    (1..=longest).contains(&text.len())
        && text
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
        && text.starts_with(|letter: char| letter.is_ascii_alphabetic())
        && !text.ends_with('-')
        && !text.contains("--")
}

/// The page that `MaxRecords` and `Marker` ask for. A marker is the number of the next item.
pub(super) fn page<T>(
    items: Vec<T>,
    most: Option<i32>,
    marker: Option<&str>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let start: usize = match marker {
        None | Some("") => 0,
        Some(marker) => marker
            .parse()
            .map_err(|_| Refusal::value("Invalid marker"))?,
    };
    let most = most.unwrap_or(100);
    let Some(most) = usize::try_from(most)
        .ok()
        .filter(|most| (20..=100).contains(most))
    else {
        return Err(Refusal::value(format!(
            "Invalid value {most} for MaxRecords. Must be between 20 and 100"
        )));
    };
    let end = start.saturating_add(most);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.into_iter().skip(start).take(most).collect(), next))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        assert!(is_identifier("shop-production-db", 63));
        for wrong in ["", "1shop", "shop-", "shop--db", "shop_db", "söhop"] {
            assert!(!is_identifier(wrong, 63), "{wrong}");
        }
        assert!(!is_identifier("abc", 2));
    }

    #[test]
    fn pages_follow_their_marker() {
        let items: Vec<u32> = (0..45).collect();
        let (first, marker) = page(items.clone(), Some(20), None).unwrap();
        assert_eq!((first.len(), marker.as_deref()), (20, Some("20")));
        let (last, marker) = page(items.clone(), Some(20), Some("40")).unwrap();
        assert_eq!((last.len(), marker), (5, None));
        assert!(page(items, Some(5), None).is_err());
    }
}
