//! Programs from Debian, by apt.

use std::fs;
use std::process::{Command, Stdio};

use anyhow::bail;

use super::program;
use crate::step;

/// A Debian package that some test needs.
struct Package {
    name: &'static str,
    /// Looks for what the package brings, wherever it came from.
    is_present: fn() -> bool,
}

/// All of them; beside each, what it is for.
const PACKAGES: &[Package] = &[
    // pip and npm verify their registries with it
    Package {
        name: "ca-certificates",
        is_present: || fs::exists("/etc/ssl/certs/ca-certificates.crt").unwrap_or(false),
    },
    // SSH and sudo logins with Duo's own module and program (REST v1, BSON)
    Package { name: "libpam-duo", is_present: || has_pam_module("pam_duo.so") },
    Package { name: "login-duo", is_present: || program("login_duo").is_some() },
    Package { name: "pamtester", is_present: || program("pamtester").is_some() },
    // VPN gateways and the server behind the proxy (RADIUS)
    Package { name: "freeradius", is_present: || program("freeradius").is_some() },
    Package { name: "freeradius-utils", is_present: || program("radclient").is_some() },
    Package { name: "libpam-radius-auth", is_present: || has_pam_module("pam_radius_auth.so") },
    Package { name: "ocserv", is_present: || program("ocserv").is_some() },
    Package { name: "openconnect", is_present: || program("openconnect").is_some() },
    Package { name: "strongswan-charon", is_present: || has_charon_plugin("random") },
    Package { name: "strongswan-swanctl", is_present: || program("swanctl").is_some() },
    Package { name: "libcharon-extra-plugins", is_present: || has_charon_plugin("eap-radius") },
    Package { name: "libcharon-extauth-plugins", is_present: || has_charon_plugin("xauth-generic") },
    // RADIUS over TLS, as the device's end and as the server's
    Package { name: "radsecproxy", is_present: || program("radsecproxy").is_some() },
    // directories behind the proxy: OpenLDAP, and Samba as a domain controller
    Package { name: "slapd", is_present: || program("slapd").is_some() },
    Package { name: "ldap-utils", is_present: || program("ldapsearch").is_some() },
    Package { name: "samba", is_present: || program("samba").is_some() && program("samba-tool").is_some() },
    Package {
        name: "samba-ad-provision",
        is_present: || fs::exists("/usr/share/samba/setup/provision.ldif").unwrap_or(false),
    },
    Package { name: "samba-dsdb-modules", is_present: || has_library("samba/ldb/samba_dsdb.so") },
    // people who log in by EAP through an access point
    Package { name: "eapoltest", is_present: || program("eapol_test").is_some() },
    // the store's second back end: the tests make clusters of their own
    Package { name: "postgresql", is_present: has_postgresql },
    // a file system that forgets what was not synced
    Package { name: "fuse3", is_present: || program("fusermount3").is_some() },
    // mount namespaces, other users, pseudo-terminals
    Package {
        name: "util-linux",
        is_present: || ["unshare", "setpriv", "script", "nsenter"].iter().all(|name| program(name).is_some()),
    },
    // a network of a test's own, whose firewall drops packets
    Package { name: "iproute2", is_present: || program("ip").is_some() },
    Package { name: "nftables", is_present: || program("nft").is_some() },
    // the instruction count of a policy evaluation
    Package { name: "valgrind", is_present: || program("valgrind").is_some() },
    // pages as people see them: the browser, its certificate store, and letters for Japanese
    Package { name: "chromium", is_present: || program("chromium").is_some() },
    Package { name: "libnss3-tools", is_present: || program("certutil").is_some() },
    Package { name: "fonts-noto-cjk", is_present: has_japanese_font },
    // duo_client, one virtual environment per version
    Package { name: "python3-venv", is_present: has_python_venv },
    // @duosecurity/duo_api
    Package { name: "nodejs", is_present: || program("node").is_some() },
    Package { name: "npm", is_present: || program("npm").is_some() },
];

pub(super) fn install() -> anyhow::Result<()> {
    let missing = missing();
    if missing.is_empty() {
        println!("install: all Debian packages that the tests need are there");
        return Ok(());
    }
    let names = missing.join(" ");
    if program("apt-get").is_none() {
        bail!(
            "the end-to-end tests need these Debian packages, and there is no apt-get: {names}\n\
             install their like by hand and use --no-install, or run the other tests with --fast"
        );
    }
    if !is_root()? {
        bail!(
            "the end-to-end tests need Debian packages that are missing; install them as root:\n  \
             apt-get install --no-install-recommends {names}\n\
             or run the other tests with --fast"
        );
    }
    step::run(&mut apt(&["update"]))?;
    let mut args = vec!["install", "--yes", "--no-install-recommends"];
    args.extend(&missing);
    step::run(&mut apt(&args))?;
    let still = self::missing();
    if !still.is_empty() {
        bail!("apt installed {names}, yet what the tests need of them is not there: {}", still.join(" "));
    }
    Ok(())
}

fn missing() -> Vec<&'static str> {
    PACKAGES.iter().filter(|package| !(package.is_present)()).map(|package| package.name).collect()
}

fn apt(args: &[&str]) -> Command {
    let mut command = Command::new("apt-get");
    command
        .args(args)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // invoke-rc.d then starts no service: the tests start what they need themselves
        .env("RUNLEVEL", "1")
        .stdin(Stdio::null());
    command
}

fn is_root() -> anyhow::Result<bool> {
    let output = Command::new("id").arg("-u").output()?;
    Ok(output.stdout.trim_ascii() == b"0")
}

/// PAM modules live in `/usr/lib/<architecture>/security` (Debian, multiarch) or `/usr/lib/security`.
fn has_pam_module(name: &str) -> bool {
    has_library(&format!("security/{name}"))
}

/// A file in `/usr/lib/<architecture>` (Debian, multiarch) or `/usr/lib`.
fn has_library(path: &str) -> bool {
    ["/usr/lib", "/lib", "/usr/lib64"].iter().any(|lib| {
        let architectures = fs::read_dir(lib).into_iter().flatten().flatten().map(|entry| entry.path());
        architectures.chain([lib.into()]).any(|dir| dir.join(path).is_file())
    })
}

/// strongSwan keeps its programs and plugins beside one another.
fn has_charon_plugin(name: &str) -> bool {
    let place = std::path::Path::new("/usr/lib/ipsec");
    place.join("charon").is_file() && place.join(format!("plugins/libstrongswan-{name}.so")).is_file()
}

/// Debian keeps the programs of each version in `/usr/lib/postgresql/<version>/bin`.
fn has_postgresql() -> bool {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    program("initdb").is_some() || versions.into_iter().any(|version| version.path().join("bin/initdb").is_file())
}

fn has_japanese_font() -> bool {
    let found = Command::new("fc-list").args([":lang=ja", "file"]).stderr(Stdio::null()).output();
    found.is_ok_and(|found| !found.stdout.is_empty())
}

fn has_python_venv() -> bool {
    Command::new("python3")
        .args(["-c", "import ensurepip, venv"])
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
