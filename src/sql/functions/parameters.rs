//! What a function takes and gives: one description that its types, its constants and its documentation are read from.
//!
//! In: a [`Spec`] and the arguments of a call. Out: types to cast them to, numbers for constants, `Documentation`. Not here: what a
//! function computes.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, IntervalUnit, Schema, TimeUnit};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::logical_expr::{ColumnarValue, DocSection, Documentation};
use datafusion::physical_expr::PhysicalExpr;

/// What an argument is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Takes {
    /// A number or a truth value; NULL leaves the row out.
    Number,
    /// A number from 0; NULL leaves the row out. May be left away: every row weighs 1.
    Weight,
    /// What rows of one entity share, of any type, compared as text; NULL leaves the row out.
    Key,
    /// A value of any type: numbers are numbers, anything else is compared as text. NULL is a value of its own.
    Value,
    /// As `Value`; NULL leaves the row out.
    Present,
    /// As `Value`, and texts are remembered, not only told apart.
    Named,
    /// A list of numbers.
    Edges,
    /// A timestamp, a date or a number.
    Moment,
    /// An interval or a number.
    Span,
    /// A number that is the same for all rows, within bounds. `default`: what it is where it is left away.
    Constant { default: Option<f64>, least: f64, most: f64, whole: bool },
}

/// An argument by its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) takes: Takes,
    pub(super) about: &'static str,
}

/// A function as a reader sees it.
#[derive(Debug)]
pub(super) struct Spec {
    pub(super) name: &'static str,
    pub(super) section: &'static str,
    pub(super) about: &'static str,
    pub(super) parameters: &'static [Parameter],
    pub(super) example: &'static str,
}

/// `0` or `1`, and what rows it is left out for.
pub(super) const LABEL: Parameter =
    Parameter { name: "label", takes: Takes::Number, about: "0 or 1, or a truth value; NULL (not observed) leaves the row out" };
/// A number that rows are ranked by.
pub(super) const SCORE: Parameter =
    Parameter { name: "score", takes: Takes::Number, about: "number that ranks the rows, higher first; NULL leaves the row out" };
/// A probability.
pub(super) const PREDICTION: Parameter =
    Parameter { name: "p", takes: Takes::Number, about: "predicted probability; NULL leaves the row out" };
/// How much a row counts.
pub(super) const WEIGHT: Parameter =
    Parameter { name: "weight", takes: Takes::Weight, about: "how many rows the row counts for, from 0; NULL leaves the row out" };
/// Whom rows belong to.
pub(super) const ENTITY: Parameter =
    Parameter { name: "entity", takes: Takes::Key, about: "whom the row belongs to, of any type; NULL leaves the row out" };

impl Takes {
    fn optional(self) -> bool {
        matches!(self, Self::Weight | Self::Constant { default: Some(_), .. })
    }

    fn accepts(self, given: &DataType) -> Option<DataType> {
        let number = given.is_numeric() || given.is_null();
        match self {
            Self::Number | Self::Weight if number || *given == DataType::Boolean => Some(DataType::Float64),
            Self::Constant { .. } | Self::Value | Self::Present | Self::Named | Self::Moment | Self::Span if number => {
                Some(DataType::Float64)
            }
            Self::Key | Self::Value | Self::Present | Self::Named if !given.is_nested() => Some(given.clone()),
            Self::Edges => match given {
                DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                    let numbers = item.data_type().is_numeric() || item.data_type().is_null();
                    numbers.then(|| DataType::new_list(DataType::Float64, true))
                }
                _ => None,
            },
            Self::Moment => match given {
                DataType::Timestamp(_, zone) => Some(DataType::Timestamp(TimeUnit::Microsecond, zone.clone())),
                DataType::Date32 | DataType::Date64 => Some(DataType::Timestamp(TimeUnit::Microsecond, None)),
                _ => None,
            },
            Self::Span if matches!(given, DataType::Interval(_)) => Some(DataType::Interval(IntervalUnit::MonthDayNano)),
            _ => None,
        }
    }
}

impl Spec {
    /// `auc(label, score[, weight])`
    pub(super) fn syntax(&self) -> String {
        let mut text = format!("{}(", self.name);
        for (at, parameter) in self.parameters.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            if parameter.takes.optional() {
                text.push_str(&format!("[{comma}{}", parameter.name));
            } else {
                text.push_str(&format!("{comma}{}", parameter.name));
            }
        }
        text + &"]".repeat(self.parameters.iter().filter(|parameter| parameter.takes.optional()).count()) + ")"
    }

    pub(super) fn documentation(&self) -> Documentation {
        let section = DocSection { include: true, label: self.section, description: None };
        let start = Documentation::builder(section, self.about, self.syntax()).with_sql_example(self.example);
        self.parameters.iter().fold(start, |documentation, own| documentation.with_argument(own.name, own.about)).build()
    }

    /// The types that arguments are cast to.
    pub(super) fn coerce(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        let least = self.parameters.iter().filter(|parameter| !parameter.takes.optional()).count();
        if given.len() < least || given.len() > self.parameters.len() {
            return plan_err!("`{}` takes other arguments: {}", self.name, self.syntax());
        }
        let each = self.parameters.iter().zip(given).map(|(parameter, given)| match parameter.takes.accepts(given) {
            Some(taken) => Ok(taken),
            None => plan_err!("`{}`: `{}` cannot be of type {given}; {}", self.name, parameter.name, parameter.about),
        });
        each.collect()
    }

    /// The parameters of a call that are columns, with the place of each among the arguments.
    pub(super) fn columns(&self, given: usize) -> impl Iterator<Item = (usize, &'static Parameter)> {
        let constant = |parameter: &Parameter| matches!(parameter.takes, Takes::Constant { .. });
        self.parameters.iter().enumerate().take(given).filter(move |(_, parameter)| !constant(parameter))
    }

    /// The constants of a call, in order, those left away by their default.
    pub(super) fn constants(&self, given: &[Arc<dyn PhysicalExpr>]) -> Result<Vec<f64>> {
        self.constants_by(given.len(), |at| constant(&given[at]))
    }

    /// [`Spec::constants`] of as many arguments as are given, read one by one.
    pub(super) fn constants_by(&self, given: usize, read: impl Fn(usize) -> Option<f64>) -> Result<Vec<f64>> {
        let mut found = Vec::new();
        for (at, parameter) in self.parameters.iter().enumerate() {
            let Takes::Constant { default, least, most, whole } = parameter.takes else { continue };
            let value = if at < given {
                read(at).ok_or_else(|| self.unfit(parameter, "it has to be one number for all rows"))?
            } else {
                default.ok_or_else(|| self.unfit(parameter, "it is missing"))?
            };
            if !(least..=most).contains(&value) || (whole && value.fract() != 0.0) {
                let kind = if whole { "a whole number" } else { "a number" };
                return Err(self.unfit(parameter, &format!("{value} is not {kind} from {least} to {most}")));
            }
            found.push(value);
        }
        Ok(found)
    }

    fn unfit(&self, parameter: &Parameter, why: &str) -> DataFusionError {
        DataFusionError::Plan(format!("`{}`: `{}`: {why}", self.name, parameter.name))
    }
}

/// The number that an expression without columns is.
fn constant(expression: &Arc<dyn PhysicalExpr>) -> Option<f64> {
    match expression.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty()))).ok()? {
        ColumnarValue::Scalar(value) => match value.cast_to(&DataType::Float64).ok()? {
            ScalarValue::Float64(number) => number,
            _ => None,
        },
        ColumnarValue::Array(_) => None,
    }
}
