//! [`ensure`](crate::ensure()) and the look-ups against a Secrets Manager that remembers.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use beanpole_cloud::{Cloud, Settings};
use beanpole_model::{Environment, Pace, Problem as _, Region, Secret, SecretScrubber};
use serde_json::{Value, json};
use wiremock::matchers::{body_string_contains, header_exists, method};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

use crate::names::{Rules, Selector};
use crate::test_project::{project, with};
use crate::{
    Change, Connection, Connections, Endpoints, Error, Selection, arns, ensure, fetch, values,
};

/// Secrets by name, with the operations that are used here.
#[derive(Clone, Default)]
struct Store {
    secrets: Arc<Mutex<BTreeMap<String, String>>>,
    /// Operations in their order.
    calls: Arc<Mutex<Vec<String>>>,
    /// The next look-up finds nothing, although the secret is there: someone else is faster.
    blind: Arc<Mutex<bool>>,
}

impl Store {
    fn put(&self, name: &str, value: &str) {
        self.secrets
            .lock()
            .unwrap()
            .insert(name.to_owned(), value.to_owned());
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_str(&self.secrets.lock().unwrap()[name]).unwrap()
    }

    fn writes(&self) -> usize {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| matches!(call.as_str(), "CreateSecret" | "PutSecretValue"))
            .count()
    }
}

fn arn(name: &str) -> String {
    format!("arn:aws:secretsmanager:eu-central-1:123456789012:secret:{name}-AbCdEf")
}

fn refused(code: &str) -> ResponseTemplate {
    ResponseTemplate::new(400).set_body_json(json!({"__type": code, "message": "no"}))
}

impl Respond for Store {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let target = request.headers["x-amz-target"].to_str().unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        self.calls.lock().unwrap().push(operation.clone());
        let body: Value = serde_json::from_slice(&request.body).unwrap();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let mut secrets = self.secrets.lock().unwrap();
        let id = text("SecretId");
        match operation.as_str() {
            "CreateSecret" => {
                let name = text("Name");
                if secrets.contains_key(&name) {
                    return refused("ResourceExistsException");
                }
                secrets.insert(name.clone(), text("SecretString"));
                ResponseTemplate::new(200).set_body_json(json!({"ARN": arn(&name), "Name": name}))
            }
            "PutSecretValue" => {
                secrets.insert(id.clone(), text("SecretString"));
                ResponseTemplate::new(200).set_body_json(json!({"ARN": arn(&id), "Name": id}))
            }
            "GetSecretValue" | "DescribeSecret" => {
                let blind = std::mem::take(&mut *self.blind.lock().unwrap());
                match secrets.get(&id) {
                    Some(value) if value == "deleted" => refused("InvalidRequestException"),
                    Some(value) if !blind => ResponseTemplate::new(200)
                        .set_body_json(json!({"ARN": arn(&id), "Name": id, "SecretString": value})),
                    _ => refused("ResourceNotFoundException"),
                }
            }
            "ListSecrets" => {
                let list: Vec<Value> = secrets
                    .keys()
                    .map(|name| json!({"ARN": arn(name), "Name": name}))
                    .collect();
                ResponseTemplate::new(200).set_body_json(json!({"SecretList": list}))
            }
            other => panic!("{other} is not expected"),
        }
    }
}

async fn cloud() -> (MockServer, Store, Cloud) {
    let server = MockServer::start().await;
    let store = Store::default();
    Mock::given(header_exists("x-amz-target"))
        .respond_with(store.clone())
        .mount(&server)
        .await;
    let identity = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
        <Arn>arn:aws:iam::123456789012:user/ci</Arn><Account>123456789012</Account>\
        </GetCallerIdentityResult></GetCallerIdentityResponse>";
    Mock::given(method("POST"))
        .and(body_string_contains("Action=GetCallerIdentity"))
        .respond_with(ResponseTemplate::new(200).set_body_raw(identity.as_bytes(), "text/xml"))
        .mount(&server)
        .await;
    let settings = Settings {
        region: Some(Region::new("eu-central-1").unwrap()),
        endpoint_url: Some(server.uri()),
        static_credentials: Some(("AKIATEST".to_owned(), Secret::new("test-key"), None)),
        pace: Pace::rehearsal(1000.0, true),
        ..Settings::default()
    };
    let cloud = Cloud::connect(&settings).await.unwrap();
    (server, store, cloud)
}

fn addresses() -> Endpoints {
    Endpoints {
        database: Some(("db.example".to_owned(), 5432)),
        cache: Some(("cache.example".to_owned(), 6379)),
    }
}

fn changes(connections: &Connections) -> Vec<Change> {
    connections
        .secrets
        .values()
        .map(|stored| stored.change)
        .collect()
}

