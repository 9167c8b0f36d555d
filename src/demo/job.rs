//! The jobs of the marketplace, embedded in the binary: `polytask demo` needs no checkout.
//!
//! In: a folder. Out: a job's files in it. The files themselves are those of `queries/marketplace` and `queries/service`.

use std::fs;
use std::path::Path;

use super::error::DemoError;
use crate::publish::folder;
use crate::table_file::FileError;

macro_rules! embedded {
    ($(#[$what:meta])* $name:ident, $job:literal, $($file:literal),* $(,)?) => {
        $(#[$what])*
        pub const $name: &[(&str, &str)] = &[$(($file, include_str!(concat!("../../queries/", $job, "/", $file)))),*];
    };
}

embedded! {
    /// Files of the marketplace job and their texts. `job.toml` comes last: a folder with it is whole.
    FILES, "marketplace",
    "candidates.sql",
    "checks/areas__are_served.sql",
    "checks/campaigns__are_unique.sql",
    "checks/decisions/ad_placements__budgets_are_kept.sql",
    "checks/decisions/ad_placements__promises_are_kept.sql",
    "checks/decisions/ad_placements__users_are_not_pestered.sql",
    "checks/decisions/demand__intervals_hold_the_expected.sql",
    "checks/decisions/demand__is_there_for_all_stock.sql",
    "checks/decisions/inventory__quantities_make_sense.sql",
    "checks/decisions/recommendations__are_in_stock_and_new.sql",
    "checks/decisions/recommendations__chain_is_consistent.sql",
    "checks/decisions/recommendations__places_are_numbered.sql",
    "checks/decisions/risk_alerts__are_worth_a_look.sql",
    "checks/decisions/risk_alerts__have_a_reason.sql",
    "checks/decisions/segments__users_are_in_one.sql",
    "checks/decisions/transfers__flows_conserve.sql",
    "checks/decisions/transfers__what_lacks_is_met_or_explained.sql",
    "checks/deliveries__follow_orders.sql",
    "checks/impressions__are_delivered_once.sql",
    "checks/impressions__follow_the_chain.sql",
    "checks/impressions__scenarios_are_known.sql",
    "checks/impressions__week_is_right.sql",
    "checks/orders__are_unique.sql",
    "checks/products__are_unique.sql",
    "checks/promotions__are_unique.sql",
    "checks/returns__follow_orders.sql",
    "checks/stock__is_counted_once.sql",
    "checks/users__are_unique.sql",
    "clean/areas.sql",
    "clean/campaigns.sql",
    "clean/deliveries.sql",
    "clean/impressions.sql",
    "clean/lanes.sql",
    "clean/orders.sql",
    "clean/products.sql",
    "clean/promotions.sql",
    "clean/returns.sql",
    "clean/stock.sql",
    "clean/supply.sql",
    "clean/users.sql",
    "decisions/ad_budgets.sql",
    "decisions/ad_choices.sql",
    "decisions/ad_held_options.sql",
    "decisions/ad_limits.sql",
    "decisions/ad_options.sql",
    "decisions/ad_placements.sql",
    "decisions/ad_realised.sql",
    "decisions/behaviour_quality.sql",
    "decisions/cohorts.sql",
    "decisions/demand.sql",
    "decisions/demand_backtest.sql",
    "decisions/inventory.sql",
    "decisions/inventory_backtest.sql",
    "decisions/journeys.sql",
    "decisions/next_actions.sql",
    "decisions/placements.sql",
    "decisions/recommendation_candidates.sql",
    "decisions/recommendation_held.sql",
    "decisions/recommendation_quality.sql",
    "decisions/recommendations.sql",
    "decisions/rfm.sql",
    "decisions/risk_alerts.sql",
    "decisions/risk_quality.sql",
    "decisions/risk_queue.sql",
    "decisions/segment_flow.sql",
    "decisions/segment_profiles.sql",
    "decisions/segments.sql",
    "decisions/transfer_demand.sql",
    "decisions/transfer_quality.sql",
    "decisions/transfer_supply.sql",
    "decisions/transfers.sql",
    "decisions/transfers_unmet.sql",
    "examples.sql",
    "explore/funnel_by_scenario.sql",
    "explore/late_arrivals.sql",
    "explore/price_bands.sql",
    "explore/quality_by_segment.sql",
    "explore/returns_by_category.sql",
    "explore/scores_by_segment.sql",
    "explore/stock_by_week.sql",
    "explore/title_words.sql",
    "explore/top_movers.sql",
    "explore/weakest_cells.sql",
    "features/favourite_category.sql",
    "features/popular_product.sql",
    "features/product_discount.sql",
    "features/product_price.sql",
    "features/product_slot.sql",
    "features/product_views.sql",
    "features/stock_now.sql",
    "features/store_sales.sql",
    "features/user_behaviour.sql",
    "features/user_brand.sql",
    "features/user_category.sql",
    "features/user_returns.sql",
    "features/user_visits.sql",
    "frame.sql",
    "job.toml",
}

embedded! {
    /// Files of the job of its customer service.
    SERVICE_FILES, "service",
    "candidates.sql",
    "checks/contacts__are_unique.sql",
    "checks/contacts__reasons_are_known.sql",
    "checks/decisions/service_routing__capacity_is_kept.sql",
    "checks/decisions/service_routing__is_one_queue.sql",
    "clean/contacts.sql",
    "clean/deliveries.sql",
    "clean/orders.sql",
    "clean/products.sql",
    "clean/returns.sql",
    "clean/users.sql",
    "clean/visits.sql",
    "decisions/service_load.sql",
    "decisions/service_quality.sql",
    "decisions/service_routing.sql",
    "examples.sql",
    "explore/contacts_by_reason.sql",
    "features/user_contacts.sql",
    "features/user_orders.sql",
    "features/user_visits.sql",
    "frame.sql",
    "job.toml",
}

/// Writes the marketplace job into `target`. A file that is there already must say the same.
///
/// # Errors
/// [`DemoError::JobFile`] naming a file that differs; nothing is written then.
pub fn write(target: &Path) -> Result<(), DemoError> {
    write_files(FILES, target)
}

/// Writes the job of the customer service into `target`, as [`write`] does.
///
/// # Errors
/// [`DemoError::JobFile`].
pub fn write_service(target: &Path) -> Result<(), DemoError> {
    write_files(SERVICE_FILES, target)
}

fn write_files(files: &[(&str, &str)], target: &Path) -> Result<(), DemoError> {
    for (file, text) in files {
        let path = target.join(file);
        if fs::read_to_string(&path).is_ok_and(|found| found != *text) {
            return Err(DemoError::JobFile(path));
        }
    }
    for (file, text) in files {
        let path = target.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|source| FileError::Io { what: "create the folder", path: parent.into(), source })?;
        }
        folder::write_atomically(&path, text.as_bytes())?;
    }
    Ok(())
}
