//! Each proof counts once.
//!
//! Kept in memory, per node. A proof replayed to *another* node, or to this one after a restart, passes this check within the minute in which its
//! signing time is accepted. A proof covers method, path and body, so a replay can only repeat what the device itself asked, and it takes somebody who reads
//! inside TLS to have one. What is left to them: lists, events and `device` reads, among them `GET /exceptions`, which shows a code that was granted to this
//! device and is still good; a second `POST /exceptions`, of which a user may have few waiting, and which an administrator decides. A repeated answer meets a
//! login that is closed by a conditional write in the database, on whichever node; repeating an update or an unbinding changes nothing.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};

use cs_core::id::{AccountId, PhoneId};
use cs_wire::device::Nonce;

const SHARDS: usize = 64;
/// Devices remembered per shard: half a million in all.
const DEVICES_PER_SHARD: usize = 8192;
/// Proofs of one device that are still acceptable at a time: four a second for two minutes.
const PROOFS_PER_DEVICE: usize = 512;

type Device = (AccountId, PhoneId);
/// The proofs of one device, each with the second after which its signing time is refused anyway.
type Seen = Vec<(Nonce, i64)>;

/// The proofs that could still be replayed.
#[derive(Debug)]
pub(super) struct Proofs {
    shards: Vec<Mutex<HashMap<Device, Seen>>>,
    hasher: RandomState,
    devices_per_shard: usize,
}

/// Why a proof does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfit {
    /// It was used before.
    Replayed,
    /// No room to remember it, so it cannot be told from a replay.
    Full,
}

impl Default for Proofs {
    fn default() -> Self {
        Self::with_room(DEVICES_PER_SHARD)
    }
}

impl Proofs {
    fn with_room(devices_per_shard: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new(), devices_per_shard }
    }

    /// Uses up `jti` of `device`, to be remembered through second `until`.
    pub(super) fn spend(&self, device: Device, jti: Nonce, until: i64, now: i64) -> Result<(), Unfit> {
        let index = self.hasher.hash_one(device) as usize % SHARDS;
        let mut shard = self.shards[index].lock().unwrap_or_else(PoisonError::into_inner);
        if shard.len() >= self.devices_per_shard && !shard.contains_key(&device) {
            shard.retain(|_, seen| seen.iter().any(|(_, until)| *until >= now));
            if shard.len() >= self.devices_per_shard {
                return Err(Unfit::Full);
            }
        }
        let seen = shard.entry(device).or_default();
        seen.retain(|(_, until)| *until >= now);
        if seen.iter().any(|(used, _)| *used == jti) {
            return Err(Unfit::Replayed);
        }
        if seen.len() >= PROOFS_PER_DEVICE {
            return Err(Unfit::Full);
        }
        seen.push((jti, until));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use cs_wire::device::FixedBytes;

    use super::*;

    fn device(n: usize) -> Device {
        ("DAAAAAAAAAAAAAAAAAAA".parse().unwrap(), format!("DP{n:018}").parse().unwrap())
    }

    fn nonce(n: usize) -> Nonce {
        FixedBytes((n as u128).to_be_bytes())
    }

    #[test]
    fn a_proof_counts_once_per_device_until_its_time_is_over() {
        let proofs = Proofs::default();
        assert_eq!(proofs.spend(device(1), nonce(1), 160, 100), Ok(()));
        assert_eq!(proofs.spend(device(1), nonce(1), 160, 160), Err(Unfit::Replayed));
        assert_eq!(proofs.spend(device(2), nonce(1), 160, 100), Ok(()), "another device draws its own numbers");
        // From here on the signing time is refused.
        assert_eq!(proofs.spend(device(1), nonce(1), 260, 161), Ok(()));
    }

    #[test]
    fn one_device_cannot_fill_the_memory_nor_push_its_own_proofs_out() {
        let proofs = Proofs::default();
        for n in 0..PROOFS_PER_DEVICE {
            proofs.spend(device(1), nonce(n), 160, 100).unwrap();
        }
        assert_eq!(proofs.spend(device(1), nonce(PROOFS_PER_DEVICE), 160, 100), Err(Unfit::Full));
        assert_eq!(proofs.spend(device(1), nonce(0), 160, 100), Err(Unfit::Replayed));
        assert_eq!(proofs.spend(device(2), nonce(0), 160, 100), Ok(()));
        assert_eq!(proofs.spend(device(1), nonce(PROOFS_PER_DEVICE), 300, 161), Ok(()), "room again");
    }

    #[test]
    fn memory_is_bounded_whatever_the_devices() {
        let proofs = Proofs::with_room(4);
        let mut results = (0..10_000).map(|n| proofs.spend(device(n), nonce(0), 160, 100));
        assert!(results.by_ref().any(|result| result == Err(Unfit::Full)));
        results.for_each(drop);
        let kept: usize = proofs.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * 4);
        assert_eq!(proofs.spend(device(10_usize.pow(9)), nonce(0), 300, 161), Ok(()), "what is over makes room");
    }
}
