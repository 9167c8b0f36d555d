//! What a reader gets: every number of the page is in `report.json`, hostile text is inert in page, CSV and Markdown, nothing is asked
//! of the network, ids are hidden, the index tells of every night, and all words have one place.
//!
//! In: nights on the small shop, and reports made of hostile or very many values. Not here: what a browser says of the page; see
//! `scripts/report_check.mjs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use polytask::report::{self, Report};
use serde_json::Value;

use crate::shop::{NIGHT, Shop};

const NEXT: &str = "2026-02-27";

/// A tag of a page: its name, and its attributes with their values.
type Tag = (String, Vec<(String, String)>);

/// The tags of a page, and its text without style and script. A `<` that opens nothing known stays in the text.
fn parsed(html: &str) -> (Vec<Tag>, String) {
    let (mut tags, mut text, mut rest) = (Vec::new(), String::new(), html);
    while let Some(at) = rest.find('<') {
        text.push_str(&rest[..at]);
        text.push(' ');
        rest = &rest[at + 1..];
        let mut quoted = false;
        let end = rest.find(|c| {
            quoted ^= c == '"';
            c == '>' && !quoted
        });
        let end = end.expect("a tag ends");
        let inner = rest[..end].trim_end_matches('/');
        rest = &rest[end + 1..];
        let name: String = inner.chars().take_while(|c| !c.is_whitespace()).collect();
        let mut attributes = Vec::new();
        let mut left = inner[name.len()..].trim();
        while !left.is_empty() {
            let (key, after) = left.split_once('=').unwrap_or((left, "\"\""));
            let mut parts = after.strip_prefix('"').unwrap_or(after).splitn(2, '"');
            attributes.push((key.trim().to_owned(), parts.next().unwrap_or("").to_owned()));
            left = parts.next().unwrap_or("").trim();
        }
        if ["style", "script"].contains(&name.as_str()) {
            rest = rest.split_once(&format!("</{name}>")).expect("it ends").1;
        }
        tags.push((name, attributes));
    }
    (tags, text + rest)
}

/// Nothing but the page's own elements and attributes, and no reference that leaves the page's folder.
#[track_caller]
fn inert(html: &str) {
    let elements = "!doctype html head meta title style body a div nav main header section h1 h2 h3 p ol ul li dl dt dd span details summary \
                    table thead tbody tr th td small svg g text line rect circle path polyline polygon desc script";
    let elements: BTreeSet<&str> = elements.split_whitespace().collect();
    let own = "lang charset name content http-equiv class href id tabindex role scope aria-label aria-labelledby aria-hidden data-filter html \
               width height viewBox x y x1 y1 x2 y2 cx cy r d points fill fill-opacity stroke stroke-width stroke-dasharray text-anchor";
    let own: BTreeSet<&str> = own.split_whitespace().collect();
    let (tags, _) = parsed(html);
    for (name, attributes) in &tags {
        assert!(elements.contains(name.trim_start_matches('/')), "<{name}>");
        for (key, value) in attributes {
            assert!(own.contains(key.as_str()), "<{name} {key}=\"{value}\">");
            if key == "href" {
                let leaves = [":", "//", "\\"].iter().any(|sign| value.contains(sign));
                assert!(value.starts_with('#') || !leaves, "<{name} {key}=\"{value}\">");
            }
            assert!(!["fill", "stroke"].contains(&key.as_str()) || !value.contains('('), "{value}");
        }
    }
    assert_eq!(tags.iter().filter(|(name, _)| name == "script").count(), 1);
    assert!(!html.contains("\u{202e}"));
}

const CORPUS: [&str; 12] = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror=alert(2)>",
    "' onmouseover='alert(3)",
    "</title></style></svg><svg onload=alert(4)>",
    "javascript:alert(5)",
    "{{ 7 * 7 }}{% raw %}",
    "=HYPERLINK(\"https://evil.example\")",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "\t=1",
    "[a](javascript:alert(6)) ![b](https://evil.example) \u{202e}gnp.exe",
];

