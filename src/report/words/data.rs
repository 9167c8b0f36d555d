//! Words of decisions, data quality, cleaning, features, and how to reproduce.

use super::words;

words! {
    decisions: "Scores and decisions", "评分与决策";
    decisions_finding(rows, tables): "{rows} candidates were scored; {tables} decision table(s) follow from them.", "共为 {rows} 个候选评分；由此得到 {tables} 张决策表。";
    scores_table: "Tonight's scores", "今晚的评分";
    mean_of(task): "mean {task}", "{task} 均值";
    decision_table(name, rows): "{name} ({rows} rows)", "{name}（{rows} 行）";
    merit_table(name, rows): "Figures of merit: {name} ({rows} rows)", "效果指标：{name}（{rows} 行）";
    working_table(name, rows): "What the tables above are made of: {name} ({rows} rows)", "以上各表的来源：{name}（{rows} 行）";
    decisions_how: "The first rows of each table; the whole tables are in decisions/. Figures of merit come first: what the decisions of an application would have been worth on the held-out rows. A score under another scenario is a prediction for rows that look like this there, not a causal effect: it does not say what moving a product, placing an advertisement or sending a message would change. Only a trial on some users and not on others says that.", "仅列出每张表的前几行；完整表格在 decisions/ 中。效果指标列在最前：某项应用的决策在留出行上会带来什么。另一场景下的评分是对该场景中相似行的预测，而不是因果效应：它并不说明移动商品、投放广告或发送消息会改变什么。只有对部分用户而非其他用户进行试验才能说明这一点。";

    data_quality: "Data quality", "数据质量";
    data_quality_finding(feature, share): "The feature most often missing tonight is {feature}: present in {share} of the rows.", "今晚缺失最多的特征是 {feature}：{share} 的行中有值。";
    data_quality_complete: "No feature is missing in any row tonight.", "今晚所有行的特征都有值。";
    data_quality_plain: "Measured on tonight's candidates.", "在今晚的候选上测量。";
    data_quality_chart: "Data quality by scenario", "各场景的数据质量";
    data_quality_about: "Measures of completeness, consistency and diversity of tonight's candidates.", "今晚候选的完整性、一致性与多样性度量。";
    data_quality_table: "Every measure by table and column", "按表和列的全部度量";
    dimension: "dimension", "维度";
    subject: "of", "对象";
    data_quality_how: "Shares lie between 0 and 1. Effective numbers are exp(entropy): how many equally common values would be as varied. The distance of a scenario is the mean Jensen–Shannon distance of its features to those of all rows, 0 (the same) to 1 (nothing in common). Also in quality.parquet.", "比例介于 0 与 1 之间。有效数为 exp(熵)：多少个等频值才同样多样。场景的距离是其特征与全部行特征的平均 Jensen–Shannon 距离，0 为相同，1 为毫无共同之处。亦见 quality.parquet。";

    cleaning: "Inputs and cleaning", "输入与清洗";
    cleaning_finding(refused, checks): "Rows refused, each with its reason: {refused}. {checks} check(s) found nothing to object to.", "{refused} 行被拒绝，每行都有原因；{checks} 项检查没有发现问题。";
    otherwise: "Otherwise than in the run before", "与上次运行不同之处";
    clean_tables: "Clean tables", "干净表";
    table: "table", "表";
    rows_kept: "rows kept", "保留行数";
    rows_refused: "rows refused", "拒绝行数";
    what_it_is: "what it is", "内容";
    refused_rows: "Refused rows", "被拒绝的行";
    refused_about: "Rows refused by table and reason.", "按表和原因统计的被拒绝行。";
    reason: "reason", "原因";
    input_files: "Input files", "输入文件";
    source: "source", "来源";
    file: "file", "文件";
    size: "size", "大小";
    sha: "sha256", "sha256";
    checks_passed: "Checks passed", "通过的检查";
    check: "check", "检查";
    cleaning_how: "Refused rows lie in refused/ with their reasons. A check that finds a row stops the night, so all that is listed found none.", "被拒绝的行及其原因在 refused/ 中。检查一旦发现问题行就会停止当晚运行，因此此处列出的检查均未发现问题。";

    features: "Features", "特征";
    features_defined(features): "{features} features, each defined in frame.sql.", "共 {features} 个特征，均在 frame.sql 中有定义。";
    features_undefined(features, undefined): "{features} features; {undefined} without a definition in frame.sql.", "共 {features} 个特征；其中 {undefined} 个在 frame.sql 中没有定义。";
    features_table: "Features and their definitions", "特征及其定义";
    feature: "feature", "特征";
    kind: "kind", "类型";
    missing_in_training: "missing in training", "训练中缺失";
    unknown_on_holdout: "unknown among the held-out rows", "留出行中的未知行数";
    definition: "definition", "定义";
    features_how: "Unknown: rows whose value was not seen, or too rarely, in training; they share one entry.", "未知：其值在训练中未出现或过于罕见的行，共用一个条目。";

    reproduce: "How to reproduce", "如何重现";
    reproduce_finding: "The same as-of date, inputs and seed give the same bytes.", "相同的截止日、输入和种子得到相同的字节。";
    this_run: "This run", "本次运行";
    queries: "Queries", "查询";
    what: "what", "项目";
    command: "command", "命令";
    run: "run", "运行";
    seed: "seed", "种子";
    fingerprint: "fingerprint", "指纹";
    zone: "zone", "时区";
    compared_with: "compared with", "对比的运行";
    reproduce_how: "Every figure on this page is in report.json, and can be recomputed from the Parquet files beside it: held-out rows with labels and predictions in holdout/, figures in metrics.parquet.", "本页的每个数字都在 report.json 中，并可由其旁边的 Parquet 文件重新计算：holdout/ 中有留出行的标签与预测，metrics.parquet 中有各项指标。";
}
