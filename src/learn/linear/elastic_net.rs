//! linfa's `MultiTaskElasticNet`, fed with second moments instead of rows. The one file that knows linfa.
//!
//! In: `H = XᵀX/n`, `C = XᵀY/n` of centred, scaled data. Out: the coefficients that minimise
//! `½ tr(WᵀHW) − tr(WᵀC) + λρ Σ_j ‖W_j‖₂ + ½ λ(1−ρ) ‖W‖²`.
//!
//! With `H = RᵀR` (Cholesky) the rows `√m·R` and targets `√m·R⁻ᵀC` have these very moments, so linfa's fit on `m` rows is the
//! fit on all of them. This goes around what is wrong in linfa-elasticnet 0.8: sample weights are ignored (they are in the
//! moments), the intercept needs centred columns (they are centred), `predict` allocates rows × rows (not used), NaN passes
//! (moments are checked), and the variances of the coefficients cost an inversion (skipped by linfa when rows = columns).

use linfa::Dataset;
use linfa::traits::Fit as _;
use linfa_elasticnet::MultiTaskElasticNet;
use linfa_linalg::cholesky::CholeskyInplace as _;
use linfa_linalg::triangular::{SolveTriangularInplace as _, UPLO};
use ndarray::Array2;

use super::super::LearnError;

/// Added to the diagonal of `H`, whose entries are about 1: keeps the factor of collinear columns finite and changes a
/// coefficient by less than the penalty does. Fewer rows than columns, in moments of single precision, need the larger ones.
const JITTERS: [f64; 4] = [1e-6, 1e-5, 1e-4, 1e-3];

/// A penalty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Penalty {
    /// λ.
    pub(super) lambda: f64,
    /// ρ: share of the L2,1 part.
    pub(super) ratio: f64,
    /// Sweeps over all coefficients, at most.
    pub(super) sweeps: u32,
}

/// Moments turned into rows that linfa can fit; used for a whole path of penalties.
pub(super) struct Rows {
    data: Dataset<f64, f64, ndarray::Ix2>,
}

/// Coefficients `[columns, tasks]` and whether the fit reached its tolerance.
pub(super) struct Fitted {
    pub(super) coefficients: Array2<f64>,
    pub(super) converged: bool,
}

fn library(error: &dyn std::fmt::Display) -> LearnError {
    LearnError::Library { learner: "linear", message: error.to_string() }
}

/// The Cholesky factor of `H` with the least jitter that makes it positive definite.
fn factor(h: &Array2<f64>) -> Result<Array2<f64>, LearnError> {
    let mut failed = None;
    for jitter in JITTERS {
        let mut raised = h.clone();
        raised.diag_mut().iter_mut().for_each(|value| *value += jitter);
        match raised.cholesky_inplace() {
            Ok(lower) => return Ok(lower.to_owned()),
            Err(error) => failed = Some(error),
        }
    }
    Err(failed.map_or_else(|| library(&"the second moments cannot be factorised"), |error| library(&error)))
}

impl Rows {
    /// # Errors
    /// [`LearnError::Library`] when the moments are not finite or cannot be factorised.
    pub(super) fn new(h: &Array2<f64>, mut c: Array2<f64>) -> Result<Self, LearnError> {
        if h.iter().chain(&c).any(|value| !value.is_finite()) {
            return Err(library(&"the second moments are not finite"));
        }
        let m = h.nrows();
        let lower = factor(h)?;
        lower.solve_triangular_inplace(&mut c, UPLO::Lower).map_err(|error| library(&error))?;
        let scale = (m as f64).sqrt();
        // linfa walks down columns: column-major is 2.5 times as fast.
        let mut x = Array2::zeros(ndarray::ShapeBuilder::f((m, m)));
        x.assign(&lower.t());
        x *= scale;
        c *= scale;
        Ok(Self { data: Dataset::new(x, c) })
    }

