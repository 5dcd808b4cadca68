//! What ends at this hop: connection fields both ways, trailers, and the marks a proxy leaves (RFC 9110 7.6).

use crate::fields::{Fields, Known};
use crate::head::Version;
use crate::list::members;

/// Hop-by-hop by name alone (RFC 9110 7.6.1; RFC 9111 3.1 adds the proxy ones, which must not be stored either).
const HOP: [&[u8]; 10] = [
    b"connection",
    b"keep-alive",
    b"proxy-connection",
    b"proxy-authenticate",
    b"proxy-authentication-info",
    b"proxy-authorization",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
];

/// Meant for all recipients: `Connection` cannot take these away, or a viewer could strip what guards a request.
const END_TO_END: [&[u8]; 24] = [
    b"host",
    b"content-length",
    b"content-type",
    b"content-encoding",
    b"content-range",
    b"cache-control",
    b"pragma",
    b"authorization",
    b"cookie",
    b"set-cookie",
    b"date",
    b"age",
    b"expires",
    b"etag",
    b"last-modified",
    b"vary",
    b"location",
    b"range",
    b"if-match",
    b"if-none-match",
    b"x-forwarded-for",
    b"x-forwarded-proto",
    b"via",
    b"origin",
];

/// Trailer fields that are passed on; any other could pose as a field that was checked in the head
/// (RFC 9110 6.5.1).
const TRAILERS: [&[u8]; 7] = [
    b"server-timing",
    b"grpc-status",
    b"grpc-message",
    b"grpc-status-details-bin",
    b"digest",
    b"content-digest",
    b"repr-digest",
];

fn is_one_of(name: &[u8], list: &[&[u8]]) -> bool {
    list.iter().any(|known| name.eq_ignore_ascii_case(known))
}

/// Does this field end here: by its name, or because the message's `Connection` lists it?
pub fn is_hop(name: &[u8], message: &Fields) -> bool {
    is_one_of(name, &HOP)
        || (message.has(Known::Connection)
            && !is_one_of(name, &END_TO_END)
            && message
                .get_all(b"connection")
                .flat_map(members)
                .any(|listed| listed.eq_ignore_ascii_case(name)))
}

/// Remove what ends here. For requests, `TE: trailers` and `Upgrade` are to be written anew by whoever connects.
pub fn strip(message: &mut Fields) {
    let listed: Vec<Vec<u8>> = message
        .get_all(b"connection")
        .flat_map(members)
        .filter(|name| !is_one_of(name, &END_TO_END))
        .map(<[u8]>::to_vec)
        .collect();
    message.retain(|name, _| !is_one_of(name, &HOP) && !listed.iter().any(|l| l.eq_ignore_ascii_case(name)));
}

/// May this trailer field be passed on?
pub fn is_trailer_allowed(name: &[u8]) -> bool {
    is_one_of(name, &TRAILERS)
        || name.get(..15).is_some_and(|start| start.eq_ignore_ascii_case(b"x-amz-checksum-"))
}

/// Keep only the trailers that may be passed on.
pub fn keep_allowed_trailers(trailers: &mut Fields) {
    trailers.retain(|name, _| is_trailer_allowed(name));
}

/// Does `Connection` say so (`close`, `keep-alive`, `upgrade`)?
pub fn connection_says(message: &Fields, option: &[u8]) -> bool {
    message.has(Known::Connection)
        && message.get_all(b"connection").flat_map(members).any(|listed| listed.eq_ignore_ascii_case(option))
}

/// Add ourselves to `Via` (RFC 9110 7.6.3): the protocol the message came by, and a name.
pub fn append_via(message: &mut Fields, came_by: Version, name: &[u8]) {
    let protocol: &[u8] = match came_by {
        Version::Http10 => b"1.0 ",
        Version::Http11 => b"1.1 ",
        Version::Http2 => b"2.0 ",
    };
    append(message, b"Via", &[protocol, name].concat());
}

/// Add the viewer's address to `X-Forwarded-For`.
pub fn append_forwarded_for(message: &mut Fields, address: &[u8]) {
    append(message, b"X-Forwarded-For", address);
}

fn append(message: &mut Fields, name: &[u8], member: &[u8]) {
    match message.joined(name).filter(|before| !before.is_empty()) {
        None => message.set(name, member),
        Some(mut all) => {
            all.extend_from_slice(b", ");
            all.extend_from_slice(member);
            message.set(name, &all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(lines: &[&str]) -> Fields {
        let pairs = lines.iter().map(|line| line.split_once(": ").unwrap());
        pairs.map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect()
    }

    fn names(fields: &Fields) -> Vec<String> {
        fields.iter().map(|(n, _)| String::from_utf8_lossy(n).into_owned()).collect()
    }

    #[test]
    fn what_connection_lists_goes_and_what_all_need_stays() {
        // headers-omit-headers-listed-in-Connection; Host, Cookie and the like are not a viewer's to remove
        let mut message = fields(&[
            "Host: h",
            "Connection: a, B, host, cookie, content-length",
            "Connection: x-forwarded-for",
            "a: 1",
            "b: 2",
            "c: 3",
            "Cookie: k=v",
            "Content-Length: 3",
            "X-Forwarded-For: 1.2.3.4",
            "TE: trailers",
            "Upgrade: h2c",
            "Keep-Alive: 5",
            "Proxy-Authenticate: x",
            "Proxy-Authentication-Info: x",
            "Transfer-Encoding: chunked",
        ]);
        let kept = ["Host", "c", "Cookie", "Content-Length", "X-Forwarded-For"];
        let by_predicate: Vec<String> =
            names(&message).into_iter().filter(|name| !is_hop(name.as_bytes(), &message)).collect();
        assert_eq!(by_predicate, kept);
        strip(&mut message);
        assert_eq!(names(&message), kept);
    }

    #[test]
    fn trailers_are_few() {
        let rows = [
            ("Server-Timing", true),
            ("grpc-status", true),
            ("X-Amz-Checksum-CRC32", true),
            ("Content-Length", false),
            ("Host", false),
            ("Transfer-Encoding", false),
            ("Set-Cookie", false),
            ("X-Amz-Checksu", false),
        ];
        for (name, allowed) in rows {
            assert_eq!(is_trailer_allowed(name.as_bytes()), allowed, "{name}");
        }
    }

    #[test]
    fn marks_are_appended_to_what_is_there() {
        let mut message = fields(&["Via: 1.0 a", "Via: 1.1 b"]);
        append_via(&mut message, Version::Http2, b"skerry");
        append_forwarded_for(&mut message, b"10.0.0.1");
        append_forwarded_for(&mut message, b"10.0.0.2");
        assert_eq!(message.get(b"via"), Some(&b"1.0 a, 1.1 b, 2.0 skerry"[..]));
        assert_eq!(message.get(b"x-forwarded-for"), Some(&b"10.0.0.1, 10.0.0.2"[..]));
        assert_eq!(message.len(), 2);
    }
}
