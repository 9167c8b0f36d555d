//! The analyst's surface: what SQL can say beyond DataFusion's own words.
//!
//! In: a session. Out: the session with polytask's functions. Not here: the night's own queries, which do without them.

pub mod functions;
