//! What counts as a word.

/// Shorter words are left out: they stand everywhere.
pub const WORD_CHARACTERS_MIN: usize = 2;
/// A longer run of letters and digits is no word but data.
pub const WORD_CHARACTERS_MAX: usize = 40;

/// The words of `text` in its order, in lower case: runs of letters and digits.
pub fn words(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|character: char| !character.is_alphanumeric())
        .filter(|run| {
            let count = run.chars().count();
            (WORD_CHARACTERS_MIN..=WORD_CHARACTERS_MAX).contains(&count)
        })
        .map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_lower_case_runs_of_letters_and_digits() {
        let found: Vec<String> = words("Größe of a fn_name(x1): É—42!").collect();
        assert_eq!(found, ["größe", "of", "fn", "name", "x1", "42"]);
        assert_eq!(words(&"x".repeat(41)).count(), 0);
    }
}
