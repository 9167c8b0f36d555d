//! Functions of PostgreSQL that tools call and the library does not have.
//!
//! In: a session. Out: the same with those functions. Not here: what is rewritten in a statement (`absent`).

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};

/// Functions that tell of indexes, rules and the like, of settings or of comments: here they give NULL.
const FUNCTIONS: [&str; 15] = [
    "to_regtype",
    "current_setting",
    "obj_description",
    "shobj_description",
    "col_description",
    "pg_get_indexdef",
    "pg_get_ruledef",
    "pg_get_viewdef",
    "pg_get_functiondef",
    "pg_get_function_arguments",
    "pg_get_function_result",
    "pg_get_triggerdef",
    "pg_get_serial_sequence",
    "pg_size_pretty",
    "pg_tablespace_location",
];

/// Functions that ask whether a name needs its schema written: it does not.
const VISIBLE: [&str; 6] = [
    "pg_function_is_visible",
    "pg_type_is_visible",
    "pg_operator_is_visible",
    "pg_opclass_is_visible",
    "pg_conversion_is_visible",
    "pg_collation_is_visible",
];

/// Gives a session these functions.
pub(super) fn register(context: &SessionContext) {
    let signature = || Signature::variadic_any(Volatility::Immutable);
    for name in FUNCTIONS {
        context.register_udf(ScalarUDF::from(Constant { name, value: ScalarValue::Utf8(None), signature: signature() }));
    }
    for name in VISIBLE {
        context.register_udf(ScalarUDF::from(Constant { name, value: ScalarValue::Boolean(Some(true)), signature: signature() }));
    }
    context.register_udf(ScalarUDF::from(Format { signature: signature() }));
}

/// A function of anything that always gives the same.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Constant {
    name: &'static str,
    value: ScalarValue,
    signature: Signature,
}

impl ScalarUDFImpl for Constant {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.value.data_type())
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue> {
        Ok(ColumnarValue::Scalar(self.value.clone()))
    }
}

/// PostgreSQL's `format`, with the three forms that tools use: `%s` a text, `%I` a name, `%L` a literal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Format {
    signature: Signature,
}

impl ScalarUDFImpl for Format {
    fn name(&self) -> &'static str {
        "format"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let texts = |value: &ColumnarValue| cast(&value.to_array(args.number_rows)?, &DataType::Utf8).map_err(Into::into);
        let columns = args.args.iter().map(texts).collect::<Result<Vec<ArrayRef>>>()?;
        let columns: Vec<_> = columns.iter().map(AsArray::as_string::<i32>).collect();
        let Some((pattern, values)) = columns.split_first() else { return plan_err!("format takes a pattern") };
        let row = |at: usize| {
            let own = |of: &&StringArray| of.is_valid(at).then(|| of.value(at).to_owned());
            formatted(&own(pattern)?, &mut values.iter().map(own))
        };
        let rows: StringArray = (0..args.number_rows).map(row).collect();
        Ok(ColumnarValue::Array(Arc::new(rows)))
    }
}

fn formatted(pattern: &str, values: &mut dyn Iterator<Item = Option<String>>) -> Option<String> {
    let mut text = String::new();
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        match characters.next()? {
            '%' => text.push('%'),
            's' => text.push_str(&values.next()?.unwrap_or_default()),
            'I' => {
                let name = values.next()??;
                let plain = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
                text.push_str(&if plain { name } else { format!("\"{}\"", name.replace('"', "\"\"")) });
            }
            'L' => text.push_str(&values.next()?.map_or_else(|| "NULL".to_owned(), |value| format!("'{}'", value.replace('\'', "''")))),
            _ => return None,
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_writes_texts_names_and_literals() {
        let of = |pattern: &str, values: &[&str]| formatted(pattern, &mut values.iter().map(|value| Some((*value).to_owned())));
        assert_eq!(of("%I.%I is %L, 100 %%, %s", &["a", "B c", "it's", "x"]).as_deref(), Some("a.\"B c\" is 'it''s', 100 %, x"));
        assert_eq!(of("%s %s", &["x"]), None);
        assert_eq!(formatted("%I", &mut std::iter::once(None)), None);
    }
}
