//! Multipart uploads.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::HeaderMap;
use http::header::ETAG;
use winterbaume_core::{MockRequest, MockResponse};
use winterbaume_s3::{model, wire};

use super::checksum::{Algorithm, Checksum};
use super::object::{algorithm_name, insert, kind_name, show_checksum, verified};
use super::refusal::Refusal;
use super::store::{Part, Upload, etag};
use super::{Outcome, Storage, Target, show_time};

impl Storage {
    pub(super) fn begin_upload(&self, target: &Target, headers: &HeaderMap) -> Outcome {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let mut store = self.lock();
        store.bucket(&target.bucket)?;
        let upload = Upload {
            bucket: target.bucket.clone(),
            key: target.key.clone(),
            headers: headers.clone(),
            began: self.now(),
            parts: BTreeMap::new(),
        };
        store.uploads.insert(id.clone(), upload);
        let output = model::CreateMultipartUploadOutput {
            bucket: Some(target.bucket.clone()),
            key: Some(target.key.clone()),
            upload_id: Some(id),
        };
        let mut answer = wire::serialize_create_multipart_upload_response(&output);
        for name in ["x-amz-checksum-algorithm", "x-amz-checksum-type"] {
            if let Some(value) = headers.get(name) {
                answer.headers.insert(name, value.clone());
            }
        }
        Ok(answer)
    }

    pub(super) fn upload_part(&self, target: &Target, request: &MockRequest) -> Outcome {
        let number = target
            .value("partNumber")
            .parse()
            .ok()
            .filter(|number| (1..=10_000).contains(number));
        let number: i32 = number.ok_or_else(|| {
            Refusal::new(
                400,
                "InvalidArgument",
                "Part number must be an integer between 1 and 10000, inclusive",
            )
        })?;
        if request.headers.contains_key("x-amz-copy-source") {
            return Err(Refusal::not_implemented("copies of parts"));
        }
        let part = Part {
            content: request.body.clone(),
            etag: etag(&request.body),
            checksum: verified(request)?,
            uploaded: self.now(),
        };
        let mut headers = HeaderMap::new();
        insert(&mut headers, ETAG, &part.etag);
        show_checksum(&mut headers, part.checksum.as_ref());
        let mut store = self.lock();
        let upload = store.upload_mut(target.value("uploadId"), &target.bucket, &target.key)?;
        upload.parts.insert(number, part);
        Ok(MockResponse {
            status: 200,
            headers,
            body: Bytes::new(),
        })
    }

    pub(super) fn complete_upload(&self, target: &Target, request: &MockRequest) -> Outcome {
        let labels = [
            ("Bucket", target.bucket.as_str()),
            ("Key", target.key.as_str()),
        ];
        let input =
            wire::deserialize_complete_multipart_upload_request(request, &labels, &target.query)
                .map_err(|_| Refusal::malformed())?;
        let listed: Vec<(i32, Option<String>)> = input
            .multipart_upload
            .and_then(|upload| upload.parts)
            .unwrap_or_default()
            .into_iter()
            .map(|part| part.part_number.map(|number| (number, part.e_tag)))
            .collect::<Option<_>>()
            .ok_or_else(Refusal::malformed)?;
        let place = (target.bucket.as_str(), target.key.as_str());
        let object = self.lock().complete(
            &input.upload_id,
            place,
            &listed,
            &request.headers,
            self.now(),
        )?;
        let sum = |algorithm| value_of(object.checksum.as_ref(), algorithm);
        let output = model::CompleteMultipartUploadOutput {
            bucket: Some(target.bucket.clone()),
            key: Some(target.key.clone()),
            location: Some(format!(
                "http://{}/{}/{}",
                self.world.api_address, target.bucket, target.key
            )),
            e_tag: Some(object.etag.clone()),
            checksum_c_r_c32: sum(Algorithm::Crc32),
            checksum_c_r_c32_c: sum(Algorithm::Crc32c),
            checksum_c_r_c64_n_v_m_e: sum(Algorithm::Crc64Nvme),
            checksum_s_h_a1: sum(Algorithm::Sha1),
            checksum_s_h_a256: sum(Algorithm::Sha256),
            checksum_type: object
                .checksum
                .as_ref()
                .map(|checksum| kind_name(checksum.kind).to_owned()),
        };
        Ok(wire::serialize_complete_multipart_upload_response(&output))
    }

    pub(super) fn abort_upload(&self, target: &Target) -> Outcome {
        let id = target.value("uploadId");
        let mut store = self.lock();
        store.upload_mut(id, &target.bucket, &target.key)?;
        store.uploads.remove(id);
        Ok(wire::serialize_abort_multipart_upload_response())
    }

    pub(super) fn list_parts(&self, target: &Target) -> Outcome {
        let mut store = self.lock();
        let id = target.value("uploadId");
        let upload = store.upload_mut(id, &target.bucket, &target.key)?;
        let parts = upload
            .parts
            .iter()
            .map(|(number, part)| {
                let sum = |algorithm| value_of(part.checksum.as_ref(), algorithm);
                model::Part {
                    part_number: Some(*number),
                    e_tag: Some(part.etag.clone()),
                    size: i64::try_from(part.content.len()).ok(),
                    last_modified: Some(show_time(part.uploaded)),
                    checksum_c_r_c32: sum(Algorithm::Crc32),
                    checksum_c_r_c32_c: sum(Algorithm::Crc32c),
                    checksum_c_r_c64_n_v_m_e: sum(Algorithm::Crc64Nvme),
                    checksum_s_h_a1: sum(Algorithm::Sha1),
                    checksum_s_h_a256: sum(Algorithm::Sha256),
                }
            })
            .collect();
        let output = model::ListPartsOutput {
            bucket: Some(target.bucket.clone()),
            key: Some(target.key.clone()),
            upload_id: Some(id.to_owned()),
            is_truncated: Some(false),
            max_parts: Some(10_000),
            parts: Some(parts),
            storage_class: Some("STANDARD".to_owned()),
            checksum_algorithm: Some(algorithm_name(upload.algorithm()).to_owned()),
            ..model::ListPartsOutput::default()
        };
        Ok(wire::serialize_list_parts_response(&output))
    }

    pub(super) fn list_uploads(&self, target: &Target) -> Outcome {
        let store = self.lock();
        store.bucket(&target.bucket)?;
        let prefix = target.value("prefix");
        let uploads = store
            .uploads
            .iter()
            .filter(|(_, upload)| upload.bucket == target.bucket && upload.key.starts_with(prefix))
            .map(|(id, upload)| model::MultipartUpload {
                upload_id: Some(id.clone()),
                key: Some(super::shown(target, &upload.key)),
                initiated: Some(show_time(upload.began)),
                storage_class: Some("STANDARD".to_owned()),
                ..model::MultipartUpload::default()
            })
            .collect();
        let output = model::ListMultipartUploadsOutput {
            bucket: Some(target.bucket.clone()),
            encoding_type: target.query.get("encoding-type").cloned(),
            is_truncated: Some(false),
            max_uploads: Some(1000),
            uploads: Some(uploads),
            ..model::ListMultipartUploadsOutput::default()
        };
        Ok(wire::serialize_list_multipart_uploads_response(&output))
    }
}

fn value_of(checksum: Option<&Checksum>, algorithm: Algorithm) -> Option<String> {
    checksum
        .filter(|checksum| checksum.algorithm == algorithm)
        .map(|checksum| checksum.value.clone())
}
