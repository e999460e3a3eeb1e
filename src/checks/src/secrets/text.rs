//! Bytes to what is searched.

use std::borrow::Cow;

/// The most that is searched of a file, in bytes. Larger files are data; their first part is searched all the same.
pub(super) const LARGEST: usize = 32 * 1024 * 1024;

/// Where git looks for a NUL to call a file binary (git's `buffer_is_binary`).
const LOOKED_AT: usize = 8000;

/// The bytes to be searched. None: the file is binary. UTF-16, as PowerShell's `>` writes it, is searched as UTF-8.
pub(super) fn searchable(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    let bytes = bytes.get(..LARGEST).unwrap_or(bytes);
    match bytes {
        [0xFF, 0xFE, rest @ ..] => Some(Cow::Owned(from_utf16(rest, u16::from_le_bytes))),
        [0xFE, 0xFF, rest @ ..] => Some(Cow::Owned(from_utf16(rest, u16::from_be_bytes))),
        _ if bytes.get(..LOOKED_AT).unwrap_or(bytes).contains(&0) => None,
        _ => Some(Cow::Borrowed(bytes)),
    }
}

fn from_utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes
        .chunks_exact(2)
        .filter_map(|pair| <[u8; 2]>::try_from(pair).ok())
        .map(unit);
    char::decode_utf16(units)
        .map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER))
        .collect::<String>()
        .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_powershell_writes_is_text() {
        let utf16: Vec<u8> = [0xFF, 0xFE]
            .into_iter()
            .chain("a=ż\n".encode_utf16().flat_map(u16::to_le_bytes))
            .collect();
        assert_eq!(searchable(&utf16).unwrap().as_ref(), "a=ż\n".as_bytes());
        let big: Vec<u8> = [0xFE, 0xFF]
            .into_iter()
            .chain("b".encode_utf16().flat_map(u16::to_be_bytes))
            .collect();
        assert_eq!(searchable(&big).unwrap().as_ref(), b"b");
    }

    #[test]
    fn binary_files_are_not_searched() {
        assert!(searchable(b"\x89PNG\0").is_none());
        assert!(searchable(b"plain").is_some());
    }
}
