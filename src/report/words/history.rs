//! Words of the index of nights and of a backtest.

use super::words;

words! {
    history_title(title): "{title}: all nights", "{title}：全部夜晚";
    history_finding(nights, held): "{nights} night(s), {held} of them held by their gates.", "共 {nights} 个夜晚，其中 {held} 个被门槛扣留。";
    history_current(night): "The published run is that of {night}.", "当前发布的是 {night} 的运行。";
    history_nothing: "No run is published.", "目前没有发布任何运行。";
    nights: "Nights", "夜晚";
    nights_about: "Newest first. ● is published, ■ held, ▲ published by hand; “current” is the one that readers follow.", "最新在前。● 已发布，■ 已扣留，▲ 人工发布；“当前”为读者所用的运行。";
    figures_over_nights: "Figures from night to night", "逐夜指标";
    figures_over_nights_about: "The main figure of each cell on the held-out night of each run, oldest first; a hollow square is a held night.", "各单元的主要指标，取自每次运行的留出夜，最早在前；空心方块为被扣留的夜晚。";
    report_word: "report", "报告";
    status_word: "status", "状态";
    current: "current", "当前";
    no_report: "not shown", "未展示";
    latest: "latest", "最新";
    course: "course", "走势";
    course_of(scenario, task, metric, first, last): "{metric} of {task} in {scenario}, from {first} to {last}", "{scenario} 中 {task} 的 {metric}，从 {first} 到 {last}";

    backtest_title(title): "{title}: backtest", "{title}：回测";
    backtest_status(nights, held): "{nights} nights, {held} of them held by their gates.", "共 {nights} 个夜晚，其中 {held} 个被门槛扣留。";
    span: "span", "区间";
    totals: "Predicted and realised totals", "预测与实际总量";
    totals_table: "Totals of each night's held-out rows", "每夜留出行的总量";
    realised: "realised", "实际";
    predicted_realised: "predicted / realised", "预测 / 实际";
    totals_how: "Sums over the rows of the night that each run held out: what the scores said would happen, and what happened. A ratio above 1 was too high.", "对每次运行留出夜的行求和：评分所预测的与实际发生的。比值大于 1 表示偏高。";
    ranking: "Ranking", "排序";
    ranking_how: "Each night learned from its own past only; its figure is that of the night it held out. The band is the 95 % interval of the total.", "每晚只从自己的过去学习；其指标取自它所留出的夜晚。色带为总体的 95 % 区间。";
    backtest_calibration_how: "Mean distance between predicted and observed shares over ten bins of equal size; 0 is perfect.", "十个等量分箱中预测与实际比例的平均距离；0 为完美。";
    loss_title: "Loss", "损失";
    loss_how: "Lower is better.", "越低越好。";
    metric_of(metric, task): "{metric} of {task}", "{task} 的 {metric}";
    first_and_last(metric, told): "{metric}, first and last night: {told}.", "{metric}，首夜与末夜：{told}。";
    then_and_last(task, first, last): "{task} {first} → {last}", "{task} {first} → {last}";
}
