//! Status codes: phrases, which forbid a body, which may be cached by default, which we understand.

/// The phrase of RFC 9110 15 (and the few registered elsewhere); `Unknown` for the rest, since HTTP/1.1 may not leave it out.
pub fn phrase(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        101 => "Switching Protocols",
        102 => "Processing",
        103 => "Early Hints",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        203 => "Non-Authoritative Information",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        207 => "Multi-Status",
        208 => "Already Reported",
        226 => "IM Used",
        300 => "Multiple Choices",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        305 => "Use Proxy",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        402 => "Payment Required",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        421 => "Misdirected Request",
        422 => "Unprocessable Content",
        423 => "Locked",
        424 => "Failed Dependency",
        425 => "Too Early",
        426 => "Upgrade Required",
        428 => "Precondition Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        451 => "Unavailable For Legal Reasons",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        506 => "Variant Also Negotiates",
        507 => "Insufficient Storage",
        508 => "Loop Detected",
        511 => "Network Authentication Required",
        _ => "Unknown",
    }
}

/// 1xx: others follow (RFC 9110 15.2).
pub fn is_interim(status: u16) -> bool {
    (100..200).contains(&status)
}

/// Never followed by a body, whatever its fields say (RFC 9112 6.3).
pub fn forbids_body(status: u16) -> bool {
    is_interim(status) || status == 204 || status == 304
}

/// May be given a heuristic lifetime without `public` (RFC 9110 15.1).
pub fn is_heuristic(status: u16) -> bool {
    matches!(status, 200 | 203 | 204 | 206 | 300 | 301 | 308 | 404 | 405 | 410 | 414 | 501)
}

/// One whose meaning for caching this crate knows (RFC 9111 3, `must-understand`): a registered final one.
/// 206 counts as not understood, for parts are not combined.
pub fn is_understood(status: u16) -> bool {
    status >= 200 && status != 206 && phrase(status) != "Unknown"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_follow_the_registry() {
        let rows: &[(u16, &str, bool, bool, bool)] = &[
            (100, "Continue", true, false, false),
            (200, "OK", false, true, true),
            (204, "No Content", true, true, true),
            (206, "Partial Content", false, true, false),
            (304, "Not Modified", true, false, true),
            (404, "Not Found", false, true, true),
            (403, "Forbidden", false, false, true),
            (599, "Unknown", false, false, false),
        ];
        for (status, text, bodiless, heuristic, understood) in rows {
            let found =
                (phrase(*status), forbids_body(*status), is_heuristic(*status), is_understood(*status));
            assert_eq!(found, (*text, *bodiless, *heuristic, *understood), "{status}");
        }
    }
}
