//! Sections of the configuration that serves, and of those before it as long as logins of theirs are under way.

use std::collections::VecDeque;

use super::section::Section;

/// Each has a number that is never given again.
#[derive(Debug, Default)]
pub struct Sections {
    /// The number of the first.
    base: usize,
    all: VecDeque<Section>,
    /// The number of the first that serves; those before it only end what they began.
    current: usize,
}

impl Sections {
    /// Those of the first configuration, numbered from zero.
    pub fn new(sections: Vec<Section>) -> Self {
        Self { base: 0, all: sections.into(), current: 0 }
    }

    /// The section of this number, unless it is gone.
    pub fn get(&self, number: usize) -> Option<&Section> {
        self.all.get(number.checked_sub(self.base)?)
    }

    /// As [`get`](Self::get).
    pub fn get_mut(&mut self, number: usize) -> Option<&mut Section> {
        self.all.get_mut(number.checked_sub(self.base)?)
    }

    /// The number that the next section gets.
    pub fn next(&self) -> usize {
        self.base + self.all.len()
    }

    /// Whether a section only ends what it began.
    pub fn is_retired(&self, number: usize) -> bool {
        number < self.current
    }

    /// Whether there are such sections.
    pub fn has_retired(&self) -> bool {
        self.base < self.current
    }

    /// These serve from now on; what the same devices have shown so far is not forgotten. Returns the first's number.
    pub fn replace(&mut self, mut sections: Vec<Section>) -> usize {
        for section in &mut sections {
            let name = section.server.name.clone();
            let serving = self.all.iter().skip(self.current - self.base);
            for before in serving.filter(|before| before.server.name.eq_ignore_ascii_case(&name)) {
                section.learn_from(before);
            }
        }
        self.current = self.next();
        self.all.extend(sections);
        self.current
    }

    /// Forgets retired sections with smaller numbers, their secrets included.
    pub fn forget_before(&mut self, number: usize) {
        while self.base < number.min(self.current) {
            self.all.pop_front();
            self.base += 1;
        }
    }
}
