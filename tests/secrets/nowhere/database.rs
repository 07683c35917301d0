//! Hosts that do not start since the database does not let them in, to which they bring what PostgreSQL's own variables and
//! files say.

use std::ffi::OsStr;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use super::certificate;
use super::refused::{SECRET, refused};

/// A server that lets nobody in.
struct Door {
    port: u16,
    heard: Arc<Mutex<Vec<u8>>>,
}

impl Door {
    /// One that speaks no TLS, asks for a password, and refuses it.
    fn that_asks() -> Self {
        Self::start(ask)
    }

    /// One that agrees to TLS, and goes.
    fn with_tls() -> Self {
        Self::start(|client, _| greeted(client, b'S'))
    }

    fn start(serve: fn(&mut TcpStream, &Mutex<Vec<u8>>) -> std::io::Result<()>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (port, heard) = (listener.local_addr().expect("the port").port(), Arc::<Mutex<Vec<u8>>>::default());
        let kept = Arc::clone(&heard);
        std::thread::spawn(move || {
            for mut client in listener.incoming().flatten() {
                // A client may go whenever it likes.
                let _ = serve(&mut client, &kept);
            }
        });
        Self { port, heard }
    }

    fn url(&self) -> String {
        format!("postgres://keeper@127.0.0.1:{}/kept", self.port)
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }
}

/// Asks for a password in clear text, keeps it, and says that it is wrong. What is written and read is of PostgreSQL's
/// manual, "Message Formats".
fn ask(client: &mut TcpStream, heard: &Mutex<Vec<u8>>) -> std::io::Result<()> {
    greeted(client, b'N')?;
    message(client)?;
    client.write_all(b"R\0\0\0\x08\0\0\0\x03")?;
    client.read_exact(&mut [0])?;
    heard.lock().unwrap().extend(message(client)?);
    let fields = b"SFATAL\0VFATAL\0C28P01\0Myou may not come in\0\0";
    let length = u32::try_from(fields.len() + 4).expect("it is short");
    client.write_all(&[&b"E"[..], &length.to_be_bytes(), fields].concat())
}

/// Whether there is TLS is asked first.
fn greeted(client: &mut TcpStream, answer: u8) -> std::io::Result<()> {
    client.read_exact(&mut [0; 8])?;
    client.write_all(&[answer])
}

fn message(client: &mut TcpStream) -> std::io::Result<Vec<u8>> {
    let mut length = [0; 4];
    client.read_exact(&mut length)?;
    let mut body = vec![0; (u32::from_be_bytes(length) as usize).saturating_sub(4)];
    client.read_exact(&mut body)?;
    Ok(body)
}

#[test]
fn a_start_that_the_database_refuses_shows_no_password_of_postgresqls_own_variables_and_files() {
    for variable in ["PGPASSWORD", "PGPASSFILE"] {
        let (door, data) = (Door::that_asks(), tempfile::tempdir().unwrap());
        let file = data.path().join("passwords");
        std::fs::write(&file, format!("127.0.0.1:{}:kept:keeper:{SECRET}\n", door.port)).unwrap();
        std::fs::set_permissions(&file, PermissionsExt::from_mode(0o600)).unwrap();
        let value = if variable == "PGPASSWORD" { OsStr::new(SECRET) } else { file.as_os_str() };
        let url = door.url();
        let environment = [("MACADAM_DATABASE", OsStr::new(&url)), (variable, value)];
        refused(variable, "you may not come in", data.path(), &environment, &[SECRET]);
        assert!(door.heard().contains(SECRET), "the server is told what {variable} says: {}", door.heard());
    }
}

#[test]
fn a_start_with_a_clients_key_that_lost_its_line_breaks_shows_nothing_of_it() {
    let (door, flat) = (Door::with_tls(), certificate::PEM.trim().replace('\n', "\\n"));
    for (given, key) in [(certificate::PEM, flat.as_str()), (&flat, certificate::PEM)] {
        let (data, url) = (tempfile::tempdir().unwrap(), format!("{}?sslmode=require", door.url()));
        let variables = [("MACADAM_DATABASE", url.as_str()), ("PGSSLCERT", given), ("PGSSLKEY", key)];
        let environment = variables.map(|(name, value)| (name, OsStr::new(value)));
        refused("a client's key", "write each with its line breaks", data.path(), &environment, &[certificate::line()]);
    }
}
