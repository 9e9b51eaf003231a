//! NTLM, version 2, as a client, without sockets, clock or chance (MS-NLMP).
//!
//! Only what proving a password needs: nothing is signed or sealed by it, TLS does that around it. Version 1 is not here.

mod challenge;
mod hash;

pub use challenge::{Challenge, Malformed};

use hash::{hmac_md5, response_key};
use zeroize::Zeroizing;

/// Every message begins so.
const SIGNATURE: &[u8; 8] = b"NTLMSSP\0";

/// Text is UTF-16.
const UNICODE: u32 = 1;
const REQUEST_TARGET: u32 = 1 << 2;
const NTLM: u32 = 1 << 9;
const ALWAYS_SIGN: u32 = 1 << 15;
const EXTENDED_SESSION_SECURITY: u32 = 1 << 19;
const TARGET_INFO: u32 = 1 << 23;
const VERSION: u32 = 1 << 25;
const KEYS_OF_128: u32 = 1 << 29;
/// What we ask for. Signing, sealing and a key exchange are not among it: a directory takes none of them inside TLS.
const ASKED: u32 =
    UNICODE | REQUEST_TARGET | NTLM | ALWAYS_SIGN | EXTENDED_SESSION_SECURITY | TARGET_INFO | VERSION | KEYS_OF_128;

/// Some version of Windows and revision 15 of the protocol (MS-NLMP 2.2.2.10): nobody reads it.
const OUR_VERSION: [u8; 8] = [10, 0, 0, 0, 0, 0, 0, 15];

/// Ids of values in a challenge's target information (MS-NLMP 2.2.2.1).
pub(super) mod av {
    pub(in crate::directory) const END: u16 = 0;
    pub(in crate::directory) const FLAGS: u16 = 6;
    pub(in crate::directory) const TIMESTAMP: u16 = 7;
    pub(in crate::directory) const TARGET_NAME: u16 = 9;
    pub(in crate::directory) const CHANNEL_BINDINGS: u16 = 10;
}

/// Bit of [`av::FLAGS`]: the message carries its own checksum.
const HAS_MIC: u32 = 2;

/// Who proves a password, and to whom.
pub struct Claim<'a> {
    /// Without a domain.
    pub user: &'a str,
    /// Its NetBIOS or DNS name; empty for the directory's own.
    pub domain: &'a str,
    /// What the proxy's host calls itself; may be empty.
    pub workstation: &'a str,
    /// The proof is of this one.
    pub password: &'a str,
    /// `ldap/` and the directory's name: a proof that somebody passes on to another service names this one.
    pub target: &'a str,
    /// Of the TLS connection around it: a proof that somebody passes on through another connection fits none there.
    pub channel: Option<&'a ChannelBinding>,
}

/// The end of a TLS connection that a proof belongs to: `tls-server-end-point` (RFC 5929 §4), as its MD5 (MS-NLMP 2.2.2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChannelBinding([u8; 16]);

impl ChannelBinding {
    /// From the digest of the server's certificate, made with the digest of its own signature.
    pub fn server_end_point(digest: &[u8]) -> Self {
        let data = [b"tls-server-end-point:".as_slice(), digest].concat();
        // A gss_channel_bindings_struct (RFC 2744 §3.11): two addresses that are none, then the data.
        let mut bindings = vec![0; 16];
        bindings.extend(u32::try_from(data.len()).unwrap_or(u32::MAX).to_le_bytes());
        bindings.extend(data);
        Self(hash::md5(&bindings))
    }
}

/// The first message: what we can do.
pub fn negotiate() -> Vec<u8> {
    let mut message = SIGNATURE.to_vec();
    message.extend(1_u32.to_le_bytes());
    message.extend(ASKED.to_le_bytes());
    // Neither domain nor workstation: both follow with the proof.
    message.extend([0; 16]);
    message.extend(OUR_VERSION);
    message
}

