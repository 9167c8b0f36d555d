//! Decisions asked in SQL: columns, types, order, what is refused and how it is told.

use arrow::util::pretty::pretty_format_batches;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::prelude::{SessionConfig, SessionContext};

use super::*;
use crate::ingest::arguments::{planned, quote};
use crate::ingest::sql::statements;

/// The rows of a statement in a session of so many partitions.
fn asked(sql: &str, partitions: usize) -> Result<String> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap_or_else(|error| panic!("{error}"));
    runtime.block_on(async {
        let context = SessionContext::new_with_config(SessionConfig::new().with_target_partitions(partitions));
        register(&context, planned);
        let mut statement = statements(sql)?.pop_front().unwrap_or_else(|| panic!("a statement"));
        if let datafusion::sql::parser::Statement::Statement(inner) = &mut statement {
            quote(inner.as_mut(), is_one);
        }
        let state = context.state();
        let plan = state.statement_to_plan(statement).await?;
        let rows = DataFrame::new(state, plan).collect().await?;
        Ok(pretty_format_batches(&rows)?.to_string())
    })
}

#[track_caller]
fn gives(sql: &str, expected: &[&str]) {
    let cells = |row: &str| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        cells[1..cells.len() - 1].join("|")
    };
    for partitions in [1, 3] {
        let found = asked(sql, partitions).unwrap_or_else(|error| panic!("{sql}: {error}"));
        let bare: Vec<String> = found.lines().filter(|line| line.starts_with('|')).map(cells).collect();
        assert_eq!(bare, expected, "{sql} on {partitions} partition(s)");
    }
}

#[track_caller]
fn refuses(sql: &str, message: &str, hint: &str) {
    let error = asked(sql, 1).err().unwrap_or_else(|| panic!("it gave rows: {sql}"));
    match error.find_root() {
        DataFusionError::External(inner) => {
            let own: &Hinted = inner.downcast_ref().unwrap_or_else(|| panic!("{inner}"));
            assert_eq!(own.message, message, "{sql}");
            assert!(own.hint.contains(hint), "{sql}: {}", own.hint);
        }
        other => assert!(other.strip_backtrace().contains(message) && hint.is_empty(), "{sql}: {other}"),
    }
}

const OPTIONS: &str = "select column1 as id, column2 as value, column3 as choice, make_array('money', 'slots') as resources, \
    make_array(column4, 1) as amounts \
    from (values (1, 9.0, 'a', 5), (2, 8.0, 'a', 1), (3, 4.0, 'b', 4), (4, 3.0, null, 3), (5, 2.0, null, 9))";
const LIMITS: &str = "select 'money' as resource, 8 as at_most, null as at_least union all select 'slots', null, 2";

#[test]
fn options_are_taken_within_limits() {
    gives(
        &format!("select * from place(({OPTIONS} order by id), ({LIMITS})) order by id"),
        &["id|value|choice|taken", "1|9.0|a|false", "2|8.0|a|true", "3|4.0|b|true", "4|3.0||true", "5|2.0||false"],
    );
    gives(
        &format!(
            "select resource, at_least, at_most, used, value, bound, gap \
             from place_limits(({OPTIONS} order by id), ({LIMITS})) order by resource"
        ),
        &["resource|at_least|at_most|used|value|bound|gap", "money||8.0|8.0|15.0|15.0|0.0", "slots|2.0||3.0|15.0|15.0|0.0"],
    );
}

#[test]
fn placements_read_each_other_and_columns_are_carried() {
    gives(
        "with o as (select 'k' as note) select x, note, taken from place(( \
         select x, value from place((select 1 as x, 2.5 as value union all select 2, -1), (select 'r' as resource)) where taken \
         ), (select 'r' as resource)) as p cross join o",
        &["x|note|taken", "1|k|true"],
    );
}

