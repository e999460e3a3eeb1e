//! Who we are, and whether that is who we should be.

use beanpole_model::{AccountId, Region};
use serde::Serialize;

use crate::connection::{Connection, client};
use crate::error::Service;
use crate::{Error, Kind, Settings};

const SERVICE: Service = Service("sts");

/// The account, the caller and the region that all calls go to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Identity {
    /// The account's id.
    pub account: AccountId,
    /// The ARN of the user or the role session.
    pub arn: String,
    /// The region.
    pub region: Region,
}

impl Identity {
    /// The name that Beanstalk gives its own bucket in this account and region (developer guide,
    /// "Using Elastic Beanstalk with Amazon S3"). It may not exist yet: asking Beanstalk for it creates
    /// it.
    #[must_use]
    pub fn beanstalk_bucket(&self) -> String {
        format!("elasticbeanstalk-{}-{}", self.region, self.account)
    }

    /// Stops a run that would touch the wrong account or region. `account` is the manifest's pin;
    /// `None` allows every account.
    ///
    /// # Errors
    /// [`Kind::Credentials`] (exit code 7) with both values named.
    pub fn require(&self, account: Option<&AccountId>, region: &Region) -> Result<(), Error> {
        let mut faults = Vec::new();
        if let Some(pinned) = account
            && *pinned != self.account
        {
            faults.push(format!(
                "the manifest pins account {pinned}, and the credentials belong to account {}",
                self.account
            ));
        }
        if *region != self.region {
            faults.push(format!(
                "the manifest names region {region}, and the region in use is {}",
                self.region
            ));
        }
        if faults.is_empty() {
            return Ok(());
        }
        let object = format!("caller `{}`", self.arn);
        let message = faults.join("; ");
        Err(Error::new(
            SERVICE.0,
            "GetCallerIdentity",
            object,
            Kind::Credentials,
            message,
        )
        .with_remedy("choose another profile or region, or correct the pin in `beanpole.yaml`"))
    }
}

/// Asks STS. No permission is needed for it.
pub(crate) async fn who_am_i(
    connection: &Connection,
    settings: &Settings,
) -> Result<Identity, Error> {
    let operation = "GetCallerIdentity";
    let object = match settings.profile() {
        Some(profile) if settings.static_credentials.is_none() => format!("profile `{profile}`"),
        _ => "the credentials in use".to_owned(),
    };
    let client = client!(aws_sdk_sts, connection);
    let answer = client
        .get_caller_identity()
        .send()
        .await
        .map_err(SERVICE.failed(operation, &object))
        .map_err(|error| with_profile(error, settings))?;
    let account = SERVICE.required(operation, &object, "Account", answer.account)?;
    let account = AccountId::new(account).map_err(|error| {
        Error::new(
            SERVICE.0,
            operation,
            &object,
            Kind::Service,
            error.to_string(),
        )
    })?;
    let arn = SERVICE.required(operation, &object, "Arn", answer.arn)?;
    Ok(Identity {
        account,
        arn,
        region: connection.region.clone(),
    })
}

/// The remedy can be typed as it stands when the profile is known.
fn with_profile(error: Error, settings: &Settings) -> Error {
    match settings.profile() {
        Some(profile) if error.kind == Kind::Credentials => error.with_remedy(format!(
            "renew the credentials with `aws sso login --profile {profile}` and run the command again"
        )),
        _ => error,
    }
}

#[cfg(test)]
mod tests {
    use beanpole_model::Problem as _;

    use super::*;

    fn identity() -> Identity {
        Identity {
            account: AccountId::new("111111111111").unwrap(),
            arn: "arn:aws:iam::111111111111:user/deploy".to_owned(),
            region: Region::new("eu-central-1").unwrap(),
        }
    }

    #[test]
    fn the_right_account_and_region_pass() {
        let identity = identity();
        assert!(identity.require(None, &identity.region).is_ok());
        assert!(
            identity
                .require(Some(&identity.account), &identity.region)
                .is_ok()
        );
    }

    #[test]
    fn the_wrong_ones_are_named_and_end_with_exit_code_7() {
        let pinned = AccountId::new("222222222222").unwrap();
        let error = identity()
            .require(Some(&pinned), &Region::new("us-east-1").unwrap())
            .unwrap_err();
        assert_eq!(error.exit_code().code(), 7);
        let text = error.to_string();
        for part in ["111111111111", "222222222222", "eu-central-1", "us-east-1"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
