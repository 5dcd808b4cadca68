//! What one call costs in this crate: `cargo run --release -p skerry-contract --example cost`.
//!
//! Prints nanoseconds per event built and per unchanged result judged, the median of several rounds.

use skerry_contract::*;
use skerry_http::fields::Fields;
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 21;
const CALLS: u32 = 20_000;

const HEADERS: [(&str, &str); 13] = [
    ("Host", "shop.example.com"),
    (
        "User-Agent",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0 Safari/537.36",
    ),
    ("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"),
    ("Accept-Encoding", "gzip, deflate, br, zstd"),
    ("Accept-Language", "en-GB,en;q=0.9,de;q=0.8"),
    ("Cookie", "session=6f1e0c2b9a; theme=dark; _ga=GA1.2.1838491.1712345678"),
    ("Referer", "https://shop.example.com/catalogue?page=2"),
    ("Cache-Control", "max-age=0"),
    ("Sec-Fetch-Dest", "document"),
    ("Sec-Fetch-Mode", "navigate"),
    ("Sec-Fetch-Site", "same-origin"),
    ("Upgrade-Insecure-Requests", "1"),
    ("X-Forwarded-For", "203.0.113.178"),
];

fn median(mut work: impl FnMut()) -> u128 {
    let mut times: Vec<u128> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            for _ in 0..CALLS {
                work();
            }
            start.elapsed().as_nanos() / u128::from(CALLS)
        })
        .collect();
    times.sort_unstable();
    times[ROUNDS / 2]
}

fn main() {
    let fields: Fields = HEADERS.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect();
    let input = EventInput {
        trigger: Trigger::ViewerRequest,
        distribution_id: "EDFDVBD6EXAMPLE",
        distribution_domain: "d111111abcdef8.cloudfront.net",
        request_id: "4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==",
        client_ip: "203.0.113.178",
        request: RequestView {
            method: b"GET",
            uri: b"/catalogue/item-17",
            query: b"size=large",
            fields: &fields,
        },
        body: None,
        origin: None,
        response: None,
    };
    let limits = Limits::of(Profile::Aws2026);
    let mut event = Vec::new();
    let built = median(|| build(black_box(&input), limits, black_box(&mut event)));

    let mut result = Vec::new();
    event::write_request(&mut result, &input, limits);
    let policy = Policy { level: Level::Strict, limits };
    let judged = median(|| {
        black_box(judge(black_box(&input), black_box(&result), policy));
    });
    println!("event of {} headers, {} bytes: {built} ns", HEADERS.len(), event.len());
    println!("unchanged result of {} bytes judged: {judged} ns", result.len());
}
