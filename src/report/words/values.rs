//! Words that come from other stages as values: names of measures, verdicts, splits. What is not known here stays as it is.

use super::Language;

/// Values of other stages and their Chinese.
const VALUES: [(&str, &str); 60] = [
    ("completeness", "完整性"),
    ("consistency", "一致性"),
    ("diversity", "多样性"),
    ("rows", "行数"),
    ("values present", "有值比例"),
    ("categories known", "已知类别"),
    ("effective categories", "有效类别数"),
    ("values within training range", "训练范围内的值"),
    ("distance to all rows", "与全部行的距离"),
    ("entities", "实体数"),
    ("effective entities", "有效实体数"),
    ("Gini of rows per entity", "每实体行数的基尼"),
    ("features that inform", "有信息的特征"),
    ("scenarios present", "出现的场景"),
    ("effective scenarios", "有效场景数"),
    ("scenario known", "场景已知"),
    ("records kept", "保留的记录"),
    ("days present of the last 28", "最近 28 天中有数据的天数"),
    ("labels observed of labels due", "已观测的到期标签"),
    ("labels that contradict their chain", "与链矛盾的标签"),
    ("helped", "有益"),
    ("hurt", "有害"),
    ("no evidence", "无证据"),
    ("required", "要求"),
    ("current run", "当前运行"),
    ("scenario rows", "场景行数"),
    ("scores", "评分"),
    ("train", "训练"),
    ("gap", "间隔"),
    ("valid", "验证"),
    ("holdout", "留出"),
    ("folds", "交叉折"),
    ("tonight", "今晚"),
    ("psi", "稳定性指数"),
    ("missing", "缺失"),
    ("new categories", "新类别"),
    ("label rate", "标签率"),
    ("score psi", "评分稳定性指数"),
    ("too few rows", "行数过少"),
    ("too few positives", "正例过少"),
    ("one class", "只有一类"),
    ("binary", "二元"),
    ("regression", "回归"),
    ("number", "数值"),
    ("unknown", "未知"),
    ("count", "计数"),
    ("zero-inflated amount", "零膨胀数额"),
    ("rose", "上升"),
    ("fell", "下降"),
    ("new", "新出现"),
    ("gone", "消失"),
    ("top score", "最高评分"),
    ("near threshold", "接近阈值"),
    ("worst error", "误差最大"),
    ("random", "随机"),
    ("gate entropy", "门控熵"),
    ("scenario probe auc", "场景探针 AUC"),
    ("gradient cosine", "梯度余弦"),
    ("relied on, not needed", "依赖而不需要"),
    ("needed, little moved", "需要而移动小"),
];

impl Language {
    /// A value of another stage, as it is read.
    pub(in crate::report) fn said(self, value: &str) -> &str {
        let known = || VALUES.iter().find(|(name, _)| *name == value).map_or(value, |(_, chinese)| *chinese);
        self.pick_with(|| value, known)
    }

    /// A step of an explained row: `feature = value`, `feature is missing`, `12 others`.
    pub(in crate::report) fn step(self, label: &str) -> String {
        if let Some(feature) = label.strip_suffix(" is missing") {
            return self.is_missing(feature);
        }
        match label.strip_suffix(" others").map(str::parse::<u64>) {
            Some(Ok(others)) => self.others_count(others),
            _ if label == "1 other" => self.one_other().to_owned(),
            _ => label.to_owned(),
        }
    }

    /// A scenario, `*` being all of them.
    pub(in crate::report) fn place(self, scenario: &str) -> &str {
        if scenario == "*" { self.all() } else { scenario }
    }

    fn pick_with<T>(self, english: impl FnOnce() -> T, chinese: impl FnOnce() -> T) -> T {
        match self {
            Self::English => english(),
            Self::Chinese => chinese(),
        }
    }
}
