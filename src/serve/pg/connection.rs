//! One connection: its statements, by the simple and by the extended protocol.
//!
//! In: texts, prepared statements and their values. Out: rows on the wire, errors with code and hint. The session is opened with
//! the first statement, and sees the run that was published then.

use std::fmt::Debug;
use std::net::SocketAddr;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use async_trait::async_trait;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::Statement;
use datafusion_postgres::arrow_pg::datatypes::arrow_schema_to_pg_fields;
use datafusion_postgres::pgwire::api::portal::{Format, Portal};
use datafusion_postgres::pgwire::api::query::{ExtendedQueryHandler, SimpleQueryHandler};
use datafusion_postgres::pgwire::api::results::{FieldInfo, Response};
use datafusion_postgres::pgwire::api::stmt::QueryParser;
use datafusion_postgres::pgwire::api::store::PortalStore;
use datafusion_postgres::pgwire::api::{ClientInfo, ClientPortalStore, Type};
use datafusion_postgres::pgwire::error::{PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::PgWireBackendMessage;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use futures::Sink;
use tokio::sync::OnceCell;

use super::answer::{sent, told};
use super::catalog::System;
use super::manner;
use super::startup::Pass;
use super::statement::{self, Asked};
use super::values::{Types, sql_type, values};
use crate::serve::Served;
use crate::serve::rows::{Clock, Failed, Teller};
use crate::serve::session::Session;
use crate::sql::SqlError;

/// Questions of one message of the simple protocol, at most.
const QUESTIONS: usize = 8;
/// Values of one prepared statement, at most: what the protocol can count.
const VALUES: usize = 65_535;

/// A connection.
#[derive(Clone)]
pub(super) struct Connection(Arc<Parts>);

struct Parts {
    served: Arc<Served>,
    system: Arc<System>,
    pass: Pass,
    peer: SocketAddr,
    session: OnceCell<Arc<Session>>,
}

/// A prepared statement.
#[derive(Clone)]
pub(super) enum Prepared {
    /// Planned, its values open.
    Question { sql: String, plan: Arc<LogicalPlan>, types: Types },
    /// Answered by the protocol.
    Manner(Box<Statement>),
}

impl Connection {
    pub(super) fn new(served: Arc<Served>, system: Arc<System>, pass: Pass, peer: SocketAddr) -> Self {
        Self(Arc::new(Parts { served, system, pass, peer, session: OnceCell::new() }))
    }

    async fn session(&self) -> Result<&Arc<Session>, Failed> {
        let parts = &self.0;
        let seat = parts.pass.seat().ok_or(Failed::Stranger)?;
        parts
            .session
            .get_or_try_init(async || {
                let (served, system, seat) = (Arc::clone(&parts.served), Arc::clone(&parts.system), Arc::clone(seat));
                let opened = tokio::task::spawn_blocking(move || {
                    let session = served.session(Some(seat))?;
                    system.install(session.analyst())?;
                    Ok::<_, SqlError>(Arc::new(session))
                });
                Ok(opened.await.map_err(|error| Failed::Broken(error.to_string()))??)
            })
            .await
    }

    fn teller(&self, sql: &str) -> Teller {
        Teller::new(Arc::clone(&self.0.served.log), "pg", self.0.peer.to_string(), sql)
    }

    async fn parsed(&self, session: &Session, sql: &str, clock: Clock) -> Result<Vec<Asked>, Failed> {
        let (drivers, text) = (Arc::clone(&self.0.system.drivers), sql.to_owned());
        session.on_threads(clock, move |analyst| statement::parse(analyst, &drivers, &text)).await
    }

    fn clock<C: ClientInfo + ?Sized>(&self, client: &C) -> Clock {
        Clock::begin(manner::time(client, self.0.served.limits.statement))
    }
}

/// Plans a statement, or what stands for it; its values have the types that the client declares.
async fn planned(
    session: &Session,
    sql: &str,
    statement: Parsed,
    otherwise: Option<Box<Parsed>>,
    clock: Clock,
    declared: &[Option<Type>],
) -> Result<LogicalPlan, Failed> {
    let of = |at: usize| declared.get(at.checked_sub(1)?)?.as_ref().and_then(sql_type);
    let mut statement = statement;
    statement::with_types(&mut statement, &of);
    let plan = match (session.plan(sql, statement.clone(), clock).await, otherwise) {
        (Err(Failed::Sql(error)), Some(otherwise)) if is_unplanned(&error) => return session.plan(sql, *otherwise, clock).await,
        (planned, _) => planned?,
    };
    // What neither the client nor the engine knows is text.
    let known = plan.get_parameter_types().unwrap_or_default();
    if known.values().all(Option::is_some) {
        return Ok(plan);
    }
    let open = |at: usize| known.get(&format!("${at}")).is_some_and(Option::is_none).then_some("text");
    statement::with_types(&mut statement, &open);
    match session.plan(sql, statement, clock).await {
        Ok(typed) => Ok(typed),
        Err(_) => Ok(plan),
    }
}

/// Whether the engine does not plan a statement, for another reason than a column that is not there.
fn is_unplanned(error: &SqlError) -> bool {
    matches!(error, SqlError::Wrong { message, .. } if !message.starts_with("column "))
        || matches!(error, SqlError::Run { out_of_memory: false, .. })
}

#[async_trait]
impl SimpleQueryHandler for Connection {
    async fn do_query<C>(&self, client: &mut C, query: &str) -> PgWireResult<Vec<Response>>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let mut teller = self.teller(query);
        let clock = self.clock(client);
        let session = self.session().await.map_err(|failed| told(&failed, &mut teller))?;
        let asked = self.parsed(session, query, clock).await.map_err(|failed| told(&failed, &mut teller))?;
        if asked.is_empty() {
            teller.silent();
            return Ok(vec![Response::EmptyQuery]);
        }
        // All of a message's answers begin before the first is sent.
        if asked.iter().filter(|asked| matches!(asked, Asked::Question(..))).count() > QUESTIONS {
            let message = format!("a message asks at most {QUESTIONS} questions");
            let hint = Some("send them one after another".to_owned());
            return Err(told(&SqlError::Wrong { message, hint }.into(), &mut teller));
        }
        teller.silent();
        let mut responses = Vec::with_capacity(asked.len());
        for asked in asked {
            let (statement, otherwise) = match asked {
                Asked::Manner(statement) => {
                    responses.extend(manner::answer(&statement, session.analyst().context(), client).await.transpose()?);
                    continue;
                }
                Asked::Question(statement, otherwise) => (statement, otherwise),
            };
            manner::goes_on(client)?;
            let clock = self.clock(client);
            let options = FormatOptions::from_client_metadata(client.metadata());
            let mut teller = self.teller(query);
            let rows = async {
                let plan = planned(session, query, *statement, otherwise, clock, &[]).await?;
                session.execute(query, plan, clock, self.0.served.limits.rows).await
            };
            let rows = rows.await.map_err(|failed| told(&failed, &mut teller))?;
            responses.push(sent(rows, teller, &Format::UnifiedText, options, None).await?);
        }
        Ok(responses)
    }
}

