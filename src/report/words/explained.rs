//! Words of what the model relies on, and of the findings that come first.

use super::words;

words! {
    finding_collapsed(collapsed, pairs): "{collapsed} of {pairs} pairs of experts have become one: the network has fewer experts than it was given.", "{pairs} 对专家中有 {collapsed} 对已趋于相同：网络的专家少于设定数量。";
    finding_drift(what): "Changed beyond chance: {what}.", "超出偶然的变化：{what}。";
    finding_hurt(scenario, task, against, metric, shared, other): "Sharing hurts {scenario} × {task}: {metric} {shared}, {against} reaches {other}.", "共享损害了 {scenario} × {task}：{metric} 为 {shared}，而{against}达到 {other}。";
    finding_total(task, scenario, ratio, low, high): "The total of {task} in {scenario} is off: predicted / observed {ratio} (95 % interval {low} to {high}).", "{scenario} 中 {task} 的总量有偏差：预测 / 实际为 {ratio}（95 % 区间 {low} 至 {high}）。";
    finding_weakest(task, scenario, auc, rows): "The weakest ranking is that of {task} in {scenario}: AUC {auc} on {rows} rows.", "排序最弱的是 {scenario} 中的 {task}：{rows} 行上的 AUC 为 {auc}。";
    finding_thin(cells): "{cells} cell(s) have too little support to show figures.", "{cells} 个单元数据过少，无法显示指标。";
    finding_refused(reason, table, rows, share): "The commonest reason to refuse a row is “{reason}” in {table}: {rows} rows ({share} of its rows).", "拒绝行最常见的原因是 {table} 中的“{reason}”：{rows} 行（占其 {share}）。";

    relies: "What the model relies on", "模型依赖什么";
    relies_task(task): "What {task} relies on", "{task} 依赖什么";
    relies_about(task): "{task}: mean size of each feature's contribution, split into shared, scenario and task parts, with a 95 % interval.", "{task}：每个特征贡献的平均大小，分为共享、场景与任务部分，附 95 % 区间。";
    relies_finding(task, feature, gap): "For {task} the model relies most on {feature}. Contributions add up to the raw output within {gap}.", "对于 {task}，模型最依赖 {feature}。各贡献之和与原始输出的差不超过 {gap}。";
    relies_map: "Share of each feature in every cell", "各单元中每个特征的份额";
    relies_map_about: "The feature's mean |contribution| as a share of all features' in the same scenario and task.", "特征的平均 |贡献| 占同一场景与任务中全部特征的比例。";
    mean_contribution: "mean |contribution|", "平均 |贡献|";
    by_permutation: "by permutation", "置换所得";
    with_its_value: "with its value", "随取值";
    rises: "rises", "上升";
    falls: "falls", "下降";
    mixed: "mixed", "不定";
    leading_features: "Leading features of each task", "各任务的主要特征";
    relies_how: "One chart per task, in the order of the tasks. A bar is the mean size of the feature's exact contribution to the raw output on the held-out rows, its whisker the 95 % interval had other entities come (the noise of learning is not in it); its colours share it between what all scenarios and tasks have in common, what belongs to the scenario and what belongs to the task. The map shows each feature's share within its cell. To rely on a feature is not to be caused by it; a chained task is explained given that the task before it happened.", "每个任务一幅图，按任务顺序排列。条形是特征在留出行上对原始输出的精确贡献的平均大小，须线是换一批实体时的 95 % 区间（不含学习本身的噪声）；颜色将其分为全部场景与任务共有的部分、场景的部分和任务的部分。热图显示每个特征在其单元中的份额。依赖某特征并不意味着由它引起；链式任务在前一任务已发生的前提下解释。";

    groups_title: "Groups and the second opinion", "特征组与第二意见";
    groups_none: "No features say nearly the same", "没有内容几乎相同的特征";
    groups_some(groups): "{groups} groups of features say nearly the same", "{groups} 组特征的内容几乎相同";
    groups_finding(said, flagged, measured): "{said}; contributions and permutation disagree on {flagged} of {measured} figures.", "{said}；在 {measured} 项数值中，贡献与置换有 {flagged} 项不一致。";
    groups_chart(task): "What {task} relies on, correlated features as one", "{task} 依赖什么（相关特征合并）";
    groups_about: "Mean size of what the members contribute together, with a 95 % interval.", "成员共同贡献的平均大小，附 95 % 区间。";
    members_of(group): "Members of {group}", "{group} 的成员";
    members_about: "Mean size of each member's own contribution, with a 95 % interval.", "每个成员自身贡献的平均大小，附 95 % 区间。";
    members_count(members): "{members} features.", "{members} 个特征。";
    members_cancel(times): " Their own importances add up to {times} times that of the group.", "其各自重要性之和为该组的 {times} 倍。";
    second_opinion: "The second opinion, disagreements first", "第二意见（不一致者在前）";
    disagrees: "disagrees", "不一致";
    drop_of_auc: "drop of AUC", "AUC 下降";
    rise_of_log_loss: "rise of log loss", "对数损失上升";
    rise_of_rmse: "rise of RMSE", "RMSE 上升";
    groups_how: "Two features that say the same share what the model relies on, in halves or by chance: their group holds all of it. Groups are features whose ranks go together (|Spearman| 0.7 and more on average, or as much between categories). Open a group to see its members. The second opinion deals a feature's values anew among the rows of a scenario and measures how much worse the calibrated predictions are: a drop of AUC, a rise of log loss or of the error of an amount; of a chained task on rows where the task before it happened, as for contributions. “Relied on, not needed”: the model moves its output by the feature and is as good without it, because another says the same or what it moves is noise. “Needed, little moved”: much depends on small moves.", "内容相同的两个特征会平分或随机分担模型的依赖：它们所在的组包含全部依赖。特征组由秩次一致的特征组成（平均 |Spearman| 不低于 0.7，类别之间同理）。展开某组可见其成员。第二意见在场景的行之间重新分配某特征的取值，并测量校准后的预测变差多少：AUC 下降、对数损失上升或数额误差上升；链式任务与贡献一样，只看前一任务已发生的行。“依赖而不需要”：模型随该特征移动输出，但没有它同样好，因为另有特征内容相同，或所移动的是噪声。“需要而移动小”：很多结果取决于小的移动。";

    effects: "Effects", "效应";
    effects_finding(feature, task, lowest, lowest_at, highest, highest_at): "{feature} moves {task} between {lowest} (at {lowest_at}) and {highest} (at {highest_at}) around the base rate.", "{feature} 使 {task} 在基础率附近变动，从 {lowest}（{lowest_at} 处）到 {highest}（{highest_at} 处）。";
    effect_about: "How the raw output moves along the values of the feature, with a 95 % band.", "原始输出随特征取值的变动，附 95 % 区间带。";
    partial_dependence: "partial dependence", "部分依赖";
    share_of_rows(point, share): "{point}: {share} of the rows", "{point}：占行数的 {share}";
    effect_published(lowest, highest): "published: {lowest} to {highest}", "发布值：{lowest} 至 {highest}";
    effects_how: "A curve shows how the raw output moves while one feature moves and the others stay as they were found together with it (accumulated local effects), centred over the rows; raw outputs are logits for tasks with a yes or no. The bold line is all scenarios, the shade its 95 % band (the noise of rows, not of learning), the thin lines single scenarios. The dashed vermilion line is partial dependence, which asks about rows that may not occur: where it leaves the bold line the feature works together with others. Points of a number are quantiles, so that each step holds about as many rows; the bars below say how many. “Missing” stands apart. Below the title: the same in what is published, at the base rate. Points of more features are in curves.parquet, mean contributions along every leading feature in effects.parquet.", "曲线显示当一个特征变动、其余特征保持与之同时出现的取值时，原始输出如何变动（累积局部效应），并对各行取中心；是非类任务的原始输出为 logit。粗线为全部场景，阴影为其 95 % 区间带（行的噪声，不含学习的噪声），细线为单个场景。朱红虚线为部分依赖，它询问的行可能并不存在：当它偏离粗线时，该特征与其他特征共同起作用。数值特征的点为分位数，因此每一步的行数大致相同；下方条形表示行数。“缺失”单独列出。标题下方为基础率处的发布值。更多特征的点见 curves.parquet，各主要特征上的平均贡献见 effects.parquet。";

    inside: "Gates and experts", "门控与专家";
    at_level(what, level): "{what}, level {level}", "{what}（第 {level} 层）";
    gate_shares: "Share of each expert in every cell's gate", "各单元门控中每个专家的份额";
    gate_shares_about: "Rows are tasks and scenarios, columns experts; each row adds up to 1.", "行为任务与场景，列为专家；每行之和为 1。";
    similarity: "Similarity of experts", "专家的相似度";
    similarity_about: "Linear CKA of the features of each pair of experts; ! marks pairs that have become one.", "每对专家特征的线性 CKA；! 标记已趋于相同的专家对。";
    one_expert: "There is one expert: nothing to weigh.", "只有一个专家：无需权衡。";
    experts_differ: "The experts yield different things: none has become a copy of another.", "各专家的输出不同：没有专家成为另一个的副本。";
    experts_collapsed(collapsed, pairs, one, other, value): "Alarm: {collapsed} of {pairs} pairs of experts have become one, such as {one} and {other} ({value}).", "警报：{pairs} 对专家中有 {collapsed} 对已趋于相同，例如 {one} 与 {other}（{value}）。";
    gates_decided(gates): " {gates} gate(s) listen to one expert alone.", "有 {gates} 个门控只听从一个专家。";
    gradients_apart(one, other, cosine): " The gradients of {one} and {other} pull apart most (cosine {cosine}).", "{one} 与 {other} 的梯度分歧最大（余弦 {cosine}）。";
    inside_table: "Entropy of gates, probes for scenarios, gradients of tasks", "门控的熵、场景探针、任务的梯度";
    other_task: "other task", "另一任务";
    inside_how: "A gate says how much a task, in a scenario, takes of each expert; its shares are at least 0 and 1 together, here their mean over held-out rows. Entropy 0: one expert alone; 1: all alike, and the gate says nothing. Similarity of experts is linear CKA: 1 where one yields what the other does but for a rotation; from 0.95 up they have become one (an alarm), and the network has fewer experts than it was given. The probe says how well a scenario can be told from the features that all share, as an AUC: 0.5 = not at all. The cosine of two tasks' gradients on the shared weights, mean over the passes of training: below 0 they pull in different directions. All in inside.parquet.", "门控表示某任务在某场景中从每个专家取用多少；份额不小于 0，合计为 1，此处为留出行上的平均。熵为 0：只用一个专家；为 1：同等取用，门控不起作用。专家的相似度为线性 CKA：除旋转外输出相同时为 1；达到 0.95 即视为已趋于相同（警报），网络的专家少于设定数量。探针表示从共享特征中辨认场景的能力，以 AUC 计：0.5 表示完全不能。两个任务在共享权重上的梯度余弦为各轮训练的平均：小于 0 表示方向相反。全部数据见 inside.parquet。";

    faithful: "Can the explanations be trusted?", "解释是否可信？";
    faithful_finding(beats, tasks): "For {beats} of {tasks} tasks the contributions tell beyond doubt more than chance what moves the model.", "在 {tasks} 个任务中，有 {beats} 个任务的贡献确定比随机更能说明模型因何而动。";
    faithful_share(share): " Contributions add up to the raw output within {share} of its spread, on every explained row.", "在每个被解释的行上，各贡献之和与原始输出的差不超过其离散程度的 {share}。";
    faithful_chart: "Gain over a random order, in standard deviations of the output", "相对随机顺序的增益（以输出的标准差计）";
    faithful_about: "Gain of each task with its 95 % interval; above 0, contributions say what moves the model.", "各任务的增益及其 95 % 区间；大于 0 表示贡献说明了模型因何而动。";
    faithful_table: "Deletion and insertion", "删除与插入";
    deletion: "deletion", "删除";
    deletion_random: "deletion at random", "随机删除";
    insertion: "insertion", "插入";
    insertion_random: "insertion at random", "随机插入";
    gain: "gain", "增益";
    residual_over_spread: "residual / spread", "残差 / 离散程度";
    faithful_how: "Features of held-out rows are set to the background (a number to its training mean, a category to its commonest entry), the largest contribution first: the output should fall at once (deletion: lower is better). The other way round, from the background to the row, it should rise at once (insertion: higher is better). Both are areas under the curve, in standard deviations of the output, beside those of a random order. The gain is the mean of both advantages. The residual is what contributions and raw output differ by: rounding, or else a fault. The gain says whether the explanation follows the model, not whether the model is right.", "将留出行的特征逐个设为背景值（数值取训练均值，类别取最常见的取值），从贡献最大者开始：输出应立即下降（删除：越低越好）。反之，从背景值逐个恢复为该行的取值时，输出应立即上升（插入：越高越好）。两者均为曲线下面积，以输出的标准差计，并与随机顺序并列。增益为两项优势的平均。残差为各贡献之和与原始输出之差：若非舍入误差，即为错误。增益说明解释是否符合模型，而不说明模型是否正确。";

    importance_since: "What the model relies on, since the run before", "模型依赖的变化（与上次相比）";
    importance_since_finding(before, rose, fell, compared, new, gone): "Against run {before}: importance rose beyond chance in {rose} and fell in {fell} of {compared} comparisons; {new} new and {gone} vanished.", "与运行 {before} 相比：在 {compared} 项比较中，重要性超出偶然地上升 {rose} 项、下降 {fell} 项；新出现 {new} 项，消失 {gone} 项。";
    ranking_moved(task, scenario, agreement): " The ranking moved most for {task} in {scenario}: agreement {agreement}.", "{scenario} 中 {task} 的排名变动最大：一致度 {agreement}。";
    agreement_chart: "Agreement of tonight's ranking of features with that of the run before", "今晚的特征排名与上次运行的一致度";
    agreement_about: "NDCG per scenario and task: 1 is the same order where it matters.", "各场景与任务的 NDCG：1 表示重要处顺序相同。";
    importance_nights(task): "Importance for {task}, night by night", "{task} 的重要性（逐夜）";
    importance_changes: "Changes beyond chance, new and vanished features", "超出偶然的变化、新出现与消失的特征";
    rank_then: "rank then", "当时排名";
    rank_now: "rank now", "现在排名";
    standard_errors: "standard errors", "标准误";
    importance_since_how: "Importance of each feature in each cell, tonight against the run before, tested against its own noise: the change in standard errors of both intervals, widened by what the night's refit moves the features by in general (the robust spread of all changes), and a false discovery rate of 5 % over all features and cells. What is listed stands out from the refit. The agreement of rankings (NDCG) is 1 where the order of the features that matter is the same. All comparisons are in importance_change.parquet, the nights before in importance_history.parquet.", "将今晚每个单元中每个特征的重要性与上次运行比较，并以其自身的噪声检验：变化以两个区间的标准误计，并按今晚重新拟合对各特征的一般影响（全部变化的稳健离散程度）加宽，全部特征与单元的错误发现率为 5 %。列出的变化超出重新拟合的影响。排名一致度（NDCG）为 1 表示重要特征的顺序相同。全部比较见 importance_change.parquet，之前各夜见 importance_history.parquet。";

    told_rows: "Rows explained", "逐行解释";
    told_rows_finding(rows, first): "{rows} held-out rows are told one by one. The first: {first}", "逐一解释 {rows} 个留出行。第一行：{first}";
    told_rows_table: "All explained rows", "全部被解释的行";
    average_row: "average row", "平均行";
    this_row: "this row", "本行";
    waterfall_about: "Contributions add up from the average row to this one.", "各贡献从平均行累加到本行。";
    row_told(task, published, usual, steps): "{task} is {published} ({usual} for the average row): {steps}.", "{task} 为 {published}（平均行为 {usual}）：{steps}。";
    row_happened(words, outcome): "{words} Happened: {outcome}.", "{words} 实际：{outcome}。";
    others_count(count): "{count} others", "其余 {count} 项";
    one_other: "1 other", "其余 1 项";
    is_missing(feature): "{feature} is missing", "{feature} 缺失";
    not_observed: "not observed", "未观测";
    yes: "yes", "是";
    no: "no", "否";
    why: "why", "选取原因";
    row: "row", "行";
    surrogate_fit: "surrogate's fit", "代理模型拟合";
    agreement: "agreement", "一致度";
    told_rows_how: "The same rules choose the rows every night: the highest predictions, those nearest to the decision threshold, the worst errors, and some at random; one of an entity at most. Each waterfall leads from the raw output of the average training row to that of the row; steps add up exactly. What is published for both stands in the words. A value that is a key, or of a column that [privacy] names, is not shown; the row's keys are in explained.parquet, all of its contributions in contributions.parquet. The surrogate is a linear model of the model near the row, a third opinion: its fit says how much of what the model does there is linear (below about 0.5 it says little), its agreement which share of the five largest reasons it shares.", "每晚按相同规则选取各行：预测最高者、最接近决策阈值者、误差最大者，以及若干随机行；每个实体最多一行。每幅瀑布图从训练平均行的原始输出到该行的原始输出；各步之和精确相等。两者的发布值见文字。键以及 [privacy] 所列各列的取值不显示；该行的键见 explained.parquet，全部贡献见 contributions.parquet。代理模型是模型在该行附近的线性近似，作为第三意见：其拟合表示模型在该处有多少是线性的（低于约 0.5 时意义不大），一致度表示它与五个最大原因的重合比例。";
}
