//! Training that begins somewhere: where a run that died left off, or at an earlier night's network.

use std::sync::Mutex;

use ndarray::Array2;

use super::super::network::Network;
use super::super::predict::predict;
use super::super::settings::{Balance, NetSettings, ScenarioSharing, TaskSharing, TrainSettings};
use super::super::start::begin_from;
use super::super::{Learner, NAME, net};
use super::prepared::everything;
use super::{Rows, Silent, form, plain_training};
use crate::learn::rows::{FieldKind, MISSING, UNKNOWN};
use crate::learn::{Choice, Prepare, Progress, Start};

/// Remembers every state that it is asked to keep, and hands out one.
#[derive(Default)]
struct Keeper {
    states: Mutex<Vec<(String, Vec<u8>)>>,
    given: Option<(String, Vec<u8>)>,
}

impl Progress for Keeper {
    fn at(&self, _: &str, _: u64, _: u64) {}

    fn keep(&self, name: &str, state: &dyn Fn() -> Vec<u8>) {
        self.states.lock().expect("no panic").push((name.to_owned(), state()));
    }

    fn kept(&self, name: &str) -> Option<Vec<u8>> {
        self.given.as_ref().filter(|(own, _)| own == name).map(|(_, state)| state.clone())
    }
}

impl Keeper {
    fn giving(state: &(String, Vec<u8>)) -> Self {
        Self { states: Mutex::default(), given: Some(state.clone()) }
    }

    fn states(self) -> Vec<(String, Vec<u8>)> {
        self.states.into_inner().expect("no panic")
    }
}

fn learner(balance: Balance) -> Box<dyn Learner> {
    prepared(balance, &Prepare::NONE)
}

fn prepared(balance: Balance, prepare: &Prepare) -> Box<dyn Learner> {
    let form = NetSettings {
        scenario_sharing: vec![ScenarioSharing::Star, ScenarioSharing::None],
        task_sharing: vec![TaskSharing::Mmoe],
        ..form()
    };
    let settings = TrainSettings {
        epochs: 3,
        patience: 1,
        rate_decay: 0.7,
        dropout: 0.2,
        id_dropout: 0.1,
        embedding_decay: 0.01,
        warmup_steps: 5,
        balance,
        ..plain_training()
    };
    net(form, settings, 3).expect("settings").prepared(prepare).expect("settings").expect("a network is prepared")
}

#[test]
fn training_goes_on_where_it_was_kept_bit_for_bit() {
    let (rows, valid) = (Rows::everything(900, 1), Rows::everything(500, 2));
    let plain = [Balance::Dwa, Balance::Uncertainty, Balance::Gradnorm].map(|balance| (balance, Prepare::NONE));
    for (balance, prepare) in plain.into_iter().chain([(Balance::Fixed, everything()), (Balance::Pcgrad, everything())]) {
        let learner = prepared(balance, &prepare);
        let choose = |keeper: &Keeper| -> Choice { learner.choose(&rows.examples(), &valid.examples(), keeper).expect("a choice") };
        let keeper = Keeper::default();
        let undisturbed = choose(&keeper);
        let states = keeper.states();
        assert_eq!(states.len(), undisturbed.trials.len(), "not one state a pass");
        for (at, state) in states.iter().enumerate() {
            let keeper = Keeper::giving(state);
            let again = choose(&keeper);
            assert_eq!(keeper.states().len(), states.len() - at - 1, "passes were made again");
            assert_eq!(again.trials, undisturbed.trials);
            assert!(again.model.save() == undisturbed.model.save(), "{balance:?}: other weights after state {at}");
        }
        let keeper = Keeper::default();
        let fit = |keeper: &Keeper| undisturbed.learner.fit(&rows.examples(), keeper).expect("a model").save();
        let model = fit(&keeper);
        for state in &keeper.states() {
            assert!(fit(&Keeper::giving(state)) == model, "{balance:?}: the refit went on to other weights");
        }
    }
}

#[test]
fn a_state_that_cannot_be_used_is_left_alone() {
    let (rows, valid) = (Rows::everything(600, 1), Rows::everything(300, 2));
    let learner = learner(Balance::Fixed);
    let choose = |keeper: &Keeper| learner.choose(&rows.examples(), &valid.examples(), keeper).expect("a choice").model.save();
    let keeper = Keeper::default();
    let model = choose(&keeper);
    let (name, state) = keeper.states().remove(0);
    let mut flipped = state.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 1;
    for damaged in [Vec::new(), b"nothing".to_vec(), state[..state.len() / 2].to_vec(), flipped, vec![0xff; 64]] {
        assert!(choose(&Keeper::giving(&(name.clone(), damaged))) == model);
    }
    // The state of another network.
    let other = net(NetSettings { expert_layers: vec![7, 3], ..form() }, plain_training(), 3).expect("settings");
    let keeper = Keeper::giving(&(name, state));
    other.choose(&rows.examples(), &valid.examples(), &keeper).expect("a choice");
    assert!(keeper.states().len() > 1, "the state of another network was used");
}

