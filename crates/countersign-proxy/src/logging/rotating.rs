//! A log file that is put aside when it has its size: `name`, then `name.1`, `name.2`, …, the newest first.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// How large it may get, and how many old ones stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Octets.
    pub size: u64,
    /// Old files; zero is all of them.
    pub files: u32,
}

/// A log file.
#[derive(Debug)]
pub struct Rotating {
    path: PathBuf,
    limits: Limits,
    file: File,
    size: u64,
}

impl Rotating {
    /// Opens it, or makes it: what stands in it stays.
    ///
    /// Fails as opening does.
    pub fn open(path: PathBuf, limits: Limits) -> io::Result<Self> {
        let (file, size) = appending(&path)?;
        Ok(Self { path, limits, file, size })
    }

    /// Adds a whole line, its end included, in a new file if it would not fit into this one.
    ///
    /// Fails as writing does. A file that cannot be put aside grows on.
    pub fn write(&mut self, line: &[u8]) -> io::Result<()> {
        let len = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.size > 0 && self.size.saturating_add(len) > self.limits.size && self.put_aside().is_ok() {
            (self.file, self.size) = appending(&self.path)?;
        }
        self.file.write_all(line)?;
        self.size = self.size.saturating_add(len);
        Ok(())
    }

    fn put_aside(&self) -> io::Result<()> {
        let mut last = 0;
        while numbered(&self.path, last + 1).exists() && (self.limits.files == 0 || last + 1 < self.limits.files) {
            last += 1;
        }
        // The oldest is written over where there are enough.
        for number in (0..=last).rev() {
            std::fs::rename(numbered(&self.path, number), numbered(&self.path, number + 1))?;
        }
        Ok(())
    }
}

fn appending(path: &Path) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
    let size = file.metadata()?.len();
    Ok((file, size))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    if number == 0 {
        return path.to_owned();
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut all: Vec<_> = files
            .map(|path| {
                (path.file_name().unwrap().to_str().unwrap().to_owned(), std::fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn written(limits: Limits, lines: u32) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let mut log = Rotating::open(folder.path().join("log"), limits).unwrap();
        for number in 1..=lines {
            log.write(format!("{number}\n").as_bytes()).unwrap();
        }
        contents(folder.path())
    }

    fn files(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_full_file_is_put_aside_and_the_oldest_forgotten() {
        let limits = Limits { size: 4, files: 2 };
        assert_eq!(written(limits, 2), files(&[("log", "1\n2\n")]));
        assert_eq!(written(limits, 3), files(&[("log", "3\n"), ("log.1", "1\n2\n")]));
        assert_eq!(written(limits, 7), files(&[("log", "7\n"), ("log.1", "5\n6\n"), ("log.2", "3\n4\n")]));
        assert_eq!(written(Limits { size: 2, files: 0 }, 5).len(), 5);
    }

    #[test]
    fn an_open_file_is_gone_on_with_and_a_line_that_is_too_long_is_written_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        std::fs::write(&path, "old\n").unwrap();
        let mut log = Rotating::open(path, Limits { size: 8, files: 1 }).unwrap();
        log.write(b"new\n").unwrap();
        log.write(b"a long line\n").unwrap();
        log.write(b"x\n").unwrap();
        assert_eq!(contents(folder.path()), files(&[("log", "x\n"), ("log.1", "a long line\n")]));
    }
}
