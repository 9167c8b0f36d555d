//! Words of what has changed, and of gains.

use super::words;

words! {
    since: "Since last night", "与上次相比";
    since_finding(cells, before, metric, task, scenario, then, now): "{cells} figure(s) are compared with run {before}. The largest change is {metric} of {task} in {scenario}: {then} then, {now} now.", "与运行 {before} 比较了 {cells} 项指标。变化最大的是 {scenario} 中 {task} 的 {metric}：当时 {then}，现在 {now}。";
    since_chart: "AUC then and now", "当时与现在的 AUC";
    since_about: "AUC per cell on the held-out night of the run before and on tonight's.", "各单元在上次运行留出夜与今晚留出夜上的 AUC。";
    changes_table: "What the changes of figures are made of", "指标变化的构成";
    part_data: "data", "数据";
    part_labels: "labels", "标签";
    part_model: "model", "模型";
    since_how: "The change of a figure is split in three: other rows at the same relation of score and outcome (data), the same scores coming true more or less often (labels), another model (model). The splits are in changes.parquet.", "指标的变化分为三部分：评分与结果关系不变而行不同（数据）、相同评分实现得更多或更少（标签）、模型不同（模型）。分解见 changes.parquet。";

    drift: "Drift", "漂移";
    drift_none(before, compared): "Nothing has changed since run {before} beyond chance and by a material size ({compared} comparisons).", "自运行 {before} 以来，没有超出偶然且有实质大小的变化（{compared} 项比较）。";
    drift_alarms(alarms, compared, before, heaviest): "{alarms} alarm(s) in {compared} comparisons with run {before}. The heaviest: {heaviest}.", "与运行 {before} 的 {compared} 项比较中有 {alarms} 项警报。最严重的：{heaviest}。";
    drift_words(measure, feature, scenario, value): "{measure} of {feature} in {scenario}: {value}", "{scenario} 中 {feature} 的 {measure}：{value}";
    drift_chart: "Stability index of the features that moved most, over all scenarios", "变动最大的特征的稳定性指数（全部场景）";
    drift_about: "Population stability index per feature; below 0.1 is usually taken as stable.", "每个特征的群体稳定性指数；通常低于 0.1 视为稳定。";
    stability_index: "stability index", "稳定性指数";
    alarm: "alarm", "警报";
    alarms: "Alarms", "警报";
    heaviest_changes: "The heaviest changes without an alarm", "未触发警报的最大变化";
    feature_or_task: "feature or task", "特征或任务";
    change: "change", "变化";
    by_chance: "by chance", "偶然范围";
    then: "then", "当时";
    now: "now", "现在";
    importance_word: "importance", "重要性";
    detail: "detail", "详情";
    drift_how: "Tonight's rows, scores and held-out labels against those of the run before. “By chance” is what a change stays below on nineteen nights of twenty when nothing has changed, as rows of one entity count. An alarm is beyond chance even among so many comparisons (false discovery rate 5 %) and of material size. The order is importance times change. All comparisons are in drift.parquet.", "将今晚的行、评分和留出标签与上次运行比较。“偶然范围”是没有任何变化时二十个夜晚中有十九个不会超过的值（按实体计行）。警报表示即使在如此多的比较中也超出偶然（错误发现率 5 %）且有实质大小。按重要性乘以变化排序。全部比较见 drift.parquet。";

    gains: "Gains and lift", "增益与提升";
    gains_finding(task, share): "The tenth of the rows with the highest {task} holds {share} % of it.", "{task} 预测最高的十分之一行包含其 {share} %。";
    gains_chart(task): "Share of {task} held by the best rows, %", "最佳行所含 {task} 的比例，%";
    tenths: "Every tenth", "各十分位";
    tenth: "tenth", "十分位";
    happened: "happened", "实际";
    lift: "lift", "提升";
    share_so_far: "share so far", "累计比例";
    lift_so_far: "lift so far", "累计提升";
    gains_how: "The held-out rows of a cell are cut into tenths, highest predictions first. Who acts on the first tenth reaches the share of what happened that the curve says; a lift of 3 is three times as often as in the cell as a whole. The table is gains.parquet.", "将单元的留出行按预测从高到低分为十份。只处理第一份即可覆盖曲线所示的实际比例；提升为 3 表示频率是整个单元的三倍。数据表为 gains.parquet。";
}