/// A report all of whose text is hostile.
fn hostile(text: &str, language: &str) -> Report {
    let t = || text.to_owned();
    let figure = |metric: &str| report::FigureInfo {
        learner: t(),
        scenario: t(),
        task: t(),
        metric: metric.into(),
        value: Some(0.5),
        n: 100,
        note: Some(t()),
        ..report::FigureInfo::default()
    };
    Report {
        title: t(),
        job: t(),
        language: language.into(),
        as_of: t(),
        status: t(),
        learner: t(),
        entity: t(),
        run: t(),
        holdout: t(),
        scenarios: vec![t()],
        tasks: vec![report::TaskInfo { name: t(), kind: "binary".into(), ..report::TaskInfo::default() }],
        figures: ["auc", "base_rate", "ece", "predicted_observed"].map(figure).to_vec(),
        reliability: vec![report::Reliability { scenario: t(), task: t(), n: 100, ..report::Reliability::default() }],
        importance: vec![report::ImportanceInfo {
            scenario: "*".into(),
            task: t(),
            feature: t(),
            value: 1.0,
            ..report::ImportanceInfo::default()
        }],
        effects: vec![report::EffectInfo {
            scenario: "*".into(),
            task: t(),
            feature: t(),
            label: t(),
            n: 100,
            ..report::EffectInfo::default()
        }],
        features: vec![report::FeatureInfo { name: t(), kind: t(), definition: Some(t()), ..report::FeatureInfo::default() }],
        quality: vec![report::QualityInfo { scenario: t(), dimension: t(), measure: t(), subject: String::new(), value: 0.5, n: 100 }],
        refused: vec![report::RefusedInfo { table: t(), reason: t(), rows: 5 }],
        checks: vec![t()],
        tables: vec![report::TableInfo { name: t(), what: t(), rows: 5, refused: 5 }],
        inputs: vec![report::InputInfo { source: t(), file: t(), sha256: t(), ..report::InputInfo::default() }],
        scores: vec![report::ScoreInfo { scenario: t(), rows: 20, means: vec![0.5] }],
        decisions: vec![report::DecisionInfo { name: t(), what: t(), columns: vec![t()], rows_total: 1, rows: vec![vec![t()]] }],
        gates: vec![report::GateInfo { kind: t(), gate: t(), scenario: t(), task: t(), words: t(), ..report::GateInfo::default() }],
        transfer: vec![report::TransferInfo {
            scenario: t(),
            task: t(),
            against: t(),
            metric: "auc".into(),
            verdict: "hurt".into(),
            ..report::TransferInfo::default()
        }],
        stand_ins: vec![(t(), t(), t())],
        compared_with: Some(t()),
        drift: vec![report::DriftInfo {
            scenario: "*".into(),
            feature: t(),
            measure: "psi".into(),
            value: 1.0,
            alarm: true,
            n: 100,
            detail: Some(t()),
            ..report::DriftInfo::default()
        }],
        changes: vec![report::ChangeInfo { scenario: t(), task: t(), metric: "auc".into(), ..report::ChangeInfo::default() }],
        gains: vec![report::GainInfo {
            scenario: t(),
            task: t(),
            decile: 1,
            rows: 10.0,
            cumulative_share: Some(0.5),
            ..report::GainInfo::default()
        }],
        card: report::Card { owner: t(), intended_use: t(), limits: t(), ethics: t(), keys: vec![t()], horizon: t() },
        ..Report::default()
    }
}

