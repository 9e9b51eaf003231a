//! What the fuzzer calls: every parser of this package, with whatever octets.

use crate::{Dn, Filter, Message, Operation, Search, frame_len, ntlm, request};

/// Cuts octets into messages and reads each; what we write anew of a bind is read as it was.
pub fn stream(octets: &[u8]) {
    let mut rest = octets;
    while let Ok(Some(len)) = frame_len(rest, 1 << 20) {
        let Some((message, after)) = rest.split_at_checked(len) else { return };
        one(message);
        rest = after;
    }
}

fn one(octets: &[u8]) {
    _ = crate::check_depth(octets, 50);
    let head = Message::head(octets);
    let Ok(message) = Message::parse(octets) else { return };
    assert_eq!(head.map(|(id, _)| id), Ok(message.id));
    if let Operation::BindRequest(bind) = &message.operation {
        let written = request::bind(message.id, bind.name, &bind.authentication, message.controls);
        match Message::parse(&written).map(|again| (again.id, again.operation, again.controls)) {
            Ok((id, Operation::BindRequest(again), controls)) => {
                assert_eq!((id, controls), (message.id, message.controls));
                assert_eq!((again.name, &again.authentication), (bind.name, &bind.authentication));
            }
            other => panic!("a bind became {other:?}"),
        }
    }
    if let Operation::SearchResultEntry(entry) = &message.operation {
        _ = entry.only_text("uid");
    }
}

/// Reads text as a filter; what was read is written so that it is read again.
pub fn filter(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Ok(filter) = Filter::parse(text) else { return };
    assert_eq!(Filter::parse(&filter.to_string()).as_ref(), Ok(&filter));
    let search = Search {
        base: String::new(),
        scope: crate::Scope::Base,
        size_limit: 1,
        time_limit_seconds: 1,
        filter,
        attributes: Vec::new(),
    };
    let written = search.encode(crate::MessageId::UNSOLICITED, None);
    assert_eq!(frame_len(&written, usize::MAX), Ok(Some(written.len())));
    assert_eq!(crate::check_depth(&written, crate::filter::MAX_DEPTH + 8), Ok(()));
}

/// Reads text as a name, of which nothing is below the root.
pub fn dn(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let Ok(name) = Dn::parse(text) else { return };
    assert!(name.is_root() || name.is_at_or_under(&name));
    assert_eq!(Dn::parse(&format!(" {text} ")).as_ref(), Ok(&name));
}

/// Reads octets as a client's token of GSS-SPNEGO.
pub fn spnego(octets: &[u8]) {
    _ = ntlm::read(octets);
}
