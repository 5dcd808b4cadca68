//! HTTP/1.1 on the wire: [`request`] heads in, [`response`] heads from origins, [`chunked`] bodies,
//! [`quick`] answers plain hits without a wait, [`write`] writes answers, [`wire`] is a viewer's socket,
//! [`sendfile`] its way around copying large bodies, and [`connection`] ties them together.
//! The first three are free of I/O.

pub mod chunked;
pub mod connection;
pub mod quick;
pub mod request;
pub mod response;
pub mod sendfile;
pub mod wire;
pub mod write;
