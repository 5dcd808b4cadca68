//! What the command line asks for.

use std::net::SocketAddr;
use std::time::Duration;

/// Printed below every complaint about the command line.
pub const USAGE: &str =
    "usage: skerry-lean ADDRESS:PORT --path '/p/{}' [--urls N] [--from N] [--host NAME] [--length BYTES]
                   [--status N] [--connections N] [--seconds S] [--browser] [--in-order]";

/// One run. `{}` in `path` becomes an eight-digit number in `from .. from + urls`.
#[derive(Debug, Clone, PartialEq)]
pub struct Options {
    /// Where the server listens.
    pub address: SocketAddr,
    /// Path with at most one `{}`.
    pub path: String,
    /// How many different numbers `{}` takes.
    pub urls: u64,
    /// The first of them.
    pub from: u64,
    /// Value of the Host header.
    pub host: String,
    /// Body length each answer must have; none: any.
    pub length: Option<u64>,
    /// Status each answer must have.
    pub status: u16,
    /// Keep-alive connections, one request under way on each.
    pub connections: usize,
    /// How long to send.
    pub duration: Duration,
    /// Send the head that a browser sends (13 fields) and not only Host.
    pub browser: bool,
    /// Count through the URLs (each once, for misses) instead of drawing them.
    pub in_order: bool,
}

/// Reads the command line; the error is a sentence.
pub fn parse(arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let mut options = Options {
        address: SocketAddr::from(([127, 0, 0, 1], 0)),
        path: String::new(),
        urls: 1,
        from: 0,
        host: String::from("localhost"),
        length: None,
        status: 200,
        connections: 32,
        duration: Duration::from_secs(3),
        browser: false,
        in_order: false,
    };
    let mut arguments = arguments;
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--path" => options.path = value()?,
            "--urls" => options.urls = number(&value()?)?,
            "--from" => options.from = number(&value()?)?,
            "--host" => options.host = value()?,
            "--length" => options.length = Some(number(&value()?)?),
            "--status" => options.status = number(&value()?)?,
            "--connections" => options.connections = number(&value()?)?,
            "--seconds" => options.duration = seconds(&value()?)?,
            "--browser" => options.browser = true,
            "--in-order" => options.in_order = true,
            address => {
                options.address = address.parse().map_err(|_| format!("not an ADDRESS:PORT: {address}"))?
            }
        }
    }
    if options.address.port() == 0 {
        return Err(String::from("no ADDRESS:PORT was given"));
    }
    if !options.path.starts_with('/') || options.path.matches("{}").count() > 1 {
        return Err(String::from("--path starts with / and holds at most one {}"));
    }
    if options.urls == 0 || options.connections == 0 {
        return Err(String::from("--urls and --connections are at least 1"));
    }
    Ok(options)
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, String> {
    text.parse().map_err(|_| format!("not a number in range: {text}"))
}

fn seconds(text: &str) -> Result<Duration, String> {
    let value: f64 = number(text)?;
    Duration::try_from_secs_f64(value).map_err(|_| format!("not a duration: {text}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_words(words: &str) -> Result<Options, String> {
        parse(words.split_whitespace().map(String::from))
    }

    #[test]
    fn reads_every_option() {
        let options = from_words(
            "127.0.0.1:81 --path /p/{} --urls 10 --from 5 --host h --length 7 --status 404 --connections 2 --seconds 0.5 --browser --in-order",
        )
        .unwrap();
        assert_eq!(options.address.port(), 81);
        assert_eq!((options.urls, options.from, options.connections), (10, 5, 2));
        assert_eq!((options.length, options.status), (Some(7), 404));
        assert_eq!(options.duration, Duration::from_millis(500));
        assert!(options.browser && options.in_order);
    }

    #[test]
    fn says_what_is_wrong() {
        for (words, part) in [
            ("--path /", "ADDRESS:PORT"),
            ("127.0.0.1:81 --path x", "--path"),
            ("127.0.0.1:81 --path /{}{}", "--path"),
            ("127.0.0.1:81 --path / --urls 0", "--urls"),
            ("127.0.0.1:81 --path", "needs a value"),
            ("127.0.0.1:81 --path / --seconds -1", "duration"),
            ("nowhere --path /", "nowhere"),
        ] {
            let message = from_words(words).unwrap_err();
            assert!(message.contains(part), "{words}: {message}");
        }
    }
}
