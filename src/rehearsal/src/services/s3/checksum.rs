//! S3's additional checksums: checked when an upload names one, kept with the object, and shown to
//! clients that ask.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use crc_fast::CrcAlgorithm;
use http::{HeaderMap, HeaderName};
use sha2::{Digest as _, Sha256};

/// The algorithms that S3 offers, but SHA-1: it is kept and shown, and believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Algorithm {
    /// CRC-32.
    Crc32,
    /// CRC-32C.
    Crc32c,
    /// CRC-64/NVME, which S3 computes itself when a client names none.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

/// Whether a checksum is that of the bytes, or of the parts' checksums.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Of the bytes.
    FullObject,
    /// Of the checksums of the parts.
    Composite,
}

/// A checksum as it stands in headers: base64, for composites followed by `-` and the part count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) value: String,
    pub(super) kind: Kind,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The header that carries it.
    pub(super) fn header(self) -> HeaderName {
        HeaderName::from_static(match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        })
    }

    /// The XML element that carries it.
    pub(super) fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    /// What clients call it: `SHA256`.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|one| one.element().strip_prefix("Checksum") == Some(name))
    }

    /// The checksum of `bytes`; `None` for SHA-1.
    fn digest(self, bytes: &[u8]) -> Option<Vec<u8>> {
        let crc = |algorithm| crc_fast::checksum(algorithm, bytes).to_be_bytes();
        let last_four = |all: [u8; 8]| all.iter().copied().skip(4).collect();
        match self {
            Self::Crc32 => Some(last_four(crc(CrcAlgorithm::Crc32IsoHdlc))),
            Self::Crc32c => Some(last_four(crc(CrcAlgorithm::Crc32Iscsi))),
            Self::Crc64Nvme => Some(crc(CrcAlgorithm::Crc64Nvme).to_vec()),
            Self::Sha1 => None,
            Self::Sha256 => Some(Sha256::digest(bytes).to_vec()),
        }
    }
}

/// The checksum that a client sent with `bytes`, if it is right; S3's own if the client sent none.
///
/// # Errors
/// The algorithm whose checksum does not match.
pub(super) fn verify(headers: &HeaderMap, bytes: &[u8]) -> Result<Option<Checksum>, Algorithm> {
    let sent = Algorithm::ALL.into_iter().find_map(|algorithm| {
        let value = headers.get(algorithm.header())?.to_str().ok()?;
        Some((algorithm, value.to_owned()))
    });
    let Some((algorithm, value)) = sent else {
        return Ok(full_object(Algorithm::Crc64Nvme, bytes));
    };
    match algorithm.digest(bytes) {
        Some(digest) if BASE64.encode(&digest) != value => Err(algorithm),
        _ => Ok(Some(Checksum {
            algorithm,
            value,
            kind: Kind::FullObject,
        })),
    }
}

/// The checksum of all bytes of an object; `None` for SHA-1.
pub(super) fn full_object(algorithm: Algorithm, bytes: &[u8]) -> Option<Checksum> {
    let value = BASE64.encode(algorithm.digest(bytes)?);
    Some(Checksum {
        algorithm,
        value,
        kind: Kind::FullObject,
    })
}

/// The checksum over the checksums of an upload's parts, in part order; `None` unless all of them are of
/// one algorithm.
pub(super) fn composite(parts: &[&Checksum]) -> Option<Checksum> {
    let algorithm = parts.first()?.algorithm;
    if parts.iter().any(|part| part.algorithm != algorithm) {
        return None;
    }
    let mut digests = Vec::new();
    for part in parts {
        digests.extend(BASE64.decode(&part.value).ok()?);
    }
    let value = format!(
        "{}-{}",
        BASE64.encode(algorithm.digest(&digests)?),
        parts.len()
    );
    Some(Checksum {
        algorithm,
        value,
        kind: Kind::Composite,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The check values of the CRC catalogue and of FIPS 180 for `123456789` and `abc`.
    #[test]
    fn known_values() {
        let of = |algorithm: Algorithm, text: &str| {
            hex::encode(algorithm.digest(text.as_bytes()).unwrap())
        };
        assert_eq!(of(Algorithm::Crc32, "123456789"), "cbf43926");
        assert_eq!(of(Algorithm::Crc32c, "123456789"), "e3069283");
        assert_eq!(of(Algorithm::Crc64Nvme, "123456789"), "ae8b14860a799888");
        assert!(of(Algorithm::Sha256, "abc").starts_with("ba7816bf8f01cfea"));
    }

    #[test]
    fn a_wrong_checksum_is_found_and_none_gets_s3s_own() {
        let mut headers = HeaderMap::new();
        let own = verify(&headers, b"abc").unwrap().unwrap();
        assert_eq!(own.algorithm, Algorithm::Crc64Nvme);
        headers.insert("x-amz-checksum-crc32", "AAAAAA==".parse().unwrap());
        assert_eq!(verify(&headers, b"abc"), Err(Algorithm::Crc32));
        headers.insert("x-amz-checksum-crc32", "NSRBwg==".parse().unwrap());
        assert_eq!(verify(&headers, b"abc").unwrap().unwrap().value, "NSRBwg==");
    }

    #[test]
    fn a_composite_names_its_part_count() {
        let part = full_object(Algorithm::Sha256, b"abc").unwrap();
        let whole = composite(&[&part, &part]).unwrap();
        assert!(whole.value.ends_with("=-2"), "{}", whole.value);
        assert_eq!(whole.kind, Kind::Composite);
        let other = full_object(Algorithm::Crc32, b"abc").unwrap();
        assert_eq!(composite(&[&part, &other]), None);
    }
}
