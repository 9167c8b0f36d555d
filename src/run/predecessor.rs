//! The earlier night from whose network tonight's training begins (`[train] warm_start`).
//!
//! In: past runs and tonight's plan. Out: the newest run before tonight whose network has learned from no snapshot newer than
//! those that tonight's choice learns from. The labels of a newer one reach into the validation night's outcome (that is what
//! `gap` keeps apart), and a network that knows the answers would make the choices look good.

use super::{Night, NightError, scorer};
use crate::features::encode::Encoder;
use crate::job::{Job, ModelKind, Plan, Split};
use crate::learn::net::comparable;
use crate::learn::{Saved, Start};

/// A past run's network and its vocabularies.
pub(super) struct Predecessor {
    pub(super) run: String,
    model: Saved,
    encoder: Encoder,
}

/// Whether nights of a job begin from earlier ones' networks.
pub(super) fn begins_from_others(job: &Job) -> bool {
    job.train.warm_start && job.model == ModelKind::Net
}

impl Predecessor {
    /// The run to begin from; `None` where the job does not ask for one or none is fit.
    ///
    /// # Errors
    /// [`NightError`] when a run's manifest or model cannot be read.
    pub(super) fn find(night: &Night<'_>, plan: &Plan) -> Result<Option<Self>, NightError> {
        let job = night.job;
        if !begins_from_others(job) {
            return Ok(None);
        }
        let trained = plan.labelled.iter().filter(|(_, split)| *split == Split::Train).map(|(as_of, _)| as_of.to_string()).max();
        let learned = [Split::Train, Split::Gap, Split::Valid].map(Split::name);
        let tonight = night.as_of.to_string();
        let past = night.home.past()?;
        let fit = past.into_iter().find(|run| {
            let snapshots = run.manifest.snapshots.iter().filter(|snapshot| learned.contains(&snapshot.split.as_str()));
            let newest = snapshots.map(|snapshot| &snapshot.as_of).max();
            run.published()
                && run.manifest.learner == "net"
                && run.manifest.as_of < tonight
                && newest.is_some()
                && newest <= trained.as_ref()
        });
        let Some(run) = fit else { return Ok(None) };
        let folder = run.folder.join("model");
        let (model, encoder) = (scorer::saved(&folder)?, scorer::encoder(&folder)?);
        Ok(Some(Self { run: run.manifest.run, model, encoder }))
    }

    /// Where training on rows of `encoder` begins; `None` where its rows mean something else than the earlier network's.
    pub(super) fn start(&self, encoder: &Encoder) -> Option<Start<'_>> {
        let same = comparable(&self.encoder.shape(), &encoder.shape());
        same.then(|| Start { model: &self.model, entries: encoder.entries_of(&self.encoder) })
    }
}
