//! The fitted network: raw outputs, and its weights as named arrays.

use ndarray::{Array2, ArrayViewMut2, ArrayViewMut3};
use serde::{Deserialize, Serialize};

use super::super::inside::Inside;
use super::super::rows::{Block, Shape};
use super::super::saved::{Tensors, pack, unpack};
use super::super::{Attribution, LearnError, Model, Saved, check_finite, check_room, check_room_under, check_shape};
use super::arena::Arena;
use super::network::{Network, Weights};
use super::predict::{features, inside, predict};
use super::settings::{NetSettings, ScenarioSharing, TaskSharing};
use super::{NAME, attribute};

/// A fitted network.
#[derive(Debug, Clone)]
pub(super) struct NetModel {
    shape: Shape,
    form: Form,
    net: Network,
    weights: Weights,
    /// Where contributions begin. Shape: `[inputs]`.
    background: Vec<f32>,
}

/// What `model.json` says of the network's form.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Form {
    settings: NetSettings,
    task_sharing: TaskSharing,
    scenario_sharing: ScenarioSharing,
    /// Mean and standard deviation of each regression's labels on the scale on which they are learned.
    scales: Vec<(f32, f32)>,
}

impl NetModel {
    pub(super) fn new(
        shape: Shape,
        settings: &NetSettings,
        sharing: (TaskSharing, ScenarioSharing),
        net: Network,
        weights: Weights,
        rows: &[Block<'_>],
    ) -> Self {
        let background = attribute::background(&net, &shape, &weights, rows);
        let scales = net.heads.tasks.iter().map(|head| (head.centre, head.spread)).collect();
        let form = Form { settings: settings.clone(), task_sharing: sharing.0, scenario_sharing: sharing.1, scales };
        Self { shape, form, net, weights, background }
    }

    fn check(&self, block: &Block<'_>) -> Result<(), LearnError> {
        check_shape(&self.shape, block)?;
        check_finite(&self.shape, block)
    }
}

impl Model for NetModel {
    fn learner(&self) -> &'static str {
        NAME
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn raw(&self, block: &Block<'_>, mut out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        check_room(&self.shape, block, &out)?;
        check_finite(&self.shape, block)?;
        let (own, _) = predict(&self.net, &self.shape, &self.weights, block, false);
        out.iter_mut().zip(own).for_each(|(out, own)| *out = own);
        Ok(())
    }

    fn raw_under(&self, block: &Block<'_>, mut out: ArrayViewMut3<'_, f32>) -> Result<(), LearnError> {
        self.check(block)?;
        check_room_under(&self.shape, block, &out)?;
        let (_, under) = predict(&self.net, &self.shape, &self.weights, block, true);
        out.iter_mut().zip(under).for_each(|(out, under)| *out = under);
        Ok(())
    }

    fn shared_features(&self, block: &Block<'_>) -> Option<Result<Array2<f32>, LearnError>> {
        Some(self.check(block).and_then(|()| features(&self.net, &self.shape, &self.weights, block)))
    }

    fn inside(&self, block: &Block<'_>) -> Option<Result<Inside, LearnError>> {
        Some(self.check(block).and_then(|()| inside(&self.net, &self.shape, &self.weights, block)))
    }

    fn attribution_is_dear(&self) -> bool {
        true
    }

    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>> {
        let checked = self.check(block);
        Some(checked.map(|()| attribute::attribute(&self.net, &self.shape, &self.weights, &self.background, attribute::STEPS, block)))
    }

    fn save(&self) -> Saved {
        let mut tensors = Tensors::default();
        for named in &self.net.layout.named {
            tensors.put(&named.name, &[named.slot.rows, named.slot.cols], named.slot.of(&self.weights.dense));
        }
        for (table, values) in self.net.input.tables.iter().zip(&self.weights.tables) {
            tensors.put(&format!("input.{}.embedding", table.name), &[table.entries, table.width], values.iter());
        }
        tensors.put("background", &[self.background.len()], &self.background);
        pack(NAME, &self.shape, self.form.clone(), &tensors)
    }
}

/// Loads a network.
///
/// # Errors
/// [`LearnError::Saved`] saying what is wrong.
pub(in super::super) fn load(saved: &Saved) -> Result<impl Model + use<>, LearnError> {
    NetModel::read(saved)
}

impl NetModel {
    /// Reads a saved network.
    ///
    /// # Errors
    /// [`LearnError::Saved`] saying what is wrong.
    pub(super) fn read(saved: &Saved) -> Result<Self, LearnError> {
        let (head, tensors) = unpack::<Form>(saved)?;
        let (shape, form) = (head.shape, head.of);
        form.settings.check().map_err(|error| LearnError::Saved(error.to_string()))?;
        if form.scales.len() != shape.tasks.len() {
            return Err(LearnError::Saved("there is not one scale per task".into()));
        }
        let mut net = Network::new(&shape, &form.settings, form.task_sharing, form.scenario_sharing, false);
        for (head, (centre, spread)) in net.heads.tasks.iter_mut().zip(&form.scales) {
            (head.centre, head.spread) = (*centre, *spread);
        }
        // What a file says of its size is held against the file before anything of that size is made.
        if net.layout.len > saved.tensors.len() / size_of::<f32>() {
            return Err(LearnError::Saved("there are fewer weights than the form asks for".into()));
        }
        let mut dense = vec![0.0; net.layout.len];
        for named in &net.layout.named {
            let values = tensors.get(&named.name, &[named.slot.rows, named.slot.cols])?;
            named.slot.of_mut(&mut dense).copy_from_slice(&values);
        }
        let tables = net
            .input
            .tables
            .iter()
            .map(|table| tensors.get(&format!("input.{}.embedding", table.name), &[table.entries, table.width]).map(Arena::from));
        let mut weights = Weights { dense, own: vec![0.0; net.own.len], tables: tables.collect::<Result<_, _>>()? };
        if weights.dense.iter().chain(weights.tables.iter().flat_map(|table| table.iter())).any(|value| !value.is_finite()) {
            return Err(LearnError::Saved("a weight is not finite".into()));
        }
        net.prepare(&mut weights);
        let background = tensors.get("background", &[net.input.width])?;
        Ok(NetModel { shape, form, net, weights, background })
    }

    /// What the network was fitted for, its form and its weights.
    pub(super) fn parts(&self) -> (&Shape, &Network, &Weights) {
        (&self.shape, &self.net, &self.weights)
    }
}
