//! Statements that belong to the protocol: settings of a client, transactions, closing what was opened.
//!
//! In: a statement. Out: the answer that drivers expect of a server that only reads; nothing of the engine is set. A limit is never
//! widened: `statement_timeout` shortens the server's.

use std::sync::Arc;
use std::time::Duration;

use datafusion::prelude::SessionContext;
use datafusion::sql::sqlparser::ast::{Set, Statement};
use datafusion_postgres::QueryHook as _;
use datafusion_postgres::hooks::HookClient;
use datafusion_postgres::hooks::set_show::SetShowHook;
use datafusion_postgres::hooks::transactions::TransactionStatementHook;
use datafusion_postgres::pgwire::api::results::{DataRowEncoder, FieldFormat, FieldInfo, QueryResponse, Response, Tag};
use datafusion_postgres::pgwire::api::{ClientInfo, Type};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::response::TransactionStatus;

use super::startup::{VERSION, VERSION_NUMBER};
use crate::sql::SqlError;

/// What `SHOW` says where the library says something of its own.
const SHOWN: [(&str, &str); 5] = [
    ("server_version", VERSION),
    ("server_version_num", VERSION_NUMBER),
    ("transaction_read_only", "on"),
    ("default_transaction_read_only", "on"),
    ("transaction_isolation", "read committed"),
];

/// Whether a statement is the protocol's.
///
/// # Errors
/// [`SqlError::Refused`] when it would set something of the engine.
pub(super) fn is_manner(statement: &Statement) -> Result<bool, SqlError> {
    Ok(match statement {
        Statement::Set(set) => {
            // The engine's own settings all begin with this name; the others are the client's.
            let of_engine = match set {
                Set::SingleAssignment { variable, .. } => variable.to_string().to_lowercase().contains("datafusion."),
                other => other.to_string().to_lowercase().contains("datafusion."),
            };
            if of_engine {
                return Err(SqlError::Refused {
                    what: "`SET` of the engine".to_owned(),
                    hint: "limits are given when the server starts: `polytask serve --help`".to_owned(),
                });
            }
            true
        }
        Statement::ShowVariable { .. }
        | Statement::ShowStatus { .. }
        | Statement::ShowCatalogs { .. }
        | Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. } => true,
        other => tag(other).is_some(),
    })
}

/// What is answered to a statement that has nothing to do here.
fn tag(statement: &Statement) -> Option<&'static str> {
    Some(match statement {
        Statement::Savepoint { .. } => "SAVEPOINT",
        Statement::ReleaseSavepoint { .. } => "RELEASE",
        Statement::Deallocate { .. } => "DEALLOCATE",
        Statement::Discard { .. } => "DISCARD ALL",
        Statement::Close { .. } => "CLOSE CURSOR",
        Statement::Reset { .. } => "RESET",
        Statement::UNLISTEN { .. } => "UNLISTEN",
        _ => return None,
    })
}

/// The answer to a statement of the protocol; `None` where it is a question. In a transaction that failed, everything but its end
/// is an error.
pub(super) async fn answer(statement: &Statement, context: &SessionContext, client: &mut dyn HookClient) -> Option<PgWireResult<Response>> {
    if let Some(answered) = TransactionStatementHook.handle_simple_query(statement, context, client).await {
        return Some(answered);
    }
    if let Some(tag) = tag(statement) {
        return Some(Ok(Response::Execution(Tag::new(tag))));
    }
    if let Statement::ShowVariable { variable } = statement
        && let [name] = variable.as_slice()
        && let Some((_, value)) = SHOWN.iter().find(|(known, _)| name.value.eq_ignore_ascii_case(known))
    {
        return Some(shown(&name.value.to_lowercase(), value).map(Response::Query));
    }
    SetShowHook.handle_simple_query(statement, context, client).await
}

fn shown(name: &str, value: &str) -> PgWireResult<QueryResponse> {
    let fields = Arc::new(vec![FieldInfo::new(name.to_owned(), None, None, Type::VARCHAR, FieldFormat::Text)]);
    let mut row = DataRowEncoder::new(Arc::clone(&fields));
    row.encode_field(&Some(value))?;
    let row = row.take_row();
    Ok(QueryResponse::new(fields, futures::stream::once(async move { Ok(row) })))
}

/// Whether a question may be asked: not in a transaction that failed.
pub(super) fn goes_on<C: ClientInfo + ?Sized>(client: &C) -> PgWireResult<()> {
    if client.transaction_status() != TransactionStatus::Error {
        return Ok(());
    }
    let message = "the transaction has failed; statements are ignored until it ends".to_owned();
    Err(PgWireError::UserError(Box::new(ErrorInfo::new("ERROR".to_owned(), "25P02".to_owned(), message))))
}

/// The columns of the answer, for a driver that asks before it has it.
pub(super) fn columns(statement: &Statement) -> Vec<FieldInfo> {
    match statement {
        Statement::ShowVariable { .. } | Statement::ShowStatus { .. } | Statement::ShowCatalogs { .. } => {
            vec![FieldInfo::new("show".to_owned(), None, None, Type::VARCHAR, FieldFormat::Text)]
        }
        _ => Vec::new(),
    }
}

/// The time of a statement: the server's, or what the client asked for where that is shorter.
pub(super) fn time<C: ClientInfo + ?Sized>(client: &C, most: Duration) -> Duration {
    // Where the hook of SET keeps it.
    let asked = client.metadata().get("statement_timeout_ms").and_then(|text| text.parse().ok()).map(Duration::from_millis);
    asked.map_or(most, |asked| asked.min(most))
}
