//! Matrix views and the one product behind every layer. The one file that knows the `gemm` crates.
//!
//! In: row-major views, strided where a layer's columns lie inside a wider buffer. Out: `dst = [dst +] op(a) · op(b)`, on one
//! thread: the network's parallelism is between slices of a mini-batch, so a product never depends on the thread count.

use gemm_common::Parallelism;

/// Terms of a sum that are added up in one call: so few that `gemm` adds them in one go, whatever the number of rows. (With 600
/// it cuts them into stretches that depend on the number of rows, and so do the last bits; up to 512 it never does.)
const TERMS: usize = 512;

/// A read-only row-major matrix: element `(i, j)` is `data[i · stride + j]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mat<'a> {
    data: &'a [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    stride: usize,
}

/// A writable row-major matrix.
#[derive(Debug)]
pub(super) struct MatMut<'a> {
    data: &'a mut [f32],
    pub(super) rows: usize,
    pub(super) cols: usize,
    stride: usize,
}

/// What a product does with what its destination held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Into {
    /// Overwrites it.
    Set,
    /// Adds to it.
    Add,
}

/// Whether a factor is taken as it is or transposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Op {
    /// As it is.
    N,
    /// Transposed.
    T,
}

/// The last element's end, or 0 for an empty matrix.
#[inline]
fn needed(rows: usize, cols: usize, stride: usize) -> usize {
    if rows == 0 || cols == 0 { 0 } else { (rows - 1) * stride + cols }
}

impl<'a> Mat<'a> {
    /// All of `data`, `cols` to a row.
    #[inline]
    pub(super) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert!(data.len() >= needed(rows, cols, cols), "a view of {rows} × {cols} on {} numbers", data.len());
        Self { data, rows, cols, stride: cols }
    }

    /// Rows `from..to`.
    #[inline]
    pub(super) fn rows(self, from: usize, to: usize) -> Self {
        let data = if from == to { &[] } else { &self.data[from * self.stride..] };
        Self { data, rows: to - from, ..self }
    }

    /// Columns `from..to`.
    #[inline]
    pub(super) fn cols(self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.cols, "columns {from}..{to} of {}", self.cols);
        let data = if from == to || self.rows == 0 { &[] } else { &self.data[from..] };
        Self { data, cols: to - from, ..self }
    }

    /// Row `i`.
    #[inline]
    pub(super) fn row(&self, i: usize) -> &'a [f32] {
        &self.data[i * self.stride..i * self.stride + self.cols]
    }
}

impl<'a> MatMut<'a> {
    /// All of `data`, `cols` to a row.
    #[inline]
    pub(super) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert!(data.len() >= needed(rows, cols, cols), "a view of {rows} × {cols} on {} numbers", data.len());
        Self { data, rows, cols, stride: cols }
    }

    /// Columns `from..to`.
    #[inline]
    pub(super) fn cols(self, from: usize, to: usize) -> Self {
        assert!(from <= to && to <= self.cols, "columns {from}..{to} of {}", self.cols);
        let data = if from == to || self.rows == 0 { &mut [] } else { &mut self.data[from..] };
        Self { data, cols: to - from, rows: self.rows, stride: self.stride }
    }

    /// The same matrix, borrowed anew.
    #[inline]
    pub(super) fn again(&mut self) -> MatMut<'_> {
        MatMut { data: self.data, rows: self.rows, cols: self.cols, stride: self.stride }
    }

    /// Rows `from..to`, borrowed anew.
    #[inline]
    pub(super) fn part(&mut self, from: usize, to: usize) -> MatMut<'_> {
        let data = if from == to { &mut [] } else { &mut self.data[from * self.stride..] };
        MatMut { data, rows: to - from, cols: self.cols, stride: self.stride }
    }

    /// Sets every element.
    pub(super) fn fill(&mut self, value: f32) {
        (0..self.rows).for_each(|row| self.row(row).fill(value));
    }

    /// A read-only view.
    #[inline]
    pub(super) fn view(&self) -> Mat<'_> {
        Mat { data: self.data, rows: self.rows, cols: self.cols, stride: self.stride }
    }

    /// Row `i`.
    #[inline]
    pub(super) fn row(&mut self, i: usize) -> &mut [f32] {
        &mut self.data[i * self.stride..i * self.stride + self.cols]
    }
}

