//! Tokens, good and bad, judged.