#[test]
fn what_cannot_be_placed_is_told() {
    let limits = "select 'money' as resource, 8 as at_most";
    let place = |options: &str, limits: &str| format!("select * from place(({options}), ({limits}))");
    refuses(&place("select 1 as v", limits), "place: no column `value` in the options", "`… as value`");
    refuses(&place("select 'x' as value", limits), "place: `value` of the options is Utf8, not a number", "cast it");
    refuses(&place("select cast(null as double) as value", limits), "place: `value` of row 1 is NULL", "where … is not null");
    refuses(&place("select 'nan'::double as value", limits), "place: `value` of row 1 is NaN", "where … is not null");
    refuses(
        &place("select 1 as value, make_array('time') as resources, make_array(1) as amounts", limits),
        "place: row 1 uses `time`, which is not among the limits: money",
        "`at_most` NULL",
    );
    refuses(
        &place("select 1 as value, make_array('money') as resources, make_array(1, 2) as amounts", limits),
        "place: row 1 has 1 resource(s) and 2 amount(s)",
        "in pairs",
    );
    refuses(
        &place("select 1 as value, make_array('money') as resources, make_array(-1.5) as amounts", limits),
        "place: the amount of `money` of row 1 is -1.5, below 0",
        "0 or more",
    );
    refuses(
        &place("select 1 as value, make_array('money') as resources", limits),
        "place: the options have one of `resources` and `amounts`, and not the other",
        "both",
    );
    refuses(
        &place("select 1 as value", "select 'money' as resource, 1 as at_most, 2 as at_least"),
        "place: `money` is to be used at least 2 and at most 1",
        "raise",
    );
    refuses(
        &place("select 1 as value", "select 'money' as resource, 2 as at_least"),
        "place: `money` cannot be used at least 2: 0 is the most",
        "lower its `at_least`",
    );
    refuses("select * from place((select 1 as value))", "place takes 2 argument(s), not 1", "");
    refuses("select * from place((select 1 as value), 7)", "place takes a query in place of", "");
}

#[test]
fn nothing_to_decide_on_gives_no_rows() {
    gives(&format!("select * from place(({OPTIONS} where false), ({LIMITS} limit 0))"), &[]);
    gives(
        "select * from ship((select 1 as item, 2 as origin, 3 as quantity where false), \
         (select 1 as item, 2 as destination, 3 as quantity where false), (select 1 as origin, 2 as destination, 3 as unit_cost where false))",
        &[],
    );
    gives("select * from segments((select 1 as id, 2 as x where false), 'id', 2, 4)", &[]);
    gives("select * from segment_profiles((select 1 as id, 2 as x where false), 'id', 2, 4)", &[]);
    gives("select * from diversify((select 1 as list, 2 as value where false), 2, 0.5)", &[]);
}

const SHIPPING: &str = "(select 'milk' as item, 'north' as origin, 5 as quantity union all select 'eggs', 'north', 4), \
    (select column1 as item, column2 as destination, column3 as quantity, column4 as penalty \
     from (values ('milk', 'south', 3, 9.0), ('milk', 'west', 4, 9.0), ('eggs', 'south', 2, 1.0), ('tea', 'west', 1, 5.0))), \
    (select 'north' as origin, 'south' as destination, 2.0 as unit_cost union all select 'north', 'west', 1.0)";

#[test]
fn what_is_sent_and_what_is_not_met() {
    gives(
        &format!("select * from ship({SHIPPING})"),
        &["item|origin|destination|quantity|unit_cost|cost", "milk|north|south|1.0|2.0|2.0", "milk|north|west|4.0|1.0|4.0"],
    );
    gives(
        &format!("select * from ship_unmet({SHIPPING})"),
        &[
            "item|destination|demand|met|unmet|reason",
            "eggs|south|2.0|0.0|2.0|dearer than the penalty",
            "milk|south|3.0|1.0|2.0|no supply",
            "tea|west|1.0|0.0|1.0|no supply",
        ],
    );
    refuses(
        "select * from ship((select 1 as item, 1 as origin, -2 as quantity), \
         (select 1 as item, 1 as destination, 1 as quantity), (select 1 as origin, 1 as destination, 1 as unit_cost))",
        "ship: `quantity` of the supply of row 1 is -2, below 0",
        "0 or more",
    );
    refuses(
        "select * from ship((select 1 as item, 1 as origin, 2 as quantity), (select 1 as item, 1 as quantity), \
         (select 1 as origin, 1 as destination, 1 as unit_cost))",
        "ship: no column `destination` in the demand",
        "item, quantity",
    );
}

const PEOPLE: &str = "select column1 as id, column2 as visits, column3 as spend, 'text' as note, 7 as constant \
    from (values (1, 1, 10.0), (2, 2, 11.0), (3, 1, 12.0), (4, 20, 200.0), (5, 21, 210.0), (6, 60, null))";

