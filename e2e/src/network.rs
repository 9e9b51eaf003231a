//! Networks of a test's own: its programs listen at fixed ports there, as in the field, and nothing of the machine is in their way.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A network namespace with nothing but a loopback interface. It ends with this value, or with the test's process.
pub struct Network {
    holder: Child,
}

impl Network {
    /// Makes one.
    pub fn new() -> Self {
        let mut holder = Command::new("unshare")
            // `cat` ends when nobody holds the other end any more.
            .args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("`unshare` of util-linux");
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n", "a network namespace needs the rights of root, and `ip` of iproute2");
        Self { holder }
    }

    fn path(&self) -> String {
        format!("/proc/{}/ns/net", self.holder.id())
    }

    /// Runs a test there, with all that it starts.
    pub fn within<T: Send>(&self, test: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                let namespace = std::fs::File::open(self.path()).unwrap();
                move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), Some(LinkNameSpaceType::Network))
                    .unwrap();
                test()
            });
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    /// A shell command there, to be started at a terminal or otherwise.
    pub fn shell(&self, command: &str) -> String {
        format!("exec nsenter --net={} {command}", self.path())
    }

    /// Joins this network to `other` by a cable; each end gets its address of 10.77.0.0/24.
    pub fn joined_to(&self, other: &Self, own: &str, others: &str) {
        let (own_net, other_net) = (self.path(), other.path());
        let script = format!(
            "nsenter --net={own_net} ip link add cable0 type veth peer name cable1 netns {} &&\
            nsenter --net={own_net} ip addr add {own}/24 dev cable0 && nsenter --net={own_net} ip link set cable0 up &&\
            nsenter --net={other_net} ip addr add {others}/24 dev cable1 && nsenter --net={other_net} ip link set cable1 up",
            other.holder.id()
        );
        let output = Command::new("sh").args(["-c", &script]).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        // It may have ended.
        _ = self.holder.kill();
        _ = self.holder.wait();
    }
}
