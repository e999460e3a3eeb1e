//! What the manifest says, in the words of each group of rules. What it leaves open is the group's own default.

use beanpole_checks::{
    ProjectSettings, branch, change_size, commit_message, coverage, docker, files, migrations,
    pins, secrets, settings, test_names, workflows,
};
use beanpole_manifest::{
    BranchChecks, ChangeSizeChecks, Checks, CommitMessageChecks, CoverageChecks, DockerChecks,
    FileChecks, MigrationChecks, PinChecks, SecretChecks, SettingsChecks, TestNameChecks,
    TestRunner, TicketPlace, WorkflowChecks,
};

/// The names of branches with a ticket.
const WITH_TICKET: [&str; 6] = [
    "{type}/{ticket}",
    "{type}/{ticket}/{name}",
    "{type}/{ticket}-{name}",
    "{developer}/{type}/{ticket}",
    "{developer}/{type}/{ticket}/{name}",
    "{developer}/{type}/{ticket}-{name}",
];

/// The settings of all groups.
pub(super) fn of(checks: &Checks) -> ProjectSettings {
    ProjectSettings {
        migrations: of_migrations(&checks.migrations),
        coverage: of_coverage(&checks.coverage),
        pins: of_pins(&checks.pins),
        test_names: of_test_names(&checks.test_names),
        branch: of_branch(&checks.branch),
        commit_message: of_messages(&checks.commit_message),
        files: of_files(&checks.files),
        change_size: of_change_size(&checks.change_size),
        secrets: of_secrets(&checks.secrets),
        settings: of_settings(&checks.settings),
        docker: of_docker(&checks.docker),
        workflows: of_workflows(&checks.workflows),
    }
}

fn of_migrations(checks: &MigrationChecks) -> migrations::Settings {
    migrations::Settings {
        migration_modules: checks.modules.clone(),
        hot_tables: checks.hot_tables.iter().cloned().collect(),
        django: checks.django.as_deref().and_then(release),
        postgres: checks.postgres,
    }
}

