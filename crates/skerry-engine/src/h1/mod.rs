//! HTTP/1.1 on the wire: [`request`] heads in, [`response`] heads from origins, [`chunked`] bodies,
//! [`connection`] ties them to a viewer's socket. Everything but `connection` is free of I/O.

pub mod chunked;
pub mod request;
pub mod response;
