//! A disk whose power can be cut: a file system that forgets what was not synced.
//!
//! A killed process leaves its written pages in the kernel's cache, so a kill alone proves nothing about `fsync`. Here every file and directory has two
//! states: what processes see, and what `fsync` of that very file or directory has made durable. [`Disk::cut_power`] unmounts, so that the kernel's
//! caches go too, and mounts what is durable again. It follows POSIX to the letter: a file whose directory was not synced is gone however often it was
//! synced itself.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Instant;

use fuser::{BackgroundSession, Config, MountOption, ReplyEmpty, SessionACL};
use tempfile::TempDir;

use super::mounted::Mounted;
use crate::child::PATIENCE;

pub(super) const ROOT: u64 = 1;

/// What happens to writes that were not synced when the power goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsynced {
    /// None reaches the disk.
    Lost,
    /// Some do, chosen by this number, in no order: as when a disk empties its cache as it likes.
    SomeKept(u64),
}

/// A mounted disk. Files are at [`Self::path`]. Dropping it unmounts.
pub struct Disk {
    shared: Arc<Shared>,
    session: Option<BackgroundSession>,
    mountpoint: TempDir,
}

#[derive(Default)]
pub(super) struct Shared {
    tree: Mutex<Tree>,
    changed: Condvar,
}

pub(super) struct Tree {
    pub(super) nodes: HashMap<u64, Node>,
    next: u64,
    /// Bytes that files may still grow by; `None` is without limit.
    pub(super) room: Option<u64>,
    stalled: Option<Vec<ReplyEmpty>>,
    syncs: u64,
}

pub(super) struct Node {
    pub(super) mode: u16,
    pub(super) owner: (u32, u32),
    pub(super) kind: Kind,
}

pub(super) enum Kind {
    File { seen: Vec<u8>, durable: Vec<u8>, unsynced: Vec<Change> },
    Dir { seen: Entries, durable: Entries },
}

pub(super) type Entries = BTreeMap<OsString, u64>;

pub(super) enum Change {
    Write { offset: usize, data: Vec<u8> },
    Resize(usize),
}

impl Disk {
    /// A new empty disk.
    pub fn mount() -> Self {
        let mountpoint = tempfile::Builder::new().prefix("countersign-disk-").tempdir().unwrap();
        let shared = Arc::new(Shared::default());
        let session = Some(mount(&shared, mountpoint.path()));
        Self { shared, session, mountpoint }
    }

    /// Where it is mounted. Directories made right here are durable at once.
    pub fn path(&self) -> &Path {
        self.mountpoint.path()
    }

    /// Cuts the power and switches it on again. Nothing may have a file open.
    pub fn cut_power(&mut self, unsynced: Unsynced) {
        if let Some(session) = self.session.take() {
            session.umount_and_join().expect("no process uses the disk");
        }
        self.shared.lock().forget(unsynced);
        self.session = Some(mount(&self.shared, self.mountpoint.path()));
    }

    /// How many times anything was synced.
    pub fn syncs(&self) -> u64 {
        self.shared.lock().syncs
    }

    /// From now on files may grow by `bytes` in all; `None` gives all space back.
    pub fn limit_room(&self, bytes: Option<u64>) {
        self.shared.lock().room = bytes;
    }

    /// Lets every sync wait until [`Self::resume`].
    pub fn stall(&self) {
        self.shared.lock().stalled.get_or_insert_default();
    }

    /// Waits until at least one sync waits.
    pub fn wait_for_stalled_sync(&self) {
        let deadline = Instant::now() + PATIENCE;
        let mut tree = self.shared.lock();
        while tree.stalled.as_ref().is_none_or(Vec::is_empty) {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "nothing is synced");
            tree = self.shared.changed.wait_timeout(tree, left).unwrap().0;
        }
    }

    /// Ends a stall: what was synced is durable, and those who wait hear of it.
    pub fn resume(&self) {
        let waiting = self.shared.lock().stalled.take();
        for reply in waiting.into_iter().flatten() {
            reply.ok();
        }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.resume();
        if let Some(session) = self.session.take() {
            // A test that failed may have left a process with open files.
            drop(session.umount_and_join());
        }
    }
}

