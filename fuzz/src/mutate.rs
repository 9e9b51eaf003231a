//! Turns whole valid inputs into nearly valid ones.

use crate::rng::Rng;
use crate::targets::Target;

/// No input is longer: what a parser does with more is a matter of the limit before it.
pub const MAX_LEN: usize = 64 * 1024;

/// Tokens that mean something in most formats: separators, escapes, numbers at the edge of a type.
const COMMON_TOKENS: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b" ",
    b"\t",
    b"%",
    b"%00",
    b"%zz",
    b"%F0%9F%98%80",
    b"+",
    b"&",
    b"=",
    b"?",
    b"#",
    b"/",
    b"//",
    b":",
    b";",
    b",",
    b".",
    b"..",
    b"-",
    b"_",
    b"~",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"{}",
    b"[]",
    b"null",
    b"true",
    b"false",
    b"0",
    b"-0",
    b"-1",
    b"1e309",
    b"0x10",
    b"NaN",
    b"127",
    b"256",
    b"65536",
    b"2147483648",
    b"4294967296",
    b"9223372036854775808",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"\xff\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\0\0\0\0",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    "\u{feff}".as_bytes(),
    "\u{202e}".as_bytes(),
    "e\u{301}".as_bytes(),
    "\u{130}".as_bytes(),
    "\u{ff11}".as_bytes(),
];

/// The input of one case: a seed of `target`, changed a few times.
pub fn input(target: &Target, rng: &mut Rng) -> Vec<u8> {
    let mut bytes = match rng.below(32) {
        0 => noise(rng),
        1 => Vec::new(),
        _ => rng.pick(target.seeds).map_or_else(Vec::new, |seed| seed.to_vec()),
    };
    // mostly few changes: a much changed input fails at its first byte and tests nothing behind it
    let changes = 1 + rng.below(4).min(rng.below(8)) + if rng.below(16) == 0 { rng.below(16) } else { 0 };
    for _ in 0..changes {
        change(&mut bytes, target, rng);
        bytes.truncate(MAX_LEN);
    }
    bytes
}

fn change(bytes: &mut Vec<u8>, target: &Target, rng: &mut Rng) {
    match rng.below(14) {
        0 => flip_bit(bytes, rng),
        1 => {
            let at = rng.below(bytes.len());
            let byte = rng.byte();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
        }
        2 => insert(bytes, &noise(rng), rng),
        3 | 4 => {
            let token = token(target, rng);
            insert(bytes, token, rng);
        }
        5 => {
            let token = token(target, rng);
            overwrite(bytes, token, rng);
        }
        6 => {
            let (from, to) = range(bytes, rng);
            bytes.drain(from..to);
        }
        7 => repeat(bytes, rng),
        8 => splice(bytes, target, rng),
        9 => bytes.truncate(rng.below(bytes.len() + 1)),
        10 => extreme_number(bytes, rng),
        11 => extreme_length(bytes, rng),
        12 => escape(bytes, rng),
        _ => swap(bytes, rng),
    }
}

fn noise(rng: &mut Rng) -> Vec<u8> {
    let len = 1 + rng.below(12);
    (0..len).map(|_| rng.byte()).collect()
}

fn token(target: &Target, rng: &mut Rng) -> &'static [u8] {
    let own = if rng.below(3) == 0 { COMMON_TOKENS } else { target.tokens };
    rng.pick(own).or_else(|| rng.pick(COMMON_TOKENS)).copied().unwrap_or_default()
}

/// A part of `bytes`, mostly short, possibly empty.
fn range(bytes: &[u8], rng: &mut Rng) -> (usize, usize) {
    let from = rng.below(bytes.len() + 1);
    let most = if rng.below(4) == 0 { bytes.len() } else { 8 };
    let to = (from + rng.below(most + 1)).min(bytes.len());
    (from, to)
}

