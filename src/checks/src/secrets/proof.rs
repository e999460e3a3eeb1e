//! Checks that a format carries in itself. A value that fails its own checksum was never given out.

use super::placeholder::is_example;
use base64::Engine as _;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// GitHub's tokens of 2021: prefix, 30 characters, and their CRC-32 in six digits to the base of 62 (github.blog, "Behind GitHub's
/// new authentication token formats").
pub(super) fn github(token: &str) -> bool {
    let Some((_, rest)) = token.split_once('_') else {
        return false;
    };
    let (Some(random), Some(sum)) = (rest.get(..30), rest.get(30..)) else {
        return false;
    };
    base_62(crc32fast::hash(random.as_bytes())) == sum
}

fn base_62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = ['0'; 6];
    for digit in digits.iter_mut().rev() {
        let at = usize::try_from(number % 62).unwrap_or_default();
        *digit = DIGITS.get(at).copied().map_or('0', char::from);
        number /= 62;
    }
    digits.iter().collect()
}

/// A JSON web token's first part is a JSON object that names its algorithm (RFC 7519, RFC 7515 section 4.1.1). The example of
/// every tutorial, for the subject 1234567890, is none; nor is one that nobody signed.
pub(super) fn json_web_token(token: &str) -> bool {
    let mut parts = token
        .split('.')
        .map(|part| URL_SAFE.decode(part.trim_end_matches('=')));
    let (Some(Ok(header)), Some(Ok(claims))) = (parts.next(), parts.next()) else {
        return false;
    };
    let Ok(header) = serde_json::from_slice::<serde_json::Value>(&header) else {
        return false;
    };
    let algorithm = header.get("alg").and_then(serde_json::Value::as_str);
    algorithm.is_some_and(|name| name != "none") && !is_example(&String::from_utf8_lossy(&claims))
}

const URL_SAFE: GeneralPurpose = GeneralPurpose::new(
    &base64::alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A hexadecimal or decimal number of one digit over and over, or a text of one case of letters, is no key.
pub(super) fn has_digit_and_letter(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_digit())
        && value.bytes().any(|byte| byte.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::testing::{github_token, web_token};

    #[test]
    fn the_checksum_of_githubs_tokens_is_known() {
        // The example of GitHub's own description, in pieces.
        let known = ["ghp_", "zQWBuTSOoRi4A9sp", "HcVY5ncnsDkxkJ", "0mLq17"].concat();
        assert!(github(&known));
        assert!(github(&github_token("ghs_")));
        let last = known.len() - 1;
        assert!(!github(&format!("{}8", &known[..last])));
        assert!(!github("ghp_short") && !github("none"));
    }

    #[test]
    fn a_web_token_has_a_header_with_an_algorithm() {
        assert!(
            web_token("{\"alg\":\"HS256\"}", "{\"sub\":\"42\"}")
                .split('.')
                .count()
                == 3
        );
        assert!(json_web_token(&web_token(
            "{\"alg\":\"HS256\"}",
            "{\"sub\":\"42\"}"
        )));
        assert!(!json_web_token(&web_token(
            "{\"alg\":\"none\"}",
            "{\"sub\":\"42\"}"
        )));
        assert!(!json_web_token(&web_token(
            "{\"alg\":\"HS256\"}",
            "{\"sub\":\"1234567890\"}"
        )));
        assert!(!json_web_token(&web_token("{\"typ\":3}", "{}")));
        assert!(!json_web_token("a.b.c") && !json_web_token(""));
    }
}
