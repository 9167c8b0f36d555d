//! frame.sql: the rows with their features, and the definition of each.
//!
//! In: the draft. Out: the text. The item itself is a feature too; a definition ends each line.

use super::Draft;
use super::page::Page;
use crate::job::scaffold::names;

/// The text of frame.sql.
pub(super) fn text(draft: &Draft<'_>) -> String {
    let guess = draft.guess;
    let mut page = Page::sql(&format!(
        "What the model sees, of rows to learn from and of rows to score alike.\nGrain: one row of `rows` ({}). Left joins on unique keys keep \
         it so. The comment behind a column is its definition in the report. A column more here is a feature more; NULL is a value: missing.",
        guess.grain()
    ));
    let mut lines: Vec<(String, Option<String>)> = Vec::new();
    for key in guess.keys() {
        let meaning =
            guess.item.as_ref().filter(|item| item.name == key.name).map(|item| format!("the {} itself", item.base.replace('_', " ")));
        lines.push((format!("rows.{}", names::sql(&key.name)), meaning));
    }
    lines.push((format!("rows.{}", names::sql(&guess.scenario.name)), None));
    for feature in draft.features() {
        lines.push((feature.selected(), Some(feature.meaning.clone())));
    }
    page.add("select\n");
    let last = lines.len() - 1;
    for (at, (code, meaning)) in lines.into_iter().enumerate() {
        let comma = if at == last { "" } else { "," };
        let meaning = meaning.map_or(String::new(), |meaning| format!(" -- {meaning}"));
        page.add(format!("    {code}{comma}{meaning}\n"));
    }
    page.add("from rows\n");
    for table in draft.joined.iter().filter(|table| !table.features.is_empty()) {
        let name = names::sql(&table.table);
        let on: Vec<String> = table.on.iter().map(|(own, key)| format!("{name}.{} = rows.{}", names::sql(own), names::sql(key))).collect();
        page.add(format!("left join {name} on {}\n", on.join(" and ")));
    }
    page.text()
}
