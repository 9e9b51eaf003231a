//! What a directory sends while somebody proves a password by NTLM.

use countersign_proxy::directory::Refusal;
use countersign_proxy::directory::ntlm::{self, Challenge, Claim};

use super::Target;

pub(super) static CHALLENGE: Target = Target {
    name: "ntlm_challenge",
    entry: challenge,
    seeds: &[
        // MS-NLMP 4.2.4.3
        b"NTLMSSP\0\x02\0\0\0\x0c\0\x0c\0\x38\0\0\0\x33\x82\x8a\xe2\x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0\x24\0\x24\0\x44\0\0\0\x06\0\x70\x17\0\0\0\x0fS\0e\0r\0v\0e\0r\0\x02\0\x0c\0D\0o\0m\0a\0i\0n\0\x01\0\x0c\0S\0e\0r\0v\0e\0r\0\0\0\0\0",
        // no name, and a clock
        b"NTLMSSP\0\x02\0\0\0\0\0\0\0\0\0\0\0\x33\x82\x8a\xe2\x01\x23\x45\x67\x89\xab\xcd\xef\0\0\0\0\0\0\0\0\x10\0\x10\0\x30\0\0\0\x07\0\x08\0\x01\x02\x03\x04\x05\x06\x07\x08\0\0\0\0",
        b"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 533, v1db1",
    ],
    tokens: &[b"NTLMSSP\0\x02\0\0\0", b"\x06\0\x04\0", b"\x07\0\x08\0", b"\x0a\0\x10\0", b"\0\0\0\0", b"\xff\xff", b", data ", b"77"],
};

fn challenge(octets: &[u8]) {
    _ = Refusal::of_diagnostic(&String::from_utf8_lossy(octets));
    let Ok(challenge) = Challenge::parse(octets) else { return };
    let claim =
        Claim { user: "alice", domain: "LAB", workstation: "", password: "p", target: "ldap/dc1", channel: None };
    let message = ntlm::authenticate(&claim, &ntlm::negotiate(), &challenge, [1; 8], 2);
    assert!(message.starts_with(b"NTLMSSP\0\x03\0\0\0"), "another message");
    let number = |at: usize| message.get(at..at + 4).and_then(|octets| octets.try_into().ok()).map(u32::from_le_bytes);
    assert_eq!(
        number(60).map(|flags| flags & 0x4000_0030),
        Some(0),
        "signing, sealing or a key exchange was agreed to"
    );
    let end = [12, 20, 28, 36, 44, 52].iter().map(|at| {
        let len = number(*at).unwrap_or_default() & 0xffff;
        usize::try_from(len + number(at + 4).unwrap_or_default()).unwrap_or(usize::MAX)
    });
    assert_eq!(end.max(), Some(message.len()), "a field lies elsewhere");
}