#[async_trait]
impl QueryParser for Connection {
    type Statement = Prepared;

    async fn parse_sql<C>(&self, client: &C, sql: &str, declared: &[Option<Type>]) -> PgWireResult<Option<Prepared>>
    where
        C: ClientInfo + Unpin + Send + Sync,
    {
        let mut teller = self.teller(sql);
        let clock = self.clock(client);
        let session = self.session().await.map_err(|failed| told(&failed, &mut teller))?;
        let mut asked = self.parsed(session, sql, clock).await.map_err(|failed| told(&failed, &mut teller))?;
        let values = statement::values(sql);
        if values > VALUES {
            let message = format!("a statement takes at most {VALUES} values");
            return Err(told(&SqlError::Wrong { message, hint: None }.into(), &mut teller));
        }
        if asked.len() > 1 {
            let several = SqlError::Wrong { message: "a prepared statement is one statement".to_owned(), hint: None };
            return Err(told(&several.into(), &mut teller));
        }
        let prepared = match asked.pop() {
            None => None,
            Some(Asked::Manner(statement)) => Some(Prepared::Manner(statement)),
            Some(Asked::Question(statement, otherwise)) => {
                let plan = planned(session, sql, *statement, otherwise, clock, declared).await;
                let plan = plan.map_err(|failed| told(&failed, &mut teller))?;
                let types = Types::of(session, &plan, values)?;
                Some(Prepared::Question { sql: sql.to_owned(), plan: Arc::new(plan), types })
            }
        };
        // It is told when it is asked, not when it is prepared.
        teller.silent();
        Ok(prepared)
    }

    fn get_parameter_types(&self, prepared: &Prepared) -> PgWireResult<Vec<Type>> {
        Ok(match prepared {
            Prepared::Question { types, .. } => types.wire.clone(),
            Prepared::Manner(_) => Vec::new(),
        })
    }

    fn get_result_schema(&self, prepared: &Prepared, format: Option<&Format>) -> PgWireResult<Vec<FieldInfo>> {
        match prepared {
            Prepared::Question { plan, .. } => {
                arrow_schema_to_pg_fields(plan.schema().as_arrow(), format.unwrap_or(&Format::UnifiedText), None)
            }
            Prepared::Manner(statement) => Ok(manner::columns(statement)),
        }
    }
}

#[async_trait]
impl ExtendedQueryHandler for Connection {
    type Statement = Prepared;
    type QueryParser = Self;

    fn query_parser(&self) -> Arc<Self> {
        Arc::new(self.clone())
    }

    async fn do_query<C>(&self, client: &mut C, portal: &Portal<Prepared>, _: usize) -> PgWireResult<Response>
    where
        C: ClientInfo + ClientPortalStore + Sink<PgWireBackendMessage> + Unpin + Send + Sync,
        C::PortalStore: PortalStore<Statement = Prepared>,
        C::Error: Debug,
        PgWireError: From<<C as Sink<PgWireBackendMessage>>::Error>,
    {
        let prepared = &portal.statement.statement;
        let text = match prepared {
            Prepared::Question { sql, .. } => sql.clone(),
            Prepared::Manner(statement) => statement.to_string(),
        };
        let mut teller = self.teller(&text);
        let session = self.session().await.map_err(|failed| told(&failed, &mut teller))?;
        let (sql, plan, types) = match prepared {
            Prepared::Manner(statement) => {
                teller.silent();
                let answered = manner::answer(statement, session.analyst().context(), client).await;
                return answered.unwrap_or(Ok(Response::EmptyQuery));
            }
            Prepared::Question { sql, plan, types } => (sql, plan, types),
        };
        manner::goes_on(client)?;
        let announced = SchemaRef::clone(plan.schema().inner());
        let plan = plan.as_ref().clone().replace_params_with_values(&values(portal, types)?);
        let plan = plan.map_err(|error| told(&session.analyst().told(&error, sql).into(), &mut teller))?;
        let clock = self.clock(client);
        let options = FormatOptions::from_client_metadata(client.metadata());
        let rows = session.execute(sql, plan, clock, self.0.served.limits.rows).await;
        let rows = rows.map_err(|failed| told(&failed, &mut teller))?;
        sent(rows, teller, &portal.result_column_format, options, Some(announced)).await
    }
}
