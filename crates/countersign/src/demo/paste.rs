//! What the demo prints: exactly what to paste into a second terminal.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::DemoRecord;

/// The whole text. `program` is this program as it can be called, `path` the demo's directory.
#[must_use]
pub fn instructions(record: &DemoRecord, program: &Path, path: &Path) -> String {
    let this = quoted(program);
    let data = quoted(path);
    let device = device_program(program);
    let home = quoted(&record.device_home);
    let conf = quoted(&record.duo_unix_conf);
    let (ca, ca_file) = (quoted(&record.ca_cert), record.ca_cert.display());
    let browser = quoted(&path.join("browser"));
    let DemoRecord { api_host, user, alias, auth_api, admin_api, .. } = record;
    let (host, port) = api_host.rsplit_once(':').unwrap_or((api_host, "443"));
    let local = alias.as_ref().unwrap_or(user);

    let mut text = format!(
        "Countersign demo: https://{api_host} (certificate authority: {ca})\n\
         {user} is enrolled, with an authenticator in {home}. Paste into a second terminal:\n\n\
         # an application asks for {user}'s second factor and shows a number; approve it with that number\n\
         {this} demo --data {data} --login\n\n\
         # approve or deny from another terminal than this one\n\
         COUNTERSIGN_DEVICE_HOME={home} {device} watch\n\n\
         # a passcode, made without a network; works once\n\
         {this} demo --data {data} --login --passcode \"$(COUNTERSIGN_DEVICE_HOME={home} {device} passcode)\"\n\n\
         # Debian's own login_duo (apt install login-duo), as root\n\
         sudo login_duo -d -c {conf} -f {user} -h 127.0.0.1 echo you are in\n\n\
         # Debian's own pam_duo (apt install libpam-duo pamtester), as root; it wants a local user's name\n\
         echo 'auth required pam_duo.so conf={conf}' | sudo tee /etc/pam.d/countersign-demo\n\
         sudo pamtester countersign-demo {local} authenticate\n\n\
         # Duo's client library (pip install duo_client)\n\
         python3 - <<'EOF'\n\
         import duo_client\n\
         auth = duo_client.Auth('{}', '{}', '{host}', port={port}, ca_certs='{ca_file}')\n\
         print(auth.preauth(username='{user}'))\n\
         print(auth.auth('push', username='{user}', device='auto'))\n\
         admin = duo_client.Admin('{}', '{}', '{host}', port={port}, ca_certs='{ca_file}')\n\
         print([user['username'] for user in admin.get_users()])\n\
         EOF\n\n",
        auth_api.ikey,
        auth_api.skey.as_str(),
        admin_api.ikey,
        admin_api.skey.as_str(),
    );
    for (web, sample) in record.web.iter().filter_map(|web| Some((web, web.sample()?))) {
        let open = match web.port {
            0 => "the address that it prints".to_owned(),
            port => format!("http://localhost:{port}"),
        };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# a sample web application with Duo's SDK for {}: open {open} and log in as {user}\n\
             (cd {} && {} && {})\n\n",
            sample.language,
            quoted(&web.directory),
            sample.install,
            sample.run,
        );
    }
    let _ = write!(
        text,
        "# a browser that trusts the demo's authority; any other warns first, and cannot be a phone (apt install chromium libnss3-tools)\n\
         mkdir -p {browser}/.pki/nssdb && certutil -N --empty-password -d sql:{browser}/.pki/nssdb && \
         certutil -A -d sql:{browser}/.pki/nssdb -t C,, -n demo -i {ca}\n\
         HOME={browser} chromium http://localhost:{}\n\n\
         # somebody new: open the link that it prints there; what the QR code says, opened in another tab, makes that tab bob's phone\n\
         {this} --data {data} admin user invite bob --email bob@example.com\n\n\
         # what happened and why; whether the log is intact\n\
         {this} --data {data} admin log auth\n\
         {this} --data {data} audit verify\n",
        record.web.first().map_or(80, |web| web.port),
    );
    text
}

/// The authenticator's program beside this one, or how cargo runs it.
fn device_program(program: &Path) -> String {
    let sibling: Option<PathBuf> = program.parent().map(|directory| directory.join("countersign-device"));
    match sibling.filter(|path| path.exists()) {
        Some(path) => quoted(&path),
        None => "cargo run --release -qp countersign-device --".to_owned(),
    }
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-+:@%".contains(&byte));
    if is_plain { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_the_shell_as_they_are() {
        assert_eq!(quoted(Path::new("/tmp/demo-1/x.conf")), "/tmp/demo-1/x.conf");
        assert_eq!(quoted(Path::new("/tmp/it's a demo")), r"'/tmp/it'\''s a demo'");
    }
}