/// The last message: the proof. `negotiated` is what [`negotiate`] made, `challenge` what came back, `chance` fresh, and `now` in units of 100 ns since 1601, taken only
/// if the directory tells no time of its own.
pub fn authenticate(
    claim: &Claim<'_>,
    negotiated: &[u8],
    challenge: &Challenge,
    chance: [u8; 8],
    now: u64,
) -> Zeroizing<Vec<u8>> {
    let key = response_key(claim.user, claim.domain, claim.password);
    let told = challenge.timestamp();
    let time = told.unwrap_or(now);
    let blob = blob(time, chance, &target_info(claim, challenge));
    let proof = hmac_md5(&key, &[&challenge.nonce, &blob]);
    let nt_response = [proof.as_slice(), &blob].concat();
    // Whoever tells its time gets no answer of the older kind (MS-NLMP 3.1.5.1.2).
    let lm_response = match told {
        Some(_) => vec![0; 24],
        None => [hmac_md5(&key, &[&challenge.nonce, &chance]).as_slice(), &chance].concat(),
    };
    let session_key = Zeroizing::new(hmac_md5(&key, &[&proof]));

    let mut message = Message::new(challenge.flags & ASKED);
    message.field(&lm_response);
    message.field(&nt_response);
    message.field(&utf16(claim.domain));
    message.field(&utf16(claim.user));
    message.field(&utf16(claim.workstation));
    message.field(&[]);
    let mut octets = message.finish();
    if told.is_some() {
        let mic = hmac_md5(&session_key, &[negotiated, &challenge.octets, &octets]);
        if let Some(place) = octets.get_mut(MIC) {
            place.copy_from_slice(&mic);
        }
    }
    octets
}

/// Where the checksum stands in the last message.
const MIC: std::ops::Range<usize> = 72..88;

/// What a response is made over beside the challenge (MS-NLMP 2.2.2.7).
fn blob(time: u64, chance: [u8; 8], target_info: &[u8]) -> Vec<u8> {
    let mut blob = vec![1, 1, 0, 0, 0, 0, 0, 0];
    blob.extend(time.to_le_bytes());
    blob.extend(chance);
    blob.extend([0; 4]);
    blob.extend(target_info);
    blob.extend([0; 4]);
    blob
}

/// The directory's own values and ours behind them.
fn target_info(claim: &Claim<'_>, challenge: &Challenge) -> Vec<u8> {
    let mut info = Vec::new();
    let mut add = |id: u16, value: &[u8]| {
        // Names are shorter than that: they come from a configuration line or a message that is.
        if let Ok(len) = u16::try_from(value.len()) {
            info.extend(id.to_le_bytes());
            info.extend(len.to_le_bytes());
            info.extend(value);
        }
    };
    let ours = [av::FLAGS, av::CHANNEL_BINDINGS, av::TARGET_NAME];
    for (id, value) in challenge.target_info.iter().filter(|(id, _)| !ours.contains(id)) {
        add(*id, value);
    }
    if challenge.timestamp().is_some() {
        let flags = challenge.value(av::FLAGS).and_then(|value| value.try_into().ok()).map_or(0, u32::from_le_bytes);
        add(av::FLAGS, &(flags | HAS_MIC).to_le_bytes());
    }
    add(av::CHANNEL_BINDINGS, &claim.channel.map_or([0; 16], |channel| channel.0));
    add(av::TARGET_NAME, &utf16(claim.target));
    add(av::END, &[]);
    info
}

/// A message of the third kind while it is made.
struct Message {
    flags: u32,
    fields: Vec<u8>,
    payload: Zeroizing<Vec<u8>>,
}

impl Message {
    /// Fields have places up to here; then come flags, version and checksum.
    const PAYLOAD: usize = 88;

    fn new(flags: u32) -> Self {
        Self { flags, fields: Vec::new(), payload: Zeroizing::new(Vec::new()) }
    }

    fn field(&mut self, value: &[u8]) {
        // What is longer could not be proven to anybody, and stays away.
        let value = if value.len() <= usize::from(u16::MAX) { value } else { &[] };
        let len = u16::try_from(value.len()).unwrap_or(0).to_le_bytes();
        let offset = u32::try_from(Self::PAYLOAD + self.payload.len()).unwrap_or(u32::MAX);
        self.fields.extend(len);
        self.fields.extend(len);
        self.fields.extend(offset.to_le_bytes());
        self.payload.extend(value);
    }

    fn finish(self) -> Zeroizing<Vec<u8>> {
        let mut message = Zeroizing::new(SIGNATURE.to_vec());
        message.extend(3_u32.to_le_bytes());
        message.extend(self.fields);
        message.extend(self.flags.to_le_bytes());
        message.extend(OUR_VERSION);
        message.extend([0; 16]);
        message.extend(self.payload.iter());
        message
    }
}

