//! Who runs this program, and where: from the process environment as a value.

use beanpole_model::Environment;

/// Who runs a command: the GitHub user of an Actions run, else what git calls the user (given by the
/// caller), else the login name.
#[must_use]
pub fn who(environment: &Environment, git_user: Option<&str>) -> String {
    let login = || {
        ["USER", "LOGNAME", "USERNAME"]
            .iter()
            .find_map(|name| environment.get(name))
    };
    environment
        .get("GITHUB_ACTOR")
        .or(git_user.filter(|user| !user.trim().is_empty()))
        .or_else(login)
        .unwrap_or("unknown")
        .to_owned()
}

/// The page of the GitHub Actions run, if this is one (GitHub docs, "Variables reference").
#[must_use]
pub fn run_url(environment: &Environment) -> Option<String> {
    let server = environment.get("GITHUB_SERVER_URL")?.trim_end_matches('/');
    let repository = environment.get("GITHUB_REPOSITORY")?;
    let run = environment.get("GITHUB_RUN_ID")?;
    Some(format!("{server}/{repository}/actions/runs/{run}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_actions_run_is_its_actors() {
        let environment = Environment::from_iter([
            ("GITHUB_ACTOR", "octocat"),
            ("GITHUB_SERVER_URL", "https://github.example/"),
            ("GITHUB_REPOSITORY", "shop/web"),
            ("GITHUB_RUN_ID", "42"),
            ("USER", "runner"),
        ]);
        assert_eq!(who(&environment, Some("bot <bot@x>")), "octocat");
        assert_eq!(
            run_url(&environment).as_deref(),
            Some("https://github.example/shop/web/actions/runs/42")
        );
    }

    #[test]
    fn elsewhere_git_knows_and_then_the_login() {
        let environment = Environment::from_iter([("USER", "alice")]);
        assert_eq!(who(&environment, Some("Alice <a@x>")), "Alice <a@x>");
        assert_eq!(who(&environment, Some("  ")), "alice");
        assert_eq!(who(&Environment::default(), None), "unknown");
        assert_eq!(run_url(&environment), None);
    }
}
