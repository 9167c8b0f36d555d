//! Sources in object stores: nights over a mounted folder, and over a real S3 server that runs on this machine.
//!
//! The server is moto's (`pip install 'moto[s3,server]'`): `POLYTASK_MOTO_SERVER` names its program, else it is looked for in
//! `tools/moto` below the target folder, where `.ci/run` puts it. Where there is none, the test says that it was left out.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use polytask::publish::Manifest;

use crate::shop::{NIGHT, Shop, said};
use crate::sources::partition;

const NEXT: &str = "2026-02-21";
const SECRET: &str = "hunter2-hunter2-hunter2";

/// A server of its own that ends with the test.
struct Server {
    process: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Server {
    /// `None`, and a line that says so, where no server is installed.
    fn start() -> Option<Self> {
        let beside = || std::env::current_exe().ok()?.ancestors().nth(3).map(|target| target.join("tools/moto/bin/moto_server"));
        let Some(program) = std::env::var_os("POLYTASK_MOTO_SERVER").map(PathBuf::from).or_else(beside).filter(|program| program.exists())
        else {
            println!("LEFT OUT: no S3 server. `POLYTASK_MOTO_SERVER` names the program moto_server; .ci/run installs it");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
        let mut command = Command::new(program);
        command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn().expect("moto_server starts"), port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_mins(1), "moto_server does not answer");
            std::thread::sleep(Duration::from_millis(100));
        }
        Some(server)
    }

    /// One request of the S3 protocol; this server asks for a signature and does not look at it.
    #[track_caller]
    fn ask(&self, method: &str, path: &str, body: &[u8]) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        let length = body.len();
        let signed = "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTEST/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0";
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nAuthorization: {signed}\r\nContent-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        assert!(answer.starts_with("HTTP/1.1 20"), "{method} {path}: {answer}");
    }

    fn upload(&self, key: &str, file: &Path) {
        self.ask("PUT", &format!("/shop/{key}"), &fs::read(file).expect("a file"));
    }
}

/// Runs the program with credentials for the server at a port.
fn polytask(shop: &Shop, port: u16, args: &[&str]) -> Output {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
    command.env("AWS_ENDPOINT", format!("http://127.0.0.1:{port}")).env("AWS_ALLOW_HTTP", "true").env("AWS_REGION", "us-east-1");
    command.env("AWS_ACCESS_KEY_ID", "AKIATESTTESTTEST").env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.current_dir(shop.path()).args(args).output().expect("an exit")
}

fn night(as_of: &str) -> [&str; 4] {
    ["run", "queries/shop", "--as-of", as_of]
}

/// A shop whose orders lie in a folder per day, out of the input folder.
fn delivered() -> (Shop, PathBuf) {
    let shop = Shop::new();
    partition(&shop);
    let store = shop.path().join("store");
    fs::create_dir_all(&store).expect("a folder");
    fs::rename(shop.input().join("orders"), store.join("orders")).expect("a folder");
    (shop, store.join("orders"))
}

fn days(orders: &Path) -> Vec<String> {
    let mut days: Vec<String> =
        fs::read_dir(orders).expect("days").flatten().map(|day| day.file_name().to_string_lossy().into_owned()).collect();
    days.sort();
    days
}

/// No file that a night leaves behind, and nothing that it says, holds the secret.
#[track_caller]
fn no_secret(folder: &Path) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        if entry.path().is_dir() {
            no_secret(&entry.path());
        } else {
            let bytes = fs::read(entry.path()).expect("a file");
            let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!found, "{} holds the secret", entry.path().display());
        }
    }
}

