//! Weighted fair queueing: what is scarce is shared by weight, and nobody waits for ever.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng 1996), the form of Demers, Keshav and Shenker's fair
//! queueing (1989) that needs to know no service rate: here the rate is tasks that end when they
//! end. A job that arrives gets a start tag `max(v, finish of its flow's job before)` and a finish
//! tag `start + cost / weight`; the job with the smallest start tag is served next, and `v` is the
//! start tag of the job served last. What is promised, in integers and for any arrivals:
//!
//! - In every interval in which two flows both have jobs waiting, what they are served per weight
//!   differs by at most one largest job of each:
//!   `|S_i / w_i − S_j / w_j| ≤ cost_max_i / w_i + cost_max_j / w_j`.
//! - Jobs of one flow leave in the order in which they came.
//! - While a job waits, one is served; and each is, after boundedly many others.
//!
//! Tags are fixed-point numbers, rounded down by less than 2⁻⁶⁴ a job. Services per weight are
//! multiples of `1 / (w_i w_j) > 2⁻³²`, so the bound holds exactly for 2³¹ jobs without a pause.
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use core::num::{NonZeroU16, NonZeroU32};

mod schedule;

pub use schedule::PlaceSchedule;

/// How many flows without a job a queue remembers, so that leaving and coming back gains nothing;
/// beyond, the one least ahead of its share is forgotten.
pub const FLOWS_IDLE_MAX: usize = 1_024;

/// Bits after the point of a tag. 2³² of the largest jobs fit before the point without a pause.
const FRACTION_BITS: u32 = 64;

/// A bounded queue of jobs `J`, each of a flow `F`.
///
/// ```
/// use ainur_market::queue::FairQueue;
/// use core::num::{NonZeroU16, NonZeroU32};
/// let (one, three) = (NonZeroU16::MIN, NonZeroU16::new(3).unwrap());
/// let mut queue = FairQueue::new(100);
/// for job in 0..4 {
///     queue.push("light", one, NonZeroU32::MIN, job).unwrap();
///     queue.push("heavy", three, NonZeroU32::MIN, job).unwrap();
/// }
/// let served: Vec<&str> = (0..4).filter_map(|_| queue.pop()).map(|(flow, _)| flow).collect();
/// assert_eq!(served, ["light", "heavy", "heavy", "heavy"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FairQueue<F, J> {
    jobs_max: usize,
    jobs: usize,
    arrivals: u64,
    virtual_time: u128,
    flows: BTreeMap<F, Flow<J>>,
    /// The first job of every flow that has one: start tag, arrival.
    heads: BTreeSet<(u128, u64, F)>,
    /// Flows without a job that are ahead of their share: finish tag.
    idle: BTreeSet<(u128, F)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Flow<J> {
    /// Finish tag of the job that came last.
    finish: u128,
    waiting: VecDeque<WaitingJob<J>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct WaitingJob<J> {
    start: u128,
    arrival: u64,
    job: J,
}

/// Why a job is not taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No place.
    #[error("the queue has its {0} jobs already")]
    Full(usize),
}

impl<F: Ord + Clone, J> FairQueue<F, J> {
    /// An empty queue with this many places.
    pub fn new(jobs_max: usize) -> Self {
        Self {
            jobs_max,
            jobs: 0,
            arrivals: 0,
            virtual_time: 0,
            flows: BTreeMap::new(),
            heads: BTreeSet::new(),
            idle: BTreeSet::new(),
        }
    }

    /// How many jobs wait.
    pub fn len(&self) -> usize {
        self.jobs
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.jobs == 0
    }

    /// Adds a job behind those of its flow. A flow's weight may change with every job.
    ///
    /// # Errors
    /// When every place is taken.
    pub fn push(
        &mut self,
        flow: F,
        weight: NonZeroU16,
        cost: NonZeroU32,
        job: J,
    ) -> Result<(), Error> {
        if self.jobs >= self.jobs_max {
            return Err(Error::Full(self.jobs_max));
        }
        let arrival = self.arrivals;
        self.arrivals += 1;
        self.jobs += 1;
        let fresh = Flow { finish: 0, waiting: VecDeque::new() };
        let state = self.flows.entry(flow.clone()).or_insert(fresh);
        let start = state.finish.max(self.virtual_time);
        let service = (u128::from(cost.get()) << FRACTION_BITS) / u128::from(weight.get());
        let finish = start.saturating_add(service);
        if state.waiting.is_empty() {
            self.idle.remove(&(state.finish, flow.clone()));
            self.heads.insert((start, arrival, flow));
        }
        state.finish = finish;
        state.waiting.push_back(WaitingJob { start, arrival, job });
        Ok(())
    }

    /// The job that is served next, and whose it is; `None` when nothing waits.
    pub fn pop(&mut self) -> Option<(F, J)> {
        let (start, _, flow) = self.heads.pop_first()?;
        let state = self.flows.get_mut(&flow).expect("every head is of a flow");
        let served = state.waiting.pop_front().expect("every head is of a waiting job");
        self.jobs -= 1;
        self.virtual_time = start;
        self.rest(flow.clone());
        Some((flow, served.job))
    }

    /// Takes out the first waiting job of a flow that is the one sought. Its turn is not given
    /// back: the flow's later jobs keep their tags.
    pub fn remove(&mut self, flow: &F, mut sought: impl FnMut(&J) -> bool) -> Option<J> {
        let state = self.flows.get_mut(flow)?;
        let place = state.waiting.iter().position(|waiting| sought(&waiting.job))?;
        let removed = state.waiting.remove(place)?;
        self.jobs -= 1;
        if place == 0 {
            self.heads.remove(&(removed.start, removed.arrival, flow.clone()));
            self.rest(flow.clone());
        }
        Some(removed.job)
    }

    /// The waiting jobs, flow by flow, each flow's in its order.
    pub fn iter(&self) -> impl Iterator<Item = (&F, &J)> {
        self.flows
            .iter()
            .flat_map(|(flow, state)| state.waiting.iter().map(move |waiting| (flow, &waiting.job)))
    }

    /// A flow whose first job is gone: its next one stands in line, or it is remembered for as
    /// long as it is ahead of its share. When nothing waits, nobody is ahead of anybody.
    fn rest(&mut self, flow: F) {
        if self.jobs == 0 {
            self.virtual_time = 0;
            self.flows.clear();
            self.idle.clear();
            return;
        }
        let state = self.flows.get(&flow).expect("the flow had a job");
        match state.waiting.front() {
            Some(next) => self.heads.insert((next.start, next.arrival, flow)),
            None => self.idle.insert((state.finish, flow)),
        };
        while let Some((finish, _)) = self.idle.first() {
            if *finish > self.virtual_time && self.idle.len() <= FLOWS_IDLE_MAX {
                break;
            }
            if let Some((_, forgotten)) = self.idle.pop_first() {
                self.flows.remove(&forgotten);
            }
        }
    }
}
