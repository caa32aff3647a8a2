//! Open files of a simulated disk.

use super::{Machine, Operation, SimDisk, schedule};
use crate::disk::{ReadFile, WriteFile};
use std::io;
use std::path::PathBuf;
use std::sync::MutexGuard;

pub(super) struct Reader {
    pub(super) disk: SimDisk,
    pub(super) boot: u64,
    pub(super) file: usize,
}

pub(super) struct Writer {
    pub(super) disk: SimDisk,
    pub(super) boot: u64,
    pub(super) file: usize,
}

pub(super) struct Lock {
    pub(super) disk: SimDisk,
    pub(super) boot: u64,
    pub(super) path: PathBuf,
}

impl SimDisk {
    fn in_boot(&self, boot: u64, what: Operation) -> io::Result<MutexGuard<'_, Machine>> {
        let machine = self.operation(what)?;
        if machine.boot == boot { Ok(machine) } else { Err(io::Error::other("the machine was off since")) }
    }
}

impl ReadFile for Reader {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let machine = self.disk.in_boot(self.boot, Operation::Read)?;
        let bytes = machine.tree.bytes(self.file);
        let rest = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..).unwrap_or_default();
        let len = rest.len().min(buffer.len());
        buffer[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }

    fn len(&self) -> io::Result<u64> {
        Ok(self.disk.in_boot(self.boot, Operation::Read)?.tree.bytes(self.file).len() as u64)
    }
}

impl WriteFile for Writer {
    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        schedule::note_bytes(bytes);
        let mut machine = self.disk.in_boot(self.boot, Operation::Write)?;
        let (left, what) = machine.left_for(self.file);
        let fits = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        machine.tree.write(self.file, &bytes[..fits]);
        if fits < bytes.len() { Err(io::Error::from(what)) } else { Ok(()) }
    }

    fn cut(&mut self, len: u64) -> io::Result<()> {
        schedule::note(len);
        self.disk.in_boot(self.boot, Operation::Write)?.tree.cut(self.file, len as usize);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let synced = self.disk.in_boot(self.boot, Operation::Sync);
        match synced {
            Ok(mut machine) => {
                machine.tree.sync(self.file);
                Ok(())
            }
            Err(error) => {
                let mut machine = self.disk.machine();
                // Not if it was never begun because the process is dead.
                if machine.fail_at.is_some_and(|at| at + 1 == machine.done) {
                    machine.tree.lose(self.file);
                }
                Err(error)
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        let mut machine = self.disk.machine();
        if machine.boot == self.boot {
            machine.locks.remove(&self.path);
        }
    }
}
