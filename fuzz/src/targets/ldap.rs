//! LDAP messages, filters, names and tokens of NTLM.

use super::Target;

pub(super) static STREAM: Target = Target {
    name: "ldap_stream",
    entry: cs_ldap::fuzz::stream,
    seeds: &[
        b"\x30\x27\x02\x01\x01\x60\x22\x02\x01\x03\x04\x10uid=alice,dc=lab\x80\x0bS3cret,push\x30\x05\x02\x01\x02\x42\x00",
        b"\x30\x84\x00\x00\x00\x20\x02\x01\x02\x60\x1b\x02\x01\x03\x04\x00\xa3\x14\x04\x0aGSS-SPNEGO\x04\x06NTLMSS",
        b"\x30\x0c\x02\x01\x01\x61\x07\x0a\x01\x31\x04\x00\x04\x00\x30\x06\x02\x01\x03\x50\x01\x02",
        b"\x30\x1d\x02\x01\x01\x77\x18\x80\x161.3.6.1.4.1.1466.20037",
        b"\x30\x28\x02\x01\x00\x78\x23\x0a\x01\x34\x04\x00\x04\x02by\x8a\x161.3.6.1.4.1.1466.20036\x8b\x00",
        b"\x30\x2e\x02\x01\x02\x64\x29\x04\x10uid=alice,dc=lab\x30\x15\x30\x0e\x04\x03uid\x31\x07\x04\x05alice\x30\x03\x04\x01a",
        b"\x30\x11\x02\x01\x02\x65\x07\x0a\x01\x00\x04\x00\x04\x00\xa0\x03\x30\x01\x00",
    ],
    tokens: &[
        b"\x30\x84\x00\x00\x00",
        b"\x30\x80",
        b"\x84\xff\xff\xff\xff",
        b"\x02\x01",
        b"\x60",
        b"\xa3",
        b"\x0a\x01\x00",
        b"\x04\x00",
        b"\xa0\x00",
        b"\x80\x00",
    ],
};

pub(super) static FILTER: Target = Target {
    name: "ldap_filter",
    entry: cs_ldap::fuzz::filter,
    seeds: &[
        b"(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
        b"(sn:dn:2.4.6.8.10:=Barney Rubble)",
        b"(!(cn=*\\2a*x*))",
        b"(a>=1)",
        b"(a<=1)",
        b"uid~=x",
    ],
    tokens: &[b"(", b")", b"&", b"|", b"!", b"=", b"*", b"\\", b":", b":dn", b":=", b">=", b"~=", b"\\00"],
};

pub(super) static DN: Target = Target {
    name: "ldap_dn",
    entry: cs_ldap::fuzz::dn,
    seeds: &[
        b"UID=Alice,OU=People, DC=lab",
        b"cn=James \\\"Jim\\\" Smith\\, III+ou=x,dc=x",
        b"1.3.6.1.4.1.1466.0=#04024869",
        b"cn=Lu\\C4\\8Di\\C4\\87",
    ],
    tokens: &[b",", b"+", b"=", b"\\", b"#", b"\\2c", b"\"", b";", b" ", b"ou="],
};

pub(super) static SPNEGO: Target = Target {
    name: "ldap_spnego",
    entry: cs_ldap::fuzz::spnego,
    seeds: &[
        b"NTLMSSP\0\x01\0\0\0\x97\x82\x08\xe2",
        b"NTLMSSP\0\x03\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\x04\0\x04\0\x40\0\0\0\x04\0\x04\0\x44\0\0\0\0\0\0\0\x48\0\0\0\0\0\0\0\x48\0\0\0\x01\0\0\0L\0A\0b\0o\0",
        b"\x60\x25\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x1b\x30\x19\xa0\x07\x30\x05\x06\x03\x2b\x06\x01\xa2\x0e\x04\x0cNTLMSSP\0\x01\0\0\0",
        b"\xa1\x12\x30\x10\xa2\x0e\x04\x0cNTLMSSP\0\x01\0\0\0",
    ],
    tokens: &[b"NTLMSSP\0", b"\x03\0\0\0", b"\xa2", b"\x04", b"\xff\xff\xff\xff", b"\x40\0\0\0"],
};
