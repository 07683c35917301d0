//! A wire between a host and a server of this machine, on which a test listens: that is how it knows what a host has
//! said to a server that keeps nothing of it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The wire; it ends with the test's process.
pub struct Wire {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// One to the server on a port, which gets and answers everything as it is.
    pub fn to(port: u16) -> Self {
        Self::start(move |client, heard| {
            let Ok(server) = TcpStream::connect(("127.0.0.1", port)) else { return };
            let (Ok(answers), Ok(back)) = (server.try_clone(), client.try_clone()) else { return };
            let answering = std::thread::spawn(move || pass(answers, back, &|_| ()));
            pass(client, server, &|bytes| heard.lock().unwrap().extend_from_slice(bytes));
            let _ = answering.join();
        })
    }

    /// One to nobody: what is made of a request's line and headers is its answer, and the connection ends.
    pub fn to_nobody(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self::start(move |mut client, heard| {
            let Some(head) = head(&client) else { return };
            heard.lock().unwrap().extend_from_slice(head.as_bytes());
            let _ = client.write_all(answer(&head).as_bytes());
        })
    }

    fn start(serve: impl Fn(TcpStream, &Mutex<Vec<u8>>) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("the port").port();
        let (heard, serve) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::new(serve));
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (kept, serve) = (Arc::clone(&kept), Arc::clone(&serve));
                std::thread::spawn(move || serve(client, &kept));
            }
        });
        Self { port, heard }
    }

    /// Its near end.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What was said into it, as text.
    pub fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Passes on what comes until there is no more, and listens.
fn pass(mut from: TcpStream, mut to: TcpStream, listen: &dyn Fn(&[u8])) {
    let mut buffer = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        listen(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// A request's line and headers, up to the empty line.
fn head(client: &TcpStream) -> Option<String> {
    let (mut reader, mut head) = (BufReader::new(client), String::new());
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head).ok()? == 0 {
            return None;
        }
    }
    Some(head)
}