    /// # Errors
    /// [`LearnError::Library`] when linfa refuses.
    pub(super) fn fit(&self, penalty: Penalty) -> Result<Fitted, LearnError> {
        let tolerance = 1e-4;
        let model = MultiTaskElasticNet::params()
            .penalty(penalty.lambda)
            .l1_ratio(penalty.ratio)
            .with_intercept(false)
            .tolerance(tolerance)
            .max_iterations(penalty.sweeps)
            .fit(&self.data)
            .map_err(|error| library(&error))?;
        let targets: f64 = self.data.targets().iter().map(|value| value * value).sum();
        let converged = model.duality_gap() < tolerance * targets;
        let coefficients = model.hyperplane().clone();
        if coefficients.iter().all(|value| value.is_finite()) {
            Ok(Fitted { coefficients, converged })
        } else {
            Err(library(&"a coefficient is not finite"))
        }
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use ndarray::{Array1, array};

    use super::*;

    fn sample() -> (Array2<f64>, Array2<f64>) {
        let x = Array2::from_shape_fn((40, 3), |(i, j)| (((i * 7 + j * 13) % 11) as f64 - 5.0) / 3.0);
        let x = &x - &x.mean_axis(ndarray::Axis(0)).expect("rows");
        let w = array![[1.0, -0.5], [0.0, 0.0], [0.3, 2.0]];
        let y = x.dot(&w);
        (x, y)
    }

    #[test]
    fn moments_give_the_same_fit_as_the_rows() {
        let (x, y) = sample();
        let n = x.nrows() as f64;
        let penalty = Penalty { lambda: 0.05, ratio: 0.5, sweeps: 5000 };
        let ours = Rows::new(&(x.t().dot(&x) / n), x.t().dot(&y) / n).and_then(|rows| rows.fit(penalty)).expect("a fit").coefficients;
        let theirs = MultiTaskElasticNet::params().penalty(0.05).l1_ratio(0.5).with_intercept(false).tolerance(1e-9).max_iterations(5000);
        let theirs = theirs.fit(&Dataset::new(x, y)).expect("a fit");
        // The jitter of 1e-6 and the tolerance of 1e-4 of the targets' norm bound the difference.
        assert_abs_diff_eq!(ours, *theirs.hyperplane(), epsilon = 5e-3);
    }

    #[test]
    fn upstream_still_ignores_weights() {
        let (x, y) = sample();
        let plain = Dataset::new(x.clone(), y.clone());
        let weighted = Dataset::new(x, y).with_weights(Array1::from_shape_fn(40, |i| i as f32));
        let params = MultiTaskElasticNet::params().penalty(0.05).l1_ratio(0.5);
        let (a, b) = (params.fit(&plain).expect("a fit"), params.fit(&weighted).expect("a fit"));
        assert_eq!(a.hyperplane(), b.hyperplane(), "linfa-elasticnet reads weights now: they need not be in the moments");
    }

    #[test]
    fn upstream_still_lets_nan_pass() {
        let (mut x, y) = sample();
        x[[0, 0]] = f64::NAN;
        let fitted = MultiTaskElasticNet::params().penalty(0.05).fit(&Dataset::new(x, y)).expect("no error");
        assert!(fitted.hyperplane().iter().any(|value| value.is_nan()), "linfa-elasticnet refuses NaN now: our check can go");
    }

    #[test]
    fn upstream_still_needs_centred_columns() {
        let x: Array2<f64> = array![[1.0], [2.0], [3.0], [4.0]];
        let y: Array2<f64> = array![[3.0], [5.0], [7.0], [9.0]];
        let fitted: MultiTaskElasticNet<f64> = MultiTaskElasticNet::params().penalty(0.0).fit(&Dataset::new(x, y)).expect("a fit");
        assert!((fitted.intercept()[0] - 1.0).abs() > 0.1, "linfa-elasticnet centres columns now: so need we not");
    }

    #[test]
    fn moments_that_are_not_finite_are_refused() {
        assert!(Rows::new(&array![[f64::NAN]], array![[1.0]]).is_err());
    }
}
