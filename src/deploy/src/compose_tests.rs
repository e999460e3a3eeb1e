//! Tests of the rendered files: as text, and as a YAML reader takes them.

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::testing::project;

const DIGEST: &str = "0123456789abcdef";

fn rendered(project: &Project) -> Vec<RenderedFile> {
    render(project, DIGEST).unwrap()
}

fn parsed(project: &Project) -> Value {
    serde_yaml::from_str(&rendered(project)[0].text).unwrap()
}

#[test]
fn the_usual_project() {
    let project = project(
        "  worker:\n    command: celery -A blog worker -l info\n  beat:\n    command: celery -A blog \
         beat\nrelease:\n  - python manage.py migrate --noinput\n  - python manage.py collectstatic \
         --noinput\n",
    );
    let files = rendered(&project);
    let paths: Vec<_> = files.iter().map(|file| file.path).collect();
    assert_eq!(
        paths,
        [
            "docker-compose.yml",
            ".ebextensions/00-beanpole-release.config",
            ".beanpole/release.sh",
            ".beanpole/release_run.sh",
            ".beanpole/release.py",
            ".beanpole/release.json",
        ]
    );
    insta::assert_snapshot!("compose_usual", files[0].text);
    insta::assert_snapshot!("release_usual", files[1].text);
}

#[test]
fn odd_commands_keep_their_meaning() {
    let project = project(
        "  worker:\n    command: celery -n \"w1@%h\" -Q 'a,b' # two queues\n  beat:\n    command: \
         'FOO=bar exec celery beat --pidfile=$HOME/beat.pid'\nimage:\n  context: app\n  dockerfile: \
         docker/Dockerfile\n  target: production\n  args:\n    PRICE: \"5$\"\n    YES: \"on\"\n    \
         PORT: \"080\"\nrelease:\n  - 'test -n \"$DATABASE_URL\" || exit 1'\n  - python manage.py \
         migrate\n",
    );
    insta::assert_snapshot!("compose_odd", rendered(&project)[0].text);
}

#[test]
fn without_release_commands_there_is_no_release_step() {
    let files = rendered(&project(""));
    assert_eq!(files.len(), 1);
    assert!(!files[0].text.contains("release"), "{}", files[0].text);
}

#[test]
fn all_services_share_an_image_named_by_content() {
    let project =
        project("  worker:\n    command: celery worker\nrelease: [./manage.py migrate]\n");
    let compose = parsed(&project);
    let services = compose["services"].as_object().unwrap();
    assert_eq!(services.len(), 3);
    for service in services.values() {
        assert_eq!(service["image"], "blog:0123456789ab");
        assert_eq!(service["env_file"][0], ".env");
    }
    assert_eq!(services["web"]["ports"], serde_json::json!(["80:8000"]));
    assert!(services["worker"].get("ports").is_none());
    assert_eq!(services["release"]["restart"], "no");
}

#[test]
fn ports_are_no_base_60_numbers() {
    let mut project = project("");
    project.processes.get_mut("web").unwrap().port = Some(22);
    let text = rendered(&project)[0].text.clone();
    assert!(
        text.contains("\"80:22\"") || text.contains("'80:22'"),
        "{text}"
    );
}

#[test]
fn services_read_the_secrets_that_the_instance_fetches() {
    let project = project("release: [./manage.py migrate]\nsecrets: {mode: dotenv}\n");
    let compose = parsed(&project);
    let file = dot_env::values_file(&project).unwrap();
    for service in compose["services"].as_object().unwrap().values() {
        assert_eq!(service["env_file"], serde_json::json!([".env", file]));
    }
}

/// The words that the container gets, with the doubled dollars undone as Compose does.
fn command(project: &Project) -> Vec<String> {
    parsed(project)["services"]["web"]["command"]
        .as_array()
        .unwrap()
        .iter()
        .map(|word| word.as_str().unwrap().replace("$$", "$"))
        .collect()
}

proptest! {
    /// Whatever the command is, a YAML reader gets it back unchanged.
    #[test]
    fn any_command_survives(text in "[ -~äß€\n\t]{0,60}x") {
        let mut project = project("");
        project.processes.get_mut("web").unwrap().command = text.clone();
        let words = command(&project);
        if is_plain(&text) {
            prop_assert_eq!(words, text.split_whitespace().collect::<Vec<_>>());
        } else {
            prop_assert_eq!(words, ["sh", "-c", text.as_str()]);
        }
    }
}