#[test]
fn a_night_reads_a_bucket_and_fetches_only_what_is_new() {
    let Some(server) = Server::start() else { return };
    let (shop, orders) = delivered();
    server.ask("PUT", "/shop", b"");
    let all = days(&orders);
    let (late, early) = all.split_last().expect("days");
    for day in early {
        server.upload(&format!("raw/orders/{day}/part.parquet"), &orders.join(day).join("part.parquet"));
    }
    server.ask("PUT", "/shop/raw/orders/_SUCCESS", b"");
    shop.edit("job.toml", "path = \"orders\"", "path = \"s3://shop/raw/orders\"");

    let plan = polytask(&shop, server.port, &["plan", "queries/shop", "--as-of", NIGHT]);
    assert!(said(&plan).contains(&format!("would fetch    orders: {0} of {0} object(s)", early.len())), "{}", said(&plan));
    let check = polytask(&shop, server.port, &["check", "queries/shop"]);
    assert!(check.status.success() && said(&check).contains("would fetch orders:"), "{}", said(&check));
    assert!(!shop.runs().join("cache/remote").exists(), "nothing is fetched by looking");

    let first = polytask(&shop, server.port, &night(NIGHT));
    assert!(first.status.success(), "{}", said(&first));
    let manifest = Manifest::read(&shop.current()).expect("a manifest");
    let input = manifest.inputs.iter().find(|input| input.source == "orders").expect("the source");
    assert_eq!(input.url.as_deref(), Some("s3://shop/raw/orders"));
    assert_eq!((input.files.len(), input.files[0].file.as_str()), (early.len(), format!("{}/part.parquet", early[0]).as_str()));
    let check = polytask(&shop, server.port, &["check", "queries/shop"]);
    assert!(said(&check).contains("configuration, queries and sources are sound"), "{}", said(&check));
    let again = polytask(&shop, server.port, &night(NIGHT));
    assert!(said(&again).contains("are here already") && said(&again).contains("nothing to do"), "{}", said(&again));

    server.upload(&format!("raw/orders/{late}/part.parquet"), &orders.join(late).join("part.parquet"));
    server.ask("DELETE", &format!("/shop/raw/orders/{}/part.parquet", early[0]), b"");
    let next = polytask(&shop, server.port, &night(NEXT));
    assert!(next.status.success(), "{}", said(&next));
    assert!(said(&next).contains(&format!("fetching source orders: 1 of {} object(s)", early.len())), "{}", said(&next));
    let manifest = Manifest::read(&shop.current()).expect("a manifest");
    let files = &manifest.inputs.iter().find(|input| input.source == "orders").expect("the source").files;
    assert!(files.len() == early.len() && files[0].file.starts_with(&early[1]), "the deleted day is gone");
    let asked = polytask(&shop, 1, &["sql", "queries/shop", "-c", "select count(*) as orders from raw.orders"]);
    assert!(asked.status.success(), "an analyst needs no store: {}", said(&asked));

    server.ask("PUT", "/shop/raw/orders/a%252e%252e/part.parquet", b"hostile");
    let hostile = polytask(&shop, server.port, &night("2026-02-22"));
    assert_eq!(hostile.status.code(), Some(3), "{}", said(&hostile));
    assert!(said(&hostile).contains("the key `a%2e%2e/part.parquet` hides"), "{}", said(&hostile));
    for output in [first, next, hostile] {
        assert!(!said(&output).contains(SECRET));
    }
    no_secret(&shop.runs());
}

#[test]
fn a_store_that_cannot_be_reached_is_exit_74_and_the_old_run_stays() {
    let (shop, _) = delivered();
    shop.edit("job.toml", "path = \"orders\"", "path = \"s3://shop/raw/orders\"");
    let port = TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port();
    let begun = Instant::now();
    let output = polytask(&shop, port, &night(NIGHT));
    assert_eq!(output.status.code(), Some(74), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("source `orders`: s3://shop/raw/orders: ") && told.contains("hint: can it be reached"), "{told}");
    assert!(!told.contains(SECRET) && begun.elapsed() < Duration::from_secs(90), "{:?} {told}", begun.elapsed());
    let asked = polytask(&shop, port, &["sql", "queries/shop", "-c", "select count(*) from raw.orders"]);
    assert!(said(&asked).contains("nothing of s3://shop/raw/orders has been fetched yet"), "{}", said(&asked));
}

