//! Hive partitions: where a file must lie, and which days a source has.
//!
//! In: paths below a source's folder. Out: nothing, or what is wrong; the days of a `date` partition.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use jiff::civil::Date;

use super::error::IngestError;
use super::source::InputFile;
use crate::job::{PartitionType, Source};

/// Refuses a file that does not lie right below the folders of its partitions, each with a value of its type: DataFusion
/// would leave it out without a word.
pub(super) fn in_its_partitions(source: &Source, file: &str) -> Result<(), IngestError> {
    let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
    let mut folders = folders.split('/').filter(|folder| !folder.is_empty());
    for (partition, kind) in &source.partitions {
        let value = folders.next().and_then(|folder| folder.split_once('=')).filter(|(name, _)| name == partition);
        let Some((_, value)) = value else {
            return Err(IngestError::MissingPartition {
                source_name: source.name.clone(),
                file: file.to_owned(),
                partition: partition.clone(),
            });
        };
        let (fits, expected) = match kind {
            PartitionType::Int => (value.parse::<i64>().is_ok(), "int"),
            PartitionType::Date => (value.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == value), "date"),
            PartitionType::Text => (true, "text"),
        };
        if !fits {
            return Err(IngestError::RetypedPartition {
                source_name: source.name.clone(),
                file: file.to_owned(),
                partition: partition.clone(),
                found: value.to_owned(),
                expected,
            });
        }
    }
    let odd = |what| Err(IngestError::OddPlace { source_name: source.name.clone(), file: file.to_owned(), what });
    if source.partitions.is_empty() {
        Ok(())
    } else if folders.next().is_some() {
        odd("lies deeper than its partitions")
    } else if name.contains('=') {
        odd("has a `=` in its name, as only the folder of a partition may")
    } else {
        Ok(())
    }
}

/// The Arrow type of a partition's values.
pub(super) fn partition_type(kind: PartitionType) -> DataType {
    match kind {
        PartitionType::Int => DataType::Int64,
        PartitionType::Text => DataType::Utf8,
        PartitionType::Date => DataType::Date32,
    }
}

/// Rows of each day of the source's `date` partition; `None` where it has none.
pub(crate) fn days(source: &Source, files: &[InputFile]) -> Option<BTreeMap<Date, u64>> {
    let at = source.partitions.iter().position(|(_, kind)| *kind == PartitionType::Date)?;
    let mut days = BTreeMap::new();
    for file in files {
        let day = day(&file.file, at)?;
        *days.entry(day).or_default() += file.rows;
    }
    Some(days)
}

/// The value of the partition at a place of a path.
pub(crate) fn day(file: &str, at: usize) -> Option<Date> {
    file.split('/').nth(at)?.split_once('=')?.1.parse().ok()
}
