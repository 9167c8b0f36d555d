//! polytask
