//! The process of a server: started, watched, frozen, asked to end, and killed.

use std::process::Command;
use std::time::{Duration, Instant};

use super::{PATIENCE, Server, binary};

impl Server {
    /// Starts the process, and waits until it is ready.
    pub fn launch(&mut self) {
        self.launch_without_waiting();
        self.wait_until_ready();
    }

    /// Waits until the process can serve.
    pub fn wait_until_ready(&mut self) {
        let begin = Instant::now();
        loop {
            let exited = self.process.as_mut().and_then(|process| process.try_wait().ok().flatten());
            assert!(exited.is_none(), "the server ended instead of serving: {exited:?}\n{}", self.log());
            let ready = ureq::get(&self.url("/readyz")).config().http_status_as_error(false).build().call();
            match ready {
                Ok(answer) if answer.status() == 200 => return,
                other if begin.elapsed() > PATIENCE => {
                    let body = other.map(|mut answer| answer.body_mut().read_to_string().unwrap_or_default());
                    panic!("the server is not ready: {body:?}\n{}", self.log());
                }
                _ => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// Starts the process.
    pub fn launch_without_waiting(&mut self) {
        let append = |name: &str| {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(self.data().join(name));
            file.expect("what the server writes can be kept")
        };
        let process = Command::new(binary())
            .arg("serve")
            .args((!self.production).then_some("--development"))
            .arg("--data")
            .arg(self.data())
            .args(["--listen", &format!("127.0.0.1:{}", self.port)])
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdout(append("server.out"))
            .stderr(append("server.log"))
            .spawn();
        self.process = Some(process.expect("the server starts"));
    }

    /// What the server has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.data().join("server.log")).unwrap_or_default()
    }

    /// Ends the process without a warning, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Stops the process where it is, as a machine that sleeps would.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets a process go on that was paused.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal is sent");
    }

    /// Asks the process to end, and waits until it has.
    pub fn stop(&mut self) {
        if self.process.is_none() {
            return;
        }
        self.signal("-TERM");
        let Some(mut process) = self.process.take() else { return };
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(status) = process.try_wait().expect("the process can be waited for") {
                assert!(status.success(), "a server that is asked to end ends well: {status}\n{}", self.log());
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = process.kill();
        panic!("the server did not end when it was asked to\n{}", self.log());
    }

    /// The process's id.
    pub fn id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// The memory that the process holds, in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let process = self.process.as_ref().expect("the server runs");
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("it has memory");
        let kilobytes: u64 = line.trim().trim_end_matches("kB").trim().parse().expect("a number of kilobytes");
        kilobytes * 1024
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
