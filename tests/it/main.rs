//! The one integration-test binary: each topic is a module, so that DataFusion is linked once.

mod shop;

mod job_folder;
mod night;
mod point_in_time;
mod refusals;
