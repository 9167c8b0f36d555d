//! The schedules of `docs/schedule` and of the README: each is held against its own tool, and its command line runs a night.
//!
//! `.ci/run` installs the tools from the Debian and Python registries: `systemd-analyze` on the PATH; `kubernetes-validate` and Airflow
//! below `tools` in the target folder, or where `POLYTASK_KUBERNETES_VALIDATE` and `POLYTASK_AIRFLOW_PYTHON` say. What is not there is
//! said to be left out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::shop::{NIGHT, Shop, said};

/// A schedule as it is shipped.
fn shipped(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schedule").join(file)
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A program by its variable; else a path is looked for below the tools of the target folder, and a bare name on the PATH. `None`, and a
/// line that says so, where there is none.
pub fn tool(variable: &str, program: &str) -> Option<PathBuf> {
    let path = || std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|found| found.is_file());
    let tools = || Some(std::env::current_exe().ok()?.ancestors().nth(3)?.join("tools").join(program));
    let named = std::env::var_os(variable).map(PathBuf::from);
    let found = named.or_else(|| if program.contains('/') { tools() } else { path() }).filter(|found| found.is_file());
    if found.is_none() {
        println!("LEFT OUT: no {program}. `{variable}` names it; .ci/run installs it");
    }
    found
}

fn runs(command: &mut Command) -> Output {
    command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"))
}

#[test]
fn systemd_takes_every_line_of_the_units() {
    let Some(analyze) = tool("POLYTASK_SYSTEMD_ANALYZE", "systemd-analyze") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["polytask@.service", "polytask@.timer", "polytask-failed@.service"];
    // A unit that is named by an instance has its `%i` replaced, so the unit that OnFailure names is looked for too.
    let mut units = Vec::new();
    for file in files {
        fs::copy(shipped(file), folder.path().join(file)).expect("a copy");
        let instance = file.replace('@', "@shop");
        std::os::unix::fs::symlink(file, folder.path().join(&instance)).expect("a link");
        units.push(format!("./{instance}"));
    }
    let verify = |units: &[String]| runs(Command::new(&analyze).arg("verify").args(units).current_dir(folder.path()));
    let verified = verify(&units);
    // It warns of keys that it does not know and still ends in 0: any word about one of these files is a failure.
    assert!(verified.status.success() && !said(&verified).contains("polytask"), "{}", said(&verified));
    let service = text(&shipped(files[0]));
    for (key, wrong) in [("MemoryMax=8G", "MemoryMaxx=8G"), ("TimeoutStopSec=30s", "TimeoutStopSec=soon"), ("UMask=0027", "UMask=9")] {
        fs::write(folder.path().join(files[0]), service.replacen(key, wrong, 1)).expect("a unit");
        let verified = verify(&units[..1]);
        assert!(said(&verified).contains("polytask@"), "the tool does not see {wrong}: {}", said(&verified));
    }
    let calendar = text(&shipped(files[1])).lines().find_map(|line| line.strip_prefix("OnCalendar=").map(str::to_owned)).expect("a time");
    // The day before clocks change in New York: the next night is 05:30 by the new hour.
    let next = runs(Command::new(&analyze).args(["calendar", "--base-time", "2026-03-07 12:00:00 UTC", &calendar]).env("TZ", "UTC"));
    assert!(said(&next).contains("2026-03-08 09:30:00 UTC"), "{}", said(&next));
}

#[test]
fn kubernetes_takes_the_cron_job() {
    let Some(validate) = tool("POLYTASK_KUBERNETES_VALIDATE", "kubernetes/bin/kubernetes-validate") else { return };
    let file = shipped("cronjob.yaml");
    let valid = runs(Command::new(&validate).arg("--strict").arg(&file));
    assert!(valid.status.success(), "{}", said(&valid));
    let folder = tempfile::tempdir().expect("a folder");
    let wrong = folder.path().join("cronjob.yaml");
    fs::write(&wrong, text(&file).replacen("concurrencyPolicy", "concurencyPolicy", 1)).expect("a file");
    let refused = runs(Command::new(&validate).arg("--strict").arg(&wrong));
    assert!(!refused.status.success(), "the tool does not see a key that is not one: {}", said(&refused));
}

/// Parses the DAG as Airflow's scheduler does, and prints the command of a night whose interval ends at a moment.
const PARSE: &str = r#"
import sys
from airflow.dag_processing.dagbag import DagBag
bag = DagBag(dag_folder=sys.argv[1])
assert not bag.import_errors, bag.import_errors
(dag,) = bag.dags.values()
(night,) = dag.tasks
import pendulum
context = {"data_interval_end": pendulum.parse(sys.argv[2])}
print("command:", night.render_template(night.bash_command, context))
print("catchup", dag.catchup, "at a time", dag.max_active_runs, "retries", night.retries)
"#;