fn mount(shared: &Arc<Shared>, at: &Path) -> BackgroundSession {
    let mut config = Config::default();
    config.mount_options = vec![MountOption::FSName("countersign-test".into()), MountOption::DefaultPermissions];
    // The database's server may run as another user.
    config.acl = SessionACL::All;
    fuser::spawn_mount(Mounted(Arc::clone(shared)), at, &config)
        .expect("FUSE: the tests need root, /dev/fuse and Debian's fuse3")
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap()
    }

    /// Makes `node` durable and answers, unless the disk is stalled.
    pub(super) fn sync(&self, node: u64, reply: ReplyEmpty) {
        let mut tree = self.lock();
        tree.sync(node);
        match &mut tree.stalled {
            Some(waiting) => {
                waiting.push(reply);
                self.changed.notify_all();
            }
            None => reply.ok(),
        }
    }
}

impl Default for Tree {
    fn default() -> Self {
        let root = Node { mode: 0o755, owner: (0, 0), kind: Kind::empty_dir() };
        Self { nodes: HashMap::from([(ROOT, root)]), next: ROOT + 1, room: None, stalled: None, syncs: 0 }
    }
}

impl Kind {
    pub(super) fn empty_dir() -> Self {
        Self::Dir { seen: Entries::new(), durable: Entries::new() }
    }

    pub(super) fn empty_file() -> Self {
        Self::File { seen: Vec::new(), durable: Vec::new(), unsynced: Vec::new() }
    }
}

impl Tree {
    pub(super) fn add(&mut self, node: Node) -> u64 {
        let number = self.next;
        self.next += 1;
        self.nodes.insert(number, node);
        number
    }

    /// The entries of a directory that processes see.
    pub(super) fn entries(&mut self, dir: u64) -> Option<&mut Entries> {
        match &mut self.nodes.get_mut(&dir)?.kind {
            Kind::Dir { seen, .. } => Some(seen),
            Kind::File { .. } => None,
        }
    }

    /// After a change of `dir`: the root needs no sync.
    pub(super) fn changed(&mut self, dir: u64) {
        if dir == ROOT {
            self.sync(ROOT);
        }
    }

    /// Writes, or says that there is no room.
    pub(super) fn write(&mut self, file: u64, change: Change) -> Option<Result<(), NoRoom>> {
        let Kind::File { seen, unsynced, .. } = &mut self.nodes.get_mut(&file)?.kind else { return None };
        let end = match &change {
            Change::Write { offset, data } => offset + data.len(),
            Change::Resize(_) => 0,
        };
        let growth = end.saturating_sub(seen.len()) as u64;
        if let Some(room) = &mut self.room {
            match room.checked_sub(growth) {
                Some(left) => *room = left,
                None => return Some(Err(NoRoom)),
            }
        }
        change.apply(seen);
        unsynced.push(change);
        Some(Ok(()))
    }

    fn sync(&mut self, node: u64) {
        self.syncs += 1;
        match self.nodes.get_mut(&node).map(|node| &mut node.kind) {
            Some(Kind::File { durable, unsynced, .. }) => {
                for change in unsynced.drain(..) {
                    change.apply(durable);
                }
            }
            Some(Kind::Dir { seen, durable }) => durable.clone_from(seen),
            None => {}
        }
    }

    /// What the disk holds after the power is back.
    fn forget(&mut self, how: Unsynced) {
        self.stalled = None;
        let mut dice = Dice::of(how);
        for node in self.nodes.values_mut() {
            match &mut node.kind {
                Kind::File { seen, durable, unsynced } => {
                    for change in unsynced.drain(..) {
                        if dice.keeps() {
                            change.apply(durable);
                        }
                    }
                    seen.clone_from(durable);
                }
                Kind::Dir { seen, durable } => seen.clone_from(durable),
            }
        }
    }
}

/// The disk is full.
pub(super) struct NoRoom;

impl Change {
    fn apply(&self, to: &mut Vec<u8>) {
        match self {
            Self::Write { offset, data } => {
                let end = offset + data.len();
                if to.len() < end {
                    to.resize(end, 0);
                }
                to[*offset..end].copy_from_slice(data);
            }
            Self::Resize(len) => to.resize(*len, 0),
        }
    }
}

/// Decides write by write (xorshift64).
struct Dice(u64);

impl Dice {
    fn of(how: Unsynced) -> Self {
        match how {
            Unsynced::Lost => Self(0),
            Unsynced::SomeKept(seed) => Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1),
        }
    }

    fn keeps(&mut self) -> bool {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 63 == 1
    }
}
