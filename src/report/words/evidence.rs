//! Words of gates and the transfer ledger.

use super::words;

words! {
    gates: "Gates", "发布门槛";
    gates_none: "The job has no gates: every night is published.", "该作业没有设置门槛：每晚都会发布。";
    gates_passed(passed): "Every gate was passed ({passed}).", "全部 {passed} 项门槛均已通过。";
    gates_failed(failed, all, first): "{failed} of {all} gates were not passed. {first}", "{all} 项门槛中有 {failed} 项未通过。{first}";
    gate_failed: "not passed", "未通过";
    gate_passed: "passed", "通过";
    gates_failed_table: "Not passed", "未通过";
    gates_passed_table: "Passed", "通过";
    result: "result", "结果";
    gate: "gate", "门槛";
    limit: "limit", "界限";
    in_words: "in words", "说明";
    gate_in_words(gate, value, limit): "{gate}: tonight {value}, limit {limit}.", "{gate}：今晚为 {value}，界限为 {limit}。";
    gate_empty(scenario): "There are no rows to score in {scenario}, and the current run had some.", "场景 {scenario} 今晚没有待评分的行，而当前运行有。";
    gate_rows(scenario, value, limit): "{scenario}: {value} rows, limit {limit}.", "{scenario} 的行数：今晚为 {value}，相对以往夜晚中位数的界限为 {limit}。";
    gate_chance(task, scenario, value): "The scores of {task} in {scenario} are spread as in the current run: stability index {value}, within chance.", "{scenario} 中 {task} 的评分分布与当前运行一致：稳定性指数 {value}，在随机波动范围内。";
    gates_how: "A night is published when it passes every gate; else its run is kept and the one before it stays. A comparison with the current run holds a night only where its model is worse beyond doubt (95 %, corrected for the number of comparisons) and by more than the margin that the job allows. Differences are positive where tonight is better. The table is gates.parquet.", "通过全部门槛的夜晚才会发布；否则保留其运行结果，继续使用之前的运行。与当前运行比较时，只有当今晚的模型确定更差（95 %，已按比较次数校正）且差距超过作业允许的幅度，才会扣留。差值为正表示今晚更好。数据表为 gates.parquet。";

    transfer: "Transfer ledger", "迁移账本";
    transfer_finding(helped, hurt, rest): "The shared model is better in {helped} comparison(s), worse in {hurt}; in {rest} there is no evidence of either.", "共享在 {helped} 项比较中有益，在 {hurt} 项中有害；其余 {rest} 项没有证据。";
    transfer_worst(scenario, task, against, metric, shared, other): "It is worst in {scenario} × {task} against {against}: {metric} {shared} instead of {other}.", "损害最大的是 {scenario} × {task}（对比{against}）：{metric} 为 {shared}，而对方为 {other}。";
    stand_in(scenario, task, by): "{scenario} × {task} is scored by {by}.", "{scenario} × {task} 由 {by} 评分。";
    transfer_chart(against): "AUC of the shared model less that of {against}", "共享模型的 AUC 减去{against}的 AUC";
    transfer_chart_about: "Difference of AUC per cell with its 95 % interval; right of the line sharing is better.", "每个单元的 AUC 差及其 95 % 区间；线右侧表示共享更好。";
    alone: "a network of the cell alone", "该单元单独的网络";
    pooled: "a network that pools the scenarios", "合并各场景的网络";
    against: "against", "对比";
    shared: "shared", "共享";
    other: "other", "对方";
    better_by: "better by", "优势";
    verdict: "verdict", "结论";
    held_out_rows: "held-out rows", "留出行数";
    rows_learned_from: "rows learned from", "学习行数";
    every_comparison: "Every comparison", "全部比较";
    made_on(night): "Made on the night of {night}.", "于 {night} 夜间制作。";
    transfer_how: "Does one model for all scenarios and tasks serve each cell better than a model of its own? “A network of the cell alone” and “a network that pools the scenarios” learn from the same sample of rows as the shared network they are compared with, with the same care; challengers learned from every row, as the published model did. Differences are measured on the same held-out rows, their intervals by resampling entities; a verdict holds for all cells compared with the same other model together (95 %, Holm's correction). The table is transfer.parquet.", "一个模型服务所有场景和任务，是否比每个单元各用一个模型更好？“该单元单独的网络”和“合并各场景的网络”与所比较的共享网络使用同一批抽样行、同样的训练方式；挑战者与已发布模型一样从全部行学习。差值在相同的留出行上测量，区间由按实体重抽样得到；结论对与同一模型比较的全部单元同时成立（95 %，Holm 校正）。数据表为 transfer.parquet。";
}
