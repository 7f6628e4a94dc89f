//! Reading acknowledged records back, each frame checked before a byte of it is handed out.
use super::frame::{self, Found};
use super::recover::{self, Scan};
use super::{Disk, Error, Log, OpenMode, Segment, Sequence, segment};

/// Iterates over acknowledged records; made by [`Log::read_from`].
#[derive(Debug)]
pub struct Records<'a, D: Disk> {
    log: &'a Log<D>,
    /// The segment to open next.
    segment_next: usize,
    open: Option<Open<D>>,
    /// What is left of the body of the current frame.
    body: Vec<u8>,
    body_at: usize,
    /// The record the current position holds.
    at: Sequence,
    /// The first record that is wanted.
    from: Sequence,
    ended: bool,
}

#[derive(Debug)]
struct Open<D: Disk> {
    file: D::File,
    segment: usize,
    offset: u64,
    /// The first record of the next frame.
    next: Sequence,
    /// The digest the next frame must name; unknown after a jump.
    chain: Option<blake3::Hash>,
}

impl<D: Disk> Log<D> {
    /// The acknowledged records from `sequence` on, or from the oldest kept when that is later.
    /// An error ends the iteration.
    pub fn read_from(&self, sequence: Sequence) -> Records<'_, D> {
        let from = sequence.max(self.first());
        let after = self.segments.partition_point(|segment| segment.first <= from);
        Records {
            log: self,
            segment_next: after.saturating_sub(1),
            open: None,
            body: Vec::new(),
            body_at: 0,
            at: from,
            from,
            ended: false,
        }
    }

    /// One acknowledged record; `None` when it is not kept or not there yet.
    ///
    /// # Errors
    /// When it is damaged or cannot be read.
    pub fn read(&self, sequence: Sequence) -> Result<Option<Vec<u8>>, Error> {
        if sequence < self.first() || sequence > self.acknowledged {
            return Ok(None);
        }
        self.read_from(sequence).next().transpose().map(|found| found.map(|(_, payload)| payload))
    }

    /// Reads every acknowledged byte and checks digests, chain and numbering; tells how many
    /// records there are.
    ///
    /// # Errors
    /// [`Error::LogDamaged`] with the first damage.
    pub fn verify(&self) -> Result<u64, Error> {
        let mut expected = None;
        let mut next = self.first();
        for segment in &self.segments {
            let file = self.disk.open(&segment.path, OpenMode::Read)?;
            let scan = recover::scan(segment.clone(), &file, expected, |_| {})?;
            if let Some((offset, reason)) = scan.damage {
                return Err(scan.segment.damaged(offset, scan.next, reason));
            }
            expected = Some((scan.chain, scan.next));
            next = scan.next;
        }
        Ok(next.0 - self.first().0)
    }
}

impl<D: Disk> Records<'_, D> {
    fn advance(&mut self) -> Result<Option<(Sequence, Vec<u8>)>, Error> {
        loop {
            if self.at > self.log.acknowledged {
                return Ok(None);
            }
            if let Some((record, _)) = frame::split_record(&self.body[self.body_at..]) {
                let sequence = self.at;
                self.body_at += 4 + record.len();
                self.at = self.at.next();
                if sequence >= self.from {
                    return Ok(Some((sequence, record.to_vec())));
                }
                continue;
            }
            self.next_frame()?;
        }
    }

    /// Loads the next frame, going on to the next segment where one ends.
    fn next_frame(&mut self) -> Result<(), Error> {
        let open = match self.open.take() {
            Some(open) => open,
            None => self.open_segment()?,
        };
        let segment = &self.log.segments[open.segment];
        match frame::read(&open.file, segment.len, open.offset)? {
            Found::End => Ok(()),
            Found::Damage(reason) => Err(segment.damaged(open.offset, self.at, reason)),
            Found::Frame(header, digest, body) => {
                if open.chain.is_some_and(|chain| chain != header.previous) {
                    let reason = "the frame does not follow the one before it";
                    return Err(segment.damaged(open.offset, self.at, reason));
                }
                if header.first != open.next {
                    let reason = "the frame is numbered wrongly";
                    return Err(segment.damaged(open.offset, self.at, reason));
                }
                self.at = header.first;
                self.body = body;
                self.body_at = 0;
                let offset = open.offset + header.frame_bytes();
                self.open = Some(Open { offset, next: header.next(), chain: Some(digest), ..open });
                Ok(())
            }
        }
    }

    /// Opens the next segment at the frame that holds the record wanted.
    fn open_segment(&mut self) -> Result<Open<D>, Error> {
        let index = self.segment_next;
        self.segment_next += 1;
        let Some(segment) = self.log.segments.get(index) else {
            let last = &self.log.segments[self.log.segments.len() - 1];
            return Err(last.damaged(last.len, self.at, "acknowledged records are missing"));
        };
        let file = self.log.disk.open(&segment.path, OpenMode::Read)?;
        let Some((_, chain)) = segment.read_header(&file)? else {
            return Err(segment.damaged(0, segment.first, "the segment's header is not intact"));
        };
        let (mut first, mut offset) = segment.seek(self.at);
        while let Some((header, _)) = frame::read_header(&file, segment.len, offset)? {
            if header.first != first {
                return Err(self.first_damage(segment, &file, offset));
            }
            if header.next() > self.at {
                break;
            }
            first = header.next();
            offset += header.frame_bytes();
        }
        if offset < segment.len && frame::read_header(&file, segment.len, offset)?.is_none() {
            return Err(self.first_damage(segment, &file, offset));
        }
        let chain = (offset == segment::HEADER_BYTES).then_some(chain);
        Ok(Open { file, segment: index, offset, next: first, chain })
    }

    /// A jump over headers ended nowhere: names the first frame that is not what was written.
    fn first_damage(&self, segment: &Segment, file: &D::File, offset: u64) -> Error {
        match recover::scan(segment.clone(), file, None, |_| {}) {
            Ok(Scan { damage: Some((offset, reason)), next, .. }) => {
                segment.damaged(offset, next, reason)
            }
            Ok(_) => segment.damaged(offset, self.at, "frames do not follow each other"),
            Err(error) => error,
        }
    }
}

impl<D: Disk> Iterator for Records<'_, D> {
    type Item = Result<(Sequence, Vec<u8>), Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.advance().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
