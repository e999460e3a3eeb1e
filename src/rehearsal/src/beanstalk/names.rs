//! Ids and names as AWS makes them.

use rand::RngExt as _;

const LOWER: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
const HEX: &[u8] = b"0123456789abcdef";

fn random(alphabet: &[u8], length: usize) -> String {
    let mut dice = rand::rng();
    (0..length)
        .filter_map(|_| alphabet.get(dice.random_range(0..alphabet.len())))
        .map(|byte| char::from(*byte))
        .collect()
}

/// `e-` and ten characters.
pub(crate) fn environment_id() -> String {
    format!("e-{}", random(LOWER, 10))
}

/// `i-` and 17 hexadecimal digits.
pub(crate) fn instance_id() -> String {
    format!("i-0{}", random(HEX, 16))
}

/// The middle part of a CNAME whose prefix the user did not choose: `eba-` and eight characters.
pub(crate) fn cname_part() -> String {
    format!("eba-{}", random(LOWER, 8))
}

/// The name of a resource in the environment's stack: `awseb-e-…-stack-AWSEBSecurityGroup-…`.
pub(crate) fn stack_resource(environment_id: &str, logical: &str) -> String {
    format!(
        "awseb-{environment_id}-stack-{logical}-{}",
        random(MIXED, 12)
    )
}

/// The name of a resource in the temporary stack of an immutable update.
pub(crate) fn temporary_resource(environment_id: &str, logical: &str) -> String {
    format!(
        "awseb-{environment_id}-immutable-stack-{logical}-{}",
        random(MIXED, 12)
    )
}

/// A short random part for load balancers and target groups.
pub(crate) fn short() -> String {
    random(MIXED, 12)
}

/// 16 hexadecimal digits, as in the ARNs of load balancers.
pub(crate) fn hexadecimal() -> String {
    random(HEX, 16)
}

/// A request id: a UUID.
pub(crate) fn request_id() -> String {
    uuid::Uuid::new_v4().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_lengths_of_aws() {
        assert_eq!(environment_id().len(), 12);
        assert_eq!(instance_id().len(), 19);
        assert_ne!(environment_id(), environment_id());
        assert!(
            stack_resource("e-abc", "AWSEBSecurityGroup")
                .starts_with("awseb-e-abc-stack-AWSEBSecurityGroup-")
        );
    }
}
