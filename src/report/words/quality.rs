//! Words of figures per cell, challengers, calibration and choices.

use super::words;

words! {
    cells: "Quality per cell", "各单元质量";
    cells_about: "AUC of binary tasks and R² of regressions by scenario and task on the held-out rows.", "留出行上各场景、各任务的 AUC（二元任务）与 R²（回归任务）。";
    cells_finding(night, mean): "On the held-out night {night} the mean AUC over the cells is {mean}.", "在留出夜 {night}，各单元的平均 AUC 为 {mean}。";
    cells_finding_folds(folds, mean): "Out of fold ({folds} folds by entity) the mean AUC over the cells is {mean}.", "折外（按实体分 {folds} 折）各单元的平均 AUC 为 {mean}。";
    cells_thin_folds(folds): "Out of fold ({folds} folds by entity) no cell has enough support for an AUC.", "折外（按实体分 {folds} 折）没有单元有足够的数据计算 AUC。";
    cells_thin(night): "On the held-out night {night} no cell has enough support for an AUC.", "在留出夜 {night}，没有单元有足够的数据计算 AUC。";
    cells_how: "Each box is one scenario × task on rows that the model never learned from. An AUC of 0.5 is chance, 1 is perfect order; an R² of 0 is no better than the mean. Predicted / observed compares totals: above 1 is too high. GAUC ranks within an entity; NDCG, recall and hit rate look at the k rows of an entity with the highest predictions. A chained task counts over all rows: where the task before it did not happen, it did not happen either.", "每格为一个场景 × 任务，在模型从未学习过的行上测量。AUC 为 0.5 等于随机，1 为完美排序；R² 为 0 表示不优于均值。“预测 / 实际”比较总量：大于 1 表示偏高。GAUC 在同一实体内排序；NDCG、召回率与命中率看每个实体预测最高的 k 行。链式任务按全部行计算：前一任务未发生，则它也未发生。";
    ranking_table: "Binary tasks: ranking and totals", "二元任务：排序与总量";
    threshold_table: "Binary tasks: at the threshold", "二元任务：阈值处";
    lists_table: "Binary tasks: within an entity's list", "二元任务：实体内列表";
    amounts_table: "Amounts: every figure", "数额任务：全部指标";
    ranges: "Below each figure its 95 % interval, by resampling entities.", "每个数值下方为其 95 % 区间，按实体重抽样得到。";
    positives: "positives", "正例数";
    base_rate: "base rate", "基础率";
    above_zero: "above 0", "大于 0";
    mean: "mean", "均值";
    pr_auc: "PR-AUC", "PR-AUC";
    base_log_loss: "log loss of the base rate", "基础率的对数损失";
    calibration_error: "calibration error", "校准误差";
    predicted_observed: "predicted / observed", "预测 / 实际";
    threshold: "threshold", "阈值";
    accuracy: "accuracy", "准确率";
    precision: "precision", "精确率";
    recall: "recall", "召回率";
    f_one: "F1", "F1";
    gauc: "GAUC", "GAUC";
    ndcg_at_k: "NDCG@k", "NDCG@k";
    recall_at_k: "recall@k", "召回率@k";
    hit_at_k: "hit@k", "命中率@k";
    mrr: "MRR", "MRR";
    base_rmse: "RMSE of the mean", "均值的 RMSE";
    mae: "MAE", "MAE";
    gini: "Gini", "基尼";

    challengers: "Challengers", "挑战者";
    challenger_better(name, own, theirs, mine): "{name} ranks better than the published {own} on average: mean AUC {theirs} against {mine}.", "{name} 的平均排序优于已发布的 {own}：平均 AUC {theirs} 对 {mine}。";
    challenger_none(own, mine, name, theirs): "No challenger ranks better on average: mean AUC {mine} for {own}, {theirs} for {name}.", "没有挑战者平均排序更好：{own} 的平均 AUC 为 {mine}，{name} 为 {theirs}。";
    challengers_incomparable: "There is no cell on which the learners can be compared.", "没有可以比较各学习器的单元。";
    challengers_chart: "AUC of each learner", "各学习器的 AUC";
    challengers_about: "AUC per cell on the held-out rows, one mark per learner.", "留出行上各单元的 AUC，每个学习器一个标记。";
    challengers_table: "Every learner in every cell", "每个学习器在每个单元";
    challengers_how: "All learners saw the same rows and were measured on the same held-out rows. The first mark is the learner whose scores are published; its value stands at the right.", "所有学习器使用相同的行，并在同样的留出行上测量。第一个标记是其评分被发布的学习器，其数值列在右侧。";

    calibration: "Calibration", "校准";
    calibration_none: "No cell has enough support to judge its calibration.", "没有单元有足够的数据判断校准。";
    calibration_finding(error, cell): "The largest calibration error of a cell is {error} ({cell}).", "单元中最大的校准误差为 {error}（{cell}）。";
    ranges_wilson: "Below each observed share its 95 % interval (Wilson).", "每个实际比例下方为其 95 % 区间（Wilson）。";
    calibration_table: "Predicted and observed shares by bin", "各分箱的预测与实际比例";
    bin: "bin", "分箱";
    predicted: "predicted", "预测";
    observed: "observed", "实际";
    calibration_how: "Ten bins of equal size by prediction. A point on the line means that as many positives happened as were predicted; the upright is the 95 % interval of the observed share. The bins are in calibration.parquet.", "按预测值分为十个等量分箱。点落在线上表示实际正例与预测一致；竖线为实际比例的 95 % 区间。分箱数据见 calibration.parquet。";
    reliability_axis(most): "predicted, to {most}", "预测值，至 {most}";
    reliability_bin(predicted, observed, rows): "predicted {predicted}, observed {observed} ({rows} rows)", "预测 {predicted}，实际 {observed}（{rows} 行）";
    reliability_about: "Observed share against mean prediction in ten bins of equal size; the line is perfect calibration.", "十个等量分箱中实际比例与平均预测的对比；直线为完美校准。";

    choices: "Snapshots and choices", "快照与选择";
    choices_finding(rows, snapshots): "The published model learned from {rows} rows of {snapshots} snapshot(s).", "已发布模型从 {snapshots} 个快照的 {rows} 行中学习。";
    snapshots: "Snapshots", "快照";
    tried: "What was tried", "试过的设置";
    as_of: "as of", "截止日";
    used_for: "use", "用途";
    setting: "setting", "设置";
    loss: "loss", "损失";
    choice: "choice", "选择";
    chosen: "chosen", "已选";
    choices_how_folds: "For each fold, every other fold is the validation of one choice; the fold's model is fitted on all of them with the middle of these choices, and the published model on all rows with the middle of the folds' own. A row here is the mean over all pairs of a held-out fold and a validation fold. The loss is the mean over the cells of 1 − R² on the learner's own scale.", "对每一折，其余各折轮流作为一次选择的验证集；该折的模型以这些选择的中间值在其余各折上拟合，发布的模型以各折选择的中间值在全部行上拟合。此处每行是所有（留出折、验证折）组合的平均。损失为各单元 1 − R² 的平均（学习器自身尺度）。";
    choices_how: "Choices are made on the validation night, which lies as far from its training snapshots as tonight lies from the newest labelled one; then the model is fitted again on train, gap and valid. The loss is the mean over the cells of 1 − R² on the learner's own scale.", "选择在验证夜上进行，它与其训练快照的间隔等于今晚与最新有标签快照的间隔；随后模型在 train、gap 和 valid 上重新拟合。损失为各单元 1 − R² 的平均（学习器自身尺度）。";
}
