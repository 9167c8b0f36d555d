//! A past run's model as it publishes: its encoder, its calibrated model, its stand-ins.
//!
//! In: a run folder. Out: predictions for rows of a frame. Whether the folder is the right one is the caller's business.

use std::fs;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use serde::{Deserialize, Serialize};

use super::NightError;
use super::learned::{Fitted, Learned, put_in};
use super::transfer::By;
use crate::features::FeatureError;
use crate::features::encode::Encoder;
use crate::learn::{self, LearnError, Saved};
use crate::publish::Staging;
use crate::table_file::FileError;

/// Folder below a model's that holds the models of the folds.
pub(super) const OUT_OF_FOLD: &str = "out_of_fold";

/// A cell that another model scores, in `model/stand_ins.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedStandIn {
    pub(super) scenario: String,
    pub(super) task: String,
    /// `alone`, `pooled`, or a challenger.
    pub(super) by: String,
    /// Folder below `model/` that holds it.
    folder: String,
}

/// A past run's model.
pub(super) struct Scorer {
    pub(super) encoder: Encoder,
    pub(super) first: Fitted,
    /// The models of the folds, for rows that `first` has learned from.
    pub(super) unseen: Option<Fitted>,
    stand_ins: Vec<((usize, usize), Fitted)>,
}

impl Scorer {
    /// Reads the model of a run.
    ///
    /// # Errors
    /// [`NightError`] when a file is missing or damaged.
    pub(super) fn open(run: &Path) -> Result<Self, NightError> {
        let model = run.join("model");
        let encoder = encoder(&model)?;
        let shape = encoder.shape();
        let list = model.join("stand_ins.json");
        let listed: Vec<SavedStandIn> = if list.is_file() { parsed(&list)? } else { Vec::new() };
        let mut stand_ins = Vec::new();
        for stand_in in listed {
            let place = (
                shape.scenarios.iter().position(|name| *name == stand_in.scenario),
                shape.tasks.iter().position(|task| task.name == stand_in.task),
            );
            if let (Some(scenario), Some(task)) = place {
                stand_ins.push(((scenario, task), fitted(&model.join(&stand_in.folder))?));
            }
        }
        let folds = model.join(OUT_OF_FOLD);
        let unseen = if folds.is_dir() { Some(fitted(&folds)?) } else { None };
        Ok(Self { encoder, first: fitted(&model)?, unseen, stand_ins })
    }

    /// Whether a frame has every column that the model reads.
    pub(super) fn reads(&self, frame: &Schema) -> bool {
        self.encoder.shape().fields.iter().all(|field| frame.column_with_name(&field.name).is_some())
    }

    /// Published predictions of a batch of a frame, by task name.
    ///
    /// # Errors
    /// [`NightError`] when the batch does not fit.
    pub(super) fn published(&self, batch: &RecordBatch, day: i32) -> Result<Vec<(String, Vec<f64>)>, NightError> {
        let encoded = self.encoder.encode(batch, day).map_err(FeatureError::from)?;
        let block = encoded.block();
        let mut published = self.first.published(std::slice::from_ref(&block))?;
        let shape = self.encoder.shape();
        put_in(self.stand_ins.iter().map(|(cell, fitted)| (*cell, fitted)), &shape, &block, &mut published)?;
        Ok(shape.tasks.into_iter().map(|task| task.name).zip(published).collect())
    }
}

/// Writes a fitted model into a folder of the staged run.
pub(super) fn save(fitted: &Fitted, folder: &str, staging: &Staging) -> Result<(), NightError> {
    let saved = fitted.model.save();
    staging.write(&format!("{folder}/model.json"), saved.json.as_bytes())?;
    staging.write(&format!("{folder}/model.safetensors"), &saved.tensors)?;
    let calibration = serde_json::to_vec_pretty(&fitted.calibration).map_err(|error| NightError::Report(error.to_string()))?;
    Ok(staging.write(&format!("{folder}/calibration.json"), &calibration)?)
}

/// Writes the stand-ins of tonight and the list of them.
pub(super) fn save_stand_ins(learned: &Learned, staging: &Staging) -> Result<(), NightError> {
    if learned.stand_ins.is_empty() {
        return Ok(());
    }
    let shape = learned.encoder.shape();
    let mut list = Vec::new();
    for stand_in in &learned.stand_ins {
        let (scenario, task) = (shape.scenarios[stand_in.scenario].clone(), shape.tasks[stand_in.task].name.clone());
        let folder = match &stand_in.by {
            By::Challenger(at) => learned.taught[*at].name.to_owned(),
            By::Own(fitted) => {
                let folder = format!("stand_in_{}_{}", stand_in.scenario, stand_in.task);
                save(fitted, &format!("model/{folder}"), staging)?;
                folder
            }
        };
        list.push(SavedStandIn { scenario, task, by: stand_in.name.clone(), folder });
    }
    let json = serde_json::to_vec_pretty(&list).map_err(|error| NightError::Report(error.to_string()))?;
    Ok(staging.write("model/stand_ins.json", &json)?)
}

/// The vocabularies of a model folder.
pub(super) fn encoder(model: &Path) -> Result<Encoder, NightError> {
    Ok(Encoder::from_json(&read(&model.join("encoder.json"))?).map_err(FeatureError::from)?)
}

/// The weights of a model folder.
pub(super) fn saved(model: &Path) -> Result<Saved, NightError> {
    let json = String::from_utf8(read(&model.join("model.json"))?).map_err(|error| LearnError::Saved(format!("model.json: {error}")))?;
    Ok(Saved { json, tensors: read(&model.join("model.safetensors"))? })
}

fn fitted(model: &Path) -> Result<Fitted, NightError> {
    Ok(Fitted { model: learn::load(&saved(model)?)?, calibration: parsed(&model.join("calibration.json"))? })
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::Io { what: "read", path: path.to_path_buf(), source })
}

fn parsed<T: serde::de::DeserializeOwned>(path: &Path) -> Result<T, NightError> {
    serde_json::from_slice(&read(path)?).map_err(|error| LearnError::Saved(format!("{}: {error}", path.display())).into())
}