#[test]
fn a_scenario_that_has_lost_its_rows_is_the_first_finding_in_both_languages() {
    let gate = report::GateInfo {
        kind: "scenario rows".into(),
        gate: "rows to score in every scenario that had some".into(),
        scenario: "mailer".into(),
        value: Some(0.0),
        limit: Some(1.0),
        words: "There are no rows to score in mailer; the current run had 812.".into(),
        ..report::GateInfo::default()
    };
    for (language, told) in [("en", gate.words.as_str()), ("zh", "场景 mailer 今晚没有待评分的行，而当前运行有。")] {
        let of = Report { language: language.into(), gates: vec![gate.clone()], ..Report::default() };
        let exports = report::exports(&of);
        let summary = exports.iter().find(|export| export.file == "summary.md").expect("a summary");
        assert!(summary.text.contains(&format!("1. {told}")), "{}", summary.text);
        assert!(report::html(&of).expect("a page").matches(told).count() >= 2, "in the findings and in the table");
    }
}

#[test]
fn hostile_text_is_inert_in_page_csv_markdown_and_index() {
    for text in CORPUS {
        for language in ["en", "zh"] {
            let told = hostile(text, language);
            inert(&report::html(&told).expect("a page"));
            for export in report::exports(&told) {
                if export.file == "summary.md" {
                    let never = |bad: &str| assert!(!export.text.contains(bad), "{bad} of {text:?} in\n{}", export.text);
                    ["<", "https:", "javascript:", "![", "\u{202e}"].into_iter().for_each(never);
                    assert!(!export.text.replace("\\]", "").contains("]("), "{}", export.text);
                } else {
                    assert!(export.file.starts_with("csv/") && !export.file[4..].contains('/'), "{}", export.file);
                    for field in fields(&export.text) {
                        let number = field.parse::<f64>().is_ok();
                        assert!(
                            number || !field.trim_start_matches(' ').starts_with(['=', '+', '-', '@', '\t', '\r']),
                            "{field:?} in {}",
                            export.file
                        );
                    }
                }
            }
            let night = report::PastNight {
                as_of: text.into(),
                run: text.into(),
                status: "held".into(),
                current: true,
                report: Some("2026-02-20.html".into()),
                figures: vec![report::CellFigure { scenario: text.into(), task: text.into(), metric: "auc".into(), value: 0.5 }],
            };
            inert(&report::history(language, text, &[night]).expect("an index"));
        }
    }
}

/// The fields of a CSV file.
fn fields(csv: &str) -> Vec<String> {
    let (mut found, mut field, mut quoted) = (Vec::new(), String::new(), false);
    for c in csv.chars() {
        match c {
            '"' => quoted = !quoted,
            ',' | '\n' if !quoted => found.push(std::mem::take(&mut field)),
            '\r' if !quoted => {}
            c => field.push(c),
        }
    }
    found
}

#[test]
fn a_page_stays_small_whatever_the_job() {
    let mut told = hostile("a name of usual length", "en");
    let names: Vec<String> = (0..80).map(|at| format!("scenario {at}")).collect();
    let tasks: Vec<String> = (0..6).map(|at| format!("task {at}")).collect();
    told.scenarios.clone_from(&names);
    told.learner = "net".into();
    told.tasks =
        tasks.iter().map(|name| report::TaskInfo { name: name.clone(), kind: "binary".into(), ..report::TaskInfo::default() }).collect();
    for task in &tasks {
        for scenario in &names {
            let figure = |metric: &str| report::FigureInfo {
                learner: "net".into(),
                scenario: scenario.clone(),
                task: task.clone(),
                metric: metric.into(),
                value: Some(0.7),
                low: Some(0.6),
                high: Some(0.8),
                n: 1000,
                ..report::FigureInfo::default()
            };
            told.figures.extend(["auc", "base_rate", "ece", "log_loss", "f1"].map(figure));
            let bin =
                |bin| report::Reliability { scenario: scenario.clone(), task: task.clone(), bin, n: 100, ..report::Reliability::default() };
            told.reliability.extend((0..10).map(bin));
        }
    }
    let row: Vec<Vec<String>> = (0..20_000).map(|at| vec![format!("a product with a long title and the number {at}")]).collect();
    told.decisions[0].rows = row;
    let html = report::html(&told).expect("a page");
    assert!(html.len() < 1_500_000, "{} bytes", html.len());
    assert!(html.contains("all of them are in the CSV file"), "the page does not say what it leaves out");
    let csv = report::exports(&told).into_iter().find(|export| export.file.starts_with("csv/decisions-a-name")).expect("a table");
    assert_eq!(csv.text.lines().count(), 20_001, "the CSV file has every row");
}

