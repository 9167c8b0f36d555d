//! Shipments against every combination of whole quantities, conservation, and reasons.

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// Quantity at each origin, demand with its penalty at each destination; one list per item.
type Item = (Vec<u8>, Vec<(u8, Option<u8>)>);

fn tables(items: &[Item], lanes: &[(u8, u8, u8, Option<u8>)]) -> (Vec<Supply>, Vec<Demand>, Vec<Lane>) {
    let (mut supply, mut demand) = (Vec::new(), Vec::new());
    for (item, (there, wanted)) in items.iter().enumerate() {
        let item = item as u32;
        supply.extend((0..).zip(there).map(|(origin, quantity)| Supply { item, origin, quantity: f64::from(*quantity) }));
        demand.extend((0..).zip(wanted).map(|(destination, (quantity, penalty))| Demand {
            item,
            destination,
            quantity: f64::from(*quantity),
            penalty: penalty.map(f64::from),
        }));
    }
    let mut seen = BTreeSet::new();
    let lanes = lanes.iter().filter(|lane| seen.insert((lane.0, lane.1))).map(|(origin, destination, cost, capacity)| Lane {
        origin: u32::from(*origin),
        destination: u32::from(*destination),
        unit_cost: f64::from(*cost),
        capacity: capacity.map(f64::from),
    });
    (supply, demand, lanes.collect())
}

/// What is met at any cost, then worth less cost, of the best whole shipment.
fn by_every_combination(supply: &[Supply], demand: &[Demand], lanes: &[Lane]) -> (f64, f64) {
    struct World<'a> {
        demand: &'a [Demand],
        lanes: &'a [Lane],
        ways: Vec<(usize, usize, usize)>,
    }
    fn best(world: &World<'_>, at: usize, there: &mut [f64], wanted: &mut [f64], room: &mut [f64]) -> (f64, f64) {
        let Some((from, to, lane)) = world.ways.get(at).copied() else { return (0.0, 0.0) };
        let mut found = (f64::NEG_INFINITY, f64::NEG_INFINITY);
        let most = there[from].min(wanted[to]).min(room[lane]) as u32;
        for quantity in 0..=most {
            let quantity = f64::from(quantity);
            let mut shift = |by: f64| {
                there[from] -= by;
                wanted[to] -= by;
                room[lane] -= by;
            };
            shift(quantity);
            let rest = best(world, at + 1, there, wanted, room);
            let mut shift = |by: f64| {
                there[from] -= by;
                wanted[to] -= by;
                room[lane] -= by;
            };
            shift(-quantity);
            let own = (
                rest.0 + world.demand[to].penalty.map_or(quantity, |_| 0.0),
                rest.1 + quantity * (world.demand[to].penalty.unwrap_or(0.0) - world.lanes[lane].unit_cost),
            );
            if own.0.total_cmp(&found.0).then(own.1.total_cmp(&found.1)).is_gt() {
                found = own;
            }
        }
        found
    }
    let mut ways = Vec::new();
    for (from, own) in supply.iter().enumerate() {
        for (to, wanted) in demand.iter().enumerate().filter(|(_, wanted)| wanted.item == own.item) {
            let lane = lanes.iter().position(|lane| lane.origin == own.origin && lane.destination == wanted.destination);
            ways.extend(lane.map(|lane| (from, to, lane)));
        }
    }
    let mut there: Vec<f64> = supply.iter().map(|own| own.quantity).collect();
    let mut wanted: Vec<f64> = demand.iter().map(|own| own.quantity).collect();
    let mut room: Vec<f64> = lanes.iter().map(|lane| lane.capacity.unwrap_or(f64::INFINITY)).collect();
    best(&World { demand, lanes, ways }, 0, &mut there, &mut wanted, &mut room)
}

