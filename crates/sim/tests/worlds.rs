//! Many small worlds with power cuts. A seed that fails is replayed with
//! `AINUR_SIM_SEED=<seed> cargo test -p ainur-sim`.
use ainur_sim::run;

const TASKS: usize = 12;
const CUTS: u64 = 6;

fn seeds() -> Vec<u64> {
    if let Some(seed) = std::env::var("AINUR_SIM_SEED").ok().and_then(|seed| seed.parse().ok()) {
        return vec![seed];
    }
    let count = if std::env::var_os("AINUR_TEST_FULL").is_some() { 400 } else { 20 };
    (1..=count).collect()
}

#[test]
fn every_task_is_paid_once_or_refunded_once_through_power_cuts() {
    let (mut settled, mut refunded, mut crashes) = (0, 0, 0);
    let (mut jobs, mut called) = (0, 0);
    for seed in seeds() {
        let outcome = run(seed, TASKS, CUTS).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(outcome.tasks, TASKS, "seed {seed}");
        settled += outcome.settled;
        refunded += outcome.refunded;
        crashes += outcome.crashes;
        jobs += outcome.jobs_settled;
        called += outcome.parts_called;
    }
    assert!(settled > 0 && refunded > 0 && crashes > 0, "{settled} {refunded} {crashes}");
    assert!(jobs > 0 && called > 0, "{jobs} jobs settled, {called} parts called for again");
}

#[test]
fn the_same_seed_gives_the_same_world() {
    assert_eq!(run(7, TASKS, CUTS), run(7, TASKS, CUTS));
}