/// Numbers of a text as they are read: signs and trailing punctuation left off, names that hold digits left out.
fn tokens(text: &str) -> Vec<String> {
    let inner = |c: char| c.is_alphanumeric() || ".,:+-−_@²".contains(c);
    let found = text.split(|c: char| !inner(c)).filter(|token| token.contains(|c: char| c.is_ascii_digit()));
    let plain = |token: &str| token.trim_matches(|c| ".,:+-−".contains(c)).to_owned();
    found.map(plain).filter(|token| !token.contains(|c: char| c.is_alphabetic() && c != 'e') && !token.starts_with('e')).collect()
}

/// Every way in which the page writes a number.
fn written(value: f64, known: &mut BTreeSet<String>) {
    for value in [value.abs(), value.abs() * 100.0] {
        for digits in 0..=5 {
            known.insert(format!("{value:.digits$}"));
        }
        known.insert(format!("{value:.1e}"));
        let whole = format!("{value:.0}");
        let grouped: Vec<String> = whole.as_bytes().rchunks(3).rev().map(|three| String::from_utf8_lossy(three).into_owned()).collect();
        known.insert(grouped.join(","));
        for unit in [1e3, 1e6, 1e9] {
            known.insert(format!("{:.1}", value / unit));
        }
    }
}

fn known(value: &Value, into: &mut BTreeSet<String>) {
    match value {
        Value::Number(number) => written(number.as_f64().unwrap_or(f64::NAN), into),
        Value::String(text) => {
            let found = tokens(text);
            found.iter().filter_map(|token| token.parse().ok()).for_each(|value| written(value, into));
            into.extend(found);
        }
        Value::Array(list) => list.iter().for_each(|value| known(value, into)),
        Value::Object(map) => map.values().for_each(|value| known(value, into)),
        _ => {}
    }
}

/// A text without what stands between two signs.
fn without(text: &str, from: &str, to: &str) -> String {
    let (mut kept, mut left) = (String::new(), text);
    while let Some((before, after)) = left.split_once(from) {
        kept.push_str(before);
        left = after.split_once(to).expect("it ends").1;
    }
    kept + left
}

/// Text of a page without what is the same in each: how to read a block, how many rows a list has.
fn own_text(html: &str) -> String {
    let same = [("<details class=\"how\">", "</details>"), ("<span class=\"rows\">", "</span>"), ("<meta http-equiv", ">")];
    let rest = same.iter().fold(html.to_owned(), |rest, (from, to)| without(&rest, from, to));
    parsed(&rest).1.replace("&#45;", "-").replace("&#39;", "'").replace("&#38;", "&").replace("&#60;", "<").replace("&#62;", ">")
}

