//! Chance, from the operating system through the cryptographic library.

use rand_core::{CryptoRng, RngCore};

/// The system's randomness.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemRng;

impl RngCore for SystemRng {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, out: &mut [u8]) {
        // A machine without randomness must not go on: every secret made from here on would be guessable.
        if aws_lc_rs::rand::fill(out).is_err() {
            std::process::abort();
        }
    }
}

impl CryptoRng for SystemRng {}
