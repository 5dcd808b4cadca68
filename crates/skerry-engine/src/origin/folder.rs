//! A folder that plays an S3 bucket: its keys, ETags, types, errors in XML, and 403 for what is not there
//! (a bucket whose reader may not list it says so, not 404).

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, LazyLock};
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use md5::{Digest, Md5};
use parking_lot::Mutex;
use skerry_http::fields::Fields;
use skerry_http::head::{Framing, Method, RequestHead, ResponseHead};
use skerry_http::profile::Profile;
use skerry_http::range::{self, Resolved};
use skerry_http::validators::{Evaluator, Verdict, evaluate};

use super::{OriginError, Retry};

const PIECE_BYTES: u64 = 256 * 1024;
const DIGESTS_MAX: usize = 50_000;

/// Digest of a file's content, by path, length and time of change: a file is read for it once.
type Digests = HashMap<(PathBuf, u64, u128), String>;
static DIGESTS: LazyLock<Mutex<Digests>> = LazyLock::new(Mutex::default);

/// A file's body on its way.
pub struct FolderBody {
    file: Option<Arc<File>>,
    at: u64,
    end: u64,
    text: Bytes,
}

impl FolderBody {
    fn text(text: Bytes) -> Self {
        FolderBody { file: None, at: 0, end: 0, text }
    }

    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, OriginError> {
        if !self.text.is_empty() {
            return Ok(Some(std::mem::take(&mut self.text)));
        }
        let Some(file) = self.file.clone().filter(|_| self.at < self.end) else { return Ok(None) };
        let (at, want) = (self.at, (self.end - self.at).min(PIECE_BYTES) as usize);
        let read = tokio::task::spawn_blocking(move || {
            let mut piece = vec![0; want];
            file.read_exact_at(&mut piece, at)?;
            Ok::<_, io::Error>(piece)
        })
        .await;
        match read {
            Ok(Ok(piece)) => {
                self.at += piece.len() as u64;
                Ok(Some(piece.into()))
            }
            Ok(Err(error)) => Err(OriginError::new(
                "origin-cut-body",
                Retry::Never,
                format!("the file changed while it was read: {error}"),
            )),
            Err(_) => Err(OriginError::new("origin-cut-body", Retry::Never, "reading the file ended")),
        }
    }
}

struct Found {
    file: File,
    bytes: u64,
    modified_s: u64,
    etag: String,
}

/// Answer a request from the folder. `path`: origin path and request path together, still percent-encoded.
pub async fn serve(root: &Path, request: &RequestHead, path: &str) -> (ResponseHead, FolderBody) {
    if !matches!(request.method, Method::Get | Method::Head) {
        return error(
            405,
            "MethodNotAllowed",
            "The specified method is not allowed against this resource.",
            request.method,
        );
    }
    let Some(key) = key_of(path) else {
        return error(400, "InvalidURI", "Couldn't parse the specified URI.", request.method);
    };
    let root = root.to_owned();
    let found = tokio::task::spawn_blocking(move || find(&root, &key)).await;
    match found {
        Ok(Ok(found)) => answer(request, found),
        _ => error(403, "AccessDenied", "Access Denied", request.method),
    }
}

