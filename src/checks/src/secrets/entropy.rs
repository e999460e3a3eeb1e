//! How random a text looks.

/// Shannon's entropy of the bytes, in bits for each: 0 for `aaaa`, 4 for random hexadecimal digits, near 6 for random base64.
pub(super) fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        if let Some(count) = counts.get_mut(usize::from(byte)) {
            *count += 1;
        }
    }
    let all = f64::from(u32::try_from(text.len()).unwrap_or(u32::MAX));
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / all;
            -share * share.log2()
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::entropy;

    #[test]
    fn random_texts_have_more_of_it() {
        assert!(entropy("").abs() < 1e-9 && entropy("aaaa").abs() < 1e-9);
        assert!((entropy("0123456789abcdef") - 4.0).abs() < 1e-9);
        assert!(entropy("correct-horse") < entropy("kR7!xQ2#mV9$p"));
    }
}
