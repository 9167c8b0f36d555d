//! Values of a prepared statement: what a client sends for `$1`, `$2`, … as the engine's.
//!
//! In: bytes, as text or in PostgreSQL's binary forms. Out: scalars of the type that was declared, else of the one that the plan needs.
//! Rarer binary forms (arrays, decimals) are arrow-pg's to read.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::DfSessionService;
use datafusion_postgres::arrow_pg::datatypes::df::deserialize_parameters_with_server_types;
use datafusion_postgres::pgwire::api::Type;
use datafusion_postgres::pgwire::api::portal::Portal;
use datafusion_postgres::pgwire::api::query::ExtendedQueryHandler as _;
use datafusion_postgres::pgwire::api::stmt::QueryParser as _;
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};

use crate::serve::session::Session;

/// Days and microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's binary times begin.
const DAYS: i32 = 10_957;
const MICROSECONDS: i64 = 946_684_800_000_000;

/// The SQL type of a value that a client declares, where the engine must not guess it.
pub(super) fn sql_type(declared: &Type) -> Option<&'static str> {
    Some(match *declared {
        Type::BOOL => "boolean",
        Type::INT2 => "smallint",
        Type::INT4 | Type::OID => "int",
        Type::INT8 => "bigint",
        Type::FLOAT4 => "real",
        Type::FLOAT8 => "double",
        Type::NUMERIC => "decimal(38, 10)",
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME => "text",
        Type::DATE => "date",
        Type::TIMESTAMP => "timestamp",
        Type::TIMESTAMPTZ => "timestamptz",
        Type::INTERVAL => "interval",
        _ => return None,
    })
}

/// Types of the values `$1`, `$2`, … of a statement: those on the wire, and the engine's where it knows them.
///
/// # Shapes
/// Both have one entry for each value that the text asks for.
#[derive(Clone)]
pub(super) struct Types {
    pub(super) wire: Vec<Type>,
    inferred: Vec<Option<DataType>>,
}

impl Types {
    /// Those of a plan of a text that asks for so many `values`. One that the plan does not need (its part of the statement has no answer
    /// here) is taken as text.
    pub(super) fn of(session: &Session, plan: &LogicalPlan, values: usize) -> PgWireResult<Self> {
        let known = plan.get_parameter_types().map_err(|error| PgWireError::ApiError(Box::new(error)))?;
        let place =
            |(name, of): (String, Option<DataType>)| Some((name.trim_start_matches('$').parse::<usize>().ok()?.checked_sub(1)?, of));
        let mut needed: Vec<(usize, Option<DataType>)> = known.into_iter().filter_map(place).collect();
        needed.sort_by_key(|(at, _)| *at);
        let most = needed.last().map_or(0, |(at, _)| at + 1).max(values);
        let mut types = Self { wire: vec![Type::TEXT; most], inferred: vec![None; most] };
        if needed.is_empty() {
            return Ok(types);
        }
        // The types that a server announces, those of oids among them, are the library's to say; it looks at the plan alone, and takes
        // any statement beside it.
        let service = DfSessionService::new(Arc::new(session.analyst().context().clone()));
        let any = Statement::Commit { chain: false, end: false, modifier: None };
        let announced = service.query_parser().get_parameter_types(&(String::new(), Some((any, plan.clone()))))?;
        for ((at, of), announced) in needed.into_iter().zip(announced) {
            (types.wire[at], types.inferred[at]) = (announced, of);
        }
        Ok(types)
    }
}

/// Every value of a portal.
pub(super) fn values<S: Clone>(portal: &Portal<S>, types: &Types) -> PgWireResult<ParamValues> {
    let one = |at: usize| {
        let declared = portal.statement.parameter_types.get(at).cloned().flatten();
        let target = types.inferred.get(at).cloned().flatten();
        let Some(bytes) = &portal.parameters[at] else {
            return ScalarValue::try_from(target.as_ref().unwrap_or(&DataType::Utf8)).map_err(|error| wrong(at, &error));
        };
        if portal.parameter_format.is_text(at) {
            let text = std::str::from_utf8(bytes).map_err(|error| wrong(at, &error))?;
            let text = ScalarValue::Utf8(Some(text.to_owned()));
            // A declared type is a cast in the statement itself.
            return match target {
                Some(target) if target != DataType::Utf8 => text.cast_to(&target).map_err(|error| wrong(at, &error)),
                _ => Ok(text),
            };
        }
        let of = declared.or_else(|| types.wire.get(at).cloned()).unwrap_or(Type::TEXT);
        match binary(&of, bytes) {
            Some(value) => Ok(value),
            None => by_library(portal, types, at),
        }
    };
    let values = (0..portal.parameters.len()).map(one).collect::<PgWireResult<Vec<ScalarValue>>>()?;
    Ok(ParamValues::from(values))
}

