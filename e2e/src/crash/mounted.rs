//! The disk as the kernel asks for it.

use std::ffi::OsStr;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, LockOwner, OpenFlags,
    RenameFlags, ReplyAttr, ReplyCreate, ReplyData, ReplyDirectory, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyStatfs,
    ReplyWrite, Request, TimeOrNow, WriteFlags,
};

use super::disk::{Change, Kind, NoRoom, Node, Shared, Tree};

/// Only this mount changes anything, so the kernel may remember it.
const TTL: Duration = Duration::from_secs(3600);
const BLOCK: u64 = 512;

pub(super) struct Mounted(pub(super) Arc<Shared>);

fn attributes(tree: &Tree, number: u64) -> Option<FileAttr> {
    let node = tree.nodes.get(&number)?;
    let (kind, size) = match &node.kind {
        Kind::File { seen, .. } => (FileType::RegularFile, seen.len() as u64),
        Kind::Dir { .. } => (FileType::Directory, 0),
    };
    Some(FileAttr {
        ino: INodeNo(number),
        size,
        blocks: size.div_ceil(BLOCK),
        atime: UNIX_EPOCH,
        mtime: UNIX_EPOCH,
        ctime: UNIX_EPOCH,
        crtime: UNIX_EPOCH,
        kind,
        perm: node.mode,
        nlink: 1,
        uid: node.owner.0,
        gid: node.owner.1,
        rdev: 0,
        blksize: 4096,
        flags: 0,
    })
}

/// Makes `kind` in `parent`, unless the name is taken.
fn make(tree: &mut Tree, request: &Request, parent: u64, name: &OsStr, mode: u32, kind: Kind) -> Result<u64, Errno> {
    if tree.entries(parent).ok_or(Errno::ENOENT)?.contains_key(name) {
        return Err(Errno::EEXIST);
    }
    let number = tree.add(Node { mode: (mode & 0o7777) as u16, owner: (request.uid(), request.gid()), kind });
    tree.entries(parent).ok_or(Errno::ENOENT)?.insert(name.to_owned(), number);
    tree.changed(parent);
    Ok(number)
}

fn remove(tree: &mut Tree, parent: u64, name: &OsStr) -> Result<(), Errno> {
    let number = *tree.entries(parent).ok_or(Errno::ENOENT)?.get(name).ok_or(Errno::ENOENT)?;
    if tree.entries(number).is_some_and(|entries| !entries.is_empty()) {
        return Err(Errno::ENOTEMPTY);
    }
    tree.entries(parent).ok_or(Errno::ENOENT)?.remove(name);
    tree.changed(parent);
    Ok(())
}

fn rename(tree: &mut Tree, from: (u64, &OsStr), to: (u64, &OsStr)) -> Result<(), Errno> {
    let number = tree.entries(from.0).and_then(|entries| entries.remove(from.1)).ok_or(Errno::ENOENT)?;
    tree.entries(to.0).ok_or(Errno::ENOENT)?.insert(to.1.to_owned(), number);
    tree.changed(from.0);
    tree.changed(to.0);
    Ok(())
}

fn answer(outcome: Result<(), Errno>, reply: ReplyEmpty) {
    match outcome {
        Ok(()) => reply.ok(),
        Err(error) => reply.error(error),
    }
}

