//! Functions from the engine's side: frames ([`wire`]), what a handler prints ([`output`]), leases from the
//! launcher ([`lease`]), and the pool that makes calls ([`pool`]).

pub mod event;
pub mod lease;
pub mod output;
pub mod pool;
pub mod wire;
