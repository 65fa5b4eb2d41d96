//! What the page of a vulnerability is made of: records read anew from their documents, and ranges drawn as lines.

pub mod describe;
pub mod ids;
pub mod line;
pub mod ruler;
pub mod sources;