/// The same rows under another vocabulary: entry 2 of `brand` is now 3, 3 is 2, 4 is new, the rest is one further.
fn renamed(entry: u32) -> u32 {
    match entry {
        UNKNOWN | MISSING => entry,
        2 => 3,
        3 => 2,
        entry => entry + 1,
    }
}

#[test]
fn an_earlier_network_says_the_same_under_tonights_names() {
    let rows = Rows::everything(800, 1);
    let before = net(form(), plain_training(), 3).expect("settings").fit(&rows.examples(), &Silent).expect("a model");
    let saved = before.save();
    let mut tonight = Rows::everything(800, 1);
    tonight.category.iter_mut().for_each(|entry| *entry = renamed(*entry));
    let mut entries = vec![Vec::new(); tonight.shape.fields.len()];
    for (at, field) in tonight.shape.fields.iter_mut().enumerate() {
        match &mut field.kind {
            FieldKind::Categorical { entries: known, share } => {
                *known += 1;
                share.push(0.0);
                entries[at] = (0..*known).map(|entry| (0..*known - 1).find(|old| renamed(*old) == entry)).collect();
            }
            // Twice as many knots, the old ones among them: the effect is the same piecewise line.
            FieldKind::Numeric { knots, .. } => *knots = (-8..=8).map(|knot| knot as f32 / 4.0).collect(),
            _ => {}
        }
    }
    assert_eq!(entries[2][4], None, "the new entry has an old one");
    let mut network = Network::new(&tonight.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let bias: Vec<Vec<f32>> = network.heads.tasks.iter().map(|head| vec![0.0; head.width]).collect();
    let mut weights = network.begin(&bias, 99);
    let fresh = weights.tables[0].clone();
    begin_from(&Start { model: &saved, entries: entries.clone() }, &tonight.shape, &mut network, &mut weights).expect("a start");
    let mut expected = Array2::zeros((800, 6));
    before.raw(&rows.block(), expected.view_mut()).expect("outputs");
    let (found, _) = predict(&network, &tonight.shape, &weights, &tonight.block(), false);
    for (found, expected) in found.iter().zip(&expected) {
        assert!((found - expected).abs() < 1e-4 * expected.abs().max(1.0), "{found} instead of {expected}");
    }
    assert_eq!(weights.tables[0][4 * 4..5 * 4], fresh[4 * 4..5 * 4], "the new entry does not begin fresh");

    // Another task list means other numbers: nothing is taken over.
    let mut other = tonight.shape.clone();
    other.tasks[4].name = "calls".into();
    let mut network = Network::new(&other, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let mut weights = network.begin(&bias, 99);
    let untouched = weights.clone();
    begin_from(&Start { model: &saved, entries }, &other, &mut network, &mut weights).expect("a start");
    assert_eq!(weights, untouched);
}

#[test]
fn training_from_an_earlier_network_is_further_after_one_pass() {
    let (rows, valid) = (Rows::everything(3000, 1), Rows::everything(1500, 2));
    let once = TrainSettings { epochs: 1, rate: 0.002, ..plain_training() };
    let learner = net(form(), once, 3).expect("settings");
    let before = net(form(), plain_training(), 3).expect("settings").fit(&rows.examples(), &Silent).expect("a model");
    assert_eq!(before.learner(), NAME);
    let saved = before.save();
    let same = (0..rows.shape.fields.len()).map(|field| match rows.shape.fields[field].kind {
        FieldKind::Categorical { entries, .. } => (0..entries).map(Some).collect(),
        _ => Vec::new(),
    });
    let warm = crate::learn::Examples { start: Some(Start { model: &saved, entries: same.collect() }), ..rows.examples() };
    let loss = |choice: Choice| choice.trials[0].loss;
    let cold = loss(learner.choose(&rows.examples(), &valid.examples(), &Silent).expect("a choice"));
    let warm = loss(learner.choose(&warm, &valid.examples(), &Silent).expect("a choice"));
    assert!(warm < cold - 0.02, "warm {warm}, cold {cold}");
}
