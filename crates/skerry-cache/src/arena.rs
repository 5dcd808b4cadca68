//! Large pieces of stored bodies in a file without a name, from which the kernel sends them without copying.
//!
//! [`Arena`] is a memfd of slots that hold a piece each, mapped for our own reads. What a reader gets stays plain
//! `Bytes`; whoever has a socket asks [`Arena::place_of`] where they lie and gives that to `sendfile`. A slot is
//! written once, before anybody can see it, and lives as long as the last of its `Bytes`.
//!
//! `sendfile` hands *pages* to the socket, which keeps them until the peer has acknowledged them, long after the call
//! and after our last `Bytes`. So a slot that is let go is never overwritten: a hole is punched into the file, the
//! pages leave it for whoever still holds them, and whoever takes the slot next writes into fresh ones.
//!
//! Where there is no such file (an old kernel, a seccomp profile, an address space that is limited), where it is
//! full, or where writing fails, a piece lies in the heap as if there were no arena.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::ptr::NonNull;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::body::CHUNK_BYTES;
use crate::object::INLINE_BODY_BYTES_MAX;

/// Slots that are free, and those nobody has had yet.
#[derive(Default)]
struct Free {
    returned: Vec<usize>,
    fresh: usize,
}

/// A file of slots of [`CHUNK_BYTES`], and its mapping.
pub struct Arena {
    file: File,
    base: NonNull<u8>,
    slot_count: usize,
    free: Mutex<Free>,
}

// SAFETY: `base` is a mapping that is only read through shared references, from any thread; it is unmapped once, when
// the arena is dropped. All else in here is `Send`.
unsafe impl Send for Arena {}
// SAFETY: as above; the lists of slots are behind a lock.
unsafe impl Sync for Arena {}

impl Arena {
    /// [`Arena::new`], where pages that are on their way to a peer outlive their slot.
    pub fn where_safe(bytes_max: u64) -> Option<Arc<Self>> {
        has_small_pages().then(|| Arena::new(bytes_max)).flatten()
    }

    /// An arena for a cache of `bytes_max` bytes, if the system has one to give. It is as sparse as it is large:
    /// it takes addresses now, and memory slot by slot.
    pub fn new(bytes_max: u64) -> Option<Arc<Self>> {
        // A slot holds more than INLINE_BODY_BYTES_MAX on the account, so there are never more than this.
        let slot_count = usize::try_from(bytes_max / INLINE_BODY_BYTES_MAX).ok()?.max(1);
        let bytes = slot_count.checked_mul(CHUNK_BYTES)?;
        let file = open_memory(bytes).ok()?;
        let base = map(&file, bytes).ok()?;
        Some(Arc::new(Arena { file, base, slot_count, free: Mutex::default() }))
    }

    /// Keep a copy of `data`, at most [`CHUNK_BYTES`]. `None` where it does not fit, or is not to be had.
    pub fn store(self: &Arc<Self>, data: &[u8]) -> Option<Slot> {
        if data.len() > CHUNK_BYTES {
            return None;
        }
        let index = self.take()?;
        let slot = Slot { arena: Arc::clone(self), index, bytes: data.len() };
        // Not through the mapping: there a page that is not to be had would be a SIGBUS, here it is an error.
        self.file.write_all_at(data, slot.place()).ok()?;
        Some(slot)
    }

    /// Where in the file `bytes` lie, if all of them lie here. They do until the borrow ends; pages that a socket has
    /// taken by then are its own.
    pub fn place_of(&self, bytes: &[u8]) -> Option<u64> {
        let place = (bytes.as_ptr() as usize).checked_sub(self.base.as_ptr() as usize)?;
        let is_here = !bytes.is_empty() && place.checked_add(bytes.len())? <= self.slot_count * CHUNK_BYTES;
        is_here.then_some(place as u64)
    }

    /// How many slots are taken.
    pub fn slots_taken(&self) -> usize {
        let free = self.free.lock();
        free.fresh - free.returned.len()
    }

    fn take(&self) -> Option<usize> {
        let mut free = self.free.lock();
        free.returned.pop().or_else(|| {
            let fresh = free.fresh;
            free.fresh += usize::from(fresh < self.slot_count);
            (fresh < self.slot_count).then_some(fresh)
        })
    }
}

