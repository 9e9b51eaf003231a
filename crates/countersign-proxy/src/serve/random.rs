//! Octets that nobody can guess.

use zeroize::Zeroizing;

use crate::radius::Random;

/// For engines, which draw little and often.
pub(super) fn random() -> Random {
    // Drawn in stock: each draw costs the same, however little it is for.
    let mut stock = Zeroizing::new([0; 512]);
    let mut used = stock.len();
    Box::new(move |octets| {
        if octets.len() > stock.len() - used {
            drawn(&mut *stock);
            used = 0;
        }
        match stock.get_mut(used..used + octets.len()) {
            Some(fresh) => {
                octets.copy_from_slice(fresh);
                // What was given out is nowhere else.
                fresh.fill(0);
                used += octets.len();
            }
            None => drawn(octets),
        }
    })
}

fn drawn(octets: &mut [u8]) {
    if aws_lc_rs::rand::fill(octets).is_err() {
        // Without randomness nothing of this is safe.
        std::process::abort();
    }
}

/// Names one question to the server, so that a lost answer is asked for again and not begun again.
pub(super) fn fresh_key() -> String {
    let mut octets = [0; 16];
    drawn(&mut octets);
    data_encoding::BASE64URL_NOPAD.encode(&octets)
}
