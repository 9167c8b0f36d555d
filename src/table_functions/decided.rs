//! A decision as a table: its queries run, their rows decided on, the answer in batches.
//!
//! In: plans of queries and what to do with their rows. Out: a stream. Rows of the queries count against the session's memory.

use std::fmt;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{Result, internal_err};
use datafusion::datasource::{TableProvider, TableType};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryConsumer;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::{PartitionStream, StreamingTableExec};
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use futures::{StreamExt as _, TryStreamExt as _};

/// Rows of a batch of the answer.
const BATCH: usize = 8192;

/// Whole tables in, a whole table out.
pub(super) type Whole = Arc<dyn Fn(&[RecordBatch]) -> Result<RecordBatch> + Send + Sync>;
/// Batches of one table in, batches out.
pub(super) type Streamed = Arc<dyn Fn(SendableRecordBatchStream) -> SendableRecordBatchStream + Send + Sync>;

/// What is done with the rows of the queries.
#[derive(Clone)]
pub(super) enum Work {
    /// All of them at once.
    Whole(Whole),
    /// As they come: of the first query.
    Streamed(Streamed),
}

/// A decision that is made when its rows are asked for.
pub(super) struct Decided {
    pub(super) name: &'static str,
    pub(super) inputs: Vec<LogicalPlan>,
    pub(super) schema: SchemaRef,
    pub(super) work: Work,
}

impl fmt::Debug for Decided {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decided").field("name", &self.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl TableProvider for Decided {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let Some(state) = state.as_any().downcast_ref::<SessionState>() else {
            return internal_err!("a table function outside of a session");
        };
        // One partition, as a night has: with several the order of rows would be that of threads.
        let mut one = state.clone();
        one.config_mut().options_mut().execution.target_partitions = 1;
        let mut inputs = Vec::with_capacity(self.inputs.len());
        for plan in &self.inputs {
            inputs.push(one.create_physical_plan(plan).await?);
        }
        let made = Made { name: self.name, inputs, schema: Arc::clone(&self.schema), work: self.work.clone() };
        let made: Arc<dyn PartitionStream> = Arc::new(made);
        Ok(Arc::new(StreamingTableExec::try_new(Arc::clone(&self.schema), vec![made], projection, [], false, limit)?))
    }
}

/// The same with its queries planned. They are no children of the plan around them: an optimiser would drop their order, which the
/// answer may depend on.
struct Made {
    name: &'static str,
    inputs: Vec<Arc<dyn ExecutionPlan>>,
    schema: SchemaRef,
    work: Work,
}

impl fmt::Debug for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl PartitionStream for Made {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, context: Arc<TaskContext>) -> SendableRecordBatchStream {
        match &self.work {
            Work::Streamed(work) => match execute_stream(Arc::clone(&self.inputs[0]), context) {
                Ok(rows) => work(rows),
                Err(error) => Box::pin(RecordBatchStreamAdapter::new(
                    Arc::clone(&self.schema),
                    futures::stream::once(async move { Err(error) }).boxed(),
                )),
            },
            Work::Whole(work) => {
                let (inputs, work, name) = (self.inputs.clone(), Arc::clone(work), self.name);
                let answer = async move {
                    let held = MemoryConsumer::new(name).register(context.memory_pool());
                    let mut tables = Vec::with_capacity(inputs.len());
                    for input in inputs {
                        let mut rows = execute_stream(input, Arc::clone(&context))?;
                        let schema = rows.schema();
                        let mut batches = Vec::new();
                        while let Some(batch) = rows.try_next().await? {
                            // Twice: as batches and as one.
                            held.try_grow(2 * batch.get_array_memory_size())?;
                            batches.push(batch);
                        }
                        tables.push(concat_batches(&schema, &batches)?);
                    }
                    let answer = tokio::task::spawn_blocking(move || work(&tables)).await;
                    let answer = answer.map_err(|error| DataFusionError::Execution(format!("{name} broke down: {error}")))??;
                    drop(held);
                    Ok::<_, DataFusionError>(futures::stream::iter(cut(&answer).into_iter().map(Ok)))
                };
                Box::pin(RecordBatchStreamAdapter::new(Arc::clone(&self.schema), futures::stream::once(answer).try_flatten().boxed()))
            }
        }
    }
}

/// An answer in batches of the usual size.
pub(super) fn cut(answer: &RecordBatch) -> Vec<RecordBatch> {
    (0..answer.num_rows()).step_by(BATCH).map(|at| answer.slice(at, BATCH.min(answer.num_rows() - at))).collect()
}