impl AsFd for Arena {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Arena {
    fn drop(&mut self) {
        // SAFETY: the very mapping that `map` made; every slot holds the arena, so nobody reads it any more.
        unsafe { libc::munmap(self.base.as_ptr().cast(), self.slot_count * CHUNK_BYTES) };
    }
}

/// A piece in the arena. Dropped, its pages leave the file and the slot is free.
pub struct Slot {
    arena: Arc<Arena>,
    index: usize,
    bytes: usize,
}

impl Slot {
    fn place(&self) -> u64 {
        (self.index * CHUNK_BYTES) as u64
    }
}

impl AsRef<[u8]> for Slot {
    fn as_ref(&self) -> &[u8] {
        // SAFETY: `index` is below `slot_count` and `bytes` at most CHUNK_BYTES, so this lies in the mapping, which
        // lives as long as `arena`. The file was written here before the slot was handed out, and is written again
        // only after the slot is dropped. It is sealed, so nobody takes its end away.
        unsafe {
            std::slice::from_raw_parts(self.arena.base.as_ptr().add(self.index * CHUNK_BYTES), self.bytes)
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        // A slot whose pages are still in the file may be on its way to a peer: then nobody gets it again.
        if punch(&self.arena.file, self.place(), CHUNK_BYTES).is_ok() {
            self.arena.free.lock().returned.push(self.index);
        }
    }
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

/// A file in memory of `bytes`, which nobody can make smaller.
fn open_memory(bytes: usize) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string; the descriptor that comes back is new, and owned here alone.
    let file = unsafe { File::from_raw_fd(checked(libc::memfd_create(c"bodies".as_ptr(), flags))?) };
    file.set_len(bytes as u64)?;
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    // SAFETY: F_ADD_SEALS takes an integer and touches no memory of ours.
    checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) })?;
    Ok(file)
}

/// Map all of it, to be read.
fn map(file: &File, bytes: usize) -> io::Result<NonNull<u8>> {
    let (read, shared) = (libc::PROT_READ, libc::MAP_SHARED | libc::MAP_NORESERVE);
    // SAFETY: a new mapping at an address of the kernel's choice touches nothing that is there.
    let base = unsafe { libc::mmap(std::ptr::null_mut(), bytes, read, shared, file.as_raw_fd(), 0) };
    if base == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    // Against khugepaged, which would join pages of several slots (see `has_small_pages`). It fails only where the
    // kernel knows no huge pages, where there is nothing to ask for.
    // SAFETY: advice on our own mapping changes nothing that is read.
    unsafe { libc::madvise(base, bytes, libc::MADV_NOHUGEPAGE) };
    NonNull::new(base.cast()).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// Take the pages of a range out of the file.
fn punch(file: &File, place: u64, bytes: usize) -> io::Result<()> {
    let how = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    let (place, bytes) = (place as libc::off_t, bytes as libc::off_t);
    loop {
        // SAFETY: it changes the file alone, in a range that its slot's owner lets go of right now.
        match checked(unsafe { libc::fallocate(file.as_raw_fd(), how, place, bytes) }) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            done => return done.map(drop),
        }
    }
}

/// A hole in part of a huge page is filled with zeros where the page lies, before the kernel tries to split it: bytes
/// on their way to a peer would be lost. So there is no arena where memfds are given huge pages unasked.
fn has_small_pages() -> bool {
    std::fs::read_to_string("/sys/kernel/mm/transparent_hugepage/shmem_enabled")
        .map_or(true, |text| are_small(&text))
}