/// `dst = op(a) · op(b)`, or `dst += op(a) · op(b)`. Where neither factor is transposed, a row of `dst` has the same bits however
/// many rows there are: a row is scored alike alone and among others.
///
/// # Panics
/// When the shapes do not fit: that is a defect of a layer, not of the data.
pub(super) fn product(mut dst: MatMut<'_>, into: Into, a: Mat<'_>, op_a: Op, b: Mat<'_>, op_b: Op) {
    if op_a == Op::N && a.rows == 1 {
        return one_row(dst, into, a, b, op_b);
    }
    let terms = if op_a == Op::N { a.cols } else { a.rows };
    // A transposed factor makes no promise about its rows, and one call reads and writes `dst` once.
    if terms <= TERMS || (op_a, op_b) != (Op::N, Op::N) {
        return pass(dst, into, a, op_a, b, op_b);
    }
    for from in (0..terms).step_by(TERMS) {
        let to = (from + TERMS).min(terms);
        let a = if op_a == Op::N { a.cols(from, to) } else { a.rows(from, to) };
        let b = if op_b == Op::N { b.rows(from, to) } else { b.cols(from, to) };
        pass(dst.again(), if from == 0 { into } else { Into::Add }, a, op_a, b, op_b);
    }
}

/// The product of a single row, as the first of two equal ones: `gemm` has a way of its own for vectors, which adds the terms
/// up in another order.
fn one_row(mut dst: MatMut<'_>, into: Into, a: Mat<'_>, b: Mat<'_>, op_b: Op) {
    let n = dst.cols;
    let two = [a.row(0), a.row(0)].concat();
    let mut out = [dst.view().row(0), dst.view().row(0)].concat();
    product(MatMut::new(&mut out, 2, n), into, Mat::new(&two, 2, a.cols), Op::N, b, op_b);
    dst.row(0).copy_from_slice(&out[..n]);
}

/// One call of the crate.
#[expect(clippy::needless_pass_by_value, reason = "a destination is a borrow that ends with the product")]
fn pass(dst: MatMut<'_>, into: Into, a: Mat<'_>, op_a: Op, b: Mat<'_>, op_b: Op) {
    let (m, k, a_row, a_col) = match op_a {
        Op::N => (a.rows, a.cols, a.stride, 1),
        Op::T => (a.cols, a.rows, 1, a.stride),
    };
    let (k_b, n, b_row, b_col) = match op_b {
        Op::N => (b.rows, b.cols, b.stride, 1),
        Op::T => (b.cols, b.rows, 1, b.stride),
    };
    assert!(k == k_b && dst.rows == m && dst.cols == n, "{}×{} = {m}×{k} · {k_b}×{n}", dst.rows, dst.cols);
    assert!(dst.data.len() >= needed(dst.rows, dst.cols, dst.stride), "the destination is too short");
    assert!(a.data.len() >= needed(a.rows, a.cols, a.stride), "the left factor is too short");
    assert!(b.data.len() >= needed(b.rows, b.cols, b.stride), "the right factor is too short");
    if m == 0 || n == 0 {
        return;
    }
    let read = into == Into::Add;
    let gemm = gemm_f32::gemm::f32::get_gemm_fn();
    #[expect(unsafe_code, reason = "the crate takes pointers; the assertions above bound every element that shapes and strides reach")]
    // SAFETY: each matrix lies inside its slice (asserted), and `dst` is borrowed mutably, so nothing else reads or writes it.
    unsafe {
        // The kernels want their destination by columns: dstᵀ = bᵀ · aᵀ. Strides are given column first.
        gemm(
            n,
            m,
            k,
            dst.data.as_mut_ptr(),
            dst.stride as isize,
            1,
            read,
            b.data.as_ptr(),
            b_row as isize,
            b_col as isize,
            a.data.as_ptr(),
            a_row as isize,
            a_col as isize,
            1.0,
            1.0,
            false,
            false,
            false,
            Parallelism::None,
        );
    }
}
