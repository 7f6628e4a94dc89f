//! Branch and bound over one stage.
use alloc::vec;
use alloc::vec::Vec;

use ainur_primitives::Did;

use super::{Coverage, Formation, GREEDY_ROUNDS_MAX, SubtaskBid, discounted};

/// A bid, or nobody, for each subtask of the stage.
type Choice = Vec<Option<Candidate>>;

/// A bid, reduced to what the search looks at.
#[derive(Clone, Copy)]
struct Candidate {
    /// Its place among all bids.
    place: usize,
    /// Its agent, as a number.
    agent: usize,
    /// What it gains over its rivals in the best company; can be negative.
    gain_max: i128,
}

/// One stage to be manned.
pub(super) struct Stage<'a> {
    formation: &'a Formation,
    /// By subtask: the bids for it, the one that can gain most first.
    options: Vec<Vec<Candidate>>,
    /// By subtask: the most that it and all after it can gain.
    bounds: Vec<i128>,
    /// Subtasks can be left to others.
    may_skip: bool,
}

/// What was found for a stage.
pub(super) struct Found {
    /// The places of the bids of the best choice; `None` when nobody could be found for some
    /// subtask.
    pub(super) chosen: Option<Vec<usize>>,
    /// It is proven to be the best.
    pub(super) is_exact: bool,
}

struct Search {
    choice: Choice,
    best: Option<(i128, Choice)>,
    nodes_left: u64,
    is_exact: bool,
}

impl<'a> Stage<'a> {
    pub(super) fn new(formation: &'a Formation, subtasks: &[u16], coverage: Coverage) -> Self {
        let may_skip = coverage == Coverage::Profitable;
        let mut stage = Self {
            formation,
            options: Vec::with_capacity(subtasks.len()),
            bounds: vec![0; subtasks.len() + 1],
            may_skip,
        };
        let mut agents: Vec<Did> = formation.bids.iter().map(|bid| bid.agent).collect();
        agents.sort_unstable();
        agents.dedup();
        for subtask in subtasks {
            let bids = formation.bids.iter().enumerate();
            let mut options: Vec<Candidate> = bids
                .filter(|(_, bid)| bid.subtask == *subtask)
                .map(|(place, bid)| Candidate {
                    place,
                    agent: agents.partition_point(|agent| *agent < bid.agent),
                    gain_max: stage.gain_max(bid),
                })
                .collect();
            options.sort_by_key(|option| -option.gain_max);
            stage.options.push(options);
        }
        for place in (0..subtasks.len()).rev() {
            let best = stage.options[place].first().map(|option| option.gain_max);
            let least = if may_skip { 0 } else { i128::MIN / 256 };
            stage.bounds[place] = stage.bounds[place + 1] + best.unwrap_or(least).max(least);
        }
        stage
    }

    /// The choice that gains most.
    pub(super) fn best(&self, nodes_left: &mut u64) -> Found {
        let greedy = self.greedy();
        let mut search = Search {
            choice: Vec::with_capacity(self.options.len()),
            best: greedy.map(|choice| (self.gain(&choice), choice)),
            nodes_left: *nodes_left,
            is_exact: true,
        };
        self.visit(&mut search, 0);
        *nodes_left = search.nodes_left;
        if self.may_skip
            && let Some((gain, choice)) = &mut search.best
        {
            self.release(choice, *gain);
        }
        let places = |(_, choice): (i128, Choice)| {
            choice.iter().flatten().map(|option| option.place).collect()
        };
        Found { chosen: search.best.map(places), is_exact: search.is_exact }
    }

    /// `so_far` is the most that what is chosen can gain in the best company.
    fn visit(&self, search: &mut Search, so_far: i128) {
        let depth = search.choice.len();
        if search.best.as_ref().is_some_and(|(best, _)| so_far + self.bounds[depth] <= *best) {
            return;
        }
        if search.nodes_left == 0 {
            search.is_exact = false;
            return;
        }
        search.nodes_left -= 1;
        let Some(options) = self.options.get(depth) else {
            let gain = self.gain(&search.choice);
            if search.best.as_ref().is_none_or(|(best, _)| gain > *best) {
                search.best = Some((gain, search.choice.clone()));
            }
            return;
        };
        for option in options {
            let best = search.best.as_ref().map(|(best, _)| *best);
            if best.is_some_and(|best| so_far + option.gain_max + self.bounds[depth + 1] <= best) {
                // Those after it gain no more.
                break;
            }
            if !is_taken(&search.choice, option) {
                search.choice.push(Some(*option));
                self.visit(search, so_far + option.gain_max);
                search.choice.pop();
            }
        }
        if self.may_skip {
            search.choice.push(None);
            self.visit(search, so_far);
            search.choice.pop();
        }
    }

    /// Everybody in turn takes the best bid of somebody who is free; then each subtask is gone
    /// over again until no single change gains anything.
    fn greedy(&self) -> Option<Choice> {
        let mut choice: Choice = Vec::with_capacity(self.options.len());
        for options in &self.options {
            let free = options.iter().find(|option| !is_taken(&choice, option)).copied();
            if free.is_none() && !self.may_skip {
                return None;
            }
            choice.push(free);
        }
        let mut gain = self.gain(&choice);
        for _ in 0..GREEDY_ROUNDS_MAX {
            let before = gain;
            for place in 0..choice.len() {
                let kept = choice[place].take();
                let skipped = self.may_skip.then_some(None);
                let free: Choice = self.options[place]
                    .iter()
                    .filter(|option| !is_taken(&choice, option))
                    .map(|option| Some(*option))
                    .chain(skipped)
                    .collect();
                choice[place] = kept;
                for option in free {
                    let previous = core::mem::replace(&mut choice[place], option);
                    let changed = self.gain(&choice);
                    if changed > gain {
                        gain = changed;
                    } else {
                        choice[place] = previous;
                    }
                }
            }
            if gain == before {
                break;
            }
        }
        Some(choice)
    }

    /// Nobody takes part for nothing: whoever can leave without loss to the others does.
    fn release(&self, choice: &mut Choice, gain: i128) {
        if gain <= 0 {
            choice.fill(None);
        }
        for place in 0..choice.len() {
            let kept = choice[place].take();
            if self.gain(choice) < gain {
                choice[place] = kept;
            }
        }
    }

    /// What a choice gains over everybody's rivals; can be negative.
    fn gain(&self, choice: &Choice) -> i128 {
        let bids = &self.formation.bids;
        let agents = || choice.iter().flatten().map(|option| &bids[option.place].agent);
        let each = choice.iter().flatten().map(|option| {
            let bid = &bids[option.place];
            self.alternative(bid) - self.formation.price_in(bid, agents()).0 as i128
        });
        each.sum()
    }

    fn gain_max(&self, bid: &SubtaskBid) -> i128 {
        let synergy = self.formation.synergy(&bid.agent);
        let price = synergy.map_or(bid.price, |synergy| discounted(bid, synergy));
        self.alternative(bid) - price.0 as i128
    }

    fn alternative(&self, bid: &SubtaskBid) -> i128 {
        self.formation.alternatives[usize::from(bid.subtask)].0 as i128
    }
}

fn is_taken(choice: &Choice, option: &Candidate) -> bool {
    choice.iter().flatten().any(|other| other.agent == option.agent)
}
