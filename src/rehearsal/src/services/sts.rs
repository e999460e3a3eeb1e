//! STS: who one is, and temporary credentials.
//!
//! The wire types are `winterbaume-sts`'s. Its answers are not used: its GetCallerIdentity names a user
//! `moto` whoever asks, with an ARN of the wrong service. Any role of any account can be assumed; what the
//! caller then is, its keys remember.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use winterbaume_core::{MockRequest, MockResponse, MockService};
use winterbaume_sts::{model, wire};

use crate::clock;
use crate::server::answers::Protocol;
use crate::server::{access_key, form};
use crate::world::World;

/// The user that every key is which no role gave out.
const USER: &str = "rehearsal";

/// The service.
pub(crate) struct Tokens {
    world: Arc<World>,
    sessions: Mutex<HashMap<String, Session>>,
}

/// Who holds a temporary key.
#[derive(Clone, Debug)]
struct Session {
    account: String,
    arn: String,
    user_id: String,
}

/// What to assume.
struct Assumption<'a> {
    role: &'a str,
    session: &'a str,
    seconds: Option<i32>,
}

type Refusal = (u16, &'static str, String);

impl Tokens {
    /// A service that has given out nothing.
    pub(crate) fn new(world: &Arc<World>) -> Self {
        Self {
            world: world.clone(),
            sessions: Mutex::default(),
        }
    }

    fn act(&self, request: &MockRequest) -> Result<MockResponse, Refusal> {
        let form = form::parse(&request.body);
        let malformed = |message: String| (400, "ValidationError", message);
        match form.get("Action").map(String::as_str).unwrap_or_default() {
            "GetCallerIdentity" => {
                let session = self.session_of(&access_key(request).unwrap_or_default());
                Ok(wire::serialize_get_caller_identity_response(
                    &model::GetCallerIdentityResponse {
                        account: Some(session.account),
                        arn: Some(session.arn),
                        user_id: Some(session.user_id),
                    },
                ))
            }
            "AssumeRole" => {
                let input = wire::deserialize_assume_role_request(&form).map_err(malformed)?;
                let (user, credentials) = self.assume(&Assumption {
                    role: &input.role_arn,
                    session: &input.role_session_name,
                    seconds: input.duration_seconds,
                })?;
                Ok(wire::serialize_assume_role_response(
                    &model::AssumeRoleResponse {
                        assumed_role_user: Some(user),
                        credentials: Some(credentials),
                        packed_policy_size: None,
                        source_identity: input.source_identity,
                    },
                ))
            }
            "AssumeRoleWithWebIdentity" => {
                let input = wire::deserialize_assume_role_with_web_identity_request(&form)
                    .map_err(malformed)?;
                check_web_token(&input.web_identity_token)?;
                let (user, credentials) = self.assume(&Assumption {
                    role: &input.role_arn,
                    session: &input.role_session_name,
                    seconds: input.duration_seconds,
                })?;
                Ok(wire::serialize_assume_role_with_web_identity_response(
                    &model::AssumeRoleWithWebIdentityResponse {
                        assumed_role_user: Some(user),
                        credentials: Some(credentials),
                        ..model::AssumeRoleWithWebIdentityResponse::default()
                    },
                ))
            }
            "GetSessionToken" => {
                let session = self.session_of(&access_key(request).unwrap_or_default());
                let credentials = self.give_out(session, 43_200);
                Ok(wire::serialize_get_session_token_response(
                    &model::GetSessionTokenResponse {
                        credentials: Some(credentials),
                    },
                ))
            }
            other => Err((
                400,
                "InvalidAction",
                format!("The rehearsal does not know the operation {other} of STS."),
            )),
        }
    }

    fn session_of(&self, key: &str) -> Session {
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(key).cloned().unwrap_or_else(|| Session {
            account: self.world.account.as_str().to_owned(),
            arn: format!("arn:aws:iam::{}:user/{USER}", self.world.account.as_str()),
            user_id: "AIDAREHEARSAL0000000".to_owned(),
        })
    }

    fn assume(
        &self,
        wanted: &Assumption<'_>,
    ) -> Result<(model::AssumedRoleUser, model::Credentials), Refusal> {
        let invalid = |message: String| (400, "ValidationError", message);
        let (account, name) = role_parts(wanted.role)
            .ok_or_else(|| invalid(format!("{} is invalid", wanted.role)))?;
        if !is_session_name(wanted.session) {
            return Err(invalid(format!(
                "1 validation error detected: Value '{}' at 'roleSessionName' failed to satisfy constraint: \
                 Member must satisfy regular expression pattern: [\\w+=,.@-]*, length 2 to 64",
                wanted.session
            )));
        }
        let seconds = wanted.seconds.unwrap_or(3600);
        if !(900..=43_200).contains(&seconds) {
            return Err(invalid(format!(
                "The requested DurationSeconds of {seconds} must be between 900 and 43200."
            )));
        }
        let role_id = format!("AROA{}", letters(wanted.role, 16));
        let session = Session {
            account: account.to_owned(),
            arn: format!(
                "arn:aws:sts::{account}:assumed-role/{name}/{}",
                wanted.session
            ),
            user_id: format!("{role_id}:{}", wanted.session),
        };
        let user = model::AssumedRoleUser {
            arn: Some(session.arn.clone()),
            assumed_role_id: Some(session.user_id.clone()),
        };
        Ok((user, self.give_out(session, seconds)))
    }

    fn give_out(&self, session: Session, seconds: i32) -> model::Credentials {
        let unique = uuid::Uuid::new_v4().to_string();
        let key = format!("ASIA{}", letters(&unique, 16));
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(key.clone(), session);
        // Clients compare this with their own clock, not with the rehearsal's.
        let lifetime = Duration::from_secs(u64::try_from(seconds).unwrap_or_default());
        let expiration = clock::add(Timestamp::now(), lifetime);
        model::Credentials {
            access_key_id: Some(key),
            secret_access_key: Some(letters(&format!("secret {unique}"), 40)),
            session_token: Some(letters(&format!("token {unique}"), 60)),
            expiration: Some(expiration.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()),
        }
    }
}

impl MockService for Tokens {
    fn service_name(&self) -> &str {
        "sts"
    }

    fn url_patterns(&self) -> Vec<&str> {
        Vec::new()
    }

    fn handle(
        &self,
        request: MockRequest,
    ) -> Pin<Box<dyn Future<Output = MockResponse> + Send + '_>> {
        Box::pin(async move {
            self.act(&request)
                .unwrap_or_else(|(status, code, message)| {
                    Protocol::Query.error(status, code, &message)
                })
        })
    }
}