#[test]
fn every_number_of_the_page_is_in_report_json() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", "[model]\nchallengers = [\"forest\"]\n\n[forest]\nrows = 500\ntrees = 5\n\n[encode]");
    shop.published();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let run = shop.current();
    let html = fs::read_to_string(run.join("report.html")).expect("a page");
    let json: Value = serde_json::from_slice(&fs::read(run.join("report.json")).expect("values")).expect("JSON");
    let mut said = BTreeSet::new();
    known(&json, &mut said);
    // Ends of scales, the level of every interval, and tenths in percent.
    said.extend(["0", "95", "0.1", "100"].map(str::to_owned));
    said.extend((1..10).map(|tenth| (tenth * 10).to_string()));
    let text = own_text(&html);
    let shown = tokens(&text);
    assert!(shown.len() > 500, "the page shows {} numbers", shown.len());
    let place = |token: &String| text.find(token.as_str()).map_or("", |at| text.get(at.saturating_sub(160)..at + 20).unwrap_or(""));
    let missing: BTreeSet<&str> = shown.iter().filter(|token| !said.contains(*token)).map(place).collect();
    assert!(missing.is_empty(), "not in report.json: {missing:#?}");
    // Without a script the page is whole: the script writes no text, and nothing is hidden but by `details`.
    let script = html.split_once("<script>").and_then(|(_, rest)| rest.split_once("</script>")).expect("a script").0;
    for word in
        ["innerHTML", "outerHTML", "insertAdjacent", "document.write", "fetch", "XMLHttp", "import", "eval", "textContent =", "innerText"]
    {
        assert!(!script.contains(word), "the script says {word}");
    }
    assert!(!html.contains("<noscript") && !html.contains(" hidden"));
    inert(&html);
}

fn files(folder: &Path) -> Vec<String> {
    let listed = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn a_summary_and_tables_come_with_the_report() {
    let shop = Shop::new();
    shop.published();
    let (run, reports) = (shop.current(), shop.path().join("reports/shop"));
    let tables = files(&run.join("csv"));
    assert!(tables.contains(&"cells-ranking.csv".to_owned()) && tables.len() > 12, "{tables:?}");
    let manifest: Value = serde_json::from_slice(&fs::read(run.join("manifest.json")).expect("a manifest")).expect("JSON");
    let listed: Vec<&str> = manifest["files"].as_array().expect("files").iter().filter_map(|file| file["file"].as_str()).collect();
    assert!(listed.contains(&"summary.md") && tables.iter().all(|table| listed.contains(&format!("csv/{table}").as_str())), "{listed:?}");
    assert_eq!(files(&reports.join(format!("{NIGHT}-csv"))), tables);
    let summary = fs::read_to_string(run.join("summary.md")).expect("a summary");
    assert!(summary.starts_with("# A small shop\n\nPublished for the night of 2026-02-20."), "{summary}");
    for place in [format!("{NIGHT}.md"), "latest.md".into()] {
        let own = fs::read_to_string(reports.join(place)).expect("a summary");
        assert_eq!(own, summary.replace("`csv/", &format!("`{NIGHT}-csv/")));
        assert_ne!(own, summary, "it names no CSV file");
    }
}

#[test]
fn ids_of_people_are_pseudonyms_in_the_report_and_themselves_in_the_tables() {
    let shop = Shop::new();
    shop.published();
    let shown = |shop: &Shop| {
        let json: Value = serde_json::from_slice(&fs::read(shop.current().join("report.json")).expect("values")).expect("JSON");
        let table = json["decisions"].as_array().expect("decisions")[0].clone();
        let at = table["columns"].as_array().expect("columns").iter().position(|name| name == "household_id").expect("the entity");
        table["rows"].as_array().expect("rows").iter().map(|row| row[at].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    let ids = shown(&shop);
    assert!(!ids.is_empty() && ids.iter().all(|id| id.len() == 15 && id.starts_with("id-")), "{ids:?}");
    for file in ["report.html", "csv/decisions-top_products.csv", "summary.md"] {
        assert!(fs::read_to_string(shop.current().join(file)).expect("a file").contains(&ids[0]), "{file}");
    }
    let open = Shop::new();
    open.edit("job.toml", "[encode]", "[privacy]\npseudonyms = false\n\n[encode]");
    open.published();
    assert!(shown(&open).iter().all(|id| id.parse::<i64>().is_ok()), "{:?}", shown(&open));
}

#[test]
fn the_index_tells_of_every_night_and_a_rollback_shows_who_published() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", "[gates]\nrequire = [\"auc of purchase >= 0.999\"]\n\n[encode]");
    assert_eq!(shop.night(NIGHT, &[]).status.code(), Some(4));
    let read = |file: &str| fs::read_to_string(shop.path().join("reports/shop").join(file)).expect("a page");
    let index = read("index.html");
    assert!(index.contains("■ Held") && index.contains(&format!("{NIGHT}-held.html")) && index.contains("No run is published."), "{index}");
    let runs = files(&shop.runs());
    let held = runs.iter().find(|run| run.starts_with(NIGHT)).expect("a run").clone();
    shop.succeeds(&["bless", "queries/shop", &held, "--reason", "a strict gate"]);
    assert!(read("index.html").contains("▲ Published by hand · current"));
    shop.edit("job.toml", "purchase >= 0.999", "purchase >= 0.5");
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    assert!(read("index.html").contains("● Published · current") && !read("latest.html").contains("by hand"));
    shop.succeeds(&["rollback", "queries/shop"]);
    for file in ["latest.html", "2026-02-20.html"] {
        let page = read(file);
        assert!(page.contains("published by hand on") && page.contains("a strict gate") && !page.contains("Held: "), "{file}");
    }
    let index = read("index.html");
    assert!(index.contains("▲ Published by hand · current") && index.contains("● Published<"), "{index}");
    inert(&index);
    // The same night again does not bring the old report back.
    shop.edit("job.toml", "purchase >= 0.5", "purchase >= 0.999");
    let (said, _) = shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT]);
    assert!(said.starts_with("nothing to do"), "{said}");
    assert!(read("2026-02-20.html").contains("published by hand on"));
}