fn are_small(shmem_enabled: &str) -> bool {
    ["[never]", "[deny]", "[advise]"].iter().any(|word| shmem_enabled.contains(word))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::os::unix::fs::FileExt;

    use proptest::prelude::*;

    use super::*;

    fn arena(slots: u64) -> Arc<Arena> {
        Arena::new(slots * INLINE_BODY_BYTES_MAX).unwrap()
    }

    #[test]
    fn a_piece_is_read_back_and_found_in_the_file() {
        let arena = arena(4);
        let data: Vec<u8> = (0..CHUNK_BYTES).map(|at| (at % 251) as u8).collect();
        let first = arena.store(&data).unwrap();
        let second = arena.store(&data[..20_000]).unwrap();
        assert_eq!((first.as_ref(), second.as_ref()), (&data[..], &data[..20_000]));
        for (bytes, expected) in [
            (first.as_ref(), Some(0)),
            (&first.as_ref()[5..9], Some(5)),
            (second.as_ref(), Some(65_536)),
            (&second.as_ref()[7..7], None),
            (&data[..], None),
        ] {
            assert_eq!(arena.place_of(bytes), expected);
        }
        let mut read = vec![0; 4];
        arena.file.read_exact_at(&mut read, 65_536 + 5).unwrap();
        assert_eq!(read, data[5..9]);
        assert_eq!(arena.slots_taken(), 2);
        drop((first, second));
        assert_eq!(arena.slots_taken(), 0);
    }

    #[test]
    fn what_does_not_fit_is_not_taken() {
        let arena = arena(2);
        assert!(arena.store(&vec![0; CHUNK_BYTES + 1]).is_none());
        let held = [arena.store(b"a").unwrap(), arena.store(b"b").unwrap()];
        assert!(arena.store(b"c").is_none());
        assert_eq!(arena.slots_taken(), 2);
        drop(held);
        assert!(arena.store(b"c").is_some());
    }

    /// The law that everything stands on: what the kernel was given before the slot was let go of stays as it was.
    #[test]
    fn pages_that_a_pipe_holds_outlive_their_slot() {
        let Some(arena) = Arena::where_safe(INLINE_BODY_BYTES_MAX) else {
            assert!(!has_small_pages());
            return; // as this system would lose them, no cache of ours has an arena here
        };
        let slot = arena.store(&[1; CHUNK_BYTES]).unwrap();
        let (mut ends, mut at) = ([0; 2], 0);
        // SAFETY: both calls write into the locals they are given; the descriptors are closed below.
        unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
            assert_eq!(
                libc::splice(arena.file.as_raw_fd(), &raw mut at, ends[1], std::ptr::null_mut(), 8_192, 0),
                8_192
            );
        }
        // SAFETY: they are this test's own.
        let (mut from, to) = unsafe { (File::from_raw_fd(ends[0]), File::from_raw_fd(ends[1])) };
        drop(slot);
        let again = arena.store(&[2; CHUNK_BYTES]).unwrap();
        assert_eq!(again.index, 0, "the same slot");
        let mut read = [0; 8_192];
        io::Read::read_exact(&mut from, &mut read).unwrap();
        assert!(read.iter().all(|byte| *byte == 1), "overwritten on its way");
        assert!(again.as_ref().iter().all(|byte| *byte == 2));
        drop(to);
    }

    #[test]
    fn memory_goes_back_with_the_slot() {
        use std::os::unix::fs::MetadataExt;
        let arena = arena(8);
        assert_eq!(arena.file.metadata().unwrap().blocks(), 0, "as sparse as it is large");
        let slot = arena.store(&[1; CHUNK_BYTES]).unwrap();
        assert_eq!(arena.file.metadata().unwrap().blocks() * 512, CHUNK_BYTES as u64);
        drop(slot);
        assert_eq!(arena.file.metadata().unwrap().blocks(), 0);
    }

    #[test]
    fn huge_pages_unasked_for_are_declined() {
        for (text, expected) in [
            ("always within_size advise [never] deny force\n", true),
            ("always within_size [advise] never deny force\n", true),
            ("[always] within_size advise never deny force\n", false),
            ("always [within_size] advise never deny force\n", false),
            ("always within_size advise never deny [force]\n", false),
        ] {
            assert_eq!(are_small(text), expected, "{text}");
        }
    }

    proptest! {
        /// Take (true) and let go (false) in any order: no slot has two owners, and each keeps what was put there.
        #[test]
        fn no_slot_has_two_owners(steps in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..60)) {
            let arena = arena(5);
            let mut held: Vec<(Slot, [u8; 4])> = Vec::new();
            for (step, (takes, which)) in (0_u32..).zip(steps) {
                if takes {
                    let word = step.to_le_bytes();
                    let slot = arena.store(&word);
                    prop_assert_eq!(slot.is_some(), held.len() < 5);
                    held.extend(slot.map(|slot| (slot, word)));
                } else if !held.is_empty() {
                    held.swap_remove(which.index(held.len()));
                }
                let owners: HashSet<usize> = held.iter().map(|(slot, _)| slot.index).collect();
                prop_assert_eq!(owners.len(), held.len());
                prop_assert_eq!(arena.slots_taken(), held.len());
                prop_assert!(held.iter().all(|(slot, word)| slot.as_ref() == word));
            }
        }
    }
}
