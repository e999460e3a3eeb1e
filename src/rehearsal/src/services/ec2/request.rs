//! What requests say: filters, rules, tags. EC2's dialect of the Query protocol numbers list members
//! without a word between (`IpPermissions.1.Groups.1.GroupId`).

use std::collections::HashMap;

use super::refusal::Refusal;
use super::state::{Rule, Source};
use crate::server::form;

/// The fields of a request.
pub(super) type Form = HashMap<String, String>;

/// A field that must be there.
pub(super) fn required<'a>(form: &'a Form, name: &str) -> Result<&'a str, Refusal> {
    optional(form, name).ok_or_else(|| Refusal::missing(name))
}

/// A field that may be there; an empty one is not.
pub(super) fn optional<'a>(form: &'a Form, name: &str) -> Option<&'a str> {
    form.get(name)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

/// The filters of a request: names and the values of which one must match.
pub(super) fn filters(form: &Form) -> Vec<(String, Vec<String>)> {
    (1..)
        .map_while(|index| {
            let name = form.get(&format!("Filter.{index}.Name"))?.clone();
            Some((name, form::list(form, &format!("Filter.{index}.Value"))))
        })
        .collect()
}

/// The tags that a request gives to a new resource of this type.
pub(super) fn tag_specification(form: &Form, resource_type: &str) -> Vec<(String, String)> {
    (1..)
        .map_while(|index| {
            let prefix = format!("TagSpecification.{index}");
            let kind = form.get(&format!("{prefix}.ResourceType"))?;
            Some(if kind == resource_type {
                tags(form, &format!("{prefix}.Tag"))
            } else {
                Vec::new()
            })
        })
        .flatten()
        .collect()
}

/// `prefix.1.Key` and `prefix.1.Value`, and so on.
pub(super) fn tags(form: &Form, prefix: &str) -> Vec<(String, String)> {
    (1..)
        .map_while(|index| {
            let key = form.get(&format!("{prefix}.{index}.Key"))?.clone();
            let value = form
                .get(&format!("{prefix}.{index}.Value"))
                .cloned()
                .unwrap_or_default();
            Some((key, value))
        })
        .collect()
}

/// The rules that a request describes, in the list form or in the old flat form. `names` finds a group's
/// id by its name.
pub(super) fn rules(
    form: &Form,
    egress: bool,
    names: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Rule>, Refusal> {
    let mut rules = Vec::new();
    for index in 1.. {
        let prefix = format!("IpPermissions.{index}");
        let Some(protocol) = form.get(&format!("{prefix}.IpProtocol")) else {
            break;
        };
        let shape = shape(form, egress, protocol, &prefix)?;
        rules.extend(listed(form, &prefix, &shape, &names)?);
    }
    if let (true, Some(protocol)) = (rules.is_empty(), form.get("IpProtocol")) {
        let mut shape = shape(form, egress, protocol, "")?;
        shape.source = match (
            optional(form, "CidrIp"),
            optional(form, "SourceSecurityGroupName"),
        ) {
            (Some(block), _) => Source::Ipv4(block.to_owned()),
            (None, Some(name)) => {
                Source::Group(names(name).ok_or_else(|| Refusal::group_not_found(name))?)
            }
            (None, None) => return Err(Refusal::missing("cidrIp")),
        };
        rules.push(shape);
    }
    Ok(rules)
}

/// A rule with everything but its source.
fn shape(form: &Form, egress: bool, protocol: &str, prefix: &str) -> Result<Rule, Refusal> {
    let field = |name: &str| {
        let name = if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        };
        form.get(&name).map(|value| {
            value.parse::<i32>().map_err(|_| {
                Refusal::new(
                    "InvalidParameterValue",
                    format!("Invalid value '{value}' for {name}"),
                )
            })
        })
    };
    let protocol = match protocol {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "all" => "-1",
        other => other,
    };
    let all = protocol == "-1";
    Ok(Rule {
        id: String::new(),
        egress,
        protocol: protocol.to_lowercase(),
        from_port: if all {
            None
        } else {
            field("FromPort").transpose()?
        },
        to_port: if all {
            None
        } else {
            field("ToPort").transpose()?
        },
        source: Source::Ipv4(String::new()),
        description: None,
    })
}

