//! The files of a bundle, written as a directory or a tar archive.

use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use jiff::Timestamp;

use super::Redactor;

const BLOCK: usize = 512;

/// Texts by file name. Everything passes the redactor on its way in.
pub struct Bundle {
    redactor: Redactor,
    files: Vec<(String, String)>,
    written_at: Timestamp,
}

impl Bundle {
    #[must_use]
    pub fn new(redactor: Redactor, written_at: Timestamp) -> Self {
        Self { redactor, files: Vec::new(), written_at }
    }

    pub fn add(&mut self, name: &str, text: &str) {
        self.files.push((name.to_owned(), self.redactor.redact(text)));
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.files.len()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Writes a tar archive if `out` ends in `.tar`, else a new directory. What exists is not overwritten.
    pub fn write(&self, out: &Path) -> io::Result<()> {
        if out.extension().is_some_and(|extension| extension == "tar") {
            let mut file = create(out)?;
            file.write_all(&self.tar())?;
            return file.sync_all();
        }
        std::fs::DirBuilder::new().mode(0o700).create(out)?;
        self.files.iter().try_for_each(|(name, text)| create(&out.join(name))?.write_all(text.as_bytes()))
    }

    /// POSIX ustar (IEEE Std 1003.1, pax, "ustar Interchange Format").
    fn tar(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        for (name, text) in &self.files {
            archive.extend(header(name, text.len(), self.written_at));
            archive.extend(text.as_bytes());
            archive.resize(archive.len().next_multiple_of(BLOCK), 0);
        }
        archive.resize(archive.len() + 2 * BLOCK, 0);
        archive
    }
}

fn create(path: &Path) -> io::Result<std::fs::File> {
    std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)
}

fn header(name: &str, size: usize, time: Timestamp) -> [u8; BLOCK] {
    let mut header = [0; BLOCK];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, &format!("countersign-support/{name}"));
    put(100, "0000600");
    put(108, "0000000");
    put(116, "0000000");
    put(124, &format!("{size:011o}"));
    put(136, &format!("{:011o}", time.as_second().max(0)));
    put(148, "        ");
    put(156, "0");
    put(257, "ustar");
    put(263, "00");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..155].copy_from_slice(format!("{sum:06o}\0").as_bytes());
    header
}
