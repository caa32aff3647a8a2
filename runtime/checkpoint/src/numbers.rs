//! Numbers that are given once: of runs, and of versions of the script. Where the lock does not hold, two runs may begin at
//! the same moment and see the same last number. So a number is taken by an empty file, `<number>.claim`, that can be
//! created once; it goes when the number's record stands.

use crate::failure::Failure;
use crate::folder::entries;
use crate::job::Job;
use crate::retention::gone;
use std::io;
use std::path::PathBuf;

/// A number that nobody else has, as long as its file stands.
pub(crate) struct Claim {
    pub(crate) number: u64,
    path: PathBuf,
}

impl Job {
    /// Takes the number behind all that are known in a folder of records; `last` looks for the last one that has its record.
    pub(crate) fn claim(
        &self,
        dir: &str,
        last: impl Fn(&Job) -> Result<u64, Failure>,
    ) -> Result<Claim, Failure> {
        loop {
            let known = last(self)?;
            let number = self.claims_behind(dir, known)?.max(known) + 1;
            let path = self.folder.dir.join(dir).join(format!("{number}.claim"));
            match self.env.disk.create_new(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                created => drop(created.map_err(Failure::io(&path))?),
            }
            let claim = Claim { number, path };
            // Whoever had it before may have written its record and given the claim up since the look above.
            if last(self)? < number {
                return Ok(claim);
            }
            self.release(&claim)?;
        }
    }

    /// Gives a claim up: the number's record stands.
    pub(crate) fn release(&self, claim: &Claim) -> Result<(), Failure> {
        gone(self.env.disk.remove_file(&claim.path)).map_err(Failure::io(&claim.path))
    }

    /// The last number that is claimed. Claims up to `known` are those of runs that died: nobody gets these numbers any more.
    fn claims_behind(&self, dir: &str, known: u64) -> Result<u64, Failure> {
        let mut last = 0;
        for entry in entries(&*self.env.disk, &self.folder.dir.join(dir))? {
            let name = entry.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
            match name.strip_suffix(".claim").and_then(|number| number.parse().ok()) {
                Some(number) if number > known => last = last.max(number),
                Some(_) => gone(self.env.disk.remove_file(&entry.path)).map_err(Failure::io(&entry.path))?,
                None => {}
            }
        }
        Ok(last)
    }
}
