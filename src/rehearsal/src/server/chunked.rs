//! The `aws-chunked` encoding of request bodies: signed or unsigned chunks, with or without a trailer
//! that carries a checksum. AWS's current clients send uploads this way unasked.
//!
//! Signatures of chunks are not checked: the embedded AWS accepts any key.

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Why a body is not `aws-chunked`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct ChunkedError(pub(crate) &'static str);

/// True if the body of a request with these headers is `aws-chunked`.
pub(crate) fn is_chunked(headers: &HeaderMap) -> bool {
    let starts = |name: &str, prefix: &str| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with(prefix))
    };
    starts("x-amz-content-sha256", "STREAMING-")
        || encodings(headers).any(|one| one == "aws-chunked")
}

/// Decodes the body and makes the headers those of a plain request: `aws-chunked` is removed from
/// Content-Encoding, and trailers become headers.
///
/// # Errors
/// If the framing is broken, or the length is not the announced `x-amz-decoded-content-length`.
pub(crate) fn decode(headers: &mut HeaderMap, body: &Bytes) -> Result<Bytes, ChunkedError> {
    let mut content = BytesMut::with_capacity(body.len());
    let mut rest: &[u8] = body;
    loop {
        let (line, after) = split_line(rest).ok_or(ChunkedError("a chunk has no size line"))?;
        let size = chunk_size(line).ok_or(ChunkedError("a chunk's size is not hexadecimal"))?;
        rest = after;
        if size == 0 {
            break;
        }
        let chunk = rest
            .get(..size)
            .ok_or(ChunkedError("a chunk is shorter than its size"))?;
        content.extend_from_slice(chunk);
        rest = rest
            .get(size..)
            .and_then(|rest| rest.strip_prefix(b"\r\n"))
            .ok_or(ChunkedError("a chunk does not end with a line break"))?;
    }
    take_trailers(headers, rest);
    check_length(headers, content.len())?;
    let remaining: Vec<String> = encodings(headers)
        .filter(|one| *one != "aws-chunked")
        .map(str::to_owned)
        .collect();
    headers.remove(CONTENT_ENCODING);
    if let Ok(value) = HeaderValue::from_str(&remaining.join(","))
        && !remaining.is_empty()
    {
        headers.insert(CONTENT_ENCODING, value);
    }
    Ok(content.freeze())
}

fn encodings(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .get(CONTENT_ENCODING)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .split(',')
        .map(str::trim)
        .filter(|one| !one.is_empty())
}

fn split_line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.windows(2).position(|pair| pair == b"\r\n")?;
    Some((bytes.get(..end)?, bytes.get(end + 2..)?))
}

/// `hex-size` or `hex-size;chunk-signature=...`.
fn chunk_size(line: &[u8]) -> Option<usize> {
    let line = std::str::from_utf8(line).ok()?;
    let digits = line.split(';').next()?.trim();
    usize::from_str_radix(digits, 16).ok()
}

/// `name:value` lines up to the end; the signature of the trailer is left out.
fn take_trailers(headers: &mut HeaderMap, rest: &[u8]) {
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        let name = name.trim().to_ascii_lowercase();
        if name == "x-amz-trailer-signature" {
            continue;
        }
        if let (Ok(name), Ok(value)) = (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value.trim()),
        ) {
            headers.insert(name, value);
        }
    }
}

fn check_length(headers: &HeaderMap, length: usize) -> Result<(), ChunkedError> {
    let announced = headers
        .get("x-amz-decoded-content-length")
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.parse::<usize>().ok());
    match announced {
        Some(announced) if announced != length => Err(ChunkedError(
            "the body is not as long as `x-amz-decoded-content-length` says",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn unsigned_chunks_with_a_trailing_checksum() {
        let mut headers = headers(&[
            ("x-amz-content-sha256", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"),
            ("content-encoding", "gzip,aws-chunked"),
            ("x-amz-decoded-content-length", "11"),
        ]);
        let body = Bytes::from_static(
            b"6\r\nhello \r\n5\r\nworld\r\n0\r\nx-amz-checksum-crc32:DUoRhQ==\r\n\r\n",
        );
        assert!(is_chunked(&headers));
        assert_eq!(decode(&mut headers, &body).unwrap(), "hello world");
        assert_eq!(headers["x-amz-checksum-crc32"], "DUoRhQ==");
        assert_eq!(headers["content-encoding"], "gzip");
    }

    #[test]
    fn signed_chunks_and_a_signed_trailer() {
        let mut headers = headers(&[("content-encoding", "aws-chunked")]);
        let body = Bytes::from_static(
            b"3;chunk-signature=ab\r\nabc\r\n0;chunk-signature=cd\r\nx-amz-checksum-sha256:eA==\r\nx-amz-trailer-signature:ef\r\n\r\n",
        );
        assert_eq!(decode(&mut headers, &body).unwrap(), "abc");
        assert!(headers.contains_key("x-amz-checksum-sha256"));
        assert!(!headers.contains_key("x-amz-trailer-signature"));
        assert!(!headers.contains_key("content-encoding"));
    }

    #[test]
    fn broken_framing_is_refused() {
        for body in [
            "",
            "zz\r\n",
            "5\r\nab\r\n0\r\n\r\n",
            "2\r\nabc\r\n0\r\n\r\n",
        ] {
            assert!(
                decode(&mut HeaderMap::new(), &Bytes::from_static(body.as_bytes())).is_err(),
                "{body:?}"
            );
        }
        let mut headers = headers(&[("x-amz-decoded-content-length", "9")]);
        assert!(decode(&mut headers, &Bytes::from_static(b"2\r\nab\r\n0\r\n\r\n")).is_err());
    }
}
