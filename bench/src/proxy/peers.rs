//! FreeRADIUS and radsecproxy as proxies, from Debian, as their manuals have them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use super::program::{Program, Question, free_port};
use super::{DEVICE_SECRET, SERVER_SECRET};

/// FreeRADIUS: gives every login on to the server behind. It logs no login, as Debian's configuration has it.
pub(crate) fn freeradius(dir: &Path, behind: SocketAddr) -> anyhow::Result<Program> {
    let (port, path, home) = (free_port()?, dir.display(), behind.port());
    let config = format!(
        "prefix = /usr\nlibdir = /usr/lib/freeradius\nname = bench\nlogdir = {path}\nrun_dir = {path}\nradacctdir = {path}\n\
        log {{\n destination = files\n file = {path}/radius.log\n auth = no\n}}\n\
        max_requests = 65536\nsecurity {{\n reject_delay = 0\n status_server = yes\n}}\nproxy_requests = yes\n\
        thread pool {{\n start_servers = 5\n max_servers = 32\n min_spare_servers = 3\n max_spare_servers = 10\n max_requests_per_server = 0\n}}\n\
        modules {{\n}}\n\
        home_server behind {{\n type = auth\n ipaddr = 127.0.0.1\n port = {home}\n secret = {SERVER_SECRET}\n status_check = none\n}}\n\
        home_server_pool behind {{\n type = fail-over\n home_server = behind\n}}\n\
        realm behind {{\n auth_pool = behind\n nostrip\n}}\n\
        client device {{\n ipaddr = 127.0.0.1\n secret = {DEVICE_SECRET}\n}}\n\
        server bench {{\n listen {{\n  type = auth\n  ipaddr = 127.0.0.1\n  port = {port}\n }}\n\
        authorize {{\n  update control {{\n   &Proxy-To-Realm := \"behind\"\n  }}\n }}\n authenticate {{\n }}\n}}\n"
    );
    std::fs::write(dir.join("radiusd.conf"), config)?;
    std::fs::write(dir.join("dictionary"), "$INCLUDE /usr/share/freeradius/dictionary\n")?;
    let mut command = Command::new("freeradius");
    command.args(["-f", "-n", "radiusd", "-d"]).arg(dir);
    Program::start(command, &dir.join("freeradius.log"), ([127, 0, 0, 1], port).into(), Question::Login)
}

/// radsecproxy, by UDP on both sides.
pub(crate) fn radsecproxy(dir: &Path, behind: SocketAddr) -> anyhow::Result<Program> {
    let (port, home) = (free_port()?, behind.port());
    let config = format!(
        "ListenUDP 127.0.0.1:{port}\nclient device {{\n host 127.0.0.1\n type udp\n secret {DEVICE_SECRET}\n}}\n\
        server behind {{\n host 127.0.0.1\n port {home}\n type udp\n secret {SERVER_SECRET}\n}}\nrealm * {{\n server behind\n}}\n"
    );
    std::fs::write(dir.join("radsecproxy.conf"), config)?;
    let mut command = Command::new("radsecproxy");
    command.arg("-f").arg("-c").arg(dir.join("radsecproxy.conf"));
    Program::start(command, &dir.join("radsecproxy.log"), ([127, 0, 0, 1], port).into(), Question::Login)
}
