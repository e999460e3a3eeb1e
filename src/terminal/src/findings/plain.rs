//! Text from outside, made harmless.

use std::fmt::Write as _;

/// The text on one line. White space becomes a space; what would move the cursor or turn the text around is
/// spelled out.
pub(crate) fn one_line(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => plain.push(' '),
            character if is_harmful(character) => {
                let _ = write!(plain, "\\u{{{:x}}}", u32::from(character));
            }
            character => plain.push(character),
        }
    }
    plain
}

/// Control characters, and those that change the direction of writing or are not seen.
pub(crate) fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

#[cfg(test)]
mod tests {
    use super::one_line;

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(one_line("a\r\nb\tc"), "a  b c");
        assert_eq!(one_line("\u{1b}[2J\u{202e}x"), "\\u{1b}[2J\\u{202e}x");
        assert_eq!(one_line("Größe 木"), "Größe 木");
    }
}
