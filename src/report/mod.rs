//! The report: values to `report.json` and one HTML file without network or scripts.
//!
//! In: [`Report`], a tree of plain values. Out: text. Nothing is computed here that is not a way of showing: every figure
//! comes from a table of the run.

mod backtest;
mod charts;
mod content;
mod explained;
mod format;
mod page;
mod sections;

pub use backtest::{NightFigure, backtest};
pub use content::*;
pub use explained::*;
pub use page::html;
