//! Spools that are opened again, cut off, rotten and full.

use super::*;

fn open(folder: &Path) -> (Spool, Vec<Vec<u8>>, u64) {
    let (spool, found) = Spool::open(folder, 1 << 20).unwrap();
    (spool, found.waiting.into_iter().map(|kept| kept.octets).collect(), found.damaged)
}

fn texts(from: usize, count: usize) -> Vec<Vec<u8>> {
    (from..from + count).map(|number| format!("record {number}").into_bytes()).collect()
}

#[test]
fn what_was_appended_is_there_again_in_its_order_until_it_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let (mut spool, found, _) = open(dir.path());
    assert!(found.is_empty());
    let all = texts(0, 10);
    let sequences = spool.append(7, &all[..4]).unwrap();
    spool.append(8, &all[4..]).unwrap();
    assert_eq!(spool.read(sequences[2]).unwrap(), Kept { sequence: 3, time: 7, octets: all[2].clone() });
    spool.done(1, Some(2)).unwrap();
    spool.done(2, Some(3)).unwrap();
    assert!(Spool::open(dir.path(), 1 << 20).is_err(), "one process has it at a time");
    spool.settle(Some(3)).unwrap();
    drop(spool);
    let (mut spool, found, damaged) = open(dir.path());
    assert_eq!((found, damaged), (all[2..].to_vec(), 0));
    assert_eq!(spool.append(9, &texts(10, 1)).unwrap(), [11]);
    for sequence in 3..=11 {
        spool.done(sequence, Some(sequence + 1).filter(|next| *next <= 11)).unwrap();
    }
    spool.settle(None).unwrap();
    drop(spool);
    let (spool, found, _) = open(dir.path());
    assert!(found.is_empty());
    drop(spool);
    let files = || {
        fs::read_dir(dir.path())
            .unwrap()
            .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "records"))
            .count()
    };
    assert_eq!(files(), 0);
    let (mut spool, found, _) = open(dir.path());
    assert!(found.is_empty());
    assert_eq!(spool.append(9, &texts(0, 1)).unwrap(), [12], "numbers never begin anew");
}

/// Writes five records that are equally long, and gives them and their file.
fn five_of_one_length(dir: &Path) -> (Vec<Vec<u8>>, PathBuf) {
    let (mut spool, _, _) = open(dir);
    let all = texts(0, 5);
    spool.append(7, &all).unwrap();
    (all, dir.join(format!("{:020}.records", 1)))
}

#[test]
fn a_tail_torn_off_at_any_octet_costs_the_last_records_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (all, path) = five_of_one_length(dir.path());
    let whole = fs::read(&path).unwrap();
    let each = whole.len() / 5;
    for cut in 0..whole.len() {
        fs::write(&path, &whole[..cut]).unwrap();
        let (spool, found, damaged) = open(dir.path());
        assert_eq!(found, all[..cut / each], "cut at {cut}");
        assert_eq!(damaged, u64::try_from(cut % each).unwrap());
        drop(spool);
    }
}

#[test]
fn octets_that_rotted_cost_their_record_alone() {
    let dir = tempfile::tempdir().unwrap();
    let (all, path) = five_of_one_length(dir.path());
    let whole = fs::read(&path).unwrap();
    let each = whole.len() / 5;
    for at in each..2 * each {
        let mut rotten = whole.clone();
        rotten[at] ^= 0x55;
        fs::write(&path, &rotten).unwrap();
        let (spool, found, damaged) = open(dir.path());
        assert_eq!(found, [&all[..1], &all[2..]].concat(), "octet {at}");
        assert_eq!(damaged, u64::try_from(each).unwrap());
        drop(spool);
    }
}

#[test]
fn it_takes_so_much_and_has_room_again_when_something_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let most = 3 << 20;
    let (mut spool, _) = Spool::open(dir.path(), most).unwrap();
    let record = vec![vec![7; 4096]];
    let mut kept = Vec::new();
    let full = loop {
        match spool.append(1, &record) {
            Ok(sequences) => kept.extend(sequences),
            Err(error) => break error,
        }
    };
    assert!(matches!(full, SpoolError::Full(used) if used <= most && used > most - 8192));
    for (place, sequence) in kept.iter().enumerate().take(kept.len() / 2) {
        spool.done(*sequence, kept.get(place + 1).copied()).unwrap();
    }
    assert!(spool.append(1, &record).is_ok());
    assert!(spool.read(kept[0]).is_none() && spool.read(kept[kept.len() - 1]).is_some());
}
