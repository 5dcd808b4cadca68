//! The steps of the walk, a file each. What a step decides it decides by pure functions of the crates below;
//! what it does stands here.

pub mod admit;
pub mod attempt;
pub mod error_page;
pub mod fetch;
pub mod fill;
pub mod finish;
pub mod functions;
pub mod lookup;
pub mod pass;
pub mod reader;
pub mod route;
pub mod store;
pub mod viewer;
