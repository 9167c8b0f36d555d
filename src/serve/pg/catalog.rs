//! `pg_catalog` of the served job: one for all connections, so that a table has the same oid in each of them.
//!
//! In: the tables of the job, as a session sees them. Out: PostgreSQL's system tables and functions, put into a session. A table
//! that cannot be opened is left out of the lists and says why when it is asked for by name.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::array::StringArray;
use arrow::datatypes::{DataType, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::SchemaProvider;
use datafusion::common::DataFusionError;
use datafusion::datasource::TableType;
use datafusion::error::Result;
use datafusion::logical_expr::{ColumnarValue, Volatility, create_udf};
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::catalog_info::CatalogInfo;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::context::EmptyContextProvider;
use datafusion_postgres::datafusion_pg_catalog::pg_catalog::{
    PG_CATALOG_TABLES, PgCatalogSchemaProvider, PgCatalogStaticTables, setup_pg_catalog,
};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use super::startup::VERSION;
use crate::serve::Served;
use crate::serve::session::Session;
use crate::sql::{Analyst, CATALOG, SqlError};

/// The schema of PostgreSQL's system tables.
const NAME: &str = "pg_catalog";

/// The system tables.
pub(super) struct System {
    listed: Listed,
    /// Reads what drivers write.
    pub(super) drivers: Arc<PostgresCompatibilityParser>,
}

impl System {
    pub(super) fn new(served: Arc<Served>) -> Self {
        Self { listed: Listed { served, open: Arc::default(), own: Arc::default() }, drivers: Arc::new(PostgresCompatibilityParser::new()) }
    }

    /// Puts tables and functions into a session.
    pub(super) fn install(&self, analyst: &Analyst) -> Result<(), SqlError> {
        let told = |error: &DataFusionError| SqlError::Run { message: error.strip_backtrace(), out_of_memory: false };
        let tables = self.tables().map_err(|error| told(&error))?;
        let context = analyst.context();
        setup_pg_catalog(context, CATALOG, EmptyContextProvider).map_err(|error| told(&error))?;
        // The tables of a session know that session only.
        let catalog = context.catalog(CATALOG);
        catalog.map(|catalog| catalog.register_schema(NAME, tables)).transpose().map_err(|error| told(&error))?;
        super::functions::register(context);
        let version =
            format!("PostgreSQL {VERSION} (polytask {}, DataFusion {})", env!("CARGO_PKG_VERSION"), datafusion::DATAFUSION_VERSION);
        let version = Arc::new(move |_: &[ColumnarValue]| Ok(ColumnarValue::Array(Arc::new(StringArray::from(vec![version.clone()])))));
        context.register_udf(create_udf("version", Vec::new(), DataType::Utf8, Volatility::Stable, version));
        Ok(())
    }

    fn tables(&self) -> Result<Arc<dyn SchemaProvider>> {
        if let Some(tables) = self.listed.own.get() {
            return Ok(Arc::clone(tables));
        }
        let made =
            PgCatalogSchemaProvider::try_new(self.listed.clone(), Arc::new(PgCatalogStaticTables::try_new()?), EmptyContextProvider)?;
        Ok(Arc::clone(self.listed.own.get_or_init(|| Arc::new(made))))
    }
}

/// What there is to list: through a session that is opened again when another run was published.
#[derive(Clone)]
struct Listed {
    served: Arc<Served>,
    open: Arc<Mutex<Option<Arc<Session>>>>,
    /// The system tables themselves, which are listed too.
    own: Arc<OnceLock<Arc<dyn SchemaProvider>>>,
}

impl fmt::Debug for Listed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listed")
    }
}

impl Listed {
    fn session(&self) -> Result<Arc<Session>> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let current = self.served.home.current().ok().flatten();
        if let Some(session) = open.as_ref()
            && (self.served.run.is_some() || session.analyst().at().0 == current.as_deref())
        {
            return Ok(Arc::clone(session));
        }
        let session = Arc::new(self.served.session(None).map_err(|error| DataFusionError::External(Box::new(error)))?);
        *open = Some(Arc::clone(&session));
        Ok(session)
    }
}

#[async_trait]
impl CatalogInfo for Listed {
    async fn catalog_names(&self) -> Result<Vec<String>> {
        Ok(vec![CATALOG.to_owned()])
    }

    async fn schema_names(&self, _: &str) -> Result<Option<Vec<String>>> {
        let mut names = self.session()?.analyst().schemas();
        names.push(NAME.to_owned());
        Ok(Some(names))
    }

    async fn table_names(&self, _: &str, schema: &str) -> Result<Option<Vec<String>>> {
        if schema == NAME {
            return Ok(Some(PG_CATALOG_TABLES.iter().map(|name| (*name).to_owned()).collect()));
        }
        let tables = self.session()?.analyst().tables();
        Ok(Some(tables.into_iter().filter(|(of, _)| of == schema).map(|(_, name)| name).collect()))
    }

    async fn table_schema(&self, _: &str, schema: &str, table: &str) -> Result<Option<SchemaRef>> {
        if schema == NAME {
            let Some(own) = self.own.get() else { return Ok(None) };
            return Ok(own.table(table).await?.map(|table| table.schema()));
        }
        let session = self.session()?;
        Ok(session.analyst().columns(schema, table).await)
    }

    async fn table_type(&self, _: &str, schema: &str, _: &str) -> Result<Option<TableType>> {
        Ok(Some(if schema == NAME || schema == "information_schema" { TableType::View } else { TableType::Base }))
    }
}
