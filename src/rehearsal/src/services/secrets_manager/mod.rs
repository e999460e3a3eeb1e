//! Secrets Manager.
//!
//! The wire types are `winterbaume-secretsmanager`'s, and its random passwords. Its store is not used: it
//! drops binary values, ignores the filters of lists, and lets a name be taken again that is scheduled
//! for deletion. Every value that passes is made known to the scrubber, so that no log shows it.

mod state;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use beanpole_model::Secret as SecretText;
use jiff::Timestamp;
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_secretsmanager::SecretsManagerService;
use winterbaume_secretsmanager::{model, wire};

use crate::server::answers::Protocol;
use crate::world::{SecretValues, World};
use state::{CURRENT, Entry, NewEntry, Refusal, State, Value, Version};

/// The largest page of a list.
const LARGEST_PAGE: usize = 100;

/// The service.
pub(crate) struct Secrets {
    world: Arc<World>,
    state: Mutex<State>,
    passwords: SecretsManagerService,
}

impl Secrets {
    /// A service without secrets.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        let passwords = SecretsManagerService::new();
        Self {
            world: world.clone(),
            state: Mutex::default(),
            passwords,
        }
    }

    /// Makes a secret that another service manages, and returns its ARN.
    pub(crate) fn create_managed(
        &self,
        name: &str,
        owner: &str,
        value: &SecretText,
    ) -> Option<String> {
        self.learn(&Value::Text(value.clone()));
        let new = NewEntry {
            name: name.to_owned(),
            owner: Some(owner.to_owned()),
            value: Some(Value::Text(value.clone())),
            ..NewEntry::default()
        };
        let (prefix, now) = (self.arn_prefix(), self.world.clock.now());
        self.lock()
            .create(new, &prefix, now)
            .ok()
            .map(|entry| entry.arn.clone())
    }

    /// Removes a secret that another service manages.
    pub(crate) fn delete_managed(&self, id: &str) {
        let now = self.world.clock.now();
        if let Err(refusal) = self.lock().delete(id, None, true, now) {
            tracing::debug!(id, message = refusal.message, "the managed secret was gone");
        }
    }

    async fn answer(&self, request: MockRequest) -> MockResponse {
        let target = request
            .headers
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok());
        let operation = target
            .and_then(|target| target.rsplit('.').next())
            .unwrap_or_default()
            .to_owned();
        if operation == "GetRandomPassword" {
            return self.passwords.handle(request).await;
        }
        self.act(&operation, &request.body)
            .unwrap_or_else(|refusal| Protocol::Json.error(400, refusal.code, &refusal.message))
    }

    fn act(&self, operation: &str, body: &[u8]) -> Result<MockResponse, Refusal> {
        match operation {
            "CreateSecret" => self.create(read(wire::deserialize_create_secret_request(body))?),
            "PutSecretValue" => self.put(read(wire::deserialize_put_secret_value_request(body))?),
            "UpdateSecret" => self.update(read(wire::deserialize_update_secret_request(body))?),
            "GetSecretValue" => self.get(&read(wire::deserialize_get_secret_value_request(body))?),
            "BatchGetSecretValue" => self.get_many(read(
                wire::deserialize_batch_get_secret_value_request(body),
            )?),
            "DescribeSecret" => {
                self.describe(&read(wire::deserialize_describe_secret_request(body))?)
            }
            "ListSecrets" => self.list(&read(wire::deserialize_list_secrets_request(body))?),
            "ListSecretVersionIds" => self.versions(&read(
                wire::deserialize_list_secret_version_ids_request(body),
            )?),
            "DeleteSecret" => self.delete(&read(wire::deserialize_delete_secret_request(body))?),
            "RestoreSecret" => self.restore(&read(wire::deserialize_restore_secret_request(body))?),
            "TagResource" => self.tag(read(wire::deserialize_tag_resource_request(body))?),
            "UntagResource" => self.untag(&read(wire::deserialize_untag_resource_request(body))?),
            other => Err(Refusal::new(
                "UnknownOperationException",
                format!("The rehearsal does not know the operation {other} of Secrets Manager."),
            )),
        }
    }

    fn create(&self, request: model::CreateSecretRequest) -> Result<MockResponse, Refusal> {
        let value = value_of(request.secret_string, request.secret_binary)?;
        if let Some(value) = &value {
            self.learn(value);
        }
        let new = NewEntry {
            name: request.name,
            description: request.description,
            key: request.kms_key_id,
            owner: None,
            tags: tags_of(request.tags.unwrap_or_default()),
            value,
            token: request.client_request_token,
        };
        let (prefix, now) = (self.arn_prefix(), self.world.clock.now());
        let mut state = self.lock();
        let entry = state.create(new, &prefix, now)?;
        Ok(wire::serialize_create_secret_response(
            &model::CreateSecretResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                version_id: entry.current_id(),
                replication_status: None,
            },
        ))
    }

    fn put(&self, request: model::PutSecretValueRequest) -> Result<MockResponse, Refusal> {
        let value = value_of(request.secret_string, request.secret_binary)?.ok_or_else(|| {
            Refusal::new(
                "InvalidRequestException",
                "You must provide either SecretString or SecretBinary.",
            )
        })?;
        self.learn(&value);
        let stages = request
            .version_stages
            .unwrap_or_else(|| vec![CURRENT.to_owned()]);
        let mut state = self.lock();
        let entry = state.find_live(&request.secret_id)?;
        let now = self.world.clock.now();
        let id = entry.add_version(value, request.client_request_token, &stages, now)?;
        Ok(wire::serialize_put_secret_value_response(
            &model::PutSecretValueResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                version_id: Some(id),
                version_stages: Some(stages),
            },
        ))
    }

    fn update(&self, request: model::UpdateSecretRequest) -> Result<MockResponse, Refusal> {
        let value = value_of(request.secret_string, request.secret_binary)?;
        let mut state = self.lock();
        let entry = state.find_live(&request.secret_id)?;
        if request.description.is_some() {
            entry.description = request.description;
        }
        if request.kms_key_id.is_some() {
            entry.key = request.kms_key_id;
        }
        let mut version_id = None;
        if let Some(value) = value {
            self.learn(&value);
            let now = self.world.clock.now();
            let stages = [CURRENT.to_owned()];
            version_id =
                Some(entry.add_version(value, request.client_request_token, &stages, now)?);
        }
        Ok(wire::serialize_update_secret_response(
            &model::UpdateSecretResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                version_id,
            },
        ))
    }

    fn get(&self, request: &model::GetSecretValueRequest) -> Result<MockResponse, Refusal> {
        let state = self.lock();
        let entry = state.find(&request.secret_id)?;
        let version = entry.version(
            request.version_id.as_deref(),
            request.version_stage.as_deref(),
        )?;
        let shown = show_value(entry, version);
        Ok(wire::serialize_get_secret_value_response(
            &model::GetSecretValueResponse {
                a_r_n: shown.a_r_n,
                created_date: shown.created_date,
                name: shown.name,
                secret_binary: shown.secret_binary,
                secret_string: shown.secret_string,
                version_id: shown.version_id,
                version_stages: shown.version_stages,
            },
        ))
    }

    /// Some may fail while others succeed: failures are listed, and the answer is good.
    fn get_many(
        &self,
        request: model::BatchGetSecretValueRequest,
    ) -> Result<MockResponse, Refusal> {
        let state = self.lock();
        let (ids, next_token) = match (request.secret_id_list, request.filters) {
            (Some(ids), None) => (ids, None),
            (None, Some(filters)) => {
                let matching = state
                    .entries
                    .values()
                    .filter(|entry| entry.deletion.is_none() && entry.passes(&filters))
                    .map(|entry| entry.arn.clone())
                    .collect();
                // A batch has at most twenty.
                page(
                    matching,
                    request.max_results.or(Some(20)),
                    request.next_token.as_deref(),
                )?
            }
            _ => {
                return Err(Refusal::new(
                    "InvalidParameterException",
                    "Either 'SecretIdList' or 'Filters' must be provided, but not both.",
                ));
            }
        };
        let mut values = Vec::new();
        let mut errors = Vec::new();
        for id in ids {
            let found = state
                .find(&id)
                .and_then(|entry| Ok(show_value(entry, entry.version(None, None)?)));
            match found {
                Ok(value) => values.push(value),
                Err(refusal) => errors.push(model::APIErrorType {
                    error_code: Some(refusal.code.to_owned()),
                    message: Some(refusal.message),
                    secret_id: Some(id),
                }),
            }
        }
        Ok(wire::serialize_batch_get_secret_value_response(
            &model::BatchGetSecretValueResponse {
                errors: Some(errors),
                next_token,
                secret_values: Some(values),
            },
        ))
    }

    fn describe(&self, request: &model::DescribeSecretRequest) -> Result<MockResponse, Refusal> {
        let state = self.lock();
        let entry = state.find(&request.secret_id)?;
        Ok(wire::serialize_describe_secret_response(
            &model::DescribeSecretResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                description: entry.description.clone(),
                kms_key_id: entry.key.clone(),
                owning_service: entry.owner.clone(),
                created_date: Some(seconds(entry.created)),
                last_changed_date: Some(seconds(entry.changed)),
                deleted_date: entry.deletion.map(seconds),
                tags: Some(show_tags(entry)),
                version_ids_to_stages: Some(show_stages(entry)),
                ..model::DescribeSecretResponse::default()
            },
        ))
    }

    fn list(&self, request: &model::ListSecretsRequest) -> Result<MockResponse, Refusal> {
        let filters = request.filters.clone().unwrap_or_default();
        let with_deleted = request.include_planned_deletion == Some(true);
        let state = self.lock();
        let mut found: Vec<&Entry> = state
            .entries
            .values()
            .filter(|entry| (with_deleted || entry.deletion.is_none()) && entry.passes(&filters))
            .collect();
        if request.sort_order.as_deref() == Some("desc") {
            found.reverse();
        }
        let (found, next_token) = page(found, request.max_results, request.next_token.as_deref())?;
        let list = found
            .into_iter()
            .map(|entry| model::SecretListEntry {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                description: entry.description.clone(),
                kms_key_id: entry.key.clone(),
                owning_service: entry.owner.clone(),
                created_date: Some(seconds(entry.created)),
                last_changed_date: Some(seconds(entry.changed)),
                deleted_date: entry.deletion.map(seconds),
                tags: Some(show_tags(entry)),
                secret_versions_to_stages: Some(show_stages(entry)),
                ..model::SecretListEntry::default()
            })
            .collect();
        Ok(wire::serialize_list_secrets_response(
            &model::ListSecretsResponse {
                next_token,
                secret_list: Some(list),
            },
        ))
    }

    fn versions(
        &self,
        request: &model::ListSecretVersionIdsRequest,
    ) -> Result<MockResponse, Refusal> {
        let state = self.lock();
        let entry = state.find(&request.secret_id)?;
        let versions = entry
            .versions
            .iter()
            .map(|version| model::SecretVersionsListEntry {
                created_date: Some(seconds(version.created)),
                version_id: Some(version.id.clone()),
                version_stages: Some(version.stages.clone()),
                ..model::SecretVersionsListEntry::default()
            })
            .collect();
        Ok(wire::serialize_list_secret_version_ids_response(
            &model::ListSecretVersionIdsResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
                next_token: None,
                versions: Some(versions),
            },
        ))
    }

    fn delete(&self, request: &model::DeleteSecretRequest) -> Result<MockResponse, Refusal> {
        let force = request.force_delete_without_recovery == Some(true);
        let now = self.world.clock.now();
        let (name, arn, at) = self.lock().delete(
            &request.secret_id,
            request.recovery_window_in_days,
            force,
            now,
        )?;
        Ok(wire::serialize_delete_secret_response(
            &model::DeleteSecretResponse {
                a_r_n: Some(arn),
                name: Some(name),
                deletion_date: Some(seconds(at)),
            },
        ))
    }

    fn restore(&self, request: &model::RestoreSecretRequest) -> Result<MockResponse, Refusal> {
        let mut state = self.lock();
        let entry = state.find_mut(&request.secret_id)?;
        entry.deletion = None;
        Ok(wire::serialize_restore_secret_response(
            &model::RestoreSecretResponse {
                a_r_n: Some(entry.arn.clone()),
                name: Some(entry.name.clone()),
            },
        ))
    }

    fn tag(&self, request: model::TagResourceRequest) -> Result<MockResponse, Refusal> {
        self.lock()
            .find_live(&request.secret_id)?
            .tags
            .extend(tags_of(request.tags));
        Ok(wire::serialize_tag_resource_response())
    }

    fn untag(&self, request: &model::UntagResourceRequest) -> Result<MockResponse, Refusal> {
        self.lock()
            .find_live(&request.secret_id)?
            .tags
            .retain(|key, _| !request.tag_keys.contains(key));
        Ok(wire::serialize_untag_resource_response())
    }

    /// Makes a value known to the scrubber; of a JSON object its texts as well.
    fn learn(&self, value: &Value) {
        let (Value::Text(text) | Value::Binary(text)) = value;
        self.world.scrubber.learn(text);
        if let Ok(fields) =
            serde_json::from_str::<HashMap<String, serde_json::Value>>(text.expose())
        {
            for text in fields.values().filter_map(serde_json::Value::as_str) {
                self.world.scrubber.learn(&SecretText::new(text));
            }
        }
    }

    fn arn_prefix(&self) -> String {
        format!(
            "arn:aws:secretsmanager:{}:{}",
            self.world.region.as_str(),
            self.world.account.as_str()
        )
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl MockService for Secrets {
    fn service_name(&self) -> &str {
        "secretsmanager"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(self.answer(request))
    }
}

#[async_trait]
impl SecretValues for Secrets {
    async fn value(&self, id: &str) -> Option<SecretText> {
        let state = self.lock();
        match &state.find(id).ok()?.version(None, None).ok()?.value {
            Value::Text(text) => Some(text.clone()),
            Value::Binary(_) => None,
        }
    }
}

fn read<T>(request: Result<T, String>) -> Result<T, Refusal> {
    request.map_err(|message| Refusal::new("SerializationException", message))
}

fn value_of(text: Option<String>, binary: Option<String>) -> Result<Option<Value>, Refusal> {
    match (text, binary) {
        (Some(_), Some(_)) => Err(Refusal::new(
            "InvalidParameterException",
            "You can't specify both a binary secret value and a string secret value in the same secret.",
        )),
        (Some(text), None) => Ok(Some(Value::Text(SecretText::new(text)))),
        (None, Some(binary)) => Ok(Some(Value::Binary(SecretText::new(binary)))),
        (None, None) => Ok(None),
    }
}

fn show_value(entry: &Entry, version: &Version) -> model::SecretValueEntry {
    let (text, binary) = match &version.value {
        Value::Text(text) => (Some(text.expose().to_owned()), None),
        Value::Binary(binary) => (None, Some(binary.expose().to_owned())),
    };
    model::SecretValueEntry {
        a_r_n: Some(entry.arn.clone()),
        created_date: Some(seconds(version.created)),
        name: Some(entry.name.clone()),
        secret_binary: binary,
        secret_string: text,
        version_id: Some(version.id.clone()),
        version_stages: Some(version.stages.clone()),
    }
}

fn show_tags(entry: &Entry) -> Vec<model::Tag> {
    entry
        .tags
        .iter()
        .map(|(key, value)| model::Tag {
            key: Some(key.clone()),
            value: Some(value.clone()),
        })
        .collect()
}

fn show_stages(entry: &Entry) -> HashMap<String, Vec<String>> {
    entry
        .versions
        .iter()
        .map(|version| (version.id.clone(), version.stages.clone()))
        .collect()
}

fn tags_of(tags: Vec<model::Tag>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect()
}

/// Epoch seconds with a fraction, as JSON 1.1 has its times.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds of this era fit a double exactly"
)]
fn seconds(time: Timestamp) -> f64 {
    time.as_millisecond() as f64 / 1000.0
}

/// The page that is asked for. A token is the number of the next item.
fn page<T>(
    items: Vec<T>,
    most: Option<i32>,
    token: Option<&str>,
) -> Result<(Vec<T>, Option<String>), Refusal> {
    let start: usize = match token.map(str::parse) {
        None => 0,
        Some(Ok(start)) => start,
        Some(Err(_)) => {
            return Err(Refusal::new(
                "InvalidNextTokenException",
                "The NextToken value is invalid.",
            ));
        }
    };
    let most = most
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(LARGEST_PAGE)
        .min(LARGEST_PAGE);
    let end = start.saturating_add(most);
    let next = (end < items.len()).then(|| end.to_string());
    Ok((items.into_iter().skip(start).take(most).collect(), next))
}
