//! Secrets and their versions. Pure: no clock, no wire.

use std::collections::BTreeMap;

use beanpole_model::Secret as SecretText;
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use winterbaume_secretsmanager::model::Filter;

/// The staging label of the version in force.
pub(super) const CURRENT: &str = "AWSCURRENT";
/// The staging label of the version before it.
const PREVIOUS: &str = "AWSPREVIOUS";
/// The largest secret value, in bytes.
const LARGEST_VALUE: usize = 65_536;

/// A refusal: error code and message. The HTTP status is 400.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }

    fn not_found() -> Self {
        Self::new(
            "ResourceNotFoundException",
            "Secrets Manager can't find the specified secret.",
        )
    }

    fn no_value(kind: &str, name: &str) -> Self {
        Self::new(
            "ResourceNotFoundException",
            format!("Secrets Manager can't find the specified secret value for {kind}: {name}"),
        )
    }
}

/// What a version holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(SecretText),
    /// Base64, as it came.
    Binary(SecretText),
}

/// A version of a secret.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) value: Value,
    pub(super) stages: Vec<String>,
    pub(super) created: Timestamp,
}

/// A secret.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) key: Option<String>,
    /// The AWS service that manages it: `rds`.
    pub(super) owner: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    /// Oldest first.
    pub(super) versions: Vec<Version>,
    pub(super) created: Timestamp,
    pub(super) changed: Timestamp,
    /// When it will be gone; it can be restored until then.
    pub(super) deletion: Option<Timestamp>,
}

/// A secret to make.
#[derive(Clone, Debug, Default)]
pub(super) struct NewEntry {
    pub(super) name: String,
    pub(super) description: Option<String>,
    pub(super) key: Option<String>,
    pub(super) owner: Option<String>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) value: Option<Value>,
    pub(super) token: Option<String>,
}

/// All secrets of an account and region, by name.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) entries: BTreeMap<String, Entry>,
    made: u64,
}

impl State {
    /// Makes a secret. The same request with the same token twice is one request.
    pub(super) fn create(
        &mut self,
        new: NewEntry,
        arn_prefix: &str,
        now: Timestamp,
    ) -> Result<&Entry, Refusal> {
        if !is_name(&new.name) {
            return Err(Refusal::new(
                "ValidationException",
                "Invalid name. Must be a valid name containing alphanumeric characters, or any of the \
                 following: -/_+=.@!",
            ));
        }
        check_size(new.value.as_ref())?;
        if let Some(existing) = self.entries.get(&new.name) {
            if existing.deletion.is_some() {
                return Err(Refusal::new(
                    "InvalidRequestException",
                    "You can't create this secret because a secret with this name is already scheduled \
                     for deletion.",
                ));
            }
            let is_repetition = existing.versions.iter().any(|version| {
                Some(&version.id) == new.token.as_ref()
                    && Some(&version.value) == new.value.as_ref()
            });
            if !is_repetition {
                return Err(Refusal::new(
                    "ResourceExistsException",
                    format!(
                        "The operation failed because the secret {} already exists.",
                        new.name
                    ),
                ));
            }
        } else {
            let arn = format!(
                "{arn_prefix}:secret:{}-{}",
                new.name,
                self.suffix(&new.name)
            );
            let mut entry = Entry {
                name: new.name.clone(),
                arn,
                description: new.description,
                key: new.key,
                owner: new.owner,
                tags: new.tags,
                versions: Vec::new(),
                created: now,
                changed: now,
                deletion: None,
            };
            if let Some(value) = new.value {
                entry.add_version(value, new.token, &[CURRENT.to_owned()], now)?;
            }
            self.entries.insert(new.name.clone(), entry);
        }
        self.entries.get(&new.name).ok_or_else(Refusal::not_found)
    }

    /// Six letters and digits that follow a name in its ARN; others after the name was used before.
    fn suffix(&mut self, name: &str) -> String {
        self.made += 1;
        let digest = Sha256::digest(format!("{name}/{}", self.made));
        let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
        digest
            .iter()
            .take(6)
            .filter_map(|byte| letters.get(usize::from(*byte) % letters.len()))
            .map(|letter| char::from(*letter))
            .collect()
    }

    /// The secret with this name, ARN, or ARN without its suffix.
    pub(super) fn find(&self, id: &str) -> Result<&Entry, Refusal> {
        self.name_of(id)
            .and_then(|name| self.entries.get(&name))
            .ok_or_else(Refusal::not_found)
    }

    /// As [`Self::find`], to change it.
    pub(super) fn find_mut(&mut self, id: &str) -> Result<&mut Entry, Refusal> {
        let name = self.name_of(id).ok_or_else(Refusal::not_found)?;
        self.entries.get_mut(&name).ok_or_else(Refusal::not_found)
    }

    /// As [`Self::find_mut`], unless it is marked for deletion.
    pub(super) fn find_live(&mut self, id: &str) -> Result<&mut Entry, Refusal> {
        let entry = self.find_mut(id)?;
        entry.check_live()?;
        Ok(entry)
    }

