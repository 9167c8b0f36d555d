//! Which column of a frame is what: named roles first, then the Arrow type.

use arrow::datatypes::{DataType, Schema};

use super::EncodeError;
use crate::job::Job;
use crate::learn::rows::Task;

/// The columns of a frame that have a name in the job.
#[derive(Debug, Clone, PartialEq)]
pub struct Roles {
    /// Columns that name a row.
    pub keys: Vec<String>,
    /// The key of the user, household, patient.
    pub entity: String,
    /// Column of the scenario.
    pub scenario: String,
    /// The tasks; labels are in `y_<task>`, weights in `w_<task>`.
    pub tasks: Vec<Task>,
    /// Categorical columns. A key named here is a feature too.
    pub categorical: Vec<String>,
    /// Text columns.
    pub text: Vec<String>,
    /// Vector columns.
    pub vector: Vec<String>,
    /// Columns that the model must not see.
    pub ignore: Vec<String>,
}

/// Role of one feature column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Numeric,
    Categorical,
    Text,
    Vector,
}

impl Roles {
    /// The roles that a job names.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self {
            keys: job.keys.clone(),
            entity: job.entity.clone(),
            scenario: job.scenario.clone(),
            tasks: job.learner_tasks(),
            categorical: job.roles.categorical.clone(),
            text: job.roles.text.clone(),
            vector: job.roles.vector.clone(),
            ignore: job.roles.ignore.clone(),
        }
    }

    /// Number of features in a frame.
    ///
    /// # Errors
    /// [`EncodeError`] naming a column without a role, or one that the job names and the frame lacks.
    pub fn count(&self, schema: &Schema) -> Result<usize, EncodeError> {
        self.features(schema).map(|features| features.len())
    }

    /// The features of a frame, in the order of its columns.
    ///
    /// # Errors
    /// [`EncodeError`] naming a column without a role, or one that the job names and the frame lacks.
    pub(super) fn features(&self, schema: &Schema) -> Result<Vec<(String, Role)>, EncodeError> {
        for (names, role) in [(&self.categorical, "categorical"), (&self.text, "text"), (&self.vector, "vector"), (&self.ignore, "ignored")]
        {
            for name in names {
                schema.field_with_name(name).map_err(|_| EncodeError::Missing { column: name.clone(), role })?;
            }
        }
        let mut features = Vec::new();
        for field in schema.fields() {
            let name = field.name();
            let named = self.categorical.contains(name);
            let own = *name == self.scenario || self.keys.contains(name) || self.is_label(name);
            if self.ignore.contains(name) || (own && !named) {
                continue;
            }
            features.push((name.clone(), self.role(name, field.data_type())?));
        }
        if features.is_empty() { Err(EncodeError::Nothing("frame.sql yields no feature column".into())) } else { Ok(features) }
    }

    fn is_label(&self, name: &str) -> bool {
        let task = name.strip_prefix("y_").or_else(|| name.strip_prefix("w_"));
        task.is_some_and(|task| self.tasks.iter().any(|known| known.name == task))
    }

    fn role(&self, name: &str, found: &DataType) -> Result<Role, EncodeError> {
        let named = |names: &[String]| names.iter().any(|known| known == name);
        if named(&self.categorical) {
            return Ok(Role::Categorical);
        }
        if named(&self.text) {
            return Ok(Role::Text);
        }
        if named(&self.vector) {
            return Ok(Role::Vector);
        }
        Ok(match found {
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Dictionary(_, _) | DataType::Boolean => Role::Categorical,
            DataType::FixedSizeList(item, _) | DataType::List(item) | DataType::LargeList(item) if item.data_type().is_floating() => {
                Role::Vector
            }
            DataType::Date32 | DataType::Null => Role::Numeric,
            numeric if numeric.is_numeric() => Role::Numeric,
            other => return Err(EncodeError::NoRole { column: name.to_owned(), found: other.to_string() }),
        })
    }
}
