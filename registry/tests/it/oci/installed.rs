//! Programs that the tests need and that Debian packages: found, or installed, or asked for.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// A running `docker-registry`, gone when the test is over.
pub(crate) struct DockerRegistry {
    process: Child,
    pub(crate) address: String,
    pub(crate) directory: tempfile::TempDir,
}

impl DockerRegistry {
    /// Starts one that serves everybody.
    pub(crate) fn start() -> Self {
        Self::start_with("")
    }

    /// Starts one that serves nobody but `ana` with the password `correct horse`.
    pub(crate) fn start_with_password() -> Self {
        Self::start_with("auth:\n  htpasswd:\n    realm: test\n    path: DIRECTORY/htpasswd\n")
    }

    fn start_with(more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().display().to_string();
        // bcrypt of the password, at the lowest cost that there is.
        let line = "ana:$2b$05$abcdefghijklmnopqrstuuHNbAKRhpaujgo33bRWs.NLUTJO3lOy2\n";
        fs::write(directory.path().join("htpasswd"), line).unwrap();
        let address = format!("127.0.0.1:{}", free_port());
        let config = format!(
            "version: 0.1\nlog:\n  level: error\n  accesslog:\n    disabled: true\nstorage:\n  filesystem:\n    \
             rootdirectory: {path}/data\nhttp:\n  addr: {address}\n{}",
            more.replace("DIRECTORY", &path)
        );
        let file = directory.path().join("config.yml");
        fs::write(&file, config).unwrap();
        let mut command = Command::new(program("docker-registry"));
        command.arg("serve").arg(&file).stdout(Stdio::null()).stderr(Stdio::null());
        let registry = Self { process: command.spawn().unwrap(), address, directory };
        let begin = Instant::now();
        while TcpStream::connect(&registry.address).is_err() {
            assert!(begin.elapsed() < Duration::from_secs(30), "docker-registry does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        registry
    }

    /// Where the registry keeps a blob on its disk.
    pub(crate) fn blob(&self, hex: &str) -> PathBuf {
        let blobs = self.directory.path().join("data/docker/registry/v2/blobs/sha256");
        blobs.join(&hex[..2]).join(hex).join("data")
    }
}

impl Drop for DockerRegistry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where a program is; root on a Debian system gets it installed, everybody else is told how.
pub(crate) fn program(name: &str) -> PathBuf {
    static INSTALLED: LazyLock<String> = LazyLock::new(|| {
        let lacking: Vec<_> = ["docker-registry", "skopeo"].into_iter().filter(|name| find(name).is_none()).collect();
        let mut said = String::new();
        if !lacking.is_empty() {
            // Its service is not wanted, and would not start where there is no systemd.
            for arguments in
                [vec!["update", "-q"], [vec!["install", "-y", "-q", "--no-install-recommends"], lacking].concat()]
            {
                match Command::new("apt-get").args(&arguments).env("DEBIAN_FRONTEND", "noninteractive").output() {
                    Ok(output) => said += &String::from_utf8_lossy(&output.stderr),
                    Err(error) => said += &error.to_string(),
                }
            }
        }
        said
    });
    let said = &*INSTALLED;
    find(name)
        .unwrap_or_else(|| panic!("this test needs {name}: `apt-get install docker-registry skopeo`, as root\n{said}"))
}

fn find(name: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let mut folders =
        std::env::split_paths(&paths).chain(["/usr/bin", "/usr/sbin"].map(|folder| Path::new(folder).to_owned()));
    folders.find_map(|folder| Some(folder.join(name)).filter(|path| path.is_file()))
}

/// A port that nobody uses now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