/// The account and the name of `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
fn role_parts(arn: &str) -> Option<(&str, &str)> {
    let mut parts = arn.splitn(6, ':');
    let is_iam =
        parts.next()? == "arn" && parts.next()?.starts_with("aws") && parts.next()? == "iam";
    let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
    let path = resource.strip_prefix("role/")?;
    let name = path.rsplit('/').next()?;
    let good = is_iam
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && !name.is_empty();
    good.then_some((account, name))
}

fn is_session_name(name: &str) -> bool {
    (2..=64).contains(&name.len())
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_+=,.@-".contains(letter))
}

/// A web identity is a JSON Web Token: three parts.
fn check_web_token(token: &str) -> Result<(), Refusal> {
    if token.split('.').filter(|part| !part.is_empty()).count() == 3 {
        return Ok(());
    }
    Err((
        400,
        "InvalidIdentityToken",
        "The ID Token provided is not a valid JWT.".to_owned(),
    ))
}

/// Capitals and digits made from a seed, as they stand in key ids.
fn letters(seed: &str, count: usize) -> String {
    let mut text = String::new();
    let mut round = 0u32;
    while text.len() < count {
        text.push_str(&hex::encode_upper(Sha256::digest(format!(
            "{seed}/{round}"
        ))));
        round += 1;
    }
    text.truncate(count);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::tests_support::{query, text, world_with_faults};

    #[tokio::test]
    async fn an_assumed_role_is_who_its_key_says() {
        let tokens = Tokens::new(&world_with_faults(""));
        let assumed = query(
            &tokens,
            &[
                ("Action", "AssumeRole"),
                ("RoleArn", "arn:aws:iam::210987654321:role/ci/deployer"),
                ("RoleSessionName", "build-7"),
            ],
        )
        .await;
        let answer = text(&assumed);
        let key = answer
            .split("<AccessKeyId>")
            .nth(1)
            .unwrap()
            .split('<')
            .next()
            .unwrap();
        let session = tokens.session_of(key);
        assert_eq!(
            session.arn,
            "arn:aws:sts::210987654321:assumed-role/deployer/build-7"
        );
        assert_eq!(session.account, "210987654321");
        assert_eq!(
            tokens.session_of("AKIA1").arn,
            "arn:aws:iam::123456789012:user/rehearsal"
        );
    }

    #[tokio::test]
    async fn refuses_what_sts_refuses() {
        let tokens = Tokens::new(&world_with_faults(""));
        let role = ("RoleArn", "arn:aws:iam::123456789012:role/deployer");
        let name = ("RoleSessionName", "build");
        for fields in [
            vec![("Action", "AssumeRole"), ("RoleArn", "deployer"), name],
            vec![("Action", "AssumeRole"), role, ("RoleSessionName", "a b")],
            vec![
                ("Action", "AssumeRole"),
                role,
                name,
                ("DurationSeconds", "10"),
            ],
            vec![
                ("Action", "AssumeRoleWithWebIdentity"),
                role,
                name,
                ("WebIdentityToken", "x"),
            ],
            vec![("Action", "AssumeRoot")],
        ] {
            assert_eq!(query(&tokens, &fields).await.status, 400, "{fields:?}");
        }
    }
}
