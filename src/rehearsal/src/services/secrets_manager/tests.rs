//! Secrets Manager, told by requests.

use serde_json::json;

use super::*;
use crate::services::tests_support::{json as send, text, world_with_faults};

#[tokio::test]
async fn values_are_served_to_services_and_scrubbed_from_logs() {
    let world = world_with_faults("");
    let secrets = Secrets::new(&world);
    let value = json!({"username": "shop_admin", "password": "correct-horse"}).to_string();
    let body = json!({"Name": "shop/db", "SecretString": value});
    let made = send(&secrets, "secretsmanager.CreateSecret", body).await;
    assert_eq!(made.status, 200, "{}", text(&made));
    assert_eq!(secrets.value("shop/db").await.unwrap().expose(), value);
    assert_eq!(world.clean("login as correct-horse"), "login as [redacted]");
}

#[tokio::test]
async fn lists_are_filtered_and_paged() {
    let secrets = Secrets::new(&world_with_faults(""));
    for name in ["django/A", "django/B", "django/C", "other"] {
        send(
            &secrets,
            "x.CreateSecret",
            json!({"Name": name, "SecretString": "v"}),
        )
        .await;
    }
    let filter = json!([{"Key": "name", "Values": ["django/"]}]);
    let body = json!({"Filters": filter, "MaxResults": 2});
    let first: serde_json::Value =
        serde_json::from_str(&text(&send(&secrets, "x.ListSecrets", body).await)).unwrap();
    assert_eq!(first["SecretList"].as_array().unwrap().len(), 2);
    let body = json!({"Filters": filter, "MaxResults": 2, "NextToken": first["NextToken"]});
    let second = text(&send(&secrets, "x.ListSecrets", body).await);
    assert!(
        second.contains("django/C") && !second.contains("NextToken"),
        "{second}"
    );
}

#[tokio::test]
async fn a_batch_lists_what_it_could_not_get() {
    let secrets = Secrets::new(&world_with_faults(""));
    send(
        &secrets,
        "x.CreateSecret",
        json!({"Name": "a", "SecretString": "v"}),
    )
    .await;
    let body = json!({"SecretIdList": ["a", "missing"]});
    let answer = text(&send(&secrets, "x.BatchGetSecretValue", body).await);
    assert!(answer.contains(r#""SecretString":"v""#), "{answer}");
    assert!(answer.contains("ResourceNotFoundException"), "{answer}");
}