/// The key of a path: decoded once; `None` for what no key can be.
fn key_of(path: &str) -> Option<PathBuf> {
    let bytes = path.strip_prefix('/').unwrap_or(path).as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'%' {
            let hex = std::str::from_utf8(bytes.get(at + 1..at + 3)?).ok()?;
            out.push(u8::from_str_radix(hex, 16).ok()?);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    if out.contains(&0) {
        return None;
    }
    Some(PathBuf::from(String::from_utf8(out).ok()?))
}

/// Open the file of a key. Nothing outside the root is reached, by dots or by links.
fn find(root: &Path, key: &Path) -> io::Result<Found> {
    let denied = || io::Error::from(io::ErrorKind::PermissionDenied);
    let text = key.to_string_lossy();
    if text.is_empty() || text.ends_with('/') || text.contains("//") {
        return Err(denied()); // a folder is no key, and neither is a key with an empty part a file
    }
    if !key
        .components()
        .all(|c| matches!(c, Component::Normal(part) if !part.to_string_lossy().starts_with(".skerry")))
    {
        return Err(denied());
    }
    let root = root.canonicalize()?;
    let path = root.join(key).canonicalize()?;
    if !path.starts_with(&root) {
        return Err(denied());
    }
    // a pipe or device in the folder must not hold the thread that opens it
    let file = File::options().read(true).custom_flags(libc::O_NONBLOCK).open(&path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(denied());
    }
    let modified = facts.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
    let etag = digest(&file, &path, facts.len(), modified.as_nanos())?;
    Ok(Found { file, bytes: facts.len(), modified_s: modified.as_secs(), etag })
}

fn digest(file: &File, path: &Path, bytes: u64, modified_ns: u128) -> io::Result<String> {
    let name = (path.to_owned(), bytes, modified_ns);
    if let Some(known) = DIGESTS.lock().get(&name) {
        return Ok(known.clone());
    }
    let (mut md5, mut piece, mut at) = (Md5::new(), vec![0; PIECE_BYTES as usize], 0);
    loop {
        let n = file.read_at(&mut piece, at)?;
        if n == 0 {
            break;
        }
        md5.update(&piece[..n]);
        at += n as u64;
    }
    let text =
        md5.finalize().iter().fold(String::from("\""), |text, byte| format!("{text}{byte:02x}")) + "\"";
    let mut all = DIGESTS.lock();
    if all.len() >= DIGESTS_MAX {
        all.clear();
    }
    all.insert(name, text.clone());
    Ok(text)
}

fn answer(request: &RequestHead, found: Found) -> (ResponseHead, FolderBody) {
    let mut head = ResponseHead::new(200);
    let kind = mime_guess::from_path(request_name(request)).first_raw().unwrap_or("binary/octet-stream");
    head.fields.push(b"Last-Modified", &skerry_http::date::format(found.modified_s));
    head.fields.push(b"ETag", found.etag.as_bytes());
    head.fields.push(b"Accept-Ranges", b"bytes");
    head.fields.push(b"Content-Type", kind.as_bytes());
    head.fields.push(b"Server", b"AmazonS3");
    match evaluate(Evaluator::Origin, request.method, &request.fields, &head.fields, true, found.modified_s) {
        Verdict::Proceed => {}
        Verdict::NotModified => {
            head.status = 304;
            return (head, FolderBody::text(Bytes::new()));
        }
        Verdict::PreconditionFailed => {
            return error(
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
                request.method,
            );
        }
    }
    let (mut from, mut to) = (0, found.bytes);
    if request.method == Method::Get
        && let Some(wanted) = request.fields.get(b"range")
        && range::if_range_holds(&request.fields, &head.fields, found.modified_s)
        && let Ok(profile) = Profile::named("cloudfront")
    {
        match range::resolve(profile, wanted, found.bytes) {
            Resolved::Single(part) => {
                head.status = 206;
                head.fields.push(b"Content-Range", range::content_range(&part, found.bytes).as_bytes());
                (from, to) = (part.start, part.end);
            }
            Resolved::Unsatisfiable => {
                let (mut head, body) =
                    error(416, "InvalidRange", "The requested range is not satisfiable", request.method);
                head.fields.push(b"Content-Range", range::content_range_unsatisfied(found.bytes).as_bytes());
                return (head, body);
            }
            Resolved::Whole | Resolved::Multi(_) => {} // S3 gives the whole for several ranges
        }
    }
    head.fields.push(b"Content-Length", (to - from).to_string().as_bytes());
    if request.method == Method::Head {
        return (head, FolderBody::text(Bytes::new()));
    }
    head.framing = Framing::Length(to - from);
    (head, FolderBody { file: Some(Arc::new(found.file)), at: from, end: to, text: Bytes::new() })
}

fn request_name(request: &RequestHead) -> String {
    String::from_utf8_lossy(request.path()).into_owned()
}

/// S3's error in XML.
fn error(status: u16, code: &str, message: &str, method: Method) -> (ResponseHead, FolderBody) {
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
    );
    let mut head = ResponseHead::new(status);
    head.fields = [(&b"Content-Type"[..], &b"application/xml"[..]), (b"Server", b"AmazonS3")]
        .into_iter()
        .collect::<Fields>();
    head.fields.push(b"Content-Length", text.len().to_string().as_bytes());
    if method == Method::Head {
        return (head, FolderBody::text(Bytes::new()));
    }
    head.framing = Framing::Length(text.len() as u64);
    (head, FolderBody::text(text.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> PathBuf {
        let root = std::env::temp_dir().join(format!(
            "skerry-folder-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        ));
        std::fs::create_dir_all(root.join("site/sub")).unwrap();
        std::fs::write(root.join("secret.txt"), "no").unwrap();
        std::fs::write(root.join("site/index.html"), "<p>hello</p>").unwrap();
        std::fs::write(root.join("site/sub/a b.css"), "x{}").unwrap();
        let _ = std::os::unix::fs::symlink(root.join("secret.txt"), root.join("site/link.txt"));
        root
    }

    fn ask(root: &Path, method: Method, target: &str, fields: &[(&str, &str)]) -> (u16, Fields, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let request = RequestHead {
                method,
                target: target.as_bytes().to_vec(),
                fields: fields.iter().map(|(n, v)| (n.as_bytes(), v.as_bytes())).collect(),
                ..RequestHead::default()
            };
            let (head, mut body) = serve(&root.join("site"), &request, target).await;
            let mut text = Vec::new();
            while let Some(piece) = body.next().await.unwrap() {
                text.extend_from_slice(&piece);
            }
            (head.status, head.fields, String::from_utf8(text).unwrap())
        })
    }

    #[test]
    fn keys_and_what_is_no_key() {
        let root = folder();
        let get = |target: &str| ask(&root, Method::Get, target, &[]);
        let (status, fields, text) = get("/index.html");
        assert_eq!((status, text.as_str()), (200, "<p>hello</p>"));
        assert_eq!(fields.get(b"content-type"), Some(&b"text/html"[..]));
        assert_eq!(get("/sub/a%20b.css").0, 200);
        for bad in [
            "/",
            "/none",
            "/sub",
            "/sub/",
            "/../secret.txt",
            "/%2e%2e/secret.txt",
            "/link.txt",
            "//index.html",
        ] {
            let (status, fields, text) = get(bad);
            assert_eq!(status, 403, "{bad}");
            assert!(text.contains("<Code>AccessDenied</Code>"));
            assert_eq!(fields.get(b"content-type"), Some(&b"application/xml"[..]));
        }
        assert_eq!(get("/%zz").0, 400);
        assert_eq!(ask(&root, Method::Post, "/index.html", &[]).0, 405);
        std::fs::remove_dir_all(root).unwrap();
    }

    #[test]
    fn conditions_ranges_and_head() {
        let root = folder();
        let (_, fields, _) = ask(&root, Method::Get, "/index.html", &[]);
        let etag = String::from_utf8(fields.get(b"etag").unwrap().to_vec()).unwrap();
        assert_eq!(etag.len(), 34);
        assert_eq!(ask(&root, Method::Get, "/index.html", &[("If-None-Match", &etag)]).0, 304);
        assert_eq!(ask(&root, Method::Get, "/index.html", &[("If-Match", "\"x\"")]).0, 412);
        let (status, fields, text) = ask(&root, Method::Get, "/index.html", &[("Range", "bytes=3-7")]);
        assert_eq!(
            (status, text.as_str(), fields.get(b"content-range")),
            (206, "hello", Some(&b"bytes 3-7/12"[..]))
        );
        assert_eq!(ask(&root, Method::Get, "/index.html", &[("Range", "bytes=99-")]).0, 416);
        let (status, fields, text) = ask(&root, Method::Head, "/index.html", &[]);
        assert_eq!((status, text.as_str(), fields.get(b"content-length")), (200, "", Some(&b"12"[..])));
        std::fs::remove_dir_all(root).unwrap();
    }
}
