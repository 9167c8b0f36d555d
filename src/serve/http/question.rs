//! A question of the page, and its answer as page or as file.
//!
//! In: SQL in the address, so that the address is the link to the question. Out: a page with the first rows and a chart, or a file of
//! all rows, which is written aside first: a download is whole, or an error.

use std::io::{Read as _, Seek as _, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::response::{Html, IntoResponse as _, Response};
use futures::stream;
use serde::Deserialize;
use url::form_urlencoded::Serializer;

use super::Peer;
use crate::outcome::Outcome as _;
use crate::report::desk::{Answer, Desk, Drawn, Outcome, Picture, desk};
use crate::serve::Served;
use crate::serve::rows::{Clock, Failed, Rows, Teller};
use crate::serve::session::Session;
use crate::sql::SqlError;
use crate::sql::chart::Chart;
use crate::sql::format::{Format, ResultWriter, is_number, texts};

/// Rows that the page shows.
const SHOWN: usize = 1000;
/// Nights that the page links to.
const NIGHTS: usize = 12;
/// Bytes of a piece of a download.
const PIECE: usize = 256 << 10;

/// What the address asks.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    sql: String,
    chart: String,
}

/// The page.
pub(super) async fn page(State(served): State<Arc<Served>>, ConnectInfo(peer): ConnectInfo<Peer>, Query(asked): Query<Asked>) -> Response {
    let mut shown = Desk {
        language: served.job.language.code().to_owned(),
        title: served.job.title.clone(),
        chart: if asked.chart.is_empty() { "auto".to_owned() } else { asked.chart.clone() },
        sql: asked.sql.clone(),
        ..Desk::default()
    };
    let mut status = StatusCode::OK;
    if let Err(failed) = fill(&served, peer, &asked, &mut shown).await {
        status = code(&failed);
        shown.outcome = Some(Outcome::Failed { message: failed.to_string(), hint: failed.hint() });
    }
    match desk(&shown) {
        Ok(html) => (status, Html(html)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

async fn fill(served: &Arc<Served>, peer: Peer, asked: &Asked, shown: &mut Desk) -> Result<(), Failed> {
    let clock = Clock::begin(served.limits.statement);
    let session = open(served).await?;
    surroundings(served, &session, shown)?;
    if asked.sql.trim().is_empty() {
        return Ok(());
    }
    let mut teller = Teller::new(Arc::clone(&served.log), "http", peer.to_string(), &asked.sql);
    let since = std::time::Instant::now();
    let answered = async {
        // One more than is shown says whether there are more.
        let mut rows = ask(served, &session, &asked.sql, clock).await?;
        let (mut batches, mut found) = (Vec::new(), 0);
        while found <= SHOWN
            && let Some(batch) = rows.next().await?
        {
            found += batch.num_rows();
            batches.push(batch);
        }
        answer(asked, rows.schema(), &batches, since.elapsed().as_secs_f64())
    };
    let answer = answered.await.inspect_err(|failed| teller.failed(failed))?;
    teller.answered(answer.rows.len());
    shown.outcome = Some(Outcome::Answer(answer));
    Ok(())
}

/// The first rows, with a chart of them.
#[expect(clippy::result_large_err, reason = "made once for a statement that failed")]
fn answer(asked: &Asked, schema: &SchemaRef, batches: &[RecordBatch], seconds: f64) -> Result<Answer, Failed> {
    let all: usize = batches.iter().map(RecordBatch::num_rows).sum();
    let mut left = SHOWN;
    let mut cut = Vec::new();
    for batch in batches {
        let rows = batch.num_rows().min(left);
        cut.push(batch.slice(0, rows));
        left -= rows;
    }
    let wrong = |message: String| Failed::Sql(SqlError::Wrong { message, hint: None });
    let chart = match asked.chart.as_str() {
        "" | "auto" => Chart::fitting(schema, all),
        "none" => None,
        named => Some(Chart::named(named).ok_or_else(|| wrong(format!("`{named}` is no chart")))?),
    };
    let picture = |chart: Chart| {
        let points = chart.points(&cut)?;
        let drawn = if chart == Chart::Line { Drawn::Line } else { Drawn::Bars };
        Ok(Picture { drawn, column: points.column, values: points.values, missing: points.missing })
    };
    // A chart that was asked for and cannot be drawn is told; one that only suited is left out.
    let picture = match chart.map(picture) {
        Some(Err(message)) if !matches!(asked.chart.as_str(), "" | "auto") => return Err(wrong(message)),
        drawn => drawn.and_then(Result::ok),
    };
    let downloads = Format::ALL.iter().filter(|(_, format)| format.streams());
    Ok(Answer {
        columns: schema.fields().iter().map(|field| (field.name().clone(), is_number(field.data_type()))).collect(),
        rows: texts(&cut).map_err(|error| wrong(error.to_string()))?,
        more: all > SHOWN,
        seconds,
        picture,
        downloads: downloads.map(|(name, _)| ((*name).to_owned(), link(&format!("/answer.{name}"), &asked.sql))).collect(),
    })
}

/// What there is to ask of, and the reports.
#[expect(clippy::result_large_err, reason = "made once for a statement that failed")]
fn surroundings(served: &Served, session: &Session, shown: &mut Desk) -> Result<(), Failed> {
    let analyst = session.analyst();
    let (run, as_of) = analyst.at();
    shown.current = run.map(|run| (run.to_owned(), as_of.map(|date| date.to_string()).unwrap_or_default()));
    for (schema, table) in analyst.tables() {
        let named = if schema == "public" { format!("\"{table}\"") } else { format!("{schema}.\"{table}\"") };
        let named =
            if table.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_') { named.replace('"', "") } else { named };
        let entry = (table, format!("{}&chart=none", link("/", &format!("select * from {named} limit 100"))));
        match shown.tables.last_mut().filter(|(last, _)| *last == schema) {
            Some((_, tables)) => tables.push(entry),
            None => shown.tables.push((schema, vec![entry])),
        }
    }
    let saved = &analyst.job().queries.explore;
    shown.saved = saved.iter().map(|query| (query.name.clone(), query.header.clone(), link("/", &query.sql))).collect();
    let mut past = served.home.past().map_err(SqlError::from)?;
    past.sort_by(|a, b| (&b.manifest.as_of, &b.manifest.run).cmp(&(&a.manifest.as_of, &a.manifest.run)));
    for run in past.iter().take(NIGHTS) {
        let words = if run.current {
            "current"
        } else if run.published() {
            "published"
        } else {
            "held"
        };
        let files = [run.manifest.as_of.as_str(), run.manifest.run.as_str()].map(|name| format!("{name}.html"));
        if let Some(file) = files.iter().find(|file| served.home.reports.join(file).is_file()) {
            shown.nights.push((run.manifest.as_of.clone(), words.to_owned(), format!("/reports/{file}")));
        }
    }
    shown.index = served.home.reports.join("index.html").is_file().then(|| "/reports/index.html".to_owned());
    Ok(())
}

/// The link to a question.
fn link(path: &str, sql: &str) -> String {
    format!("{path}?{}", Serializer::new(String::new()).append_pair("sql", sql).finish())
}

/// A session with a place of its own, which is kept until the last of its work has ended.
async fn open(served: &Arc<Served>) -> Result<Session, Failed> {
    let seat = served.seat().ok_or(Failed::Full)?;
    let served = Arc::clone(served);
    let opened = tokio::task::spawn_blocking(move || served.session(Some(seat))).await;
    Ok(opened.map_err(|error| Failed::Broken(error.to_string()))??)
}

/// Starts the one statement of a text.
async fn ask(served: &Served, session: &Session, sql: &str, clock: Clock) -> Result<Rows, Failed> {
    let text = sql.to_owned();
    let mut statements = session.on_threads(clock, move |analyst| analyst.parse(&text)).await?;
    let (Some(statement), true) = (statements.pop(), statements.is_empty()) else {
        let message = "the page asks one statement at a time".to_owned();
        return Err(SqlError::Wrong { message, hint: Some("`polytask sql -f FILE` runs several".to_owned()) }.into());
    };
    session.ask(sql, statement, clock, served.limits.rows).await
}

fn code(failed: &Failed) -> StatusCode {
    match failed {
        Failed::Sql(SqlError::Refused { .. }) => StatusCode::FORBIDDEN,
        Failed::Sql(_) => StatusCode::BAD_REQUEST,
        Failed::Time(_) => StatusCode::GATEWAY_TIMEOUT,
        Failed::Rows(_) | Failed::Bytes(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Failed::Full => StatusCode::SERVICE_UNAVAILABLE,
        Failed::Stranger => StatusCode::UNAUTHORIZED,
        Failed::Broken(_) => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// `/answer.csv` and its kin: all rows of a question.
pub(super) async fn file(
    State(served): State<Arc<Served>>,
    ConnectInfo(peer): ConnectInfo<Peer>,
    Path(name): Path<String>,
    Query(asked): Query<Asked>,
) -> Response {
    let format = name.strip_prefix("answer.").and_then(Format::named).filter(|format| format.streams());
    let Some(format) = format else { return (StatusCode::NOT_FOUND, "there is no such page\n").into_response() };
    let mut teller = Teller::new(Arc::clone(&served.log), "http", peer.to_string(), &asked.sql);
    match written(&served, &asked, format).await {
        Ok(Written { session, file, bytes, rows }) => {
            teller.answered(rows);
            let headers = [
                (CONTENT_TYPE, format.media_type().to_owned()),
                (CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                (CONTENT_LENGTH, bytes.to_string()),
            ];
            (headers, Body::from_stream(pieces(session, file))).into_response()
        }
        Err(failed) => {
            teller.failed(&failed);
            let hint = failed.hint().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
            (code(&failed), format!("error: {failed}\n{hint}")).into_response()
        }
    }
}

/// An answer in a file without a name.
struct Written {
    /// Its place is taken until the file has been sent.
    session: Session,
    file: std::fs::File,
    bytes: u64,
    rows: usize,
}

async fn written(served: &Arc<Served>, asked: &Asked, format: Format) -> Result<Written, Failed> {
    let clock = Clock::begin(served.limits.statement);
    let session = open(served).await?;
    let mut rows = ask(served, &session, &asked.sql, clock).await?;
    let io = |source: std::io::Error| {
        let path = std::env::temp_dir();
        Failed::Sql(crate::table_file::FileError::Io { what: "write an answer in", path, source }.into())
    };
    let file = tempfile::tempfile().map_err(io)?;
    let most = served.limits.temp / served.limits.connections as u64;
    let full = Arc::new(AtomicBool::new(false));
    let told = |error: std::io::Error| if full.load(Ordering::Relaxed) { Failed::Bytes(most) } else { io(error) };
    let sink = Limited { file: std::io::BufWriter::new(file.try_clone().map_err(io)?), left: most, full: Arc::clone(&full) };
    let mut writer = ResultWriter::new(format, Arc::clone(rows.schema()), Box::new(sink)).map_err(told)?;
    while let Some(batch) = rows.next().await? {
        writer.write(&batch).map_err(told)?;
    }
    let rows = writer.finish().map_err(told)?;
    let mut file = file;
    let bytes = file.metadata().map_err(io)?.len();
    file.rewind().map_err(io)?;
    Ok(Written { session, file, bytes, rows })
}

/// A file that grows so far and no further.
struct Limited {
    file: std::io::BufWriter<std::fs::File>,
    left: u64,
    /// Set where it would have grown further: writers in between keep the text of an error only.
    full: Arc<AtomicBool>,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.full.store(true, Ordering::Relaxed);
            return Err(std::io::ErrorKind::FileTooLarge.into());
        };
        self.left = left;
        self.file.write_all(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A file, piece by piece; `session` is dropped after the last.
fn pieces(session: Session, file: std::fs::File) -> impl futures::Stream<Item = std::io::Result<Bytes>> {
    stream::try_unfold((session, file), |(session, mut file)| async move {
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; PIECE];
            let read = file.read(&mut piece)?;
            piece.truncate(read);
            Ok::<_, std::io::Error>((piece, file))
        });
        let (piece, file) = read.await.map_err(std::io::Error::other)??;
        Ok(if piece.is_empty() { None } else { Some((Bytes::from(piece), (session, file))) })
    })
}