fn flip_bit(bytes: &mut [u8], rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let bit = rng.below(8);
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn insert(bytes: &mut Vec<u8>, what: &[u8], rng: &mut Rng) {
    let at = rng.below(bytes.len() + 1);
    bytes.splice(at..at, what.iter().copied());
}

fn overwrite(bytes: &mut Vec<u8>, what: &[u8], rng: &mut Rng) {
    let (from, to) = range(bytes, rng);
    bytes.splice(from..to, what.iter().copied());
}

/// Repeats a part in place: deep nesting, long names, many parameters.
fn repeat(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let (from, to) = range(bytes, rng);
    let part = bytes[from..to].to_vec();
    let times = if rng.below(16) == 0 { 1 + rng.below(4096) } else { 1 + rng.below(8) };
    let times = times.min(MAX_LEN / part.len().max(1));
    bytes.splice(to..to, part.repeat(times));
}

/// Replaces the end by the end of another seed.
fn splice(bytes: &mut Vec<u8>, target: &Target, rng: &mut Rng) {
    if let Some(other) = rng.pick(target.seeds) {
        let from = rng.below(other.len() + 1);
        bytes.truncate(rng.below(bytes.len() + 1));
        bytes.extend_from_slice(&other[from..]);
    }
}

/// Replaces a run of digits by a number at the edge of some type.
fn extreme_number(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let start = rng.below(bytes.len());
    let Some(offset) = bytes[start.min(bytes.len())..].iter().position(u8::is_ascii_digit) else {
        return;
    };
    let from = start + offset;
    let to = bytes[from..].iter().position(|byte| !byte.is_ascii_digit()).map_or(bytes.len(), |len| from + len);
    let number = match rng.below(6) {
        0 => u64::MAX.to_string(),
        1 => i64::MIN.to_string(),
        2 => (u128::from(u64::MAX) + 1).to_string(),
        3 => "0".repeat(1 + rng.below(40)),
        4 => "9".repeat(1 + rng.below(40)),
        _ => (rng.next() >> rng.below(64)).to_string(),
    };
    bytes.splice(from..to, number.into_bytes());
}

/// Writes a 32-bit length, little or big endian, over four bytes: too long, negative, off by one.
fn extreme_length(bytes: &mut [u8], rng: &mut Rng) {
    if bytes.len() < 4 {
        return;
    }
    let at = rng.below(bytes.len() - 3);
    let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    let choices = [0, 1, 4, 5, len, len.wrapping_sub(1), len.wrapping_add(1), 0x7fff_ffff, 0x8000_0000, u32::MAX];
    let value = rng.pick(&choices).copied().unwrap_or_default();
    let value = if rng.below(4) == 0 { value.to_be_bytes() } else { value.to_le_bytes() };
    bytes[at..at + 4].copy_from_slice(&value);
}

/// Writes a byte as `%XX` or `\u00XX`, so that it arrives by another way.
fn escape(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let at = rng.below(bytes.len());
    let Some(&byte) = bytes.get(at) else { return };
    let escaped = if rng.below(3) == 0 { format!("\\u{byte:04x}") } else { format!("%{byte:02X}") };
    bytes.splice(at..=at, escaped.into_bytes());
}

/// Exchanges two parts of equal length.
fn swap(bytes: &mut [u8], rng: &mut Rng) {
    let len = 1 + rng.below(bytes.len() / 2);
    if bytes.len() < 2 * len {
        return;
    }
    let (left, right) = bytes.split_at_mut(len + rng.below(bytes.len() - 2 * len + 1));
    let left_end = left.len();
    left[left_end - len..].swap_with_slice(&mut right[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;

    const TARGET: Target = Target {
        name: "test",
        entry: |_| {},
        seeds: &[b"user=alice&factor=push&digits=123456", b"", b"x"],
        tokens: &[b"passcode"],
    };

    #[test]
    fn inputs_are_reproducible_bounded_and_varied() {
        let case = |n| input(&TARGET, &mut Rng::of_case(9, n));
        let inputs: std::collections::HashSet<Vec<u8>> = (0..5_000).map(case).collect();
        assert_eq!(case(17), case(17));
        assert!(inputs.iter().all(|input| input.len() <= MAX_LEN));
        assert!(inputs.len() > 2_500, "only {} of 5,000 inputs differ", inputs.len());
    }

    #[test]
    fn every_kind_of_change_happens() {
        let inputs: Vec<Vec<u8>> = (0..20_000).map(|n| input(&TARGET, &mut Rng::of_case(5, n))).collect();
        let some = |has: &dyn Fn(&[u8]) -> bool| inputs.iter().any(|input| has(input));
        let contains = |input: &[u8], part: &[u8]| input.windows(part.len()).any(|window| window == part);
        assert!(some(&|input| contains(input, b"passcode")), "a token of the target");
        assert!(some(&|input| contains(input, b"18446744073709551615")), "an extreme number");
        assert!(some(&|input| contains(input, &[0xff, 0xff, 0xff, 0x7f])), "an extreme length");
        assert!(some(&|input| contains(input, b"%6")), "an escape");
        assert!(some(&|input| input.len() > 4_096), "a long repetition");
        assert!(some(&|input| input.ends_with(b"123456") && input.starts_with(b"user") && input.len() < 36), "a gap");
        assert!(some(&|input| input.is_empty()), "nothing at all");
    }
}