#[test]
fn a_report_speaks_chinese_where_the_job_asks_for_it() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", "[report]\nlanguage = \"zh\"\n\n[encode]");
    shop.published();
    let html = fs::read_to_string(shop.current().join("report.html")).expect("a page");
    for told in ["lang=\"zh-Hans\"", "夜间的结果已发布", "各单元质量", "如何阅读", "模型卡"] {
        assert!(html.contains(told), "{told}");
    }
    assert!(!html.contains("How to read this"));
    assert!(fs::read_to_string(shop.path().join("reports/shop/index.html")).expect("an index").contains("全部夜晚"));
}

/// Literals of a Rust file outside its tests, comments left out.
fn literals(text: &str) -> Vec<String> {
    let code: Vec<&str> =
        text.split("#[cfg(test)]").next().unwrap_or("").lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    let code = code.join("\n").replace("\\\"", "");
    code.split('"').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn all_words_of_the_report_have_one_place() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for folder in [root.clone(), root.join("sections"), root.join("charts")] {
        for file in files(&folder).into_iter().filter(|file| Path::new(file).extension().is_some_and(|of| of == "rs")) {
            seen += 1;
            for literal in literals(&fs::read_to_string(folder.join(&file)).expect("a file")) {
                let words = literal.split(' ').filter(|word| word.len() > 1 && word.chars().all(char::is_alphabetic)).count();
                let own = literal.contains(['<', '=']) || literal.contains("default-src") || NAMES.contains(&literal.as_str());
                if words > 1 && !own {
                    wrong.push(format!("{file}: {literal}"));
                }
            }
        }
    }
    assert!(seen > 20, "where is the report?");
    assert!(wrong.is_empty(), "words outside report/words:\n{}", wrong.join("\n"));
    let template = fs::read_to_string(root.join("templates/report.html")).expect("a template");
    let said = parsed(&without(&without(&template, "{%", "%}"), "{{", "}}")).1;
    assert!(!said.contains(char::is_alphabetic), "words in the template: {said}");
}

/// Names of values of other stages, which are compared and not shown.
const NAMES: [&str; 15] = [
    "figures of merit",
    "working table",
    "scenario rows",
    "by hand",
    "no evidence",
    "values present",
    "new categories",
    "score psi",
    "label rate",
    "current run",
    "accumulated local effect",
    "expert similarity",
    "gate entropy",
    "gate share",
    "gradient cosine",
];