#[tokio::test]
async fn passwords_are_made_once_and_addresses_follow() {
    let (_server, store, cloud) = cloud().await;
    let project = project();
    let scrubber = SecretScrubber::default();
    let first = ensure(&cloud, &project, &Endpoints::default(), &scrubber)
        .await
        .unwrap();
    assert_eq!(changes(&first), [Change::Created; 3]);
    let credentials = first.credentials().unwrap();
    let password = credentials.database_password.clone().unwrap();
    assert_eq!(password.expose().len(), 32);
    assert_eq!(credentials.cache_token, None);
    assert_eq!(scrubber.scrub(password.expose()), "[redacted]");

    let second = ensure(&cloud, &project, &addresses(), &scrubber)
        .await
        .unwrap();
    assert_eq!(
        changes(&second),
        [Change::Updated, Change::Updated, Change::Unchanged]
    );
    assert_eq!(second.credentials().unwrap(), credentials);
    assert_eq!(
        store.json("django/blog-prod/database")["host"],
        "db.example"
    );
    let url = store.json("django/blog-prod/database")["url"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(scrubber.scrub(&url), "[redacted]");

    let writes = store.writes();
    let third = ensure(&cloud, &project, &addresses(), &scrubber)
        .await
        .unwrap();
    assert_eq!(changes(&third), [Change::Unchanged; 3]);
    assert_eq!(store.writes(), writes);
    let references = third.references(&project, &BTreeMap::new());
    assert_eq!(
        references["DB_PASSWORD"],
        Some(format!("{}:password", arn("django/blog-prod/database")))
    );
    assert!(references.values().all(Option::is_some));
}

#[tokio::test]
async fn whoever_creates_a_secret_first_has_the_password() {
    let (_server, store, cloud) = cloud().await;
    store.put(
        "django/blog-prod/database",
        r#"{"password": "of-the-other-run"}"#,
    );
    *store.blind.lock().unwrap() = true;
    let scrubber = SecretScrubber::default();
    let found = ensure(&cloud, &project(), &addresses(), &scrubber)
        .await
        .unwrap();
    let password = found.credentials().unwrap().database_password.unwrap();
    assert_eq!(password.expose(), "of-the-other-run");
    assert_eq!(found.secrets[&Connection::Database].change, Change::Updated);
}

#[tokio::test]
async fn a_secret_of_someone_else_is_left_alone() {
    let (_server, store, cloud) = cloud().await;
    store.put("django/blog-prod/database", "planted-plain-text");
    let scrubber = SecretScrubber::default();
    let error = ensure(&cloud, &project(), &addresses(), &scrubber)
        .await
        .unwrap_err();
    assert!(matches!(&error, Error::Form { name, .. } if name == "django/blog-prod/database"));
    assert_eq!(error.exit_code().code(), 2);
    assert!(!format!("{error} {error:?}").contains("planted-plain-text"));
    assert_eq!(store.writes(), 0);
}

#[tokio::test]
async fn a_secret_that_is_being_deleted_can_be_taken_back() {
    let (_server, store, cloud) = cloud().await;
    store.put("django/blog-prod/database", "deleted");
    let scrubber = SecretScrubber::default();
    let error = ensure(&cloud, &project(), &addresses(), &scrubber)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Deleted { .. }));
    assert!(error.hint().unwrap().contains("restore-secret"));
}

#[tokio::test]
async fn a_projects_values_are_read_once_each() {
    let (_server, store, cloud) = cloud().await;
    let project = with("secrets: {names: {API_KEY: shared/key, OTHER: 'shared/all#inner'}}");
    let scrubber = SecretScrubber::default();
    let error = values(&cloud, &project, &scrubber).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error}");
    ensure(&cloud, &project, &addresses(), &scrubber)
        .await
        .unwrap();
    store.put("shared/key", "planted-key-1");
    store.put("shared/all", r#"{"inner": {"a": 1}}"#);
    store.calls.lock().unwrap().clear();
    let found = values(&cloud, &project, &scrubber).await.unwrap();
    assert_eq!(found["API_KEY"].expose(), "planted-key-1");
    assert_eq!(found["OTHER"].expose(), r#"{"a":1}"#);
    assert_eq!(found["DB_PORT"].expose(), "5432");
    assert_eq!(store.calls.lock().unwrap().len(), 5);
    assert_eq!(scrubber.scrub("is planted-key-1"), "is [redacted]");
    assert_eq!(scrubber.scrub("at db.example"), "at db.example");
    let arns = arns(&cloud, &project).await.unwrap();
    assert_eq!(arns["shared/key"], arn("shared/key"));
    store.put("shared/all", r#"{"outer": 1}"#);
    let error = values(&cloud, &project, &scrubber).await.unwrap_err();
    assert!(error.to_string().contains("has no key `inner`"), "{error}");
}

#[tokio::test]
async fn selections_become_variables() {
    let (_server, store, cloud) = cloud().await;
    store.put("django/one", "1");
    store.put("django/two", r#"{"user": "me"}"#);
    store.put("other", "planted-other");
    let rules = Rules {
        parse_json: true,
        ..Rules::default()
    };
    let selection = |texts: &[&str]| Selection {
        selectors: texts
            .iter()
            .map(|text| Selector::parse(text, rules).unwrap())
            .collect(),
        rules,
    };
    let scrubber = SecretScrubber::default();
    let nothing = Environment::default();
    let wanted = selection(&["django/*", "KEY,other"]);
    let found = fetch(&cloud, &wanted, &nothing, &scrubber).await.unwrap();
    let names: Vec<&String> = found.keys().collect();
    assert_eq!(names, ["DJANGO_ONE", "DJANGO_TWO_USER", "KEY"]);
    assert_eq!(scrubber.scrub("planted-other"), "[redacted]");
    for bad in ["ALIAS,django/*", "nothing/*"] {
        let error = fetch(&cloud, &selection(&[bad]), &nothing, &scrubber)
            .await
            .unwrap_err();
        assert!(matches!(error, Error::Name { .. }), "{bad}");
    }
    let taken: Environment = [("DJANGO_ONE", "set")].into_iter().collect();
    let error = fetch(&cloud, &wanted, &taken, &scrubber).await.unwrap_err();
    assert!(matches!(error, Error::Name { .. }));
    assert!(error.hint().unwrap().contains("alias"));
}