#[test]
fn a_variable_that_is_missing_is_a_wrong_setting_and_not_a_store_that_is_away() {
    let (shop, _) = delivered();
    shop.edit("job.toml", "path = \"orders\"", "path = \"az://shop/raw/orders\"");
    let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("AZURE_")) {
        command.env_remove(name);
    }
    let output = command.current_dir(shop.path()).args(night(NIGHT)).output().expect("an exit");
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("the environment does not say enough") && said(&output).contains("hint: "), "{}", said(&output));
}

#[test]
fn credentials_in_job_toml_are_refused_and_not_repeated() {
    let shop = Shop::new();
    for (path, more) in
        [("s3://user:hunter2@shop/orders", ""), ("s3://shop/orders?sig=hunter2", ""), ("s3://shop/orders", "secret = \"hunter2\"\n")]
    {
        let text = fs::read_to_string(shop.job().join("job.toml")).expect("job.toml");
        shop.edit("job.toml", "path = \"orders.parquet\"", &format!("path = \"{path}\"\n{more}"));
        let output = shop.polytask(&["check", "queries/shop"]);
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(
            said(&output).contains("hint: credentials come from the environment") && !said(&output).contains("hunter2"),
            "{}",
            said(&output)
        );
        shop.put("job.toml", &text);
    }
}

/// A mounted folder goes the same way as a bucket: killed while it is fetched, the next night fetches the rest and publishes what an
/// undisturbed one does.
#[cfg(unix)]
#[test]
fn a_night_killed_while_it_fetches_shows_no_part_of_a_file_and_goes_on() {
    let (shop, orders) = delivered();
    shop.edit("job.toml", "path = \"orders\"", &format!("path = \"file://{}\"", orders.display()));
    let run = |shop: &Shop, failpoint: &str| {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
        command.env("POLYTASK_FAILPOINT", failpoint).current_dir(shop.path()).args(night(NIGHT)).output().expect("an exit")
    };
    let all = days(&orders);
    let mirror = |shop: &Shop| {
        fs::read_dir(shop.runs().join("cache/remote"))
            .expect("a mirror")
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.is_dir())
            .expect("a folder")
    };
    for (step, whole) in [("sync", false), ("rename", false), ("sync", true)] {
        let at = if whole { "sync remote/orders/day=2026-02-01".to_owned() } else { format!("{step} orders/day=2026-02-01/part.parquet") };
        let killed = run(&shop, &format!("kill:{at}"));
        assert_eq!(killed.status.code(), None, "{at}: {}", said(&killed));
        for file in all.iter().map(|day| mirror(&shop).join(day).join("part.parquet")).filter(|file| file.exists()) {
            let day = file.parent().and_then(Path::file_name).expect("a day");
            assert_eq!(fs::read(&file).expect("a file"), fs::read(orders.join(day).join("part.parquet")).expect("a file"), "{at}");
        }
        assert!(!shop.runs().join("CURRENT").exists());
        if whole {
            break;
        }
        fs::remove_dir_all(shop.runs().join("cache")).expect("a cache");
    }
    let (out, errors) = shop.succeeds(&night(NIGHT));
    assert!(out.starts_with("published "), "{out}");
    assert!(errors.contains("fetching source orders: "), "{errors}");
    let disturbed = fs::read(shop.current().join("manifest.json")).expect("a manifest");
    fs::remove_dir_all(shop.runs()).expect("runs");
    shop.published();
    assert_eq!(fs::read(shop.current().join("manifest.json")).expect("a manifest"), disturbed);
    let hidden = fs::read_dir(mirror(&shop).join("day=2026-02-01")).expect("a day").flatten().count();
    assert_eq!(hidden, 1, "nothing half-written is left");
}
