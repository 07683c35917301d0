//! A registry of the test's own, in memory: it has the referrers API, in pages of one, may ask for tokens, and does
//! whatever a test wants to an answer before it is sent.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use macadam_core::digest::Digest;
use serde_json::{Value, json};

/// A request, as a test wants to see it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    body: Vec<u8>,
}

/// An answer, for a test to change.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// Whether to send the body again and again, without saying how long it is.
    pub(crate) endless: bool,
}

impl Answer {
    pub(crate) fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub(crate) fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.retain(|(there, _)| there != name);
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}

type Change = dyn Fn(&Asked, Answer) -> Answer + Send + Sync;

#[derive(Default)]
struct State {
    blobs: Mutex<BTreeMap<String, Vec<u8>>>,
    manifests: Mutex<BTreeMap<String, Vec<u8>>>,
    log: Mutex<Vec<Asked>>,
    change: Mutex<Option<Box<Change>>>,
    address: String,
    /// How many referrers are on a page.
    page: AtomicUsize,
}

/// The registry. Its thread ends with the test's process.
pub(crate) struct Fake {
    state: Arc<State>,
}

impl Fake {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(State { address, page: AtomicUsize::new(1), ..State::default() });
        let served = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&served);
                std::thread::spawn(move || state.serve(stream));
            }
        });
        Self { state }
    }

    pub(crate) fn address(&self) -> &str {
        &self.state.address
    }

    /// From now on, answers are as this makes them.
    pub(crate) fn answers(&self, change: impl Fn(&Asked, Answer) -> Answer + Send + Sync + 'static) {
        *self.state.change.lock().unwrap() = Some(Box::new(change));
    }

    /// From now on, all referrers are on one page.
    pub(crate) fn list_on_one_page(&self) {
        self.state.page.store(usize::MAX, Ordering::Relaxed);
    }

    /// What was asked so far.
    pub(crate) fn log(&self) -> Vec<Asked> {
        self.state.log.lock().unwrap().clone()
    }

    /// Forgets manifests that a test knows by something in their text.
    pub(crate) fn forget(&self, text: &str) {
        let has = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(text);
        self.state.manifests.lock().unwrap().retain(|_, bytes| !has(bytes));
    }

    /// Adds a blob and gives the descriptor of it.
    pub(crate) fn add_blob(&self, media_type: &str, bytes: &[u8]) -> Value {
        let digest = Digest::of(bytes).to_string();
        self.state.blobs.lock().unwrap().insert(digest.clone(), bytes.to_vec());
        json!({"mediaType": media_type, "digest": digest, "size": bytes.len()})
    }

    /// Adds a manifest as it is, and gives its digest.
    pub(crate) fn add_manifest(&self, manifest: &Value) -> Digest {
        let bytes = serde_json::to_vec(manifest).unwrap();
        let digest = Digest::of(&bytes);
        self.state.manifests.lock().unwrap().insert(digest.to_string(), bytes);
        digest
    }
}

impl State {
    fn serve(&self, stream: TcpStream) {
        let mut reader = BufReader::new(stream.try_clone().unwrap());
        let Some(asked) = read_request(&mut reader) else { return };
        self.log.lock().unwrap().push(asked.clone());
        let answer = self.answer(&asked);
        let answer = match &*self.change.lock().unwrap() {
            Some(change) => change(&asked, answer),
            None => answer,
        };
        let _ = write_answer(stream, &asked, &answer);
    }

    fn answer(&self, asked: &Asked) -> Answer {
        let (path, query) = asked.path.split_once('?').unwrap_or((&asked.path, ""));
        let below = path.strip_prefix("/v2/macadam/approval-policy/").unwrap_or_default();
        let (kind, name) = below.split_once('/').unwrap_or_default();
        match (asked.method.as_str(), kind) {
            ("POST", "blobs") => {
                let location = "/v2/macadam/approval-policy/blobs/uploads/1?state=x";
                Answer::of(202, "").with("Location", location)
            }
            ("PUT", "blobs") => {
                let digest = Digest::of(&asked.body).to_string();
                assert!(query.ends_with(&digest), "an upload ends with its digest: {query}");
                self.blobs.lock().unwrap().insert(digest, asked.body.clone());
                Answer::of(201, "")
            }
            ("GET" | "HEAD", "blobs") => found(self.blobs.lock().unwrap().get(name)),
            ("PUT", "manifests") => {
                let digest = Digest::of(&asked.body).to_string();
                let mut manifests = self.manifests.lock().unwrap();
                for name in [name, &digest] {
                    manifests.insert(name.to_owned(), asked.body.clone());
                }
                let manifest: Value = serde_json::from_slice(&asked.body).unwrap();
                match manifest["subject"]["digest"].as_str() {
                    Some(subject) => Answer::of(201, "").with("OCI-Subject", subject),
                    None => Answer::of(201, ""),
                }
            }
            ("GET", "manifests") => found(self.manifests.lock().unwrap().get(name)),
            ("GET", "referrers") => self.referrers(path, name, query),
            _ => Answer::of(404, ""),
        }
    }

    /// What refers to a manifest, page by page.
    fn referrers(&self, path: &str, subject: &str, query: &str) -> Answer {
        let page: usize = query.strip_prefix("page=").map_or(0, |page| page.parse().unwrap());
        let manifests = self.manifests.lock().unwrap();
        let refer = |(name, bytes): (&String, &Vec<u8>)| {
            let manifest: Value = serde_json::from_slice(bytes).unwrap();
            let refers = name.starts_with("sha256:") && manifest["subject"]["digest"] == subject;
            refers.then(|| {
                let kind = "application/vnd.oci.image.manifest.v1+json";
                json!({"mediaType": kind, "digest": name, "size": bytes.len(), "artifactType": manifest["artifactType"]})
            })
        };
        let all: Vec<_> = manifests.iter().filter_map(refer).collect();
        let size = self.page.load(Ordering::Relaxed);
        let shown: Vec<_> = all.iter().skip(page.saturating_mul(size)).take(size).collect();
        let answer = Answer::of(200, json!({"schemaVersion": 2, "manifests": shown}).to_string());
        if (page + 1).saturating_mul(size) < all.len() {
            return answer.with("Link", format!("<{path}?page={}>; rel=\"next\"", page + 1));
        }
        answer
    }
}

fn found(bytes: Option<&Vec<u8>>) -> Answer {
    bytes.map_or_else(|| Answer::of(404, ""), |bytes| Answer::of(200, bytes.clone()))
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut length, mut authorization) = (0, None);
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked { method, path, authorization, body })
}

fn write_answer(mut stream: TcpStream, asked: &Asked, answer: &Answer) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 {} Said\r\nConnection: close\r\n", answer.status)?;
    for (name, value) in &answer.headers {
        write!(stream, "{name}: {value}\r\n")?;
    }
    if answer.endless {
        write!(stream, "\r\n")?;
        // Until the other side hangs up.
        loop {
            stream.write_all(&answer.body)?;
        }
    }
    write!(stream, "Content-Length: {}\r\n\r\n", answer.body.len())?;
    if asked.method == "HEAD" { Ok(()) } else { stream.write_all(&answer.body) }
}
