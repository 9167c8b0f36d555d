//! The report: values to `report.json`, one HTML file without network, a summary in Markdown and a CSV per table.
//!
//! In: [`Report`], a tree of plain values. Out: text. Nothing is computed here that is not a way of showing: every figure
//! comes from a table of the run.

mod applications;
mod backtest;
mod block;
mod charts;
mod content;
mod csp;
pub mod desk;
mod explained;
mod export;
mod findings;
mod format;
mod history;
mod page;
mod privacy;
mod sections;
mod standing;
mod words;

pub use backtest::{NightFigure, backtest};
pub use content::*;
pub use explained::*;
pub use export::{Export, exports, json};
pub use history::{CellFigure, PastNight, history};
pub use page::html;
pub use privacy::{PrivacyInfo, Protection, protect, pseudonym};
pub use standing::{ByHand, Card};
