//! Where training begins when an earlier night's model is at hand: at its weights, under tonight's names.
//!
//! In: a saved network and how the entries of its vocabularies are called now. Out: weights. An id that the earlier network
//! knew keeps its embedding, wherever it stands in tonight's vocabulary; one that is new begins fresh. A number's knots are
//! tonight's quantiles: each begins at the earlier effect, interpolated at its place. What has another shape begins fresh.

use super::super::rows::{FieldKind, Shape};
use super::super::{LearnError, Start};
use super::input::position;
use super::model::NetModel;
use super::network::{Network, Weights};

/// Sets fresh `weights` of `net` to those of an earlier model, as far as they fit.
///
/// # Errors
/// [`LearnError::Saved`] when the model cannot be read.
pub(super) fn begin_from(start: &Start<'_>, shape: &Shape, net: &mut Network, weights: &mut Weights) -> Result<(), LearnError> {
    let before = NetModel::read(start.model)?;
    let (old_shape, old_net, old) = before.parts();
    if !comparable(old_shape, shape) {
        return Ok(());
    }
    for (head, before) in net.heads.tasks.iter_mut().zip(&old_net.heads.tasks) {
        (head.centre, head.spread) = (before.centre, before.spread);
    }
    for named in &net.layout.named {
        let Some(before) = old_net.layout.named.iter().find(|before| before.name == named.name) else { continue };
        if (before.slot.rows, before.slot.cols) == (named.slot.rows, named.slot.cols) {
            named.slot.of_mut(&mut weights.dense).copy_from_slice(before.slot.of(&old.dense));
        }
    }
    for (field, before) in shape.fields.iter().zip(&old_shape.fields) {
        if let (FieldKind::Numeric { knots, .. }, FieldKind::Numeric { knots: old_knots, .. }) = (&field.kind, &before.kind) {
            let name = format!("input.{}.knots", field.name);
            let found = |net: &Network| net.layout.named.iter().find(|named| named.name == name).map(|named| named.slot);
            let (Some(to), Some(from)) = (found(net), found(old_net)) else { continue };
            if to.cols != from.cols {
                continue;
            }
            let (to, from) = (to.of_mut(&mut weights.dense), from.of(&old.dense));
            move_knots((knots, to), (old_knots, from));
        }
    }
    for (at, table) in net.input.tables.iter().enumerate() {
        let Some((place, before)) = old_net.input.tables.iter().enumerate().find(|(_, before)| before.name == table.name) else { continue };
        if before.width != table.width {
            continue;
        }
        let field = shape.fields.iter().position(|field| field.name == table.name);
        let entries = field.and_then(|field| start.entries.get(field)).filter(|entries| !entries.is_empty());
        for entry in 0..table.entries {
            let from = match entries {
                Some(entries) => entries.get(entry).copied().flatten().map(|entry| entry as usize),
                // Hashed text: a bucket is the same bucket.
                None => (before.entries == table.entries).then_some(entry),
            };
            if let Some(from) = from.filter(|from| *from < before.entries) {
                let own = entry * table.width..(entry + 1) * table.width;
                weights.tables[at][own].copy_from_slice(&old.tables[place][from * table.width..(from + 1) * table.width]);
            }
        }
    }
    net.prepare(weights);
    Ok(())
}

/// Whether a model that was fitted for `before` has something to begin from for `now`.
///
/// Rows mean the same: fields, scenarios and tasks have the same names and kinds in the same order.
#[must_use]
pub fn comparable(before: &Shape, now: &Shape) -> bool {
    let kind = |kind: &FieldKind| match kind {
        FieldKind::Numeric { .. } => (0, 0),
        FieldKind::Categorical { .. } => (1, 0),
        FieldKind::Text { buckets } => (2, *buckets),
        FieldKind::Vector { width } => (3, *width),
    };
    let fields = |shape: &Shape| shape.fields.iter().map(|field| (field.name.clone(), kind(&field.kind))).collect::<Vec<_>>();
    let tasks = |shape: &Shape| shape.tasks.iter().map(|task| (task.name.clone(), task.kind, task.after)).collect::<Vec<_>>();
    before.scenarios == now.scenarios && tasks(before) == tasks(now) && fields(before) == fields(now)
}

/// Rows at tonight's knots, interpolated between the rows at the earlier ones; the last row of each is that of "missing".
fn move_knots((knots, to): (&[f32], &mut [f32]), (old_knots, from): (&[f32], &[f32])) {
    let width = to.len() / (knots.len() + 1);
    let old = |knot: usize| &from[knot * width..(knot + 1) * width];
    for (knot, to) in knots.iter().zip(to.chunks_exact_mut(width)) {
        let place = position(old_knots, *knot);
        let low = place.floor() as usize;
        let (share, high) = (place - low as f32, (low + 1).min(old_knots.len() - 1));
        for ((to, low), high) in to.iter_mut().zip(old(low)).zip(old(high)) {
            *to = low + share * (high - low);
        }
    }
    to[knots.len() * width..].copy_from_slice(old(old_knots.len()));
}