fn wrong(at: usize, error: &dyn std::fmt::Display) -> PgWireError {
    let message = format!("the value of ${} cannot be read: {error}", at + 1);
    PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), "22P02".to_owned(), message)))
}

/// A value in its binary form; `None` where the form is not one of the common ones.
fn binary(of: &Type, bytes: &[u8]) -> Option<ScalarValue> {
    let (i32, i64) = (|| bytes.try_into().ok().map(i32::from_be_bytes), || bytes.try_into().ok().map(i64::from_be_bytes));
    Some(match *of {
        Type::BOOL => ScalarValue::Boolean(Some(*bytes.first()? != 0)),
        Type::INT2 => ScalarValue::Int16(Some(i16::from_be_bytes(bytes.try_into().ok()?))),
        Type::INT4 | Type::OID => ScalarValue::Int32(Some(i32()?)),
        Type::INT8 => ScalarValue::Int64(Some(i64()?)),
        Type::FLOAT4 => ScalarValue::Float32(Some(f32::from_be_bytes(bytes.try_into().ok()?))),
        Type::FLOAT8 => ScalarValue::Float64(Some(f64::from_be_bytes(bytes.try_into().ok()?))),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            ScalarValue::Utf8(Some(std::str::from_utf8(bytes).ok()?.to_owned()))
        }
        Type::DATE => ScalarValue::Date32(Some(i32()?.checked_add(DAYS)?)),
        Type::TIMESTAMP => ScalarValue::TimestampMicrosecond(Some(i64()?.checked_add(MICROSECONDS)?), None),
        Type::TIMESTAMPTZ => ScalarValue::TimestampMicrosecond(Some(i64()?.checked_add(MICROSECONDS)?), Some("+00:00".into())),
        _ => return None,
    })
}

/// One value as the library reads it, which it does for all of a portal at once.
fn by_library<S: Clone>(portal: &Portal<S>, types: &Types, at: usize) -> PgWireResult<ScalarValue> {
    let wire: Vec<Option<&Type>> = types.wire.iter().map(Some).collect();
    let inferred: Vec<Option<&DataType>> = types.inferred.iter().map(Option::as_ref).collect();
    let all = deserialize_parameters_with_server_types(portal, &inferred, &wire)?;
    let none = || wrong(at, &"its form is not known");
    match all {
        ParamValues::List(values) if values.len() == portal.parameters.len() => {
            values.into_iter().nth(at).map(|value| value.value).ok_or_else(none)
        }
        _ => Err(none()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binary_values_are_those_of_the_protocol() {
        let check = |of: Type, bytes: &[u8], expect: &str| {
            let value = binary(&of, bytes).unwrap_or_else(|| panic!("{of}"));
            assert_eq!(value.to_string(), expect, "{of}");
        };
        check(Type::INT8, &(-7_i64).to_be_bytes(), "-7");
        check(Type::INT2, &300_i16.to_be_bytes(), "300");
        check(Type::FLOAT8, &2.5_f64.to_be_bytes(), "2.5");
        check(Type::BOOL, &[1], "true");
        check(Type::TEXT, "ä".as_bytes(), "ä");
        // 2000-01-02, and a second after the beginning of 2000.
        check(Type::DATE, &1_i32.to_be_bytes(), "2000-01-02");
        let second = binary(&Type::TIMESTAMP, &1_000_000_i64.to_be_bytes());
        assert_eq!(second, Some(ScalarValue::TimestampMicrosecond(Some(946_684_801_000_000), None)));
        assert_eq!(binary(&Type::INT8, &[1, 2]), None);
        assert_eq!(binary(&Type::NUMERIC, &[0; 8]), None);
    }
}
