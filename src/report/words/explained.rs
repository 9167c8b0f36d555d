//! Words of what the model relies on, and of the findings that come first.

use super::words;

words! {
    finding_drift(what): "Changed beyond chance: {what}.", "超出偶然的变化：{what}。";
    finding_hurt(scenario, task, against, metric, shared, other): "Sharing hurts {scenario} × {task}: {metric} {shared}, {against} reaches {other}.", "共享损害了 {scenario} × {task}：{metric} 为 {shared}，而{against}达到 {other}。";
    finding_total(task, scenario, ratio, low, high): "The total of {task} in {scenario} is off: predicted / observed {ratio} (95 % interval {low} to {high}).", "{scenario} 中 {task} 的总量有偏差：预测 / 实际为 {ratio}（95 % 区间 {low} 至 {high}）。";
    finding_weakest(task, scenario, auc, rows): "The weakest ranking is that of {task} in {scenario}: AUC {auc} on {rows} rows.", "排序最弱的是 {scenario} 中的 {task}：{rows} 行上的 AUC 为 {auc}。";
    finding_thin(cells): "{cells} cell(s) have too little support to show figures.", "{cells} 个单元数据过少，无法显示指标。";
    finding_refused(reason, table, rows, share): "The commonest reason to refuse a row is “{reason}” in {table}: {rows} rows ({share} of its rows).", "拒绝行最常见的原因是 {table} 中的“{reason}”：{rows} 行（占其 {share}）。";
}
