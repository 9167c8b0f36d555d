//! How much of a snapshot the cache has, for somebody who plans and builds nothing.
//!
//! In: what a night needs, an as-of date. Out: [`Standing`]. The fingerprints are those by which the night looks.

use super::{Making, Makings, RowKind, word};
use crate::features::error::FeatureError;
use crate::ingest::Cache;
use crate::ingest::graph::Table;
use crate::job::AsOf;

/// The tables of a snapshot: feature tables, rows and frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many the cache has.
    pub cached: usize,
    /// Files of the queries whose tables have to be made.
    pub missing: Vec<String>,
    /// Whether the cache has older makings of any of those.
    pub older: bool,
}

/// Looks which tables of the frame of `as_of` are in the cache.
///
/// # Errors
/// [`FeatureError`] when the past cannot be seen.
pub fn standing(makings: Makings<'_>, as_of: &AsOf, kind: RowKind) -> Result<Standing, FeatureError> {
    let mut making = Making::new(makings, as_of, kind)?;
    let mut standing = Standing::default();
    for node in making.wanted() {
        let print = making.print("feature", node).hex();
        standing.look(makings.cache, "features", &format!("{}-{as_of}", node.query.name), &print, &node.query.file);
        making.prints.insert(Table::Feature(node.query.name.clone()), print);
    }
    let name = format!("{}-{as_of}", word(kind));
    let (node, rows) = making.rows_print();
    standing.look(makings.cache, "rows", &name, &rows, &node.query.file);
    let frame = making.print("frame", &makings.graph.frame).with("rows", &rows).hex();
    standing.look(makings.cache, "frames", &name, &frame, &makings.graph.frame.query.file);
    Ok(standing)
}

impl Standing {
    fn look(&mut self, cache: &Cache, kind: &str, name: &str, print: &str, file: &str) {
        if cache.find(kind, name, print).is_some() {
            self.cached += 1;
        } else {
            self.older |= cache.has_other(kind, name);
            self.missing.push(file.to_owned());
        }
    }
}
