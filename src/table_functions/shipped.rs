//! `ship` and `ship_unmet`: what to send from where to where, and what is not met by it.
//!
//! In: queries of supply, demand and lanes. Out: quantities by item and lane; demands that are not met whole, with their reason.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, RecordBatch, StringArray, UInt64Array};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::Result;

use super::cells::{self, Dense, Holds, Table, field};
use super::decided::{Decided, Work};
use super::{Arguments, TableFunction, refused, told};
use crate::decide::ship::{Demand, Flow, Lane, Shipped, Supply, ship};

pub(super) const SHIP: TableFunction = TableFunction {
    name: "ship",
    syntax: "ship((supply), (demand), (lanes))",
    about: "what to send at least cost: item, origin, destination, quantity, unit_cost, cost. The supply has `item`, `origin`, \
    `quantity`; the demand `item`, `destination`, `quantity` and \
            perhaps `penalty`, what a unit that is met is worth (none, or NULL: it is met as far as it can be); the lanes `origin`, \
            `destination`, `unit_cost` and perhaps `capacity`, of all items together. \
            Nothing is sent that costs more than it is worth. Whole quantities stay whole. ship_unmet tells what is not met and why",
    example: "select item, origin, destination, quantity from ship( \
              (select 'milk' as item, 'north' as origin, 9 as quantity), \
              (select 'milk' as item, 'south' as destination, 5 as quantity, 4.0 as penalty), \
              (select 'north' as origin, 'south' as destination, 1.5 as unit_cost))",
    arguments: (3, 3),
    make: |arguments| made(arguments, Answer::Flows),
};

pub(super) const SHIP_UNMET: TableFunction = TableFunction {
    name: "ship_unmet",
    syntax: "ship_unmet((supply), (demand), (lanes))",
    about: "the demands that ship((supply), (demand), (lanes)) does not meet whole: item, destination, demand, met, unmet and the \
    reason: `no supply` (none is left that could get there), `no lane` (nothing leads \
            there from where it lies), `dearer than the penalty`, `lane full`",
    example: "select item, destination, unmet, reason from ship_unmet( \
              (select 'milk' as item, 'north' as origin, 3 as quantity), \
              (select 'milk' as item, 'south' as destination, 5 as quantity), \
              (select 'north' as origin, 'south' as destination, 1.5 as unit_cost))",
    arguments: (3, 3),
    make: |arguments| made(arguments, Answer::Unmet),
};

/// Which of the two tables is asked for.
#[derive(Clone, Copy)]
enum Answer {
    Flows,
    Unmet,
}

/// A table's name, its columns of any type, its numbers, and numbers that it may have.
type Wanted = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

fn made(arguments: &Arguments<'_>, answer: Answer) -> Result<Decided> {
    let function = arguments.name;
    let inputs = vec![arguments.query(0)?, arguments.query(1)?, arguments.query(2)?];
    let schemas = inputs.iter().zip(["supply", "demand", "lanes"]).map(|(plan, name)| cells::schema_of(function, name, plan));
    let schemas = schemas.collect::<Result<Vec<_>>>()?;
    let wanted: [Wanted; 3] = [
        ("supply", &["item", "origin"], &["quantity"], &[]),
        ("demand", &["item", "destination"], &["quantity"], &["penalty"]),
        ("lanes", &["origin", "destination"], &["unit_cost"], &["capacity"]),
    ];
    for (schema, (name, names, numbers, optional)) in schemas.iter().zip(wanted) {
        let table = Table { function, name, schema };
        names.iter().try_for_each(|column| table.needs(column, Holds::Any))?;
        numbers.iter().try_for_each(|column| table.needs(column, Holds::Number))?;
        optional.iter().try_for_each(|column| table.may_have(column, Holds::Number).map(drop))?;
    }
    let named = |table: usize, column: &str| {
        let found = schemas[table].field_with_name(column).map(|field| field.data_type().clone());
        field(column, found.unwrap_or(DataType::Null))
    };
    let number = |name: &str| field(name, DataType::Float64);
    let fields: Vec<Field> = match answer {
        Answer::Flows => {
            vec![named(1, "item"), named(2, "origin"), named(2, "destination"), number("quantity"), number("unit_cost"), number("cost")]
        }
        Answer::Unmet => vec![
            named(1, "item"),
            named(1, "destination"),
            number("demand"),
            number("met"),
            number("unmet"),
            field("reason", DataType::Utf8),
        ],
    };
    let schema = Arc::new(Schema::new(fields));
    let own = Arc::clone(&schema);
    let work = Work::Whole(Arc::new(move |tables: &[RecordBatch]| {
        let world = World::new(function, tables)?;
        let shipped = ship(&world.supply, &world.demand, &world.lanes).map_err(|error| told(function, &error))?;
        match answer {
            Answer::Flows => flows(&world, &shipped, &own),
            Answer::Unmet => unmet(&world, tables, &shipped, &own),
        }
    }));
    Ok(Decided { name: function, inputs, schema, work })
}

/// The tables with numbers for names.
struct World {
    supply: Vec<Supply>,
    demand: Vec<Demand>,
    lanes: Vec<Lane>,
    items: Names,
    origins: Names,
    destinations: Names,
}

/// Names behind the numbers.
struct Names {
    columns: Vec<ArrayRef>,
    dense: Dense,
}

