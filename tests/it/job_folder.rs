//! The job folder: snapshots, zones, definitions, defaults.

use polytask::job::{Days, Job, Plan, Snapshots, Split, queries};

use crate::shop::Shop;

#[test]
fn the_nights_of_complete_journey_are_those_of_the_design() {
    let zone = jiff::tz::TimeZone::get("America/New_York").expect("a zone");
    let tonight = polytask::job::AsOf::new(jiff::civil::date(2017, 12, 4), &zone).expect("a day");
    let snapshots = Snapshots { every: Days(14), count: 9, horizon: Days(28), settle: Days(0), history: Days(182) };
    let plan = Plan::new(tonight, snapshots, &zone).expect("a plan");
    let laid_out: Vec<_> = plan.labelled.iter().map(|(as_of, split)| format!("{as_of} {}", split.name())).collect();
    assert_eq!(
        laid_out,
        [
            "2017-07-03 train",
            "2017-07-17 train",
            "2017-07-31 train",
            "2017-08-14 train",
            "2017-08-28 train",
            "2017-09-11 train",
            "2017-09-25 gap",
            "2017-10-09 valid",
            "2017-11-06 holdout"
        ]
    );
    assert_eq!(plan.labelled.iter().filter(|(_, split)| *split == Split::Holdout).count(), 1);
}

#[test]
fn a_day_begins_at_midnight_of_the_shop() {
    let zone = jiff::tz::TimeZone::get("America/New_York").expect("a zone");
    let winter = polytask::job::AsOf::new(jiff::civil::date(2017, 12, 4), &zone).expect("a day");
    let summer = polytask::job::AsOf::new(jiff::civil::date(2017, 7, 3), &zone).expect("a day");
    assert_eq!(winter.micros() / 3_600_000_000 % 24, 5);
    assert_eq!(summer.micros() / 3_600_000_000 % 24, 4);
    // Clocks go forward on 2017-03-12: 28 days later is still midnight.
    let before = polytask::job::AsOf::new(jiff::civil::date(2017, 3, 1), &zone).expect("a day");
    let after = before.plus(Days(28), &zone).expect("a day");
    assert_eq!((after.micros() - before.micros()) / 3_600_000_000, 28 * 24 - 1);
}

#[test]
fn too_few_snapshots_are_refused_with_the_number_needed() {
    let shop = Shop::new();
    shop.edit("job.toml", "count = 4", "count = 2");
    let job = Job::load(&shop.job()).expect("a job");
    let error = job.plan(jiff::civil::date(2026, 2, 20)).expect_err("too few");
    assert!(error.to_string().contains("at least 3 are needed"), "{error}");
}

#[test]
fn trailing_comments_define_columns() {
    let found = queries::definitions("select\n    a.b, -- the first\n    sum(c) as total -- the second\n-- no column\nfrom a\n");
    assert_eq!(
        found.into_iter().collect::<Vec<_>>(),
        [("b".to_owned(), "the first".to_owned()), ("total".to_owned(), "the second".to_owned())]
    );
}

#[test]
fn tasks_keep_the_order_of_the_file() {
    let shop = Shop::new();
    let job = Job::load(&shop.job()).expect("a job");
    let names: Vec<_> = job.tasks.iter().map(|task| task.task.name.as_str()).collect();
    assert_eq!(names, ["purchase", "spend"]);
    assert_eq!(job.tasks[1].task.after, Some(0));
    assert_eq!(job.snapshots.horizon, Days(7));
}

#[test]
fn the_effective_configuration_is_a_job_again() {
    let shop = Shop::new();
    let before = Job::load(&shop.job()).expect("a job").effective;
    shop.put("job.toml", &before);
    assert_eq!(Job::load(&shop.job()).expect("a job").effective, before);
}

#[test]
fn a_path_that_climbs_out_is_refused() {
    let shop = Shop::new();
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"../../../etc/orders.parquet\"");
    let error = Job::load(&shop.job()).expect_err("a path outside");
    assert!(error.to_string().contains("sources.orders.path"), "{error}");
}

#[test]
fn a_chain_names_a_task_above_it() {
    let shop = Shop::new();
    shop.edit("job.toml", "after = \"purchase\"", "after = \"click\"");
    let error = Job::load(&shop.job()).expect_err("no such task");
    assert!(error.to_string().contains("there is no task `click` above it"), "{error}");
}
