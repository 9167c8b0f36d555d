//! Words of the page that asks in SQL.

use super::words;

words! {
    desk_of(run, date): "Run {run}, features as of {date}", "运行 {run}，特征截至 {date}";
    desk_empty: "nothing is published yet", "尚未发布任何运行";
    question: "Question in SQL", "SQL 查询";
    question_example: "select * from scores limit 10", "select * from scores limit 10";
    ask: "Ask", "查询";
    chart_kind: "Chart", "图表";
    chart_auto: "as it suits", "自动";
    chart_bar: "bars", "条形图";
    chart_line: "line", "折线图";
    chart_hist: "histogram", "直方图";
    chart_none: "none", "无";
    desk_help: "Ctrl+Enter asks. The address of this page is the link to the question. Nothing can be changed here.", "Ctrl+Enter 执行查询。本页地址即为该查询的链接。此处无法更改任何数据。";
    answer: "Answer", "结果";
    answer_rows(rows, seconds): "{rows} rows in {seconds} s.", "{rows} 行，用时 {seconds} 秒。";
    answer_first(rows, seconds): "The first {rows} rows, after {seconds} s; a download has them all.", "前 {rows} 行，用时 {seconds} 秒；下载可得全部。";
    chart_rows(column): "{column}, of the rows shown", "{column}（所示各行）";
    chart_missing(count): "{count} values are NULL or no number.", "{count} 个值为 NULL 或非数值。";
    download: "Download", "下载";
    not_answered: "The question has no answer", "查询未能得到结果";
    hint: "Hint", "提示";
    saved_questions: "Saved questions", "已保存的查询";
    tables: "Tables", "数据表";
    reports: "Reports", "报告";
    all_reports: "All nights", "全部夜晚";
}