impl Names {
    /// The names of a column in several tables; the first table says of which type they are.
    fn of(function: &str, column: &str, tables: [(&str, &RecordBatch); 2]) -> Result<Self> {
        let own = |(_, table): (&str, &RecordBatch)| table.column_by_name(column).cloned();
        let columns: Vec<ArrayRef> = tables.into_iter().filter_map(own).collect();
        let first = columns[0].data_type().clone();
        let columns = columns
            .iter()
            .map(|column| Ok(if *column.data_type() == first { Arc::clone(column) } else { cast(column, &first)? }))
            .collect::<Result<Vec<_>>>()?;
        for (column_of, (table, _)) in columns.iter().zip(tables) {
            if let Some(row) = (0..column_of.len()).find(|row| column_of.is_null(*row)) {
                return Err(refused(function, format!("`{column}` of row {} of the {table} is NULL", row + 1), "leave such rows out"));
            }
        }
        Ok(Self { dense: cells::dense(&columns)?, columns })
    }

    fn number(&self, table: usize, row: usize) -> u32 {
        self.dense.numbers[table][row].unwrap_or(0)
    }

    /// The names of numbers, in their type.
    fn told(&self, numbers: impl Iterator<Item = u32>, held: &DataType) -> Result<ArrayRef> {
        let places: Vec<(usize, usize)> = numbers.map(|number| self.dense.examples[number as usize]).collect();
        let columns: Vec<&dyn arrow::array::Array> = self.columns.iter().map(AsRef::as_ref).collect();
        let own = arrow::compute::interleave(&columns, &places)?;
        Ok(if own.data_type() == held { own } else { cast(&own, held)? })
    }
}

impl World {
    fn new(function: &'static str, tables: &[RecordBatch]) -> Result<Self> {
        let [supply, demand, lanes] = [&tables[0], &tables[1], &tables[2]];
        let items = Names::of(function, "item", [("demand", demand), ("supply", supply)])?;
        let origins = Names::of(function, "origin", [("lanes", lanes), ("supply", supply)])?;
        let destinations = Names::of(function, "destination", [("lanes", lanes), ("demand", demand)])?;
        let all = |table: &RecordBatch, column: &str, of: &str| {
            let own = cells::numbers(table, column)?;
            (0..table.num_rows())
                .map(|row| cells::given(function, &own, &format!("`{column}` of the {of}"), row))
                .collect::<Result<Vec<f64>>>()
        };
        let some = |table: &RecordBatch, column: &str| {
            Ok::<_, datafusion::error::DataFusionError>(cells::numbers(table, column)?.iter().collect::<Vec<_>>())
        };
        let quantities = all(supply, "quantity", "supply")?;
        let own = quantities.into_iter().enumerate().map(|(row, quantity)| Supply {
            item: items.number(1, row),
            origin: origins.number(1, row),
            quantity,
        });
        let own_supply = own.collect();
        let (quantities, penalties) = (all(demand, "quantity", "demand")?, some(demand, "penalty")?);
        let own = quantities.into_iter().zip(penalties).enumerate().map(|(row, (quantity, penalty))| Demand {
            item: items.number(0, row),
            destination: destinations.number(1, row),
            quantity,
            penalty,
        });
        let own_demand = own.collect();
        let (costs, capacities) = (all(lanes, "unit_cost", "lanes")?, some(lanes, "capacity")?);
        let own = costs.into_iter().zip(capacities).enumerate().map(|(row, (unit_cost, capacity))| Lane {
            origin: origins.number(0, row),
            destination: destinations.number(0, row),
            unit_cost,
            capacity,
        });
        Ok(Self { supply: own_supply, demand: own_demand, lanes: own.collect(), items, origins, destinations })
    }
}

fn flows(world: &World, shipped: &Shipped, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut sent: Vec<&Flow> = shipped.flows.iter().collect();
    let lane_of = |flow: &Flow| &world.lanes[flow.lane];
    sent.sort_by_key(|flow| (flow.item, lane_of(flow).origin, lane_of(flow).destination));
    let lane = |at: usize| lane_of(sent[at]);
    let all = || 0..sent.len();
    let columns: Vec<ArrayRef> = vec![
        world.items.told(sent.iter().map(|flow| flow.item), schema.field(0).data_type())?,
        world.origins.told(all().map(|at| lane(at).origin), schema.field(1).data_type())?,
        world.destinations.told(all().map(|at| lane(at).destination), schema.field(2).data_type())?,
        Arc::new(sent.iter().map(|flow| Some(flow.quantity)).collect::<Float64Array>()),
        Arc::new(all().map(|at| Some(lane(at).unit_cost)).collect::<Float64Array>()),
        Arc::new(all().map(|at| Some(lane(at).unit_cost * sent[at].quantity)).collect::<Float64Array>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn unmet(world: &World, tables: &[RecordBatch], shipped: &Shipped, schema: &SchemaRef) -> Result<RecordBatch> {
    let mut rows: Vec<usize> = (0..world.demand.len()).filter(|row| shipped.reasons[*row].is_some()).collect();
    rows.sort_by_key(|row| (world.demand[*row].item, world.demand[*row].destination));
    let at = UInt64Array::from_iter_values(rows.iter().map(|row| *row as u64));
    let number = |of: &dyn Fn(usize) -> f64| Arc::new(rows.iter().map(|row| Some(of(*row))).collect::<Float64Array>()) as ArrayRef;
    let named = |at_field: usize| cells::carried(&tables[1], schema.field(at_field)).and_then(|column| Ok(take(&column, &at, None)?));
    let columns: Vec<ArrayRef> = vec![
        named(0)?,
        named(1)?,
        number(&|row| world.demand[row].quantity),
        number(&|row| shipped.met[row]),
        number(&|row| world.demand[row].quantity - shipped.met[row]),
        Arc::new(rows.iter().map(|row| shipped.reasons[*row].map(crate::decide::ship::Reason::word)).collect::<StringArray>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
