//! Records beside the bundles, in Beanstalk's bucket.
//!
//! Rules: a record is created only where none is, and written over only by the run that owns it
//! (`If-Match`). A refused condition may be our own lost answer, so the object is read before anyone
//! else is suspected. A bucket that is gone is made again.

use beanpole_cloud::{Cloud, Kind, Reading};
use beanpole_model::{ApplicationName, EnvironmentName};
use bytes::Bytes;

use super::record::RecordId;

type Answer<T> = Result<T, beanpole_cloud::Error>;

/// The prefix with the records of one environment.
#[derive(Clone, Debug)]
pub(crate) struct RemoteStore {
    cloud: Cloud,
    bucket: String,
    prefix: String,
}

/// How a write ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Written {
    /// It is there, under this entity tag.
    Done(String),
    /// Another document is there, which is not ours to overwrite.
    Foreign,
}

impl RemoteStore {
    pub(crate) fn new(
        cloud: Cloud,
        bucket: String,
        application: &ApplicationName,
        environment: &EnvironmentName,
    ) -> Self {
        Self {
            cloud,
            bucket,
            prefix: prefix(application, environment),
        }
    }

    pub(crate) fn place(&self, id: &RecordId) -> String {
        format!("s3://{}/{}", self.bucket, self.key(id))
    }

    fn key(&self, id: &RecordId) -> String {
        format!("{}{id}.json", self.prefix)
    }

    /// The ids of all records; none without the bucket.
    pub(crate) async fn ids(&self) -> Answer<Vec<RecordId>> {
        let listed = Box::pin(self.cloud.storage.list(&self.bucket, &self.prefix)).await;
        let objects = match listed {
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            other => other?,
        };
        Ok(objects
            .iter()
            .filter_map(|object| id_of(&self.prefix, &object.key))
            .collect())
    }

    /// The document of a record, if there is one.
    pub(crate) async fn get(&self, id: &RecordId) -> Answer<Reading> {
        let read = Box::pin(self.cloud.storage.read(&self.bucket, &self.key(id))).await;
        match read {
            // The bucket is gone.
            Err(error) if error.is_not_found() => Ok(Reading {
                now: None,
                object: None,
            }),
            other => other,
        }
    }

    /// Creates the document.
    pub(crate) async fn create(&self, id: &RecordId, document: &Bytes) -> Answer<Written> {
        let storage = &self.cloud.storage;
        let key = self.key(id);
        let created = Box::pin(storage.put_if_absent(&self.bucket, &key, document.clone())).await;
        match created {
            Ok(uploaded) => self.written(id, uploaded.etag).await,
            Err(error) if error.kind == Kind::PreconditionFailed => {
                self.look_again(id, document).await
            }
            Err(error) if error.is_not_found() => {
                // Makes the bucket if it is missing.
                Box::pin(self.cloud.beanstalk.storage_location()).await?;
                let created = storage.put_if_absent(&self.bucket, &key, document.clone());
                let etag = Box::pin(created).await?.etag;
                self.written(id, etag).await
            }
            Err(error) => Err(error),
        }
    }

    /// Writes the document over the one with this entity tag.
    pub(crate) async fn replace(
        &self,
        id: &RecordId,
        etag: &str,
        document: &Bytes,
    ) -> Answer<Written> {
        let storage = &self.cloud.storage;
        let key = self.key(id);
        let put = storage.put_if_match(&self.bucket, &key, etag, document.clone());
        match Box::pin(put).await {
            Ok(uploaded) => self.written(id, uploaded.etag).await,
            Err(error) if error.kind == Kind::PreconditionFailed => {
                self.look_again(id, document).await
            }
            // Someone has emptied or removed the bucket: what we know is all that there is.
            Err(error) if error.is_not_found() => self.create(id, document).await,
            Err(error) => Err(error),
        }
    }

    /// Removes a record. One that does not exist counts as removed.
    pub(crate) async fn remove(&self, id: &RecordId) -> Answer<()> {
        Box::pin(self.cloud.storage.delete(&self.bucket, &self.key(id))).await
    }

    async fn written(&self, id: &RecordId, etag: Option<String>) -> Answer<Written> {
        match etag {
            Some(etag) => Ok(Written::Done(etag)),
            // S3 always sends it; one more look costs little.
            None => Ok(match self.get(id).await?.object {
                Some(object) => Written::Done(object.etag),
                None => Written::Foreign,
            }),
        }
    }

    /// After a refused condition: ours all the same if the content is what was to be written.
    async fn look_again(&self, id: &RecordId, document: &Bytes) -> Answer<Written> {
        Ok(match self.get(id).await?.object {
            Some(object) if object.content == *document => Written::Done(object.etag),
            _ => Written::Foreign,
        })
    }
}

/// `<application>/releases/<environment>/`.
pub(crate) fn prefix(application: &ApplicationName, environment: &EnvironmentName) -> String {
    format!("{application}/releases/{environment}/")
}

/// The id in a key under this prefix.
pub(crate) fn id_of(prefix: &str, key: &str) -> Option<RecordId> {
    let name = key.strip_prefix(prefix)?.strip_suffix(".json")?;
    RecordId::try_from(name.to_owned()).ok()
}
