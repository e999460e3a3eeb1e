//! Tags of Beanstalk's things.

use std::collections::BTreeMap;

use super::{Beanstalk, SERVICE};
use crate::Error;

impl Beanstalk {
    /// The tags of a thing, by its ARN; those that AWS gives itself are among them.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn tags(&self, arn: &str) -> Result<BTreeMap<String, String>, Error> {
        let answer = self
            .client
            .list_tags_for_resource()
            .resource_arn(arn)
            .send()
            .await
            .map_err(SERVICE.failed("ListTagsForResource", format!("`{arn}`")))?;
        let tags = answer.resource_tags.unwrap_or_default().into_iter();
        Ok(tags
            .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
            .collect())
    }
}
