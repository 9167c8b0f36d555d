//! Words of preparations measured on and off.

use super::words;

words! {
    preparation: "Preparation of rows", "行的准备";
    preparation_whole: "On and off, over all scenarios", "开启与关闭，全部场景";
    preparation_cells: "Every scenario and figure", "全部场景与指标";
    preparation_finding(option, helped, hurt, rest, on, off): "{option} is better in {helped} comparison(s), worse in {hurt}, without evidence in {rest}; a pass visits {on} rows with it and {off} without.", "{option} 在 {helped} 项比较中更好，在 {hurt} 项中更差，{rest} 项没有证据；开启时一轮访问 {on} 行，关闭时 {off} 行。";
    option: "option", "选项";
    off: "off", "关闭";
    on: "on", "开启";
    preparation_how: "Does preparing the rows help? For each option two networks learn from the same sample of rows, from the same seed and with the same care; they differ in that option alone, and all other settings are the job's. Both are calibrated and then measured on the same held-out rows, the intervals by resampling entities; a verdict holds for all that one option did by one metric together (95 %, Holm's correction). The intervals do not cover by how much two trainings differ by chance: a small difference in one night is worth a second look on another. Differences are positive where the option is better. The table is preparation.parquet.", "对行进行准备是否有益？对每个选项，两个网络使用同一批抽样行、同一随机种子和同样的训练方式，仅该选项不同，其余设置均为作业自身的设置。两者经校准后在相同的留出行上测量，区间由按实体重抽样得到；结论对同一选项在同一指标下的全部比较同时成立（95 %，Holm 校正）。区间不包含两次训练之间的随机差异：某一晚的微小差值值得在另一晚再看。差值为正表示开启更好。数据表为 preparation.parquet。";
}
