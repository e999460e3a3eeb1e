//! The two environments of a blue/green release: their names, and which of them is live. Pure.
//!
//! Rules:
//! - One has the manifest's name, the other that name with a suffix. Either may be live: they take
//!   turns. Nothing on this machine remembers which; their public names tell.
//! - The live one holds the production name: the manifest's `cname_prefix`, or, without one, the name
//!   that AWS made from the first environment's own. A swap moves that name, never the environments.
//! - The second one is created with a public name of ours, so that it can never be taken for the
//!   production name, whichever environment it moves to.

use beanpole_cloud::EnvironmentDescription;
use beanpole_manifest::Project;
use beanpole_model::{AccountId, EnvironmentName};
use sha2::{Digest as _, Sha256};

/// The most characters of an environment's name (API reference, CreateEnvironment).
const LONGEST_NAME: usize = 40;
/// What is added to the manifest's name.
const SUFFIX: &str = "-b";
/// What is added if the name, cut to make room, would be the same again.
const OTHER_SUFFIX: &str = "-g";

/// The two names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The manifest's name.
    pub first: EnvironmentName,
    /// The other one.
    pub second: EnvironmentName,
}

impl Pair {
    /// The pair of an environment's name. A name too long for a suffix is cut.
    #[must_use]
    pub fn of(first: &EnvironmentName) -> Self {
        let with = |suffix: &str| {
            let room = LONGEST_NAME - suffix.len();
            let start: String = first.as_str().chars().take(room).collect();
            EnvironmentName::new(format!("{}{suffix}", start.trim_end_matches('-')))
        };
        let second = [SUFFIX, OTHER_SUFFIX]
            .into_iter()
            .filter_map(|suffix| with(suffix).ok())
            .find(|second| second != first);
        Self {
            // A valid name stays one with a suffix, so there always is a second.
            second: second.unwrap_or_else(|| first.clone()),
            first: first.clone(),
        }
    }

    /// The partner of one of the two.
    #[must_use]
    pub fn other(&self, name: &EnvironmentName) -> &EnvironmentName {
        if *name == self.first {
            &self.second
        } else {
            &self.first
        }
    }
}

/// The first label of the name under which users reach the application.
#[must_use]
pub fn production_label(project: &Project) -> &str {
    let own = project.environment.as_str();
    project.cname_prefix.as_deref().unwrap_or(own)
}

/// The first label of the public name that the environment without traffic is created with. It must
/// be free in the whole region, over all accounts, so it carries a digest of who we are.
#[must_use]
pub fn idle_label(project: &Project, account: &AccountId) -> String {
    let own = format!("{account}/{}/{}", project.application, project.environment);
    let digest = Sha256::digest(own.as_bytes());
    let short: String = hex::encode(digest).chars().take(8).collect();
    format!("{}-idle-{short}", project.environment)
}

/// Which environment is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Live {
    /// This one.
    Is(EnvironmentName),
    /// Neither exists.
    Neither,
    /// Both might be: the names and what they answer to.
    Unclear(Vec<String>),
}

/// Finds the live one of a pair among an application's environments. Environments that are going
/// away count as long as they hold a name.
#[must_use]
pub fn live(
    project: &Project,
    account: &AccountId,
    environments: &[EnvironmentDescription],
) -> Live {
    let pair = Pair::of(&project.environment);
    let members: Vec<(&EnvironmentName, &str)> = [&pair.first, &pair.second]
        .into_iter()
        .filter_map(|name| {
            let found = environments
                .iter()
                .find(|found| found.name == name.as_str())?;
            Some((name, label(found)))
        })
        .collect();
    let production = production_label(project);
    let idle = idle_label(project, account);
    let only = |wanted: &dyn Fn(&str) -> bool| {
        let mut matching = members.iter().filter(|(_, label)| wanted(label));
        match (matching.next(), matching.next()) {
            (Some((name, _)), None) => Some(Live::Is((*name).clone())),
            _ => None,
        }
    };
    if members.is_empty() {
        return Live::Neither;
    }
    // A prefix that the manifest got later is nobody's: then the one without our idle name is live.
    only(&|label| label.eq_ignore_ascii_case(production))
        .or_else(|| only(&|label| !label.eq_ignore_ascii_case(&idle)))
        .unwrap_or_else(|| {
            let shown = members
                .iter()
                .map(|(name, label)| format!("`{name}` answers as `{label}`"));
            Live::Unclear(shown.collect())
        })
}

