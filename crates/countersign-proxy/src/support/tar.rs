//! Files in one file (POSIX ustar), as `tar -xf` reads it.

/// Files by name, with the time of all of them in seconds since 1970. Names have at most 100 octets.
pub(super) fn archive(files: &[(String, String)], time: u64) -> Vec<u8> {
    let mut octets = Vec::new();
    for (name, content) in files {
        octets.extend(header(name, content.len(), time));
        octets.extend_from_slice(content.as_bytes());
        octets.resize(octets.len().next_multiple_of(512), 0);
    }
    // Two empty blocks are the end.
    octets.resize(octets.len() + 1024, 0);
    octets
}

fn header(name: &str, len: usize, time: u64) -> [u8; 512] {
    let mut block = [0; 512];
    let mut put = |at: usize, text: &[u8]| {
        for (octet, value) in block.iter_mut().skip(at).zip(text) {
            *octet = *value;
        }
    };
    put(0, name.as_bytes().get(..name.len().min(100)).unwrap_or_default());
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{len:011o}\0").as_bytes());
    put(136, format!("{time:011o}\0").as_bytes());
    // While the checksum is made, blanks stand in its place.
    put(148, b"        ");
    put(156, b"0");
    put(257, b"ustar\x0000");
    let sum: u32 = block.iter().map(|octet| u32::from(*octet)).sum();
    for (octet, value) in block.iter_mut().skip(148).zip(format!("{sum:06o}\0 ").bytes()) {
        *octet = value;
    }
    block
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn tar_reads_what_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.tar");
        let files = [("one/a.txt".to_owned(), "x".repeat(1025)), ("one/b.txt".to_owned(), String::new())];
        std::fs::write(&path, archive(&files, 1_700_000_000)).unwrap();
        let output = Command::new("tar").arg("-xOf").arg(&path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.stdout.len(), 1025);
        let listed = Command::new("tar").arg("-tf").arg(&path).output().unwrap();
        assert_eq!(String::from_utf8(listed.stdout).unwrap(), "one/a.txt\none/b.txt\n");
    }
}