impl Filesystem for Mounted {
    fn lookup(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        let mut tree = self.0.lock();
        let number = tree.entries(parent.0).and_then(|entries| entries.get(name).copied());
        match number.and_then(|number| attributes(&tree, number)) {
            Some(attr) => reply.entry(&TTL, &attr, Generation(0)),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn getattr(&self, _: &Request, ino: INodeNo, _: Option<FileHandle>, reply: ReplyAttr) {
        match attributes(&self.0.lock(), ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn setattr(
        &self,
        _: &Request,
        ino: INodeNo,
        mode: Option<u32>,
        uid: Option<u32>,
        gid: Option<u32>,
        size: Option<u64>,
        _: Option<TimeOrNow>,
        _: Option<TimeOrNow>,
        _: Option<SystemTime>,
        _: Option<FileHandle>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<SystemTime>,
        _: Option<fuser::BsdFileFlags>,
        reply: ReplyAttr,
    ) {
        let mut tree = self.0.lock();
        if let Some(node) = tree.nodes.get_mut(&ino.0) {
            node.mode = mode.map_or(node.mode, |mode| (mode & 0o7777) as u16);
            node.owner = (uid.unwrap_or(node.owner.0), gid.unwrap_or(node.owner.1));
        }
        if let Some(size) = size
            && tree.write(ino.0, Change::Resize(size as usize)).is_none()
        {
            return reply.error(Errno::EISDIR);
        }
        match attributes(&tree, ino.0) {
            Some(attr) => reply.attr(&TTL, &attr),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn mkdir(&self, request: &Request, parent: INodeNo, name: &OsStr, mode: u32, umask: u32, reply: ReplyEntry) {
        let mut tree = self.0.lock();
        let made = make(&mut tree, request, parent.0, name, mode & !umask, Kind::empty_dir());
        match made.and_then(|number| attributes(&tree, number).ok_or(Errno::ENOENT)) {
            Ok(attr) => reply.entry(&TTL, &attr, Generation(0)),
            Err(error) => reply.error(error),
        }
    }

    fn create(
        &self,
        request: &Request,
        parent: INodeNo,
        name: &OsStr,
        mode: u32,
        umask: u32,
        _: i32,
        reply: ReplyCreate,
    ) {
        let mut tree = self.0.lock();
        let made = make(&mut tree, request, parent.0, name, mode & !umask, Kind::empty_file());
        match made.and_then(|number| attributes(&tree, number).ok_or(Errno::ENOENT)) {
            Ok(attr) => reply.created(&TTL, &attr, Generation(0), FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE),
            Err(error) => reply.error(error),
        }
    }

    fn unlink(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(remove(&mut self.0.lock(), parent.0, name), reply);
    }

    fn rmdir(&self, _: &Request, parent: INodeNo, name: &OsStr, reply: ReplyEmpty) {
        answer(remove(&mut self.0.lock(), parent.0, name), reply);
    }

    fn rename(
        &self,
        _: &Request,
        parent: INodeNo,
        name: &OsStr,
        newparent: INodeNo,
        newname: &OsStr,
        _: RenameFlags,
        reply: ReplyEmpty,
    ) {
        answer(rename(&mut self.0.lock(), (parent.0, name), (newparent.0, newname)), reply);
    }

    fn open(&self, _: &Request, _: INodeNo, _: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::FOPEN_KEEP_CACHE);
    }

    fn read(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        size: u32,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyData,
    ) {
        match self.0.lock().nodes.get(&ino.0).map(|node| &node.kind) {
            Some(Kind::File { seen, .. }) => {
                let start = (offset as usize).min(seen.len());
                reply.data(&seen[start..(start + size as usize).min(seen.len())]);
            }
            Some(Kind::Dir { .. }) | None => reply.error(Errno::ENOENT),
        }
    }

    fn write(
        &self,
        _: &Request,
        ino: INodeNo,
        _: FileHandle,
        offset: u64,
        data: &[u8],
        _: WriteFlags,
        _: OpenFlags,
        _: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        let change = Change::Write { offset: offset as usize, data: data.to_vec() };
        match self.0.lock().write(ino.0, change) {
            Some(Ok(())) => reply.written(data.len() as u32),
            Some(Err(NoRoom)) => reply.error(Errno::ENOSPC),
            None => reply.error(Errno::ENOENT),
        }
    }

    fn fsync(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.sync(ino.0, reply);
    }

    fn fsyncdir(&self, _: &Request, ino: INodeNo, _: FileHandle, _: bool, reply: ReplyEmpty) {
        self.0.sync(ino.0, reply);
    }

    fn readdir(&self, _: &Request, ino: INodeNo, _: FileHandle, offset: u64, mut reply: ReplyDirectory) {
        let mut tree = self.0.lock();
        let Some(entries) = tree.entries(ino.0).cloned() else { return reply.error(Errno::ENOTDIR) };
        for (index, (name, number)) in entries.iter().enumerate().skip(offset as usize) {
            let kind = match tree.nodes.get(number).map(|node| &node.kind) {
                Some(Kind::Dir { .. }) => FileType::Directory,
                Some(Kind::File { .. }) | None => FileType::RegularFile,
            };
            if reply.add(INodeNo(*number), index as u64 + 1, kind, name) {
                break;
            }
        }
        reply.ok();
    }

    fn statfs(&self, _: &Request, _: INodeNo, reply: ReplyStatfs) {
        let free = self.0.lock().room.unwrap_or(1 << 40) / 4096;
        reply.statfs(1 << 28, free, free, 1 << 20, 1 << 20, 4096, 255, 4096);
    }
}