    fn name_of(&self, id: &str) -> Option<String> {
        if !id.starts_with("arn:") {
            return self.entries.contains_key(id).then(|| id.to_owned());
        }
        let entry = self.entries.values().find(|entry| {
            entry.arn == id || entry.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
        })?;
        Some(entry.name.clone())
    }

    /// Marks a secret for deletion, or removes it at once. Returns its name, ARN and time of deletion.
    pub(super) fn delete(
        &mut self,
        id: &str,
        window_days: Option<i64>,
        force: bool,
        now: Timestamp,
    ) -> Result<(String, String, Timestamp), Refusal> {
        if force && window_days.is_some() {
            return Err(Refusal::new(
                "InvalidParameterException",
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
            ));
        }
        let days = window_days.unwrap_or(30);
        if !(7..=30).contains(&days) {
            return Err(Refusal::new(
                "InvalidParameterException",
                "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).",
            ));
        }
        if force {
            let name = self.find(id)?.name.clone();
            let entry = self.entries.remove(&name).ok_or_else(Refusal::not_found)?;
            return Ok((entry.name, entry.arn, now));
        }
        let entry = self.find_live(id)?;
        let at = now
            .checked_add(jiff::SignedDuration::from_hours(days * 24))
            .unwrap_or(now);
        entry.deletion = Some(at);
        Ok((entry.name.clone(), entry.arn.clone(), at))
    }
}

impl Entry {
    fn check_live(&self) -> Result<(), Refusal> {
        if self.deletion.is_none() {
            return Ok(());
        }
        Err(Refusal::new(
            "InvalidRequestException",
            "You can't perform this operation on the secret because it was marked for deletion.",
        ))
    }

    /// Adds a version with these staging labels and returns its id.
    pub(super) fn add_version(
        &mut self,
        value: Value,
        token: Option<String>,
        stages: &[String],
        now: Timestamp,
    ) -> Result<String, Refusal> {
        check_size(Some(&value))?;
        self.changed = now;
        if let Some(version) = self
            .versions
            .iter()
            .find(|version| Some(&version.id) == token.as_ref())
        {
            if version.value == value {
                return Ok(version.id.clone());
            }
            return Err(Refusal::new(
                "ResourceExistsException",
                "You can't modify an existing version, you can only create a new version.",
            ));
        }
        let id = token.unwrap_or_else(|| uuid::Uuid::new_v4().to_string());
        if stages.iter().any(|stage| stage == CURRENT) {
            for version in &mut self.versions {
                version.stages.retain(|stage| stage != PREVIOUS);
                if let Some(stage) = version.stages.iter_mut().find(|stage| *stage == CURRENT) {
                    PREVIOUS.clone_into(stage);
                }
            }
        }
        for version in &mut self.versions {
            version
                .stages
                .retain(|stage| stage == PREVIOUS || !stages.contains(stage));
        }
        // A version without labels is deprecated: AWS removes it in time.
        self.versions.retain(|version| !version.stages.is_empty());
        self.versions.push(Version {
            id: id.clone(),
            value,
            stages: stages.to_vec(),
            created: now,
        });
        Ok(id)
    }

    /// The version that is asked for; by default the one in force.
    pub(super) fn version(
        &self,
        id: Option<&str>,
        stage: Option<&str>,
    ) -> Result<&Version, Refusal> {
        self.check_live()?;
        if let Some(id) = id {
            let version = self
                .versions
                .iter()
                .find(|version| version.id == id)
                .ok_or_else(|| Refusal::no_value("VersionId", id))?;
            return match stage {
                Some(stage) if !version.stages.iter().any(|has| has == stage) => Err(Refusal::new(
                    "InvalidRequestException",
                    "You provided a VersionStage that is not associated to the provided VersionId.",
                )),
                _ => Ok(version),
            };
        }
        let stage = stage.unwrap_or(CURRENT);
        self.versions
            .iter()
            .find(|version| version.stages.iter().any(|has| has == stage))
            .ok_or_else(|| Refusal::no_value("staging label", stage))
    }

    /// The id of the version in force.
    pub(super) fn current_id(&self) -> Option<String> {
        self.version(None, None)
            .ok()
            .map(|version| version.id.clone())
    }

    /// True if the secret passes all filters. A value that begins with `!` must not match.
    pub(super) fn passes(&self, filters: &[Filter]) -> bool {
        filters.iter().all(|filter| {
            let key = filter.key.as_deref().unwrap_or_default();
            let values = filter.values.as_deref().unwrap_or_default();
            values.iter().any(|value| match value.strip_prefix('!') {
                Some(value) => !self.has(key, value),
                None => self.has(key, value),
            })
        })
    }

