//! A small seeded generator: splitmix64 (Steele, Lea and Flood, 2014). Not for secrets.

/// The stream of numbers that belongs to one case.
#[derive(Debug, Clone)]
pub struct Rng(u64);

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

impl Rng {
    /// The generator of case `case` under `seed`, independent of all other cases.
    pub fn of_case(seed: u64, case: u64) -> Self {
        let mut rng = Self(seed);
        let base = rng.next();
        let mut rng = Self(base ^ case.wrapping_mul(GAMMA));
        rng.next();
        rng
    }

    /// The next number, any of 2^64.
    #[expect(clippy::should_implement_trait, reason = "an endless stream needs no Option")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GAMMA);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u128::from(u64::try_from(bound).unwrap_or(u64::MAX));
        // the high half of a 64x64 product is below `bound`, so it fits whatever `bound` fitted
        usize::try_from((u128::from(self.next()) * bound) >> 64).unwrap_or(0)
    }

    /// One of `items`; nothing when there is none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// Any byte.
    pub fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_the_same_every_time_and_unlike_its_neighbours() {
        let numbers = |seed, case| {
            let mut rng = Rng::of_case(seed, case);
            [rng.next(), rng.next()]
        };
        assert_eq!(numbers(1, 7), numbers(1, 7));
        assert_ne!(numbers(1, 7), numbers(1, 8));
        assert_ne!(numbers(1, 7), numbers(2, 7));
    }

    #[test]
    fn numbers_stay_below_their_bound_and_reach_all_of_it() {
        let mut rng = Rng::of_case(3, 0);
        let mut seen = [false; 5];
        for _ in 0..1_000 {
            seen[rng.below(5)] = true;
        }
        assert_eq!(seen, [true; 5]);
        assert_eq!(rng.below(0), 0);
        assert_eq!(rng.pick::<u8>(&[]), None);
    }
}
