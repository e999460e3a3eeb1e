//! What instances' logs say. Pure: text in, lines out.
//!
//! Rules: logs are foreign text. Nothing here is matched to decide anything; it only picks the lines
//! that people want to see. Whoever shows them scrubs secrets first.

pub mod engine;
pub mod news;
pub mod sections;