#[track_caller]
fn conserves(supply: &[Supply], demand: &[Demand], lanes: &[Lane], shipped: &Shipped) {
    for own in supply {
        let out: f64 = shipped
            .flows
            .iter()
            .filter(|flow| flow.item == own.item && lanes[flow.lane].origin == own.origin)
            .map(|flow| flow.quantity)
            .sum();
        assert!(out <= own.quantity + 1e-9, "{own:?} sends {out}");
    }
    for (own, met) in demand.iter().zip(&shipped.met) {
        let into: f64 = shipped
            .flows
            .iter()
            .filter(|flow| flow.item == own.item && lanes[flow.lane].destination == own.destination)
            .map(|flow| flow.quantity)
            .sum();
        assert!((into - met).abs() < 1e-9 && *met <= own.quantity + 1e-9, "{own:?} gets {into}, told {met}");
    }
    for (at, lane) in lanes.iter().enumerate() {
        let on: f64 = shipped.flows.iter().filter(|flow| flow.lane == at).map(|flow| flow.quantity).sum();
        assert!(on <= lane.capacity.unwrap_or(f64::INFINITY) + 1e-9, "{lane:?} carries {on}");
    }
    assert!(shipped.flows.iter().all(|flow| flow.quantity > 0.0));
    for ((own, met), reason) in demand.iter().zip(&shipped.met).zip(&shipped.reasons) {
        assert_eq!(own.quantity > met + 1e-6, reason.is_some(), "{own:?} met {met}: {reason:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(300) })]

    #[test]
    fn a_shipment_is_the_best_of_every_whole_one(
        items in vec((vec(0..4_u8, 2), vec((0..4_u8, proptest::option::of(1..9_u8)), 2)), 1..3),
        lanes in vec((0..2_u8, 0..2_u8, 0..8_u8, proptest::option::of(0..4_u8)), 0..5),
    ) {
        let (supply, demand, lanes) = tables(&items, &lanes);
        let shipped = ship(&supply, &demand, &lanes).unwrap_or_else(|error| panic!("{error}"));
        conserves(&supply, &demand, &lanes, &shipped);
        prop_assert!(shipped.flows.iter().all(|flow| flow.quantity.fract() == 0.0), "{:?}", shipped.flows);
        let (met, worth) = by_every_combination(&supply, &demand, &lanes);
        let at_any_cost: f64 = demand.iter().zip(&shipped.met).filter(|(own, _)| own.penalty.is_none()).map(|(_, met)| met).sum();
        let penalties: f64 = demand.iter().zip(&shipped.met).map(|(own, met)| own.penalty.unwrap_or(0.0) * met).sum();
        let cost: f64 = shipped.flows.iter().map(|flow| lanes[flow.lane].unit_cost * flow.quantity).sum();
        prop_assert!((at_any_cost - met).abs() < 1e-6, "met {at_any_cost} of {met}");
        prop_assert!((penalties - cost - worth).abs() < 1e-6, "worth {} of {worth}", penalties - cost);
    }
}

#[test]
fn each_reason_is_told() {
    let supply = [(0, 0, 5.0), (1, 1, 9.0), (3, 0, 4.0)].map(|(item, origin, quantity)| Supply { item, origin, quantity });
    let demand = [(0, 7, 8.0, None), (1, 7, 2.0, None), (2, 7, 1.0, None), (3, 7, 4.0, Some(2.0)), (3, 8, 4.0, Some(9.0))]
        .map(|(item, destination, quantity, penalty)| Demand { item, destination, quantity, penalty });
    let lanes = [(0, 7, 3.0, None), (0, 8, 1.0, Some(3.0))].map(|(origin, destination, unit_cost, capacity)| Lane {
        origin,
        destination,
        unit_cost,
        capacity,
    });
    let shipped = ship(&supply, &demand, &lanes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shipped.met, [5.0, 0.0, 0.0, 0.0, 3.0]);
    let words: Vec<_> = shipped.reasons.iter().map(|reason| reason.map(Reason::word)).collect();
    assert_eq!(words, [Some("no supply"), Some("no lane"), Some("no supply"), Some("dearer than the penalty"), Some("lane full")]);
}

#[test]
fn items_that_share_a_full_lane_share_it_by_worth() {
    let supply = [(0, 5.0), (1, 5.0), (2, 5.0)].map(|(item, quantity)| Supply { item, origin: 0, quantity });
    let demand =
        [(0, 5.0), (1, 9.0), (2, 7.0)].map(|(item, penalty)| Demand { item, destination: 1, quantity: 4.0, penalty: Some(penalty) });
    let lanes = [Lane { origin: 0, destination: 1, unit_cost: 1.0, capacity: Some(7.0) }];
    let shipped = ship(&supply, &demand, &lanes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shipped.met, [0.0, 4.0, 3.0]);
}

#[test]
fn tables_without_rows_ship_nothing_and_mistakes_are_told() {
    let shipped = ship(&[], &[], &[]).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(shipped, Shipped { flows: vec![], met: vec![], reasons: vec![] });
    let told =
        |quantity: f64| ship(&[Supply { item: 0, origin: 0, quantity }], &[], &[]).err().unwrap_or_else(|| panic!("taken")).to_string();
    assert_eq!(told(f64::NAN), "`quantity` of the supply of row 1 is NaN");
    assert_eq!(told(-2.0), "`quantity` of the supply of row 1 is -2, below 0");
    let twice = vec![Supply { item: 0, origin: 0, quantity: 1.0 }; 2];
    assert!(matches!(ship(&twice, &[], &[]), Err(DecideError::Twice { .. })));
}