#[test]
fn people_are_in_segments_and_keep_their_numbers() {
    gives(
        &format!("select id, segment, previous_segment from segments(({PEOPLE}), 'id', 3, 3) order by id"),
        &["id|segment|previous_segment", "1|1|", "2|1|", "3|1|", "4|2|", "5|2|", "6|3|"],
    );
    gives(
        &format!(
            "select id, segment, previous_segment from segments(({PEOPLE}), id, 3, 3, \
             (select column1 as id, column2 as segment from (values (1, 8), (2, 8), (4, 5), (9, 1)))) order by id"
        ),
        &["id|segment|previous_segment", "1|8|8", "2|8|8", "3|8|", "4|5|5", "5|5|", "6|9|"],
    );
    gives(
        &format!("select segment, size, feature, mean, rank from segment_profiles(({PEOPLE}), 'id', 3, 3) where segment = 2 order by rank"),
        &["segment|size|feature|mean|rank", "2|2|spend|205.0|1", "2|2|visits|20.5|2"],
    );
    refuses(&format!("select * from segments(({PEOPLE}), 'name', 2, 3)"), "segments: no column `name` in the entities", "`… as name`");
    refuses(
        &format!("select * from segments(({PEOPLE} union all {PEOPLE}), 'id', 2, 3)"),
        "segments: entity `1` stands twice",
        "aggregate",
    );
    refuses(
        &format!("select * from segments(({PEOPLE}), 'id', 4, 2)"),
        "segments: the number of segments = 4 to 2 is outside 1 to 64, the least first",
        "within",
    );
    refuses(
        "select * from segments((select 1 as id, 'a' as x), 'id', 1, 2)",
        "segments: no column of numbers varies: there is none",
        "at least one number",
    );
}

const CANDIDATES: &str = "select column1 as list, column2 as value, column3 as category, column4 as id \
    from (values ('b', 9.0, 'x', 1), ('b', 8.0, 'x', 2), ('a', 5.0, 'x', 3), ('b', 5.0, 'y', 4), ('a', 4.0, null, 5))";

#[test]
fn lists_are_short_and_diverse() {
    gives(
        &format!("select list, id, place, round(marginal, 4) as marginal from diversify(({CANDIDATES}), 2, 0.5) order by list, place"),
        &["list|id|place|marginal", "a|3|1|0.5", "a|5|2|0.4", "b|1|1|0.5", "b|4|2|0.2778"],
    );
    gives(&format!("select id from diversify(({CANDIDATES}), 2, 1) order by id"), &["id", "1", "2", "3", "5"]);
    // Half alike by category, and by the angle between them.
    gives(
        "select id, round(marginal, 3) as marginal from diversify((select 1 as list, column1 as id, column2 as value, 'c' as \
            category, column3 as embedding \
         from (values (1, 1.0, make_array(1, 0)), (2, 1.0, make_array(0, 1)), (3, 1.0, make_array(3, 4)), (4, 0.9, null)) order by list, id), 4, 0.5) \
         order by marginal desc, id",
        &["id|marginal", "1|0.5", "2|0.25", "3|0.05", "4|-0.05"],
    );
    refuses(&format!("select * from diversify(({CANDIDATES}), 0, 0.5)"), "diversify: k = 0 is outside 1 and more", "within");
    refuses(&format!("select * from diversify(({CANDIDATES}), 2, 1.5)"), "diversify: lambda = 1.5 is outside 0 to 1", "within");
    refuses(
        "select * from diversify((select 1 as list, cast(null as double) as value), 2, 0.5)",
        "diversify: `value` of row 1 is NULL",
        "where … is not null",
    );
    refuses(
        "select * from diversify((select 1 as list, column1 as value, column2 as embedding \
         from (values (1, make_array(1)), (2, make_array(1, 2))) order by list, value), 2, 0.5)",
        "diversify: `embedding` of row 1 has 1 numbers, others of its list have 2",
        "one length",
    );
}

#[test]
fn lists_that_span_batches_are_whole() {
    // 30 lists of 1,000 rows in batches of 8,192: each list has its 3 best.
    gives(
        "select count(*) as n, count(distinct list) as lists, min(value) as least, max(place) as last from diversify(( \
         select value / 1000 as list, value % 1000 as value from generate_series(0, 29999) as t(value)), 3, 1.0)",
        &["n|lists|least|last", "90|30|997|3"],
    );
    gives(
        "select count(*) as n from diversify((select 'one' as list, value from generate_series(1, 20000) as t(value)), 5, 0.7)",
        &["n", "5"],
    );
}