/// The first label of an environment's public name.
fn label(environment: &EnvironmentDescription) -> &str {
    let name = environment.cname.as_deref().unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

/// The project with another environment's name: what releases, proves and probes it. Everything that
/// was derived from the manifest's own name (identifiers of database and cache) is kept; the names
/// of secrets are not, so ask for those with the manifest's project.
#[must_use]
pub fn project_of(project: &Project, environment: &EnvironmentName) -> Project {
    Project {
        environment: environment.clone(),
        ..project.clone()
    }
}

#[cfg(test)]
mod tests {
    use beanpole_cloud::{Color, EnvironmentStatus};
    use beanpole_manifest::Manifest;
    use proptest::prelude::*;

    use super::*;

    fn project(more: &str) -> Project {
        let text = format!(
            "application: shop\nregion: eu-central-1\nprocesses: {{web: {{command: x, port: \
             1}}}}\nenvironment_name: shop-live\n{more}"
        );
        Manifest::parse("beanpole.yaml".into(), &text)
            .unwrap()
            .environment(None)
            .unwrap()
    }

    fn account() -> AccountId {
        AccountId::new("123456789012").unwrap()
    }

    fn name(text: &str) -> EnvironmentName {
        EnvironmentName::new(text).unwrap()
    }

    fn environment(name: &str, label: &str) -> EnvironmentDescription {
        EnvironmentDescription {
            id: "e-1".to_owned(),
            name: name.to_owned(),
            application: "shop".to_owned(),
            arn: None,
            tier: None,
            version_label: None,
            status: EnvironmentStatus::Ready,
            health: Color::Green,
            health_status: None,
            cname: Some(format!("{label}.eu-central-1.elasticbeanstalk.com")),
            endpoint_url: None,
            platform_arn: None,
            solution_stack: None,
            abortable: false,
            created: None,
            updated: None,
        }
    }

    #[test]
    fn a_name_and_its_partner() {
        let pair = Pair::of(&name("shop-live"));
        assert_eq!(pair.second.as_str(), "shop-live-b");
        assert_eq!(pair.other(&pair.first), &pair.second);
        assert_eq!(pair.other(&pair.second), &pair.first);
        let long = name(&format!("{}-b", "x".repeat(38)));
        let pair = Pair::of(&long);
        assert_ne!(pair.first, pair.second);
        assert_eq!(pair.second.as_str().len(), 40);
    }

    #[test]
    fn the_holder_of_the_production_name_is_live() {
        let idle = idle_label(&project(""), &account());
        let first = environment("shop-live", "shop-live.eba-abc");
        let second = environment("shop-live-b", &idle);
        let plain = project("");
        let one = [first, second];
        assert_eq!(
            live(&plain, &account(), &one),
            Live::Is(name("shop-live")),
            "before the swap"
        );
        let swapped = [
            environment("shop-live", &idle),
            environment("shop-live-b", "shop-live.eba-abc"),
        ];
        let swapped_live = live(&plain, &account(), &swapped);
        assert_eq!(swapped_live, Live::Is(name("shop-live-b")));
        let prefixed = project("cname_prefix: shop\n");
        let after = [
            environment("shop-live", &idle),
            environment("shop-live-b", "Shop"),
        ];
        let after_swap = live(&prefixed, &account(), &after);
        assert_eq!(after_swap, Live::Is(name("shop-live-b")));
    }

    #[test]
    fn a_lone_environment_is_live_whatever_it_answers_to() {
        let prefixed = project("cname_prefix: shop\n");
        for lone in ["shop-live", "shop-live-b"] {
            let found = live(&prefixed, &account(), &[environment(lone, "older")]);
            assert_eq!(found, Live::Is(name(lone)));
        }
        assert_eq!(live(&prefixed, &account(), &[]), Live::Neither);
        // Someone else's environment is none of ours.
        let other = [environment("other", "shop")];
        assert_eq!(live(&prefixed, &account(), &other), Live::Neither);
    }

    #[test]
    fn a_pair_that_cannot_be_told_apart_is_not_guessed() {
        let both = [
            environment("shop-live", "one"),
            environment("shop-live-b", "two"),
        ];
        let Live::Unclear(shown) = live(&project("cname_prefix: shop\n"), &account(), &both) else {
            panic!("it was guessed");
        };
        assert_eq!(
            shown,
            [
                "`shop-live` answers as `one`",
                "`shop-live-b` answers as `two`"
            ]
        );
    }

    #[test]
    fn only_the_name_differs() {
        let base = project("database: {}\n");
        let green = project_of(&base, &name("shop-live-b"));
        assert_eq!(green.environment.as_str(), "shop-live-b");
        assert_eq!(green.database, base.database);
    }

    proptest! {
        #[test]
        fn every_name_has_a_partner(text in "[a-zA-Z0-9][a-zA-Z0-9-]{2,38}[a-zA-Z0-9]") {
            let pair = Pair::of(&name(&text));
            prop_assert_ne!(&pair.first, &pair.second);
            prop_assert!(idle_label(&project_of(&project(""), &pair.first), &account()).len() <= 63);
        }
    }
}