/// `5.2` as two numbers. The manifest has been checked: anything else is not there.
fn release(text: &str) -> Option<(u32, u32)> {
    let (major, minor) = text.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

fn of_coverage(checks: &CoverageChecks) -> coverage::Settings {
    let mut settings = coverage::Settings {
        total: checks.total,
        diff: checks.changed,
        paths: checks
            .paths
            .iter()
            .map(|(path, least)| (glob_of(path), *least))
            .collect(),
        ..coverage::Settings::default()
    };
    if let Some(lines) = checks.minimum_lines {
        settings.minimum_changed_lines = lines;
    }
    if let Some(never) = checks.never_decrease {
        settings.never_lower = never;
    }
    if let Some(tolerance) = checks.tolerance {
        settings.tolerance = tolerance;
    }
    if let Some(places) = checks.precision {
        settings.precision = places;
    }
    if let Some(uncovered) = checks.uncovered {
        settings.uncovered = uncovered;
    }
    settings.omit.extend(checks.exclude.iter().cloned());
    settings.source_paths.clone_from(&checks.source_paths);
    settings
}

/// A directory stands for all below it.
fn glob_of(path: &str) -> String {
    let is_file = path.ends_with(".py") || path.contains('*');
    if is_file {
        path.to_owned()
    } else {
        format!("{}/**", path.trim_end_matches('/'))
    }
}

fn of_pins(checks: &PinChecks) -> pins::Settings {
    pins::Settings {
        require_hashes: checks.hashes.unwrap_or_default(),
        require_digests: checks.digests.unwrap_or_default(),
        pin_development: checks.pin_development.unwrap_or_default(),
        allow_unpinned: checks.allow.clone(),
        allow_images: checks.allow.clone(),
        test_packages: checks.test_packages.clone(),
        allow_in_production: checks.allow_in_production.clone(),
        // The manifest has patterns for files; what they mean is known when the files are.
        ..pins::Settings::default()
    }
}

fn of_test_names(checks: &TestNameChecks) -> test_names::Settings {
    test_names::Settings {
        runner: match checks.runner {
            None => test_names::Runner::Auto,
            Some(TestRunner::Django) => test_names::Runner::Django,
            Some(TestRunner::Pytest) => test_names::Runner::Pytest,
        },
        patterns: checks.patterns.clone().unwrap_or_default(),
        exclude: checks.exclude.clone(),
    }
}

fn of_branch(checks: &BranchChecks) -> branch::Settings {
    let mut settings = branch::Settings {
        pattern: checks.pattern.clone(),
        ..branch::Settings::default()
    };
    if let Some(prefixes) = &checks.prefixes {
        settings.types.clone_from(prefixes);
    }
    if let Some(protected) = &checks.protected {
        settings.protected.clone_from(protected);
    }
    if let Some(exempt) = &checks.exempt {
        settings.exempt.clone_from(exempt);
    }
    if let Some(refuse) = checks.refuse_merges {
        settings.refuse_merges = refuse;
    }
    let pattern = ticket_pattern(checks.ticket_pattern.as_ref(), &checks.ticket_projects);
    if let Some(pattern) = pattern {
        settings.ticket_pattern = pattern;
    }
    // Of its own templates, the manifest has seen to it that they hold the ticket.
    if let Some(templates) = &checks.templates {
        settings.templates.clone_from(templates);
    } else if checks.ticket_required == Some(true) {
        settings.templates = WITH_TICKET.map(str::to_owned).to_vec();
    }
    settings
}

fn of_messages(checks: &CommitMessageChecks) -> commit_message::Settings {
    let mut settings = commit_message::Settings::default();
    if let Some(types) = &checks.types {
        settings.types.clone_from(types);
    }
    if let Some(scopes) = &checks.scopes {
        settings.scopes.clone_from(scopes);
    }
    if let Some(length) = checks.longest_subject {
        settings.subject_length = length;
    }
    if let Some(length) = checks.longest_line {
        settings.body_line_length = length;
    }
    if let Some(require) = checks.require_scope {
        settings.require_scope = require;
    }
    let pattern = ticket_pattern(checks.ticket_pattern.as_ref(), &checks.ticket_projects);
    if let Some(pattern) = pattern {
        settings.ticket_pattern = pattern;
    }
    if let Some(place) = checks.ticket_place {
        settings.ticket_place = ticket_place(place);
    } else if checks.ticket_required == Some(true) {
        settings.ticket_place = commit_message::TicketPlace::Anywhere;
    }
    settings
}

const fn ticket_place(place: TicketPlace) -> commit_message::TicketPlace {
    match place {
        TicketPlace::None => commit_message::TicketPlace::None,
        TicketPlace::Start => commit_message::TicketPlace::Start,
        TicketPlace::AfterType => commit_message::TicketPlace::AfterType,
        TicketPlace::Scope => commit_message::TicketPlace::Scope,
        TicketPlace::Description => commit_message::TicketPlace::Description,
        TicketPlace::Footer => commit_message::TicketPlace::Footer,
        TicketPlace::Anywhere => commit_message::TicketPlace::Anywhere,
    }
}

/// The pattern that is given, or that of a ticket of one of the projects. Their names are capital letters and digits.
fn ticket_pattern(given: Option<&String>, projects: &[String]) -> Option<String> {
    let of_projects = || format!("(?:{})-[0-9]+", projects.join("|"));
    let named = || (!projects.is_empty()).then(of_projects);
    given.cloned().or_else(named)
}

fn of_files(checks: &FileChecks) -> files::Settings {
    let mut settings = files::Settings {
        large_files: checks.large.clone(),
        debug_files: checks.debug.clone(),
        debug_modules: checks.debug_modules.clone(),
        print: checks.print.unwrap_or_default(),
        ..files::Settings::default()
    };
    if let Some(largest) = checks.largest_kib {
        settings.largest_file_kib = largest;
    }
    settings
}

fn of_change_size(checks: &ChangeSizeChecks) -> change_size::Settings {
    let mut settings = change_size::Settings {
        exclude: checks.exclude.clone(),
        ..change_size::Settings::default()
    };
    if let Some(lines) = checks.warning {
        settings.warn_at = lines;
    }
    if let Some(lines) = checks.error {
        settings.error_at = lines;
    }
    if let Some(count) = checks.count_migrations {
        settings.count_migrations = count;
    }
    if let Some(count) = checks.count_deleted_files {
        settings.count_deleted_files = count;
    }
    settings
}

fn of_secrets(checks: &SecretChecks) -> secrets::Settings {
    let mut settings = secrets::Settings {
        allow_paths: checks.examples.clone(),
        allow: checks.allow.clone(),
        baseline: checks.baseline.iter().cloned().collect(),
        ..secrets::Settings::default()
    };
    if let Some(assignments) = checks.assignments {
        settings.assignments = assignments;
    }
    settings
        .allow_files
        .extend(checks.allow_files.iter().cloned());
    settings.test_paths.extend(checks.tests.iter().cloned());
    settings
}

fn of_settings(checks: &SettingsChecks) -> Vec<settings::Settings> {
    let settings = |module: Option<&String>| settings::Settings {
        module: module.cloned(),
        redirects_elsewhere: checks.redirects_elsewhere.unwrap_or_default(),
    };
    if checks.modules.is_empty() {
        return vec![settings(None)];
    }
    let modules = checks.modules.iter();
    modules.map(|module| settings(Some(module))).collect()
}

fn of_docker(checks: &DockerChecks) -> docker::Settings {
    let mut settings = docker::Settings {
        not_secret: checks.not_secret.iter().cloned().collect(),
        contexts: checks.contexts.clone(),
        hosts: checks.hosts.iter().cloned().collect(),
        ..docker::Settings::default()
    };
    if let Some(words) = &checks.development {
        settings.development = words.iter().cloned().collect();
    }
    settings
}

fn of_workflows(checks: &WorkflowChecks) -> workflows::Settings {
    let mut settings = workflows::Settings::default();
    if let Some(owners) = &checks.first_party {
        settings.first_party = owners.iter().cloned().collect();
    }
    settings
}

#[cfg(test)]
mod tests {
    use super::*;
    use beanpole_manifest::Manifest;

    const HEAD: &str = "application: shop\nregion: eu-central-1\nprocesses:\n  web:\n    command: gunicorn shop.wsgi\n    port: 8000\n";

    fn read(checks: &str) -> ProjectSettings {
        let text = format!("{HEAD}{checks}");
        let manifest = Manifest::parse("beanpole.yaml".into(), &text).unwrap();
        of(&manifest.environment(None).unwrap().checks)
    }

    fn usual() -> ProjectSettings {
        ProjectSettings {
            settings: vec![settings::Settings::default()],
            ..ProjectSettings::default()
        }
    }

    #[test]
    fn without_a_word_the_defaults_hold() {
        assert_eq!(read(""), usual());
    }

    /// The page of the checks shows every key with its default. That none is missing there is tested beside the manifest.
    #[test]
    fn the_defaults_of_the_page_are_true() {
        let page = include_str!("../../../../docs/checks.md");
        let (_, below) = page.split_once("```yaml\nchecks:\n").unwrap();
        let (example, _) = below.split_once("```").unwrap();
        assert_eq!(read(&format!("checks:\n{example}")), usual());
    }

    #[test]
    fn settings_of_the_groups_reach_them() {
        let settings = read(
            "checks:\n  coverage: {precision: 2, uncovered: false}\n  \
             pins: {pin_development: true, test_packages: [our-fakes*], allow_in_production: [ipython]}\n  \
             branch: {templates: ['{type}/{ticket}'], ticket_pattern: '#[0-9]+', exempt: [next], refuse_merges: true, ticket_required: true}\n  \
             commit_message: {require_scope: true, ticket_pattern: '#[0-9]+', ticket_place: after-type}\n  \
             files: {debug_modules: [shop.debug]}\n  \
             change_size: {count_migrations: false, count_deleted_files: false}\n  \
             secrets: {allow_files: [.env.ci], assignments: false, baseline: [0a1b2c3d, 12345678]}\n",
        );
        assert_eq!(settings.coverage.precision, 2);
        assert!(!settings.coverage.uncovered);
        assert!(settings.pins.pin_development);
        assert_eq!(settings.pins.test_packages, ["our-fakes*"]);
        assert_eq!(settings.pins.allow_in_production, ["ipython"]);
        assert_eq!(settings.branch.templates, ["{type}/{ticket}"]);
        assert_eq!(settings.branch.ticket_pattern, "#[0-9]+");
        assert_eq!(settings.branch.exempt, ["next"]);
        assert!(settings.branch.refuse_merges);
        let message = &settings.commit_message;
        assert!(message.require_scope);
        assert_eq!(message.ticket_pattern, "#[0-9]+");
        assert_eq!(message.ticket_place, commit_message::TicketPlace::AfterType);
        assert_eq!(settings.files.debug_modules, ["shop.debug"]);
        let size = &settings.change_size;
        assert!(!size.count_migrations && !size.count_deleted_files);
        let allowed = &settings.secrets.allow_files;
        assert!(allowed.contains(&".env.ci".to_owned()));
        assert!(allowed.contains(&".env.example".to_owned()));
        assert!(!settings.secrets.assignments);
        assert!(settings.secrets.baseline.contains("12345678"));
        assert_eq!(settings.secrets.baseline.len(), 2);
    }

    #[test]
    fn every_place_of_a_ticket_has_the_name_that_its_group_gives_it() {
        for place in commit_message::TicketPlace::ALL {
            let name = serde_json::to_value(place).unwrap();
            let name = name.as_str().unwrap();
            let settings = read(&format!(
                "checks: {{commit_message: {{ticket_place: {name}}}}}\n"
            ));
            assert_eq!(settings.commit_message.ticket_place, place, "{name}");
        }
    }

    #[test]
    fn every_section_reaches_its_group() {
        let settings = read(
            "checks:\n  migrations: {django: '5.2', postgres: 15, hot_tables: [shop_order], modules: {shop: shop.changes}}\n  \
             coverage: {total: 80, changed: 90, minimum_lines: 5, never_decrease: false, tolerance: 0.5, paths: {shop: 70, 'a/b.py': 100}, exclude: ['gen/**'], source_paths: {/app/: ''}}\n  \
             pins: {allow: [tools], hashes: true, digests: true}\n  \
             test_names: {runner: pytest, patterns: ['check_*.py'], exclude: ['x.py']}\n  \
             branch: {prefixes: [task], protected: [live], ticket_projects: [SHOP, PAY], ticket_required: true}\n  \
             commit_message: {types: [feat], scopes: [api], longest_subject: 50, longest_line: 80, ticket_projects: [SHOP], ticket_required: true}\n  \
             files: {largest_kib: 9, large: ['*.csv'], debug: ['tools/**'], print: true}\n  \
             change_size: {warning: 10, error: 20, exclude: ['*.snap']}\n  \
             secrets: {examples: ['docs/**'], tests: ['demo/**'], allow: ['^EXAMPLE']}\n  \
             settings: {modules: [shop.settings.live], redirects_elsewhere: true}\n  \
             docker: {development: [desk], not_secret: [KEY_NAME], contexts: {web/Dockerfile: .}, hosts: [mq]}\n  \
             workflows: {first_party: [acme]}\n",
        );
        let default = ProjectSettings::default();
        assert_eq!(settings.migrations.django, Some((5, 2)));
        assert_eq!(settings.coverage.diff, Some(90.0));
        assert_eq!(settings.coverage.paths["shop/**"], 70.0);
        assert_eq!(settings.coverage.paths["a/b.py"], 100.0);
        assert!(settings.coverage.omit.len() > default.coverage.omit.len());
        assert!(settings.pins.require_hashes && settings.pins.require_digests);
        assert_eq!(settings.test_names.runner, test_names::Runner::Pytest);
        assert_eq!(settings.branch.ticket_pattern, "(?:SHOP|PAY)-[0-9]+");
        assert!(
            settings
                .branch
                .templates
                .iter()
                .all(|form| form.contains("{ticket}"))
        );
        assert_eq!(settings.branch.types, ["task"]);
        assert_eq!(settings.commit_message.subject_length, 50);
        assert_eq!(
            settings.commit_message.ticket_place,
            commit_message::TicketPlace::Anywhere
        );
        assert_eq!(settings.files.largest_file_kib, 9);
        assert!(settings.files.print);
        assert_eq!(
            (settings.change_size.warn_at, settings.change_size.error_at),
            (10, 20)
        );
        assert_eq!(settings.secrets.allow, ["^EXAMPLE"]);
        assert_eq!(
            settings.settings[0].module.as_deref(),
            Some("shop.settings.live")
        );
        assert!(settings.settings[0].redirects_elsewhere);
        assert!(settings.secrets.test_paths.contains(&"demo/**".to_owned()));
        assert_eq!(settings.coverage.source_paths["/app/"], "");
        assert!(
            settings.docker.hosts.contains("mq") && settings.docker.not_secret.contains("KEY_NAME")
        );
        assert_eq!(settings.docker.development, ["desk".to_owned()].into());
        assert_eq!(settings.docker.contexts["web/Dockerfile"], ".");
        assert_eq!(settings.workflows.first_party, ["acme".to_owned()].into());
    }
}
