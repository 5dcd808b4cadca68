//! A lean HTTP/1.1 load client: keep-alive connections, one epoll loop, one thread.
//!
//! A general load generator costs more per request than a good cache does, so that the client's core fills
//! first and the server's figure is that of an idle machine. This one sends a prepared head, checks status
//! and length of each answer, and does nothing else. It prints one line of JSON when its time is up.

mod answer;
mod client;
mod latency;
mod options;

use std::process::ExitCode;

fn main() -> ExitCode {
    let options = match options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(message) => {
            eprintln!("skerry-lean: {message}\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match client::run(&options) {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("skerry-lean: {message}");
            ExitCode::FAILURE
        }
    }
}
