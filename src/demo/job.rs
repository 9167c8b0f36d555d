//! The marketplace job, embedded in the binary: `polytask demo` needs no checkout.
//!
//! In: a folder. Out: the job's files in it. The files themselves are those of `queries/marketplace`.

use std::fs;
use std::path::Path;

use super::error::DemoError;
use crate::publish::folder;
use crate::table_file::FileError;

macro_rules! embedded {
    ($($file:literal),* $(,)?) => {
        /// Files of the job and their texts. `job.toml` comes last: a folder with it is whole.
        pub const FILES: &[(&str, &str)] = &[$(($file, include_str!(concat!("../../queries/marketplace/", $file)))),*];
    };
}

embedded![
    "candidates.sql",
    "checks/impressions__are_delivered_once.sql",
    "checks/impressions__follow_the_chain.sql",
    "checks/impressions__scenarios_are_known.sql",
    "checks/impressions__week_is_right.sql",
    "checks/products__are_unique.sql",
    "checks/promotions__are_unique.sql",
    "checks/users__are_unique.sql",
    "clean/impressions.sql",
    "clean/products.sql",
    "clean/promotions.sql",
    "clean/users.sql",
    "decisions/placements.sql",
    "decisions/recommendations.sql",
    "examples.sql",
    "explore/funnel_by_scenario.sql",
    "explore/late_arrivals.sql",
    "explore/price_bands.sql",
    "explore/quality_by_segment.sql",
    "explore/scores_by_segment.sql",
    "explore/title_words.sql",
    "explore/top_movers.sql",
    "explore/weakest_cells.sql",
    "features/favourite_category.sql",
    "features/popular_product.sql",
    "features/product_price.sql",
    "features/product_discount.sql",
    "features/product_slot.sql",
    "features/product_views.sql",
    "features/user_visits.sql",
    "features/user_brand.sql",
    "features/user_category.sql",
    "frame.sql",
    "job.toml",
];

/// Writes the job into `target`. A file that is there already must say the same.
///
/// # Errors
/// [`DemoError::JobFile`] naming a file that differs; nothing is written then.
pub fn write(target: &Path) -> Result<(), DemoError> {
    for (file, text) in FILES {
        let path = target.join(file);
        if fs::read_to_string(&path).is_ok_and(|found| found != *text) {
            return Err(DemoError::JobFile(path));
        }
    }
    for (file, text) in FILES {
        let path = target.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| FileError::Io { what: "create the folder", path: parent.into(), source })?;
        }
        folder::write_atomically(&path, text.as_bytes())?;
    }
    Ok(())
}
