//! What counts as away, and what never does.
//!
//! A fail mode is for a server that cannot be asked. One that answers, whatever it says, is there: wrong keys, a wrong clock, too many requests let nobody in.

use std::net::IpAddr;

use cs_client::{Absence, Error};

use crate::radius::login::Outage;

/// What an unsuccessful call means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judged {
    /// The host is away: the next one is asked, and when there is none, the fail mode says what happens.
    Away(Absence),
    /// It is busy for a moment: it is asked once more.
    Busy,
    /// It is there and refuses to be asked so; or something is wrong here. Never a reason to let somebody in.
    Refused,
}

/// Judges an error of a call that asks nobody to approve anything.
pub fn judge(error: &Error) -> Judged {
    if matches!(error, Error::Refused { status: 429, .. }) {
        return Judged::Busy;
    }
    match error.absence() {
        // A certificate of the future is a clock of the past: as wrong as the one that the server itself complains of.
        Some(Absence::NotValidYet) | None => Judged::Refused,
        Some(absence) => Judged::Away(absence),
    }
}

impl Judged {
    /// What the login is told when nobody else can be asked.
    pub fn outage(self) -> Outage {
        match self {
            Self::Away(_) => Outage::Away,
            Self::Busy | Self::Refused => Outage::Refused,
        }
    }
}

/// In words, for the log.
pub const fn words(absence: Absence) -> &'static str {
    match absence {
        Absence::Unreachable => "it cannot be reached",
        Absence::TimedOut => "it does not answer in time",
        Absence::Tls => "its certificate is not trusted (http_ca_certs_file), or TLS fails otherwise",
        Absence::NotValidYet => "its certificate is not valid yet: this host's clock is wrong",
        Absence::CannotDecide => "it says itself that it cannot decide",
        Absence::Nonsense => "what answers there is no API",
    }
}

/// Whether a name that means another machine leads to this one.
///
/// So fail-open was forced in 2022 (CISA AA22-074A): somebody wrote the API host into the hosts file as 127.0.0.1. What is said or not said there is no outage.
pub fn points_home(host: &str, found: &[IpAddr]) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let means_home = host == "localhost"
        || host.ends_with(".localhost")
        || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(is_home);
    !means_home && found.iter().any(|address| is_home(*address))
}

fn is_home(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, code: u32) -> Error {
        Error::Refused { status, code, message: String::new(), detail: String::new(), retry_after: None }
    }

    #[test]
    fn a_server_that_answers_is_there_whatever_it_says() {
        for (error, expected) in [
            // Wrong keys, a wrong clock, a signature that does not fit, rights, a bad request.
            (refused(401, 40102), Judged::Refused),
            (refused(401, 40105), Judged::Refused),
            (refused(401, 40103), Judged::Refused),
            (refused(403, 40301), Judged::Refused),
            (refused(400, 40002), Judged::Refused),
            (refused(404, 0), Judged::Refused),
            // A page of something in between.
            (refused(302, 0), Judged::Refused),
            (refused(407, 0), Judged::Refused),
            (refused(429, 42901), Judged::Busy),
            (Error::Clock, Judged::Refused),
            (Error::Host, Judged::Refused),
            (Error::CaCertificate, Judged::Refused),
            (refused(500, 50000), Judged::Away(Absence::CannotDecide)),
            (refused(503, 0), Judged::Away(Absence::CannotDecide)),
            (Error::NotThisProtocol("it is not JSON with `stat`"), Judged::Away(Absence::Nonsense)),
        ] {
            assert_eq!(judge(&error), expected, "{error}");
            let outage = if matches!(expected, Judged::Away(_)) { Outage::Away } else { Outage::Refused };
            assert_eq!(expected.outage(), outage);
        }
    }

    #[test]
    fn aa22_074a_a_hosts_file_that_leads_home_is_no_outage() {
        let here: &[IpAddr] = &["127.0.0.1".parse().unwrap()];
        let there: &[IpAddr] = &["192.0.2.1".parse().unwrap()];
        for (host, found, expected) in [
            ("api.example.org", here, true),
            ("api.example.org.", &["::1".parse().unwrap()], true),
            ("api.example.org", &["0.0.0.0".parse().unwrap()], true),
            ("api.example.org", &["::ffff:127.0.0.5".parse().unwrap()], true),
            ("api.example.org", &[there[0], here[0]], true),
            ("192.0.2.1", there, false),
            ("api.example.org", there, false),
            ("api.example.org", &[], false),
            // Who says so means it.
            ("localhost", here, false),
            ("api.localhost", here, false),
            ("127.0.0.1", here, false),
            ("[::1]", &["::1".parse().unwrap()], false),
        ] {
            assert_eq!(points_home(host, found), expected, "{host} {found:?}");
        }
    }
}