fn utf16(text: &str) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(text.encode_utf16().flat_map(u16::to_le_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// MS-NLMP 4.2.4.3: the challenge of its example of version 2.
    const CHALLENGE: &str = "4e544c4d53535000020000000c000c003800000033828ae20123456789abcdef00000000000000002400240044000000060070170000000f53006500720076006500720002000c0044006f006d00610069006e0001000c0053006500720076006500720000000000";

    fn hex(text: &str) -> Vec<u8> {
        data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
    }

    fn claim<'a>() -> Claim<'a> {
        Claim {
            user: "User",
            domain: "Domain",
            workstation: "COMPUTER",
            password: "Password",
            target: "ldap/dc1",
            channel: None,
        }
    }

    /// A field of a message: length and offset stand at `at`.
    fn field(message: &[u8], at: usize) -> &[u8] {
        let len = usize::from(u16::from_le_bytes(message[at..at + 2].try_into().unwrap()));
        let offset = u32::from_le_bytes(message[at + 4..at + 8].try_into().unwrap()) as usize;
        &message[offset..offset + len]
    }

    #[test]
    fn ms_nlmp_4_2_4_the_proof_over_its_own_target_information() {
        let challenge = Challenge::parse(&hex(CHALLENGE)).unwrap();
        assert_eq!(challenge.nonce, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!(challenge.timestamp(), None);
        let key = response_key("User", "Domain", "Password");
        // The example adds nothing to what the server said.
        let blob = blob(0, [0xaa; 8], &hex("02000c0044006f006d00610069006e0001000c0053006500720076006500720000000000"));
        let proof = hmac_md5(&key, &[&challenge.nonce, &blob]);
        assert_eq!(proof.to_vec(), hex("68cd0ab851e51c96aabc927bebef6a1c"));
        assert_eq!(hmac_md5(&key, &[&proof]).to_vec(), hex("8de40ccadbc14a82f15cb0ad0de95ca3"));
    }

    #[test]
    fn ms_nlmp_4_2_4_the_older_answer_for_a_directory_without_a_clock() {
        let challenge = Challenge::parse(&hex(CHALLENGE)).unwrap();
        let message = authenticate(&claim(), &negotiate(), &challenge, [0xaa; 8], 0);
        assert_eq!(field(&message, 12), hex("86c35097ac9cec102554764a57cccc19aaaaaaaaaaaaaaaa"));
        assert_eq!(field(&message, 28), &*utf16("Domain"));
        assert_eq!(field(&message, 36), &*utf16("User"));
        assert_eq!(field(&message, 44), &*utf16("COMPUTER"));
        assert_eq!(message[MIC], [0; 16]);
    }

    #[test]
    fn a_directory_with_a_clock_gets_its_own_time_back_and_a_checksum() {
        let mut octets = hex(CHALLENGE);
        // The target information again, with a time before its end.
        let mut info = hex("02000c0044006f006d00610069006e0001000c00530065007200760065007200070008001122334455667788");
        info.extend([0; 4]);
        octets.truncate(68);
        let len = u16::try_from(info.len()).unwrap().to_le_bytes();
        octets[40..42].copy_from_slice(&len);
        octets[42..44].copy_from_slice(&len);
        octets.extend(&info);
        let challenge = Challenge::parse(&octets).unwrap();
        let channel = ChannelBinding::server_end_point(&[7; 32]);
        let claim = Claim { channel: Some(&channel), ..claim() };
        let message = authenticate(&claim, &negotiate(), &challenge, [0xaa; 8], 5);
        assert_eq!(field(&message, 12), [0; 24]);
        let answer = field(&message, 20);
        assert_eq!(answer[24..32], 0x8877_6655_4433_2211_u64.to_le_bytes());
        let added = &answer[44 + info.len() - 4..];
        assert_eq!(added[..8], [6, 0, 4, 0, 2, 0, 0, 0]);
        assert_eq!(added[8..12], [10, 0, 16, 0]);
        assert_eq!(added[12..28], channel.0);
        assert_eq!(added[28..32], [9, 0, 16, 0]);
        let key = hmac_md5(&response_key("User", "Domain", "Password"), &[&answer[..16]]);
        let mut unsigned = message.to_vec();
        unsigned[MIC].fill(0);
        assert_eq!(message[MIC], hmac_md5(&key, &[&negotiate(), &octets, &unsigned]));
    }

    #[test]
    fn neither_signing_nor_sealing_is_ever_agreed_to() {
        let mut octets = hex(CHALLENGE);
        octets[20..24].copy_from_slice(&[0xff; 4]);
        let challenge = Challenge::parse(&octets).unwrap();
        let message = authenticate(&claim(), &negotiate(), &challenge, [1; 8], 0);
        let flags = u32::from_le_bytes(message[60..64].try_into().unwrap());
        let (sign, seal, exchange) = (1 << 4, 1 << 5, 1 << 30);
        assert_eq!(flags & (sign | seal | exchange), 0);
        assert_eq!(flags, ASKED);
    }
}