    /// Names and tags are compared by prefix and case, descriptions by words without case.
    fn has(&self, key: &str, value: &str) -> bool {
        let description = self.description.as_deref().unwrap_or_default();
        let has_words = |text: &str| text.to_lowercase().contains(&value.to_lowercase());
        match key {
            "name" => self.name.starts_with(value),
            "tag-key" => self.tags.keys().any(|key| key.starts_with(value)),
            "tag-value" => self.tags.values().any(|text| text.starts_with(value)),
            "description" => has_words(description),
            "owning-service" => self
                .owner
                .as_deref()
                .is_some_and(|owner| owner.starts_with(value)),
            "all" => {
                has_words(&self.name)
                    || has_words(description)
                    || self
                        .tags
                        .iter()
                        .any(|(key, text)| has_words(key) || has_words(text))
            }
            _ => false,
        }
    }
}

fn is_name(name: &str) -> bool {
    (1..=512).contains(&name.len())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-/_+=.@!".contains(letter))
}

fn check_size(value: Option<&Value>) -> Result<(), Refusal> {
    let size = value.map_or(0, |value| match value {
        Value::Text(text) | Value::Binary(text) => text.expose().len(),
    });
    if size <= LARGEST_VALUE {
        return Ok(());
    }
    Err(Refusal::new(
        "ValidationException",
        format!("The secret value must be at most {LARGEST_VALUE} bytes long."),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn text(value: &str) -> Value {
        Value::Text(SecretText::new(value))
    }

    fn new(name: &str, value: &str) -> NewEntry {
        NewEntry {
            name: name.to_owned(),
            value: Some(text(value)),
            ..NewEntry::default()
        }
    }

    fn state() -> State {
        let mut state = State::default();
        state
            .create(
                new("django/SECRET_KEY", "one"),
                "arn:aws:secretsmanager:r:1",
                NOW,
            )
            .unwrap();
        state
    }

    #[test]
    fn a_secret_is_found_by_name_arn_and_arn_without_suffix() {
        let state = state();
        let arn = state.find("django/SECRET_KEY").unwrap().arn.clone();
        assert!(
            arn.starts_with("arn:aws:secretsmanager:r:1:secret:django/SECRET_KEY-"),
            "{arn}"
        );
        assert!(state.find(&arn).is_ok());
        assert!(state.find(&arn[..arn.len() - 7]).is_ok());
        assert_eq!(
            state.find("django").unwrap_err().code,
            "ResourceNotFoundException"
        );
    }

    #[test]
    fn a_new_version_takes_the_label_and_the_old_one_stays_behind() {
        let mut state = state();
        let entry = state.find_live("django/SECRET_KEY").unwrap();
        entry
            .add_version(text("two"), None, &[CURRENT.to_owned()], NOW)
            .unwrap();
        entry
            .add_version(text("three"), None, &[CURRENT.to_owned()], NOW)
            .unwrap();
        assert_eq!(entry.version(None, None).unwrap().value, text("three"));
        assert_eq!(
            entry.version(None, Some("AWSPREVIOUS")).unwrap().value,
            text("two")
        );
        assert_eq!(entry.versions.len(), 2, "the first has no label left");
        let id = entry
            .add_version(
                text("four"),
                Some("t".to_owned()),
                &[CURRENT.to_owned()],
                NOW,
            )
            .unwrap();
        assert_eq!(
            entry.add_version(text("four"), Some("t".to_owned()), &[], NOW),
            Ok(id)
        );
        let other = entry.add_version(text("five"), Some("t".to_owned()), &[], NOW);
        assert_eq!(other.unwrap_err().code, "ResourceExistsException");
    }

    #[test]
    fn a_deleted_name_is_taken_until_it_is_gone() {
        let mut state = state();
        let again = state
            .create(new("django/SECRET_KEY", "x"), "", NOW)
            .unwrap_err();
        assert_eq!(again.code, "ResourceExistsException");
        state.delete("django/SECRET_KEY", None, false, NOW).unwrap();
        let scheduled = state
            .create(new("django/SECRET_KEY", "x"), "", NOW)
            .unwrap_err();
        assert_eq!(scheduled.code, "InvalidRequestException");
        assert!(scheduled.message.contains("scheduled for deletion"));
        let read = state
            .find("django/SECRET_KEY")
            .unwrap()
            .version(None, None)
            .unwrap_err();
        assert_eq!(read.code, "InvalidRequestException");
        state.delete("django/SECRET_KEY", None, true, NOW).unwrap();
        state
            .create(new("django/SECRET_KEY", "x"), "", NOW)
            .unwrap();
        assert_eq!(
            state.delete("a", Some(3), false, NOW).unwrap_err().code,
            "InvalidParameterException"
        );
    }

    #[test]
    fn filters_take_prefixes_and_negations() {
        let state = state();
        let entry = state.find("django/SECRET_KEY").unwrap();
        let filter = |key: &str, value: &str| {
            vec![Filter {
                key: Some(key.to_owned()),
                values: Some(vec![value.to_owned()]),
            }]
        };
        assert!(entry.passes(&filter("name", "django/")));
        assert!(!entry.passes(&filter("name", "Django/")));
        assert!(!entry.passes(&filter("name", "!django/")));
        assert!(entry.passes(&filter("all", "secret_key")));
        assert!(entry.passes(&[]));
    }
}