/// The lines of every schedule, with what the scheduler puts in for a night of [`NIGHT`]; run in the shop's folder by a shell.
#[track_caller]
fn publishes(line: &str) {
    let shop = Shop::new();
    let binary = assert_cmd::cargo::cargo_bin("polytask");
    let folder = binary.parent().expect("a folder");
    let path = std::env::join_paths(
        std::iter::once(folder.to_path_buf()).chain(std::env::split_paths(&std::env::var_os("PATH").expect("a PATH"))),
    );
    let home = shop.path().parent().expect("a folder");
    let line = line.replace("/usr/local/bin/polytask", "polytask").replace("$HOME/shop", &shop.path().display().to_string());
    let run = || {
        runs(
            Command::new("/bin/sh")
                .args(["-c", &line])
                .current_dir(shop.path())
                .env("PATH", path.as_ref().expect("a PATH"))
                .env("HOME", home),
        )
    };
    let first = run();
    assert!(first.status.success(), "{line}: {}", said(&first));
    assert!(shop.current().ends_with(fs::read_to_string(shop.runs().join("CURRENT")).expect("a run").trim()));
    let as_of = polytask::publish::Manifest::read(&shop.current()).expect("a manifest").as_of;
    assert_eq!(as_of, NIGHT, "{line}");
    assert!(run().status.success(), "{line}: a second try finds nothing to do");
}

/// What a scheduler starts at 05:30 of [`NIGHT`] asks the clock for the day.
fn on_the_night(line: &str) -> String {
    let dated = line.replace("$(date +%F)", NIGHT).replace("$(TZ=America/New_York date +%F)", NIGHT);
    assert_ne!(dated, line, "{line} does not ask for the day");
    dated
}

#[test]
fn the_command_of_the_systemd_unit_publishes_a_night() {
    let service = text(&shipped("polytask@.service"));
    let line = service.lines().find_map(|line| line.strip_prefix("ExecStart=/bin/sh -c '")).and_then(|line| line.strip_suffix('\''));
    publishes(&on_the_night(&line.expect("a command").replace("%i", "shop").replace("%%", "%")));
}

#[test]
fn the_command_of_the_cron_job_publishes_a_night() {
    let cron_job = text(&shipped("cronjob.yaml"));
    let line = cron_job.lines().find_map(|line| line.trim().strip_prefix("- exec ")).expect("a command");
    publishes(&on_the_night(line));
}

#[test]
fn the_line_of_cron_publishes_a_night() {
    let readme = text(&Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md"));
    let line = readme.lines().find_map(|line| line.strip_prefix("30 5 * * *  ")).expect("a line of cron").replace("\\%", "%");
    publishes(&on_the_night(&line));
}

#[test]
fn airflow_parses_the_dag_and_its_command_publishes_a_night() {
    let Some(python) = tool("POLYTASK_AIRFLOW_PYTHON", "airflow/bin/python") else { return };
    let home = tempfile::tempdir().expect("a folder");
    // 05:30 in New York, when it is another day nowhere but further east.
    let asked = |file: &Path, moment: &str| {
        let mut command = Command::new(&python);
        command.args(["-W", "error::DeprecationWarning", "-c", PARSE]).arg(file).arg(moment);
        runs(command.env("AIRFLOW_HOME", home.path()).env("AIRFLOW__CORE__LOAD_EXAMPLES", "False"))
    };
    let file = shipped("polytask_dag.py");
    let parsed = asked(&file, &format!("{NIGHT}T10:30:00+00:00"));
    let told = said(&parsed);
    assert!(parsed.status.success() && !told.contains("deprecated"), "{told}");
    assert!(told.contains("catchup True at a time 1 retries 2"), "{told}");
    let line = told.lines().find_map(|line| line.strip_prefix("command: ")).expect("a command");
    assert!(line.ends_with(NIGHT), "{line}");
    let late = asked(&file, &format!("{NIGHT}T02:00:00+00:00"));
    assert!(!said(&late).contains(&format!("--as-of {NIGHT}")), "a moment of the day before in New York: {}", said(&late));
    publishes(line);
    let wrong = home.path().join("polytask_dag.py");
    fs::write(&wrong, text(&file).replacen("max_active_runs=1", "max_active_nights=1", 1)).expect("a file");
    assert!(!asked(&wrong, NIGHT).status.success(), "the parser does not see an argument that is not one");
}