/// One rule for each source that a permission lists.
fn listed(
    form: &Form,
    prefix: &str,
    shape: &Rule,
    names: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Rule>, Refusal> {
    let mut rules = Vec::new();
    for (list, field, make) in [
        ("IpRanges", "CidrIp", Source::Ipv4 as fn(String) -> Source),
        ("Ipv6Ranges", "CidrIpv6", Source::Ipv6),
        ("PrefixListIds", "PrefixListId", Source::PrefixList),
    ] {
        for index in 1.. {
            let Some(value) = form.get(&format!("{prefix}.{list}.{index}.{field}")) else {
                break;
            };
            let description = form
                .get(&format!("{prefix}.{list}.{index}.Description"))
                .cloned();
            rules.push(Rule {
                source: make(value.clone()),
                description,
                ..shape.clone()
            });
        }
    }
    for index in 1.. {
        let member = format!("{prefix}.Groups.{index}");
        let id = form.get(&format!("{member}.GroupId")).cloned();
        let name = form.get(&format!("{member}.GroupName"));
        let id = match (id, name) {
            (Some(id), _) => id,
            (None, Some(name)) => names(name).ok_or_else(|| Refusal::group_not_found(name))?,
            (None, None) => break,
        };
        let description = form.get(&format!("{member}.Description")).cloned();
        rules.push(Rule {
            source: Source::Group(id),
            description,
            ..shape.clone()
        });
    }
    if rules.is_empty() {
        return Err(Refusal::missing("ipRanges or groups"));
    }
    Ok(rules)
}

/// True if `value` is what a filter asks for: `*` is any text, `?` any character.
pub(super) fn filter_matches(pattern: &str, value: &str) -> bool {
    fn matches(pattern: &[u8], value: &[u8]) -> bool {
        match pattern.split_first() {
            None => value.is_empty(),
            Some((b'*', rest)) => (0..=value.len())
                .any(|skip| value.get(skip..).is_some_and(|value| matches(rest, value))),
            Some((first, rest)) => value.split_first().is_some_and(|(head, tail)| {
                (*first == b'?' || first == head) && matches(rest, tail)
            }),
        }
    }
    matches(pattern.as_bytes(), value.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(text: &str) -> Form {
        form::parse(text.as_bytes())
    }

    #[test]
    fn a_permission_becomes_one_rule_for_each_source() {
        let form = form(
            "IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=5432&IpPermissions.1.ToPort=5432\
             &IpPermissions.1.Groups.1.GroupId=sg-1&IpPermissions.1.Groups.1.Description=app\
             &IpPermissions.1.IpRanges.1.CidrIp=10.0.0.0/8&IpPermissions.2.IpProtocol=-1\
             &IpPermissions.2.FromPort=1&IpPermissions.2.Groups.1.GroupName=named",
        );
        let rules = rules(&form, false, |name| {
            (name == "named").then(|| "sg-2".to_owned())
        })
        .unwrap();
        let sources: Vec<&Source> = rules.iter().map(|rule| &rule.source).collect();
        assert_eq!(
            sources,
            [
                &Source::Ipv4("10.0.0.0/8".to_owned()),
                &Source::Group("sg-1".to_owned()),
                &Source::Group("sg-2".to_owned())
            ]
        );
        assert_eq!(rules[1].description.as_deref(), Some("app"));
        assert_eq!(rules[2].from_port, None, "all protocols have no ports");
    }

    #[test]
    fn the_flat_form_still_works() {
        let form = form("IpProtocol=tcp&FromPort=22&ToPort=22&CidrIp=0.0.0.0/0");
        let rules = rules(&form, false, |_| None).unwrap();
        assert_eq!(rules[0].source, Source::Ipv4("0.0.0.0/0".to_owned()));
        assert_eq!(rules[0].from_port, Some(22));
    }

    #[test]
    fn filters_and_their_wildcards() {
        let form = form(
            "Filter.1.Name=vpc-id&Filter.1.Value.1=a&Filter.1.Value.2=b&Filter.2.Name=tag:x&Filter.2.Value.1=y",
        );
        let read = filters(&form);
        assert_eq!(
            read[0],
            ("vpc-id".to_owned(), vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(read.len(), 2);
        assert!(filter_matches(
            "awseb-*-AWSEBSecurityGroup-*",
            "awseb-e-1-stack-AWSEBSecurityGroup-XY"
        ));
        assert!(filter_matches("sg-?", "sg-1"));
        assert!(!filter_matches("sg-?", "sg-12"));
    }
}
