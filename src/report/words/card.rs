//! Words of the model card and of what is hidden.

use super::words;

words! {
    card: "Model card", "模型卡";
    card_finding(learner, tasks, scenarios): "One model ({learner}) predicts {tasks} task(s) in {scenarios} scenario(s), for the use stated below and no other.", "一个模型（{learner}）在 {scenarios} 个场景中预测 {tasks} 个任务，仅限下述用途。";
    card_table: "What the model is, and what it is for", "模型说明与用途";
    card_not_stated(key): "Not stated: job.toml may say it under [card] {key}.", "未说明：可在 job.toml 的 [card] {key} 中填写。";
    owner: "owner", "负责人";
    intended_use: "intended use", "预期用途";
    limits: "limits", "局限";
    limits_general: "It predicts from what was known at the start of the night; what is unlike all that it learned from is served by what all scenarios share. What it relies on is not what makes an outcome happen.", "它只根据当晚开始时已知的信息预测；与学习数据不同的情形由各场景共享的部分服务。它所依赖的因素并不等于结果发生的原因。";
    ethics: "ethics", "伦理";
    ethics_general: "Check who is served worse: quality per cell is above, and a cell with little data is named there. A score is a prediction, no statement about a person.", "请检查谁得到较差的服务：各单元质量见上文，数据不足的单元已注明。评分是预测，而不是对个人的评判。";
    card_data: "data", "数据";
    card_data_of(rows, files, snapshots, first, last): "{rows} rows of {files} input file(s); {snapshots} snapshots from {first} to {last}.", "{files} 个输入文件的 {rows} 行；{snapshots} 个快照，自 {first} 至 {last}。";
    card_row: "a row", "一行";
    card_row_of(keys): "{keys} in a scenario", "某场景下的 {keys}";
    card_tasks: "tasks", "任务";
    card_outcome: "outcome window", "结果窗口";
    card_evaluated: "evaluated on", "评估于";
    card_evaluated_folds(folds): "every labelled row, each predicted by a model that had not seen its entity in any choice or fit ({folds} folds)", "每个有标签的行，均由任何选择和拟合都未曾见过其实体的模型预测（{folds} 折）";
    card_evaluated_on(night): "the night of {night}, which no choice and no fit had seen", "{night} 夜间；任何选择和拟合都未曾见过它";
    card_privacy: "privacy", "隐私";
    privacy_on(column, least): "Values of {column} are replaced by pseudonyms that hold for this night only. Groups of fewer than {least} rows are not shown.", "{column} 的值已替换为仅在当晚有效的化名。少于 {least} 行的组不予显示。";
    privacy_off(least): "Ids are shown as they are ([privacy] pseudonyms = false). Groups of fewer than {least} rows are not shown.", "标识符按原样显示（[privacy] pseudonyms = false）。少于 {least} 行的组不予显示。";
    privacy_hidden(hidden): "{hidden} value(s) are left out of this page for that reason.", "因此本页省略了 {hidden} 个值。";
    too_small(least): "fewer than {least} rows", "少于 {least} 行";
    card_how: "After Mitchell and others (2019), “Model cards for model reporting”. Owner, intended use, limits and ethics are what the job states in job.toml under [card]; the rest is taken from the night.", "依据 Mitchell 等（2019）“Model cards for model reporting”。负责人、预期用途、局限与伦理由作业在 job.toml 的 [card] 中说明；其余取自当晚的运行。";
}
