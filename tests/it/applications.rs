//! The decision tables of the marketplace and of its customer service, held against the truth that was planted.
//!
//! In: the folders of a demo night. Out: failures by name. That invariants hold (budgets, flows, quantities) is checked by the nights
//! themselves: `queries/*/checks/decisions`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use arrow::array::RecordBatch;

use super::demo::{numbers, read, texts};

/// A run's decision tables.
struct Decided<'a>(&'a Path);

impl Decided<'_> {
    #[track_caller]
    fn table(&self, name: &str) -> RecordBatch {
        read(&self.0.join(format!("decisions/{name}.parquet")))
    }

    /// A column of numbers by the values of columns of text, put together.
    #[track_caller]
    fn by(&self, table: &str, keys: &[&str], value: &str) -> BTreeMap<String, f64> {
        let table = self.table(table);
        let keys: Vec<Vec<String>> = keys.iter().map(|key| texts(&table, key)).collect();
        let named = (0..table.num_rows()).map(|row| keys.iter().map(|key| key[row].as_str()).collect::<Vec<_>>().join(" "));
        named.zip(numbers(&table, value)).filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

fn ids(table: &RecordBatch, column: &str) -> Vec<i64> {
    numbers(table, column).into_iter().map(|id| id.expect("an id") as i64).collect()
}

/// Rows of the truth about orders, stock and contacts: name and id, of one kind.
fn planted(input: &Path, what: &str) -> BTreeSet<(String, i64)> {
    let truth = read(&input.join("shop_truth.parquet"));
    let rows = texts(&truth, "what").into_iter().zip(texts(&truth, "name")).zip(numbers(&truth, "id"));
    rows.filter(|((kind, _), _)| kind == what).map(|((_, name), id)| (name, id.expect("an id") as i64)).collect()
}

/// Every application finds what was planted for it.
pub(super) fn decide_what_is_right(marketplace: &Path, service: &Path, input: &Path) {
    let (shop, service) = (Decided(marketplace), Decided(service));
    recommendations_beat_popularity(&shop);
    placements_are_nearly_the_best(&shop);
    demand_lies_within_its_interval(&shop);
    what_was_misplaced_is_overstock(&shop, input);
    the_models_stock_costs_less(&shop);
    abusive_users_lead_the_queue(&shop, input);
    who_waits_for_a_parcel_is_reached_first(&service);
}

fn recommendations_beat_popularity(shop: &Decided<'_>) {
    let figures = shop.by("recommendation_quality", &["measure", "label", "method"], "value");
    for measure in ["ndcg click", "ndcg purchase", "recall click", "recall purchase"] {
        let of = |method: &str| figures[&format!("{measure} {method}")];
        for method in ["popular", "last bought", "any order"] {
            println!("{measure}: recommended {:.3}, {method} {:.3}", of("recommended"), of(method));
            assert!(of("recommended") > 1.1 * of(method), "{measure} of {method}");
        }
    }
    // What it costs in order it gains in variety.
    assert!(figures["diversity  recommended"] > figures["diversity  value alone"]);
}

fn placements_are_nearly_the_best(shop: &Decided<'_>) {
    let budgets = shop.table("ad_budgets");
    let gaps: Vec<f64> = numbers(&budgets, "gap").into_iter().flatten().collect();
    println!("placement: gap {:.4} of {} limits", gaps[0], gaps.len());
    assert!(gaps.iter().all(|gap| (0.0..=0.02).contains(gap)), "{gaps:?}");
    // Money is worth something where a budget is used up, and nothing where it is not.
    let columns = ["used", "at_most", "shadow_price"].map(|column| numbers(&budgets, column));
    let mut tight = 0;
    for (at, resource) in texts(&budgets, "resource").iter().enumerate() {
        let [Some(used), Some(most), Some(price)] = columns.each_ref().map(|column| column[at]) else { continue };
        assert!(used <= most * 1.000_001, "{resource} uses {used} of {most}");
        tight += u32::from(price > 0.0);
    }
    assert!(tight > 0, "no limit is tight: this placement decides nothing");
}

fn demand_lies_within_its_interval(shop: &Decided<'_>) {
    let covered = shop.by("demand_backtest", &["method"], "covered");
    let errors = shop.by("demand_backtest", &["method"], "root_mean_squared_error");
    println!("demand: covered {covered:?}, errors {errors:?}");
    // Counts are whole and few: an interval of 95 in 100 holds 95 of them and rather more.
    assert!((0.93..=1.0).contains(&covered["model"]), "{covered:?}");
    assert!(errors["model"] < errors["moving average"], "{errors:?}");
}

fn what_was_misplaced_is_overstock(shop: &Decided<'_>, input: &Path) {
    let inventory = shop.table("inventory");
    let rows = texts(&inventory, "location").into_iter().zip(ids(&inventory, "product_id")).zip(numbers(&inventory, "overstock"));
    let too_much: BTreeSet<(String, i64)> = rows.filter(|(_, over)| over.is_some_and(|over| over > 0.0)).map(|(place, _)| place).collect();
    let misplaced = planted(input, "misplaced");
    let found = misplaced.intersection(&too_much).count();
    println!("overstock: {found} of {} misplaced products found among {}", misplaced.len(), too_much.len());
    assert!(misplaced.len() >= 10 && found * 10 >= misplaced.len() * 8, "{found} of {}", misplaced.len());
}

fn the_models_stock_costs_less(shop: &Decided<'_>) {
    let backtest = shop.table("inventory_backtest");
    let least = |policy: &str| {
        let rows = texts(&backtest, "policy").into_iter().zip(numbers(&backtest, "cost"));
        rows.filter(|(own, _)| own == policy).filter_map(|(_, cost)| cost).fold(f64::INFINITY, f64::min)
    };
    println!("stock: least cost {:.0} by the model, {:.0} by moving average", least("model"), least("moving average"));
    assert!(least("model") < least("moving average"));
}

/// The queue of the held-out week has more than twice the returns of any order, and orders of users planted as abusive are among the
/// riskiest that wait tonight.
fn abusive_users_lead_the_queue(shop: &Decided<'_>, input: &Path) {
    let precision = shop.by("risk_quality", &["method"], "precision");
    let base = shop.by("risk_quality", &["method"], "base_rate")["model"];
    println!("risk: precision {precision:?}, base rate {base:.3}");
    assert!(precision["model"] > 2.0 * base, "{precision:?}");
    let abusive: BTreeSet<i64> = planted(input, "abusive user").into_iter().map(|(_, user)| user).collect();
    let alerts = shop.table("risk_alerts");
    let mut queue: Vec<(Option<f64>, i64)> = numbers(&alerts, "risk").into_iter().zip(ids(&alerts, "user_id")).collect();
    queue.sort_by(|a, b| b.0.partial_cmp(&a.0).expect("no NaN"));
    assert!(queue.len() >= 5, "{queue:?}");
    let head: Vec<i64> = queue[..5].iter().map(|(_, user)| *user).collect();
    let found = head.iter().filter(|user| abusive.contains(user)).count();
    println!("risk: {found} of the {} riskiest alerts are of abusive users", head.len());
    assert!(found * 2 >= head.len(), "{head:?}");
}

/// Who has a planted reason to call stands first, and a message to these users spares more than one to who came first.
fn who_waits_for_a_parcel_is_reached_first(service: &Decided<'_>) {
    let routing = service.table("service_routing");
    let because = texts(&routing, "because");
    let drivers = ["late or overdue", "going back", "need explaining", "new user"];
    let driven = |reasons: &[String]| reasons.iter().filter(|text| drivers.iter().any(|driver| text.contains(driver))).count();
    println!("service: {} of the first 20 have a planted driver", driven(&because[..20]));
    assert!(driven(&because[..20]) >= 16, "{:?}", &because[..20]);
    let (precision, spared) =
        (service.by("service_quality", &["method"], "precision"), service.by("service_quality", &["method"], "spared"));
    println!("service: precision {precision:?}, spared {spared:?}");
    // So few users are here that whoever came first is reached whole: each message is worth more, all together need not be.
    assert!(precision["model"] > 1.5 * precision["first come"] && precision["model"] > 1.5 * precision["any order"], "{precision:?}");
    assert!(spared["model"] > 0.0 && spared["model"] > spared["any order"] && spared["model"] <= spared["foresight"], "{spared:?}");
}
