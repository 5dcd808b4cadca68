//! Functions from the engine's side: frames ([`wire`]), what a handler prints ([`output`], read from its
//! [`pipes`]), leases from the launcher ([`lease`]), one [`worker`], those of one [`version`], how calls fail
//! ([`fault`]), and the pool that makes them ([`pool`]).

pub mod event;
pub mod fault;
pub mod lease;
pub mod output;
pub mod pipes;
pub mod pool;
pub mod version;
pub mod wire;
pub mod worker;
