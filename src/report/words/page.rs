//! Words of the page around the sections.

use super::words;

words! {
    sections: "Sections", "目录";
    top: "Status", "状态";
    skip: "Skip to the report", "跳到正文";
    first_look: "Worth a look first", "请先看这里";
    nothing_stands_out: "Nothing stands out tonight.", "今晚没有异常之处。";
    how_to_read: "How to read this", "如何阅读";
    filter_rows: "Filter rows", "筛选行";
    rows_of(rows): "{rows} rows", "{rows} 行";
    cut_rows(shown, all): "The first {shown} of {all} rows; all of them are in the CSV file of this table.", "共 {all} 行，此处仅列前 {shown} 行；完整内容见本表的 CSV 文件。";
    cut_charts(shown, all): "{shown} of {all} charts are drawn here, so that the page stays small; the tables have all values.", "为控制页面大小，此处只绘制 {all} 幅图中的 {shown} 幅；表格中有全部数值。";
    all: "all", "全部";
    task: "task", "任务";
    scenario: "scenario", "场景";
    metric: "metric", "指标";
    rows: "rows", "行数";
    value: "value", "值";
    measure: "measure", "度量";
    night: "night", "夜晚";
    rows_scored: "rows scored", "已评分行数";
    held_out_night: "held-out night", "留出夜";
    measured_on: "measured on", "评估依据";
    out_of_fold(folds): "every labelled row, by the model of its fold ({folds} folds)", "每个有标签的行，由其所在折的模型预测（{folds} 折）";
    learner: "learner", "学习器";
    auc: "AUC", "AUC";
    r_squared: "R²", "R²";
    log_loss: "log loss", "对数损失";
    rmse: "RMSE", "RMSE";
    word_published: "Published", "已发布";
    word_held: "Held", "已扣留";
    word_by_hand: "Published by hand", "人工发布";
    status_published(night): "Published for the night of {night}.", "{night} 夜间的结果已发布。";
    status_held(failed, night): "Held: {failed} gate(s) not passed on the night of {night}; nothing is published.", "已扣留：{night} 夜间有 {failed} 项门槛未通过；没有发布任何结果。";
    status_held_stays(failed, night, run): "Held: {failed} gate(s) not passed on the night of {night}; run {run} stays published.", "已扣留：{night} 夜间有 {failed} 项门槛未通过；运行 {run} 继续有效。";
    status_by_hand(at, reason): "Held by its gates, and published by hand on {at}: {reason}", "曾被门槛扣留，于 {at} 由人工发布：{reason}";
}
