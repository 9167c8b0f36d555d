//! `polytask serve` as a whole program on the small shop: pages and files for browsers, PostgreSQL's protocol by real clients, who is let
//! in, what is refused, and what ends at its limit while others go on.
//!
//! The clients are `psql` and `chromium` of the PATH and two Python environments below `tools` in the target folder, where `.ci/run`
//! installs them; what is not there is said to be left out. Not here: what the tables hold (`sql_tables`), how a page is built (`report`).

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use arrow::array::AsArray as _;
use arrow::datatypes::Float64Type;

use crate::schedule::tool;
use crate::shop::{Shop, read, said};
use crate::sql::tree;

/// A server on ports of its own.
struct Server {
    child: Child,
    /// What it says on stderr: a file, which is never full.
    log: tempfile::NamedTempFile,
    pg: String,
    http: String,
}

impl Server {
    /// Serves the shop; `more` are arguments.
    fn start(shop: &Shop, more: &[&str]) -> Self {
        Self::with(shop, more, None)
    }

    fn with(shop: &Shop, more: &[&str], password: Option<&str>) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
        command.current_dir(shop.path()).args(["serve", "queries/shop", "--pg", "127.0.0.1:0", "--http", "127.0.0.1:0"]).args(more);
        let log = tempfile::NamedTempFile::new().expect("a file");
        command.env_remove("POLYTASK_SERVE_PASSWORD").stdout(Stdio::piped()).stderr(log.reopen().expect("a file"));
        if let Some(password) = password {
            command.env("POLYTASK_SERVE_PASSWORD", password);
        }
        let mut child = command.spawn().expect("the binary");
        let mut lines = BufReader::new(child.stdout.take().expect("stdout")).lines();
        let mut line = || {
            let line = lines.next().and_then(Result::ok);
            line.unwrap_or_else(|| panic!("the server did not begin: {}", fs::read_to_string(log.path()).unwrap_or_default()))
        };
        let address = |line: String| line.split("://").nth(1).expect("an address").trim_end_matches('/').to_owned();
        let pg = address(line()).trim_start_matches("polytask@").trim_end_matches("/polytask").to_owned();
        let http = address(line());
        Self { child, log, pg, http }
    }

    /// Stops it as a scheduler does; returns its log.
    fn stop(mut self) -> String {
        let killed = Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().expect("kill");
        assert!(killed.success());
        let status = self.child.wait().expect("an exit");
        let log = fs::read_to_string(self.log.path()).expect("a log");
        assert_eq!(status.code(), Some(0), "{log}");
        log
    }

    /// Asks for a page.
    fn get(&self, path: &str) -> Page {
        self.ask(path, &[])
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Page {
        let host = if headers.iter().any(|(name, _)| *name == "Host") { String::new() } else { format!("Host: {}\r\n", self.http) };
        let more: Vec<String> = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let more = more.concat();
        let mut stream = TcpStream::connect(&self.http).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_mins(2))).expect("a timeout");
        write!(stream, "GET {path} HTTP/1.1\r\n{host}{more}Connection: close\r\n\r\n").expect("a request");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("an answer");
        let at = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("headers");
        let head = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a code");
        Page { code, head: head.to_lowercase(), body: bytes[at + 4..].to_vec() }
    }

    /// The page of a question.
    fn question(&self, sql: &str) -> Page {
        self.get(&format!("/?{}", query(sql)))
    }

    /// A file of all rows of a question.
    fn file(&self, format: &str, sql: &str) -> Page {
        self.get(&format!("/answer.{format}?{}", query(sql)))
    }

    /// Asks by `psql`; `None` where there is none.
    fn psql(&self, more: &[&str], password: Option<&str>) -> Option<Output> {
        let psql = tool("POLYTASK_PSQL", "psql")?;
        let (host, port) = self.pg.split_once(':').expect("a port");
        let mut command = Command::new(psql);
        command.args(["-X", "-w", "-q", "-A", "-t", "-h", host, "-p", port, "-U", "ann", "-d", "polytask"]).args(more);
        command.env_remove("PGPASSWORD").env("PGCONNECT_TIMEOUT", "20");
        if let Some(password) = password {
            command.env("PGPASSWORD", password);
        }
        Some(command.output().expect("psql"))
    }

    /// What `psql` prints for a question that is answered.
    #[track_caller]
    fn rows(&self, sql: &str) -> Option<String> {
        let output = self.psql(&["-c", sql], None)?;
        assert!(output.status.success(), "{sql}: {}", said(&output));
        Some(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An answer.
struct Page {
    code: u16,
    head: String,
    body: Vec<u8>,
}

impl Page {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

fn query(sql: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new()).append_pair("sql", sql).finish()
}

/// A shop with a published night, what belongs to it, and nothing else.
fn published() -> (Shop, BTreeMap<PathBuf, Vec<u8>>) {
    let shop = Shop::new();
    shop.published();
    let files = tree(shop.path());
    (shop, files)
}

#[test]
fn a_question_is_answered_as_a_page_and_as_files_that_say_the_same_as_the_shell() {
    let (shop, before) = published();
    let server = Server::start(&shop, &[]);
    let start = server.get("/");
    assert_eq!(start.code, 200);
    for part in ["A small shop", "by_channel", "<details><summary>current", "/reports/", "textarea"] {
        assert!(start.text().contains(part), "no «{part}» in {}", start.text());
    }
    for header in ["x-content-type-options: nosniff", "x-frame-options: deny", "cache-control: no-store", "referrer-policy: no-referrer"] {
        assert!(start.head.contains(header), "{}", start.head);
    }
    let sql = "select scenario, count(*) as n, avg(purchase) as purchase from scores group by scenario order by scenario";
    let page = server.question(sql).text();
    for part in ["<th scope=\"col\">scenario</th>", "<td>app</td>", "<svg role=\"img\"", "/answer.parquet?sql=select"] {
        assert!(page.contains(part), "no «{part}» in {page}");
    }
    let (told, _) = shop.succeeds(&["sql", "queries/shop", "--format", "csv", "-c", sql]);
    let file = server.file("csv", sql);
    assert_eq!((file.code, file.text()), (200, told));
    assert!(file.head.contains("content-disposition: attachment; filename=\"answer.csv\""), "{}", file.head);
    let parquet = shop.path().join("answer.parquet");
    fs::write(&parquet, server.file("parquet", "select purchase from scores").body).expect("a file");
    let (own, published) = (read(&parquet), read(&scores(&shop)));
    fs::remove_file(&parquet).expect("a file");
    let sum = |rows: &arrow::array::RecordBatch| -> f64 {
        rows.column_by_name("purchase").expect("a column").as_primitive::<Float64Type>().values().iter().sum()
    };
    assert!(own.num_rows() >= published.num_rows() && sum(&own) >= sum(&published));
    let json: serde_json::Value = serde_json::from_slice(&server.file("json", sql).body).expect("JSON");
    assert_eq!(json.as_array().map(Vec::len), Some(2));
    // The reports as the night wrote them, and nothing beside them.
    assert_eq!(server.get("/reports/index.html").body, fs::read(shop.path().join("reports/shop/index.html")).expect("an index"));
    for path in ["/reports/../../data/shop/runs/CURRENT", "/reports/%2e%2e/%2e%2e/queries/shop/job.toml", "/reports/none.html", "/none"] {
        assert_eq!(server.get(path).code, 404, "{path}");
    }
    let wrong = server.question("select purchas from scores");
    assert_eq!(wrong.code, 400);
    assert!(wrong.text().contains("column `purchas` not found") && wrong.text().contains("did you mean `purchase`?"), "{}", wrong.text());
    let log = server.stop();
    assert!(log.contains("2 rows: select scenario") && log.contains("failed: column `purchas` not found"), "{log}");
    assert_eq!(tree(shop.path()), before, "a server changed a file");
}

/// A file of published scores.
fn scores(shop: &Shop) -> PathBuf {
    let files = tree(&shop.current().join("scores"));
    files.into_keys().next().expect("scores")
}

/// What could write, or read what the job does not list.
const HOSTILE: [&str; 34] = [
    "insert into scores values (1)",
    "update scores set purchase = 1",
    "delete from scores",
    "truncate scores",
    "drop table scores",
    "alter table scores add column a int",
    "create table a as select 1",
    "create view a as select 1",
    "create external table t stored as csv location '/etc/passwd'",
    "create schema a",
    "create database a",
    "create function f(a int) returns int return a",
    "copy scores to 'out.csv'",
    "copy (select 1) to 'out.parquet'",
    "select 1 into a from scores",
    "with a as (insert into scores values (1)) select 1",
    "with a as (delete from scores) select * from a",
    "explain analyze insert into scores select * from scores",
    "explain analyze copy scores to 'out.csv'",
    "explain analyze create table a as select 1",
    "prepare p as insert into scores values (1)",
    "prepare p as select 1",
    "execute p",
    "set datafusion.execution.batch_size = 1",
    "set datafusion.runtime.memory_limit = '900G'",
    "select * from '/etc/passwd'",
    "select * from \"../../../etc/passwd\"",
    "select * from 'https://example.org/a.parquet'",
    "select * from read_parquet('a.parquet')",
    "select * from score((select * from 'a.parquet'))",
    "select * from score((insert into scores values (1)))",
    "call f()",
    "grant all on scores to ann",
    "merge into scores using candidates on true when matched then delete",
];

#[test]
fn whatever_could_write_or_read_elsewhere_is_refused_to_browsers() {
    let (shop, before) = published();
    let server = Server::start(&shop, &[]);
    for sql in HOSTILE {
        for page in [server.question(sql), server.file("csv", sql)] {
            assert!([400, 403].contains(&page.code), "{sql}: {} {}", page.code, page.text());
        }
    }
    // A text of several statements is none.
    assert_eq!(server.question("select 1; drop table scores").code, 403);
    assert_eq!(server.question("select 1; select 2").code, 400);
    assert_eq!(server.question("select count(*) from scores").code, 200);
    drop(server);
    assert_eq!(tree(shop.path()), before, "a refused statement changed a file");
}

#[test]
fn whatever_could_write_or_read_elsewhere_is_refused_to_postgresql_clients() {
    let (shop, before) = published();
    let server = Server::start(&shop, &[]);
    let codes = ["42501", "42601", "42P01", "55000"];
    for sql in HOSTILE {
        let Some(output) = server.psql(&["-v", "VERBOSITY=sqlstate", "-c", sql], None) else { return };
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && codes.iter().any(|code| told.contains(code)), "{sql}: {}", said(&output));
    }
    // One refused statement of several leaves the others alone; a limit is widened by nobody.
    let all = "set statement_timeout = '1h'; select 1; copy scores to 'a.csv'; select 2";
    let output = server.psql(&["-c", all], None).expect("psql");
    assert!(!output.status.success() && said(&output).contains("`COPY` is refused here"), "{}", said(&output));
    assert_eq!(server.rows("select count(*) > 100 from scores").as_deref(), Some("t"));
    drop(server);
    assert_eq!(tree(shop.path()), before, "a refused statement changed a file");
}

#[test]
fn psql_lists_tables_and_gets_the_rows_that_the_shell_gets() {
    let (shop, _) = published();
    let server = Server::start(&shop, &[]);
    let sql = "select household_id, product_id, scenario, purchase from scores order by 1, 2, 3 limit 50";
    let Some(rows) = server.rows(sql) else { return };
    let (told, _) = shop.succeeds(&["sql", "queries/shop", "--format", "csv", "-c", sql]);
    let told: Vec<&str> = told.lines().skip(1).collect();
    assert_eq!(rows.replace('|', ",").lines().collect::<Vec<_>>(), told);
    let listed = said(&server.psql(&["-c", "\\dt current.*"], None).expect("psql"));
    assert!(listed.contains("current|scores|table") && listed.contains("current|metrics|table"), "{listed}");
    let columns = said(&server.psql(&["-c", "\\d current.scores"], None).expect("psql"));
    assert!(columns.contains("household_id|bigint") && columns.contains("purchase|double precision"), "{columns}");
    let schemas = said(&server.psql(&["-c", "\\dn"], None).expect("psql"));
    assert!(["current", "features", "outcome", "raw", "runs", "snapshots"].iter().all(|name| schemas.contains(name)), "{schemas}");
    // Our functions, and a query as an argument.
    let scored =
        "select max(abs(own.p_purchase - scores.purchase)) from score((select * from snapshots.frame where split = 'tonight')) as own
                  inner join scores on scores.household_id = own.household_id and scores.product_id = own.product_id
                      and scores.scenario = own.channel";
    assert_eq!(server.rows(scored).as_deref(), Some("0"));
    let auc = server.rows("select auc(y_purchase, p_purchase) between 0.5 and 1 from current.holdout").expect("psql");
    assert_eq!(auc, "t");
    let wrong = said(&server.psql(&["-c", "select purchas from scores"], None).expect("psql"));
    for part in ["ERROR:  column `purchas` not found", "select purchas from scores", "^^^^^^^", "HINT:  did you mean `purchase`?"] {
        assert!(wrong.contains(part), "no «{part}» in {wrong}");
    }
    // A transaction that failed is over when the client says so.
    let file = shop.path().join("failed.sql");
    fs::write(&file, "begin;\nselect nothing;\nselect 1;\nrollback;\nselect 7;\n").expect("a file");
    let output = said(&server.psql(&["-f", &file.display().to_string()], None).expect("psql"));
    assert!(output.contains("the transaction has failed") && output.lines().any(|line| line == "7"), "{output}");
    let log = server.stop();
    assert!(log.contains("pg 127.0.0.1:") && log.contains("50 rows: select household_id"), "{log}");
}

#[test]
fn a_password_is_asked_for_by_both_doors_and_without_one_nobody_else_is_let_in() {
    let (shop, _) = published();
    // A server that others could reach does not begin without a password, or with a short one.
    for (more, password, says) in [
        (["--http", "0.0.0.0:0"], None, "without a password"),
        (["--pg", "0.0.0.0:0"], None, "without a password"),
        (["--http", "127.0.0.1:0"], Some("short"), "fewer than 8 characters"),
    ] {
        let mut command = assert_cmd::Command::cargo_bin("polytask").expect("the binary");
        command.current_dir(shop.path()).args(["serve", "queries/shop"]).args(more).env_remove("POLYTASK_SERVE_PASSWORD");
        if let Some(password) = password {
            command.env("POLYTASK_SERVE_PASSWORD", password);
        }
        let output = command.timeout(Duration::from_mins(1)).output().expect("an exit");
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(says) && said(&output).contains("\nhint: "), "{}", said(&output));
    }
    let output = shop.polytask(&["serve", "queries/shop", "--http", "127.0.0.1:0", "--connections", "64", "--memory", "1GB"]);
    assert!(output.status.code() == Some(2) && said(&output).contains("leave each of them 15 MB"), "{}", said(&output));
    let server = Server::with(&shop, &[], Some("correct: horse"));
    let refused = server.get("/");
    assert_eq!(refused.code, 401);
    assert!(refused.head.contains("www-authenticate: basic"), "{}", refused.head);
    // "ann:correct: horse" and "ann:wrong", in Base64.
    assert_eq!(server.ask("/", &[("Authorization", "Basic YW5uOmNvcnJlY3Q6IGhvcnNl")]).code, 200);
    assert_eq!(server.ask("/answer.csv?sql=select+1", &[("Authorization", "Basic YW5uOndyb25n")]).code, 401);
    if let Some(output) = server.psql(&["-c", "select 1"], Some("correct: horse")) {
        assert!(output.status.success() && said(&output).trim() == "1", "{}", said(&output));
        for wrong in [Some("wrong password"), None] {
            let output = server.psql(&["-c", "select 1"], wrong).expect("psql");
            assert!(!output.status.success(), "{wrong:?}: {}", said(&output));
        }
    }
    drop(server);
    // Without a password: names of this machine only, and no questions behind a reader's back.
    let server = Server::start(&shop, &[]);
    assert_eq!(server.ask("/", &[("Host", "shop.example:8080")]).code, 403);
    let other = [("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "no-cors")];
    assert_eq!(server.ask("/answer.csv?sql=select+1", &other).code, 403);
    assert_eq!(server.ask("/?sql=select+1", &[("Sec-Fetch-Site", "cross-site"), ("Sec-Fetch-Mode", "navigate")]).code, 200);
}

/// Rows without end, in three kinds.
const ENDLESS: [&str; 3] = [
    "select count(*) from generate_series(1, 1000000000000)",
    "select count(*) from scores, generate_series(1, 1000000000000) as many where scores.purchase + many.value < 0",
    "select * from generate_series(1, 1000000000000) where value < 0",
];

#[test]
fn what_has_no_end_ends_at_its_limit_while_another_client_goes_on() {
    let (shop, _) = published();
    let server = Server::start(&shop, &["--statement-timeout", "6", "--threads", "2"]);
    let here = &server;
    std::thread::scope(|scope| {
        let endless: Vec<_> = ENDLESS.iter().map(|sql| scope.spawn(move || here.file("csv", sql))).collect();
        let by_psql = scope.spawn(move || here.psql(&["-v", "VERBOSITY=sqlstate", "-c", ENDLESS[1]], None));
        // In the midst of them others are answered; one answer at least comes before the first of them ends.
        let mut meanwhile = 0;
        while endless.iter().all(|one| !one.is_finished()) {
            assert_eq!(here.file("csv", "select count(*) > 100 as enough from scores").text(), "enough\ntrue\n");
            meanwhile += 1;
        }
        assert!(meanwhile > 0, "nobody was answered in the meantime");
        for (one, sql) in endless.into_iter().zip(ENDLESS) {
            let page = one.join().expect("an answer");
            assert_eq!(page.code, 504, "{sql}: {}", page.text());
            assert!(page.text().contains("stopped after 6 s") && page.text().contains("--statement-timeout"), "{}", page.text());
        }
        if let Some(output) = by_psql.join().expect("an answer") {
            assert!(said(&output).contains("57014"), "{}", said(&output));
        }
    });
    // A client may ask for less time, and its session goes on.
    if let Some(output) = server.psql(&["-c", "set statement_timeout = '300ms'", "-c", ENDLESS[0], "-c", "select 8"], None) {
        assert!(said(&output).contains("stopped after 0.3 s"), "{}", said(&output));
    }
}

#[test]
fn rows_memory_and_connections_have_limits() {
    let (shop, _) = published();
    let server = Server::start(&shop, &["--rows", "1000", "--connections", "2", "--memory", "128MB"]);
    let many = server.file("csv", "select * from generate_series(1, 20000)");
    assert_eq!(many.code, 413, "{}", many.text());
    assert!(many.text().contains("stopped after 1000 rows") && many.text().contains("--rows"), "{}", many.text());
    // The page shows the first thousand of as many as may be.
    let page = server.question("select * from generate_series(1, 1000)");
    assert!(page.text().contains("1000 rows in"), "{}", page.text());
    let large = "select max(array_length(b.all)) from (select array_agg(a.value) as all from generate_series(1, 40000000) a) b";
    let page = server.file("csv", large);
    assert_eq!(page.code, 400, "{}", page.text());
    assert!(page.text().contains("--memory") && page.text().contains("start the server with"), "{}", page.text());
    let Some(psql) = tool("POLYTASK_PSQL", "psql") else { return };
    // Two who wait at their terminals take both places.
    let (host, port) = server.pg.split_once(':').expect("a port");
    let wait = || {
        let mut child = Command::new(&psql)
            .args(["-X", "-A", "-t", "-h", host, "-p", port, "-U", "ann", "-d", "polytask"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("psql");
        writeln!(child.stdin.as_mut().expect("stdin"), "select 'here';").expect("a statement");
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().expect("stdout")).read_line(&mut line).expect("an answer");
        assert_eq!(line.trim(), "here");
        child
    };
    let mut waiting = [wait(), wait()];
    let full = server.psql(&["-c", "select 1"], None).expect("psql");
    assert!(!full.status.success() && said(&full).contains("all connections are taken"), "{}", said(&full));
    assert_eq!(server.question("select 1").code, 503);
    for child in &mut waiting {
        drop(child.stdin.take());
        child.wait().expect("an exit");
    }
    let again = (0..200).any(|_| {
        std::thread::sleep(Duration::from_millis(50));
        server.psql(&["-c", "select 1"], None).is_some_and(|output| output.status.success())
    });
    assert!(again, "places are not given back");
}

/// A message of PostgreSQL's protocol.
fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = (body.len() as u32 + 4).to_be_bytes();
    let kind: &[u8] = if kind == 0 { &[] } else { &[kind] };
    [kind, &length, body].concat()
}

#[test]
fn whoever_does_not_say_the_password_asks_nothing_whatever_is_said_after_the_refusal() {
    let (shop, _) = published();
    let server = Server::with(&shop, &[], Some("correct horse"));
    let startup = message(0, b"\0\x03\0\0user\0ann\0database\0polytask\0\0");
    let proof = message(b'p', &[b"FOO\0".as_slice(), &(-1_i32).to_be_bytes()].concat());
    let asks = [message(b'Q', b"select 'BLIND' as blind\0"), message(b'P', b"\0select 'BLIND'\0\0\0")];
    for refused in [vec![], vec![proof.clone()], vec![message(b'p', b"SCRAM-SHA-256\0\0\0\0\x04n,,x"), message(b'p', b"c=biws,r=x,p=x")]] {
        for ask in &asks {
            let mut stream = TcpStream::connect(&server.pg).expect("a connection");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a timeout");
            let told = [startup.clone(), refused.concat(), ask.clone(), message(b'S', b"")].concat();
            let _ = stream.write_all(&told);
            let mut answer = Vec::new();
            // It ends, or it says nothing more.
            let _ = stream.read_to_end(&mut answer);
            assert!(!String::from_utf8_lossy(&answer).contains("BLIND"), "{}", String::from_utf8_lossy(&answer));
        }
    }
    let log = server.stop();
    assert!(!log.contains("rows: select 'BLIND'"), "{log}");
}

#[test]
fn long_deep_and_costly_statements_are_refused_and_the_server_goes_on() {
    let (shop, _) = published();
    let server = Server::start(&shop, &["--statement-timeout", "20"]);
    let chain = |links: usize, first: &str, more: &str| format!("select {first}{}", more.repeat(links));
    let asked = [
        chain(3000, "1", "+1"),
        chain(3000, "true", " or 1=2"),
        chain(3000, "1", "::int"),
        chain(3000, "1", " union all select 1"),
        chain(2600, "'a'", "||chr(65)"),
        format!("select {}1{}", "(".repeat(40), ")".repeat(40)),
        "select repeat('x', 1500000000)".to_owned(),
        "select lpad('x', 1000000000)".to_owned(),
        "select levenshtein(repeat('a', 150000), repeat('b', 150000))".to_owned(),
        format!("select 'pg_class'{}", "||'y'".repeat(2600)),
    ];
    for sql in &asked {
        let page = server.file("csv", sql);
        assert_eq!(page.code, 400, "{}: {}", &sql[..60.min(sql.len())], page.text());
        let file = shop.path().join("long.sql");
        fs::write(&file, format!("{sql};\n")).expect("a file");
        if let Some(output) = server.psql(&["-v", "ON_ERROR_STOP=1", "-f", &file.display().to_string()], None) {
            assert!(said(&output).contains("ERROR"), "{}: {}", &sql[..60.min(sql.len())], said(&output));
        }
    }
    // Long ones, on every thread that they pass.
    for sql in [chain(1000, "1", "+1"), chain(500, "1", " union all select 1")] {
        assert_eq!(server.file("csv", &sql).code, 200, "{}", server.file("csv", &sql).text());
    }
    // More values than there can be, prepared.
    let startup = message(0, b"\0\x03\0\0user\0ann\0database\0polytask\0\0");
    let mut stream = TcpStream::connect(&server.pg).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    let told =
        [startup, message(b'P', b"\0select $4000000000\0\0\0"), message(b'D', b"S\0"), message(b'S', b""), message(b'X', b"")].concat();
    stream.write_all(&told).expect("a statement");
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(String::from_utf8_lossy(&answer).contains("at most 65535 values"), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(server.file("csv", "select 1 as a").text(), "a\n1\n");
}

#[test]
fn what_people_ask_is_not_rewritten_for_drivers() {
    let (shop, _) = published();
    let server = Server::start(&shop, &[]);
    let own = "select (select count(*) > 100 from scores where scenario <> 'pg_x') as n, current_date is not null as today";
    let Some(rows) = server.rows(own) else { return };
    assert_eq!(rows, "t|t");
    assert_eq!(server.rows("select 2 ^ 3, current_date is not null").as_deref(), Some("1|t"), "the dialect is the shell's");
    for wrong in ["select nonsense from pg_constraint", "select c.nonsense from pg_class c join pg_index i on true"] {
        let output = server.psql(&["-c", wrong], None).expect("psql");
        assert!(!output.status.success() && said(&output).contains("nonsense"), "{wrong}: {}", said(&output));
    }
    // The job's own parameters, as in the shell.
    assert_eq!(server.rows("select count(*) from scores where as_of > $as_of_date").as_deref(), Some("0"));
    let many = "select 1;".repeat(9);
    assert!(said(&server.psql(&["-c", &many], None).expect("psql")).contains("at most 8 questions"));
}

#[test]
fn a_new_night_is_seen_by_whoever_asks_next() {
    let (shop, _) = published();
    let server = Server::start(&shop, &[]);
    let now = |server: &Server| server.file("csv", "select distinct run from current.scores").text();
    let first = now(&server);
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
    let second = now(&server);
    assert_ne!(first, second);
    assert!(second.contains("2026-02-27"), "{second}");
    assert!(server.get("/").text().contains("/reports/2026-02-27"), "{}", server.get("/").text());
}

/// A Python environment of `.ci/run`.
fn python(variable: &str, environment: &str) -> Option<PathBuf> {
    tool(variable, &format!("{environment}/bin/python"))
}

/// A script beside this file.
fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/serve").join(name)
}

#[track_caller]
fn passes(command: &mut Command) {
    let output = command.output().expect("a program");
    assert!(output.status.success(), "{}", said(&output));
}

#[test]
fn sqlalchemy_and_pandas_ask_as_they_ask_postgresql() {
    let Some(python) = python("POLYTASK_SQLALCHEMY_PYTHON", "sqlalchemy") else { return };
    let (shop, _) = published();
    let server = Server::with(&shop, &[], Some("correct horse"));
    passes(Command::new(&python).arg(script("session.py")).arg(&server.pg).env("PGPASSWORD", "correct horse"));
}

#[test]
fn tools_are_answered_when_they_connect() {
    let (shop, _) = published();
    let server = Server::start(&shop, &[]);
    let files = ["dbeaver.sql", "metabase.sql", "pgcli.sql"].map(script);
    for file in &files {
        let Some(output) = server.psql(&["-v", "ON_ERROR_STOP=1", "-f", &file.display().to_string()], None) else { break };
        assert!(output.status.success(), "{}: {}", file.display(), said(&output));
    }
    let Some(python) = python("POLYTASK_SQLALCHEMY_PYTHON", "sqlalchemy") else { return };
    passes(Command::new(&python).arg(script("replay.py")).arg(&server.pg).args(&files));
}

#[test]
fn the_page_works_in_a_browser() {
    let Some(python) = python("POLYTASK_PLAYWRIGHT_PYTHON", "playwright") else { return };
    let Some(chromium) = tool("POLYTASK_CHROMIUM", "chromium") else { return };
    let (shop, _) = published();
    let server = Server::start(&shop, &[]);
    passes(Command::new(&python).arg(script("browser.py")).arg(format!("http://{}/", server.http)).arg(chromium));
}
