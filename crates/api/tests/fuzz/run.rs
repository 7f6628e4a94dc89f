//! The runs: a fixed one, a long one, and one case again.
use std::collections::BTreeMap;
use std::panic;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::runtime::Builder;

use crate::case::Case;
use crate::drive;
use crate::world::{LONG_MS, SHORT_MS, Standing, World};

/// Decides the cases of a run that does not say otherwise.
const SEED: u64 = 0x00a1_4e52;
/// Cases of such a run, and of one that may take its time.
const CASES: u64 = 3_840;
const CASES_FULL: u64 = 30_000;
/// Cases at once.
const AT_ONCE: u64 = 384;
/// Cases after which it is looked how much memory is held: before, everything is used for the first
/// time.
const WARM_UP_CASES: u64 = 1_000;
/// Memory that all cases after those may cost, however many there are.
const GROWTH_KIB_MAX: u64 = 64 * 1024;
/// Failures that are told of before a run is over.
const FAILURES_MAX: usize = 20;

/// What every thread of this process panicked with.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn take_panics() -> Vec<String> {
    std::mem::take(&mut *PANICS.lock().unwrap())
}

/// Notes the panics of servers.
fn watch_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |about| {
        let thread = std::thread::current();
        let name = thread.name().unwrap_or_default();
        // A test that fails has its own way to say so.
        if !name.starts_with("run::") && !name.starts_with("seeds::") {
            PANICS.lock().unwrap().push(format!("{name}: {about}"));
        }
        usual(about);
    }));
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Every server, and what was found.
struct Fuzzer {
    worlds: Vec<Arc<World>>,
    seed: u64,
    failures: Vec<String>,
    /// How often cases were answered in which way.
    tally: BTreeMap<String, u64>,
}

impl Fuzzer {
    fn new(seed: u64, patience_ms: u64) -> Self {
        let all = [Standing::Owner, Standing::Spender, Standing::Stranger, Standing::Fixtures];
        let worlds = all.map(|standing| Arc::new(World::start(standing, patience_ms)));
        Self { worlds: worlds.into(), seed, failures: Vec::new(), tally: BTreeMap::new() }
    }

    /// The owner is heard most: nothing that is said is refused before it is read.
    fn world(&self, number: u64) -> &Arc<World> {
        &self.worlds[[0, 1, 0, 2, 0, 3, 1, 0][number as usize % 8]]
    }

    fn fail(&mut self, number: u64, why: &str) {
        let (seed, world) = (self.seed, self.world(number));
        let described = Case::new(seed, number, world).described();
        let failure = format!(
            "{:?}: {why}\n  AINUR_FUZZ_CASE={seed}:{number} tries it again: {described}",
            world.standing
        );
        println!("{failure}");
        self.failures.push(failure);
    }

    /// Tries these cases at once.
    async fn batch(&mut self, numbers: &[u64]) {
        let mut running = tokio::task::JoinSet::new();
        for &number in numbers {
            let world = Arc::clone(self.world(number));
            // Made before anything is said: the server has no patience with who pauses to think.
            let case = Case::new(self.seed, number, &world);
            running.spawn(async move { (number, drive::run(&case, &world).await) });
        }
        while let Some(ended) = running.join_next().await {
            let (number, ended) = ended.unwrap();
            match ended {
                Ok(answered) => *self.tally.entry(answered).or_default() += 1,
                Err(why) => self.fail(number, &why),
            }
        }
    }

    /// What went wrong behind the answers since it was last asked.
    fn harm(&self) -> Vec<String> {
        let breaches = self.worlds.iter().flat_map(|world| world.watched.breaches());
        take_panics().into_iter().chain(breaches).collect()
    }

    /// Tries these cases, finds out which did harm, and whether good callers are served as ever.
    async fn round(&mut self, numbers: &[u64]) {
        self.worlds.iter().for_each(|world| world.renew());
        self.batch(numbers).await;
        let harm = self.harm();
        if !harm.is_empty() {
            let mut culprits = 0;
            for &number in numbers {
                self.worlds.iter().for_each(|world| world.renew());
                self.batch(&[number]).await;
                for harm in self.harm() {
                    culprits += 1;
                    self.fail(number, &harm);
                }
            }
            if culprits == 0 {
                let failure = format!("{harm:?}, by none of the cases {numbers:?} alone");
                println!("seed {}: {failure}", self.seed);
                self.failures.push(failure);
            }
        }
        let checks = self.worlds.iter().map(|world| world.serves_the_good());
        let failed: Vec<_> = checks.filter_map(Result::err).collect();
        for why in failed {
            let failure = format!("after the cases {numbers:?} of seed {}: {why}", self.seed);
            println!("{failure}");
            self.failures.push(failure);
        }
    }

    /// Tries cases until there are enough, and says how many there were.
    async fn run(&mut self, is_enough: impl Fn(u64) -> bool) -> u64 {
        let (mut number, mut held_kib) = (0, None);
        let mut told = Instant::now();
        while !is_enough(number) && self.failures.len() < FAILURES_MAX {
            let numbers: Vec<_> = (number..number + AT_ONCE).collect();
            self.round(&numbers).await;
            number += AT_ONCE;
            if number >= WARM_UP_CASES && held_kib.is_none() {
                held_kib = Some(resident_kib());
            }
            if told.elapsed() > Duration::from_secs(60) {
                println!("{number} cases, {} KiB", resident_kib());
                told = Instant::now();
            }
        }
        if let Some(held_kib) = held_kib {
            let now_kib = resident_kib();
            println!("{number} cases; {held_kib} KiB became {now_kib}");
            if now_kib > held_kib + GROWTH_KIB_MAX {
                self.failures.push(format!("{held_kib} KiB became {now_kib}"));
            }
        }
        number
    }
}

/// What the environment asks for.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

#[test]
fn nothing_that_is_said_harms_the_server() {
    watch_panics();
    let runtime = Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(case) = variable("AINUR_FUZZ_CASE") {
        let (seed, number) = case.split_once(':').expect("AINUR_FUZZ_CASE is SEED:NUMBER");
        let (seed, number) = (seed.parse().unwrap(), number.parse().unwrap());
        let mut fuzzer = Fuzzer::new(seed, SHORT_MS);
        println!("{}", Case::new(seed, number, fuzzer.world(number)).described());
        runtime.block_on(fuzzer.round(&[number]));
        assert!(fuzzer.failures.is_empty(), "{}", fuzzer.failures.join("\n"));
        return;
    }
    let long = variable("AINUR_FUZZ_LONG").map(|minutes| {
        let minutes: u64 = minutes.parse().expect("AINUR_FUZZ_LONG is a number of minutes");
        Duration::from_secs(minutes * 60)
    });
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let drawn = variable("AINUR_FUZZ_SEED").map(|seed| seed.parse().unwrap());
    let seed = drawn.unwrap_or(if long.is_some() { now.as_nanos() as u64 } else { SEED });
    let cases = if variable("AINUR_TEST_FULL").is_some() { CASES_FULL } else { CASES };
    println!("AINUR_FUZZ_SEED={seed}");
    let patience_ms = if long.is_some() { LONG_MS } else { SHORT_MS };
    let (mut fuzzer, began) = (Fuzzer::new(seed, patience_ms), Instant::now());
    let tried = runtime.block_on(fuzzer.run(|number| match long {
        Some(long) => began.elapsed() > long,
        None => number >= cases,
    }));
    println!("{:#?}", fuzzer.tally);
    println!("{tried} cases in {:.1} s", began.elapsed().as_secs_f64());
    assert!(fuzzer.failures.is_empty(), "{}", fuzzer.failures.join("\n"));
}
