//! Correlated groups.

use super::super::groups::{GroupAccumulator, groups};
use super::{Rows, Toy, importance_of, normal, random};
use crate::learn::Model as _;
use crate::learn::rows::{Column, MISSING};

/// `x0`, `x1 = exp(x0 + noise)`, `x2 = −x0 + noise` are one; `x3` and its category are one; `x4` and `x5` are missing together
/// nearly always; `x6` is alone.
#[test]
fn planted_groups_are_found() {
    let mut rows = Rows::new(3000, 7, 51);
    let mut random = random(52);
    for row in 0..3000 {
        rows.x[1][row] = (rows.x[0][row] + 0.3 * normal(&mut random)).exp();
        rows.x[2][row] = -rows.x[0][row] + 0.3 * normal(&mut random);
        if row % 10 != 0 {
            rows.x[4][row] = f32::NAN;
            rows.x[5][row] = f32::NAN;
        }
    }
    let class: Vec<u32> =
        rows.x[3].iter().map(|x| if x.is_nan() { MISSING } else { 2 + ((x + 3.0).clamp(0.0, 6.0) * 1.5) as u32 }).collect();
    let text: Vec<i32> = (0..=3000).collect();
    let buckets = vec![0; 3000];
    let mut block = rows.block();
    block.columns.push(Column::Categorical(&class));
    block.columns.push(Column::Text { offsets: &text, buckets: &buckets });
    assert_eq!(groups(&block), vec![vec![0, 1, 2], vec![3, 7], vec![4, 5], vec![6], vec![8]]);
}

#[test]
fn independent_features_stay_alone() {
    assert_eq!(groups(&Rows::new(500, 6, 53).block()).len(), 6);
}

/// Two copies with opposite weights: each moves the output, both together do not.
#[test]
fn a_group_is_added_up_row_by_row() {
    let mut rows = Rows::new(2000, 3, 54);
    rows.x[1] = rows.x[0].clone();
    for (weights, cancelled) in [([1.0, -1.0, 0.5], true), ([2.0, 1.0, 0.5], false)] {
        let toy = Toy::new(&weights);
        let block = rows.block();
        let found = groups(&block);
        assert_eq!(found, vec![vec![0, 1], vec![2]]);
        let importance = importance_of(&toy, &block);
        let mut sums = GroupAccumulator::new(toy.shape(), found);
        for part in block.parts(300) {
            sums.add(&part, &toy.attribute(&part).unwrap().unwrap());
        }
        let table = sums.finish(&importance, 200, 1);
        let row = &table[0];
        assert_eq!((row.scenario.as_str(), row.task.as_str(), row.group.as_str(), row.members.len()), ("*", "click", "x0", 2));
        let own = |feature: &str| importance.iter().find(|row| row.feature == feature).unwrap().value;
        if cancelled {
            assert_eq!((row.value, row.high, row.cancelled), (0.0, Some(0.0), None));
        } else {
            assert!((row.value - own("x0") - own("x1")).abs() < 1e-6 && (row.cancelled.unwrap() - 1.0).abs() < 1e-6);
            assert!(row.low.unwrap() < row.value && row.value < row.high.unwrap());
        }
        let alone = &table[1];
        assert!((alone.value - own("x2")).abs() < 1e-6 && alone.members == ["x2"]);
    }
}
