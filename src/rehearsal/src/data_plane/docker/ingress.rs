//! Which instances may reach which stores. Pure: security groups and rules in, an answer out.

use std::net::Ipv4Addr;

use crate::data_plane::{IngressRule, IngressSource};

/// True if a rule lets an instance with these security groups and this private address connect to `port`
/// of something with `store_groups`. As on AWS, one rule of one group is enough, and without one
/// nothing comes through.
pub(super) fn allows(
    rules: &[IngressRule],
    store_groups: &[String],
    port: u16,
    instance_groups: &[String],
    instance_address: Ipv4Addr,
) -> bool {
    rules.iter().any(|rule| {
        store_groups.contains(&rule.group)
            && (rule.from_port..=rule.to_port).contains(&port)
            && match &rule.source {
                IngressSource::Group(group) => instance_groups.contains(group),
                IngressSource::Cidr(block) => block_contains(block, instance_address),
            }
    })
}

/// True if the IPv4 block (`172.31.0.0/16`) holds the address. Malformed and IPv6 blocks hold none.
fn block_contains(block: &str, address: Ipv4Addr) -> bool {
    let Some((network, length)) = block.split_once('/') else {
        return false;
    };
    let (Ok(network), Ok(length)) = (network.parse::<Ipv4Addr>(), length.parse::<u32>()) else {
        return false;
    };
    if length > 32 {
        return false;
    }
    let mask = u32::MAX.checked_shl(32 - length).unwrap_or(0);
    u32::from(network) & mask == u32::from(address) & mask
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv4Addr = Ipv4Addr::new(172, 31, 5, 9);

    fn rule(group: &str, ports: (u16, u16), source: IngressSource) -> IngressRule {
        IngressRule {
            group: group.to_owned(),
            from_port: ports.0,
            to_port: ports.1,
            source,
        }
    }

    fn group(id: &str) -> IngressSource {
        IngressSource::Group(id.to_owned())
    }

    fn asks(rules: &[IngressRule]) -> bool {
        let groups = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
        allows(
            rules,
            &groups(&["sg-db"]),
            5432,
            &groups(&["sg-web", "sg-more"]),
            ADDRESS,
        )
    }

    #[test]
    fn group_to_group_on_the_stores_port() {
        assert!(asks(&[rule("sg-db", (5432, 5432), group("sg-web"))]));
        assert!(asks(&[rule("sg-db", (0, 65535), group("sg-more"))]));
        for wrong in [
            rule("sg-db", (5433, 5433), group("sg-web")),
            rule("sg-db", (6379, 6379), group("sg-web")),
            rule("sg-other", (5432, 5432), group("sg-web")),
            rule("sg-db", (5432, 5432), group("sg-db")),
        ] {
            assert!(!asks(std::slice::from_ref(&wrong)), "{wrong:?}");
        }
        assert!(!asks(&[]));
    }

    #[test]
    fn address_blocks() {
        let cidr = |block: &str| {
            asks(&[rule(
                "sg-db",
                (5432, 5432),
                IngressSource::Cidr(block.to_owned()),
            )])
        };
        for block in ["0.0.0.0/0", "172.31.0.0/16", "172.31.5.9/32"] {
            assert!(cidr(block), "{block}");
        }
        for block in [
            "10.0.0.0/8",
            "172.31.5.8/32",
            "::/0",
            "172.31.0.0",
            "172.31.0.0/40",
            "x/0",
        ] {
            assert!(!cidr(block), "{block}");
        }
    }
}
