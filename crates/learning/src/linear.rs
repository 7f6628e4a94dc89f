//! Ridge regression that forgets: `θ = A⁻¹ b` with `A = λI + Σ γᵗ x xᵀ` and `b = Σ γᵗ r x`.
use scale::{Decode, Encode};
use serde::{Deserialize, Serialize};

/// How many features there are.
pub const FEATURES: usize = 6;

/// What a prediction depends on; each between −1 and 1.
pub type Features = [f64; FEATURES];

/// The weight λ of the belief that nothing matters.
const RIDGE: f64 = 0.1;
/// How much of an observation's weight γ is left after the next one: half after about 350, so that
/// what competitors did before they learned is forgotten.
const MEMORY: f64 = 0.998;

/// What is known of one linear relation.
#[derive(Clone, PartialEq, Debug, Encode, Decode, Serialize, Deserialize)]
pub struct LinearModel {
    /// `Σ γᵗ x xᵀ`.
    weights: [Features; FEATURES],
    /// `Σ γᵗ r x`.
    rewards: Features,
}

impl Default for LinearModel {
    fn default() -> Self {
        Self { weights: [[0.0; FEATURES]; FEATURES], rewards: [0.0; FEATURES] }
    }
}

impl LinearModel {
    /// Takes in one observation.
    pub fn observe(&mut self, features: &Features, reward: f64) {
        for (row, left) in self.weights.iter_mut().zip(features) {
            for (entry, right) in row.iter_mut().zip(features) {
                *entry = *entry * MEMORY + left * right;
            }
        }
        for (entry, feature) in self.rewards.iter_mut().zip(features) {
            *entry = *entry * MEMORY + reward * feature;
        }
    }

    /// The expected reward `θᵀx` and its uncertainty `√(xᵀA⁻¹x)`.
    pub fn predict(&self, features: &Features) -> (f64, f64) {
        let lower = self.cholesky();
        let solved = solve(&lower, features);
        let expected = dot(&solved, &self.rewards);
        (expected, dot(&solved, features).max(0.0).sqrt())
    }

    /// The lower triangle `L` of `A = L Lᵀ`; `A` is positive definite because λ is.
    fn cholesky(&self) -> [Features; FEATURES] {
        let mut lower = [[0.0; FEATURES]; FEATURES];
        for row in 0..FEATURES {
            for column in 0..=row {
                let ridge = if row == column { RIDGE } else { 0.0 };
                let known: f64 = (0..column).map(|k| lower[row][k] * lower[column][k]).sum();
                let rest = self.weights[row][column] + ridge - known;
                lower[row][column] = match row == column {
                    true => rest.max(f64::MIN_POSITIVE).sqrt(),
                    false => rest / lower[column][column],
                };
            }
        }
        lower
    }
}

/// Solves `L Lᵀ y = x`.
fn solve(lower: &[Features; FEATURES], right: &Features) -> Features {
    let mut solved = *right;
    for row in 0..FEATURES {
        let known: f64 = (0..row).map(|k| lower[row][k] * solved[k]).sum();
        solved[row] = (solved[row] - known) / lower[row][row];
    }
    for row in (0..FEATURES).rev() {
        let known: f64 = (row + 1..FEATURES).map(|k| lower[k][row] * solved[k]).sum();
        solved[row] = (solved[row] - known) / lower[row][row];
    }
    solved
}

fn dot(left: &Features, right: &Features) -> f64 {
    left.iter().zip(right).map(|(left, right)| left * right).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_linear_relation_is_found_and_uncertainty_shrinks() {
        let mut model = LinearModel::default();
        let point = |n: u32| {
            let of = |step: u32| f64::from(n * step % 17) / 17.0;
            [1.0, of(3), of(5), of(7), of(11), of(13)]
        };
        let truth = [0.5, -1.0, 2.0, 0.0, 0.25, -0.75];
        let (_, before) = model.predict(&point(1));
        for n in 0..2_000 {
            model.observe(&point(n), dot(&truth, &point(n)));
        }
        let (expected, after) = model.predict(&point(4));
        assert!((expected - dot(&truth, &point(4))).abs() < 0.01, "{expected}");
        assert!(after < before / 5.0, "{before} {after}");
    }
}
