//! Opening a log after whatever happened to it.
use super::frame::{self, Found, Frame};
use super::marks::Marks;
use super::segment::Segment;
use super::{Disk, DiskFile, Error, Log, OpenMode, Options, Sequence};

/// Damage is searched for frames in pieces of this size.
const SEARCH_BYTES: usize = 1 << 20;

/// What [`Log::open`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    /// The oldest record that is kept, or would be the first.
    pub first: Sequence,
    /// The last record; the one before `first` when there is none.
    pub last: Sequence,
    /// The unacknowledged bytes that were cut off.
    pub truncated: Option<Truncated>,
}

/// A torn tail that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Truncated {
    /// The segment.
    pub file: String,
    /// Where it ends now.
    pub offset: u64,
    /// How many bytes went.
    pub bytes: u64,
}

/// What reading a segment from its beginning told.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) segment: Segment,
    /// The digest the next frame names.
    pub(super) chain: blake3::Hash,
    /// The record after the last good one.
    pub(super) next: Sequence,
    /// Where the first bad frame begins and what is wrong with it.
    pub(super) damage: Option<(u64, &'static str)>,
}

impl Segment {
    pub(super) fn damaged(&self, offset: u64, sequence: Sequence, reason: &'static str) -> Error {
        Error::LogDamaged { file: self.path.clone(), offset, sequence, reason }
    }
}

pub(super) fn open<D: Disk>(
    disk: D,
    directory: &str,
    options: Options,
) -> Result<(Log<D>, Recovery), Error> {
    disk.create_dir_all(directory)?;
    let mut segments = list(&disk, directory)?;
    let mut marks = Marks::<D>::open(&disk, directory)?;
    check_marks(&marks, &segments)?;
    finish_truncation(&disk, directory, &mut segments, marks.first())?;
    drop_torn_segment(&disk, directory, &mut segments, &marks)?;
    if segments.is_empty() {
        return create(disk, directory, options, marks);
    }
    if segments[0].first > marks.first() {
        let missing = Segment::new(directory, marks.first());
        return Err(missing.damaged(0, marks.first(), "the segment is missing"));
    }
    let mut known = marks.acknowledged();
    let (tail, mut scan) = scan_all(&disk, &mut segments, options, &mut known)?;
    let truncated = match scan.damage.take() {
        Some((offset, reason)) => Some(cut(&tail, &mut scan, offset, reason, known)?),
        None if known >= scan.next => {
            let reason = "acknowledged records are missing";
            return Err(scan.segment.damaged(scan.segment.len, scan.next, reason));
        }
        None => None,
    };
    rewrite_unproven(&tail, &scan.segment, known)?;
    let last = Sequence(scan.next.0 - 1);
    marks.settle(last)?;
    disk.sync_dir(directory)?;
    if let Some(segment) = segments.last_mut() {
        *segment = scan.segment;
    }
    let recovery = Recovery { first: segments[0].first, last, truncated };
    let log = Log {
        disk,
        directory: directory.into(),
        options,
        marks,
        segments,
        tail,
        chain: scan.chain,
        last,
        acknowledged: last,
        gathering: Frame::default(),
        dirty: false,
        failed: false,
    };
    Ok((log, recovery))
}

fn create<D: Disk>(
    disk: D,
    directory: &str,
    options: Options,
    mut marks: Marks<D>,
) -> Result<(Log<D>, Recovery), Error> {
    marks.settle(Sequence(0))?;
    let segment = Segment::new(directory, Sequence(1));
    let (tail, chain) = segment.create(&disk, &blake3::Hash::from([0; 32]))?;
    disk.sync_dir(directory)?;
    let log = Log {
        disk,
        directory: directory.into(),
        options,
        marks,
        segments: vec![segment],
        tail,
        chain,
        last: Sequence(0),
        acknowledged: Sequence(0),
        gathering: Frame::default(),
        dirty: false,
        failed: false,
    };
    Ok((log, Recovery { first: Sequence(1), last: Sequence(0), truncated: None }))
}

fn list<D: Disk>(disk: &D, directory: &str) -> Result<Vec<Segment>, Error> {
    let mut segments = Vec::new();
    for first in disk.list(directory)?.iter().filter_map(|name| Segment::parse(name)) {
        let mut segment = Segment::new(directory, first);
        segment.len = disk.open(&segment.path, OpenMode::Read)?.len()?;
        segments.push(segment);
    }
    Ok(segments)
}

fn check_marks<D: Disk>(marks: &Marks<D>, segments: &[Segment]) -> Result<(), Error> {
    // Both slots are made durable before the first segment exists and are torn one at a time.
    if !marks.found && !segments.is_empty() {
        return Err(Error::LogDamaged {
            file: marks.path().into(),
            offset: 0,
            sequence: segments[0].first,
            reason: if marks.slots_unreadable > 0 {
                "neither of its two slots can be read"
            } else {
                "it is missing or empty beside a log"
            },
        });
    }
    Ok(())
}

/// Removes the segments a [`Log::truncate_before`] was interrupted at.
fn finish_truncation<D: Disk>(
    disk: &D,
    directory: &str,
    segments: &mut Vec<Segment>,
    first: Sequence,
) -> Result<(), Error> {
    let removable = segments.windows(2).take_while(|pair| pair[1].first <= first).count();
    for segment in segments.drain(..removable) {
        disk.remove(&segment.path)?;
    }
    if removable > 0 { disk.sync_dir(directory) } else { Ok(()) }
}

/// Removes a last segment whose creation was interrupted: no header, and nothing in it proven.
fn drop_torn_segment<D: Disk>(
    disk: &D,
    directory: &str,
    segments: &mut Vec<Segment>,
    marks: &Marks<D>,
) -> Result<(), Error> {
    let Some(segment) = segments.last() else { return Ok(()) };
    let file = disk.open(&segment.path, OpenMode::Read)?;
    if segment.read_header(&file)?.is_some() {
        return Ok(());
    }
    let proven = marks.acknowledged().max(acknowledged_after(segment, &file, 0)?);
    if proven >= segment.first || segment.first < marks.first() {
        return Err(segment.damaged(0, segment.first, "the segment's header is not intact"));
    }
    disk.remove(&segment.path)?;
    disk.sync_dir(directory)?;
    segments.pop();
    if segments.is_empty() && marks.acknowledged() > Sequence(0) {
        let missing = Segment::new(directory, marks.first());
        return Err(missing.damaged(0, marks.first(), "the segment is missing"));
    }
    Ok(())
}

/// Checks all segments as far as `options` ask and the last in full. Damage in the last is left to
/// the caller; in any other it is an error, because a segment is synced before the next begins.
fn scan_all<D: Disk>(
    disk: &D,
    segments: &mut [Segment],
    options: Options,
    known: &mut Sequence,
) -> Result<(D::File, Scan), Error> {
    let mut expected = None;
    let mut last = None;
    for index in 0..segments.len() {
        let next_first = segments.get(index + 1).map(|segment| segment.first);
        let segment = &mut segments[index];
        if next_first.is_some_and(|next| next <= options.verify_from) {
            let file = disk.open(&segment.path, OpenMode::Read)?;
            if segment.read_header(&file)?.is_none() {
                let reason = "the segment's header is not intact";
                return Err(segment.damaged(0, segment.first, reason));
            }
            expected = None;
            continue;
        }
        let mode = if next_first.is_some() { OpenMode::Read } else { OpenMode::ReadWrite };
        let file = disk.open(&segment.path, mode)?;
        let scan = scan(segment.clone(), &file, expected, |acknowledged| {
            *known = acknowledged.max(*known);
        })?;
        match (next_first, scan.damage) {
            (Some(_), Some((offset, reason))) => {
                return Err(segment.damaged(offset, scan.next, reason));
            }
            (Some(next), None) if next != scan.next => {
                let reason = "records or a whole segment are missing after this";
                return Err(segment.damaged(scan.segment.len, scan.next, reason));
            }
            _ => {}
        }
        expected = Some((scan.chain, scan.next));
        *segment = scan.segment.clone();
        last = Some((file, scan));
    }
    Ok(last.expect("the last segment is always scanned"))
}

/// Reads a segment frame by frame up to its end or the first damage.
pub(super) fn scan(
    segment: Segment,
    file: &impl DiskFile,
    expected: Option<(blake3::Hash, Sequence)>,
    mut acknowledged: impl FnMut(Sequence),
) -> Result<Scan, Error> {
    let header = segment.read_header(file)?;
    let (len, next) = (segment.len, segment.first);
    let mut read = segment;
    read.restart();
    let mut scan = Scan { segment: read, chain: blake3::Hash::from([0; 32]), next, damage: None };
    let Some((previous, chain)) = header else {
        scan.damage = Some((0, "the segment's header is not intact"));
        return Ok(scan);
    };
    if expected.is_some_and(|expected| expected != (previous, next)) {
        scan.damage = Some((0, "the segment does not follow the one before it"));
        return Ok(scan);
    }
    scan.chain = chain;
    loop {
        let offset = scan.segment.len;
        match frame::read(file, len, offset)? {
            Found::End => return Ok(scan),
            Found::Damage(reason) => {
                scan.damage = Some((offset, reason));
                return Ok(scan);
            }
            Found::Frame(header, digest, _) => {
                if header.previous != scan.chain || header.first != scan.next {
                    scan.damage = Some((offset, "the frame does not follow the one before it"));
                    return Ok(scan);
                }
                acknowledged(header.acknowledged);
                scan.segment.grown(header.first, header.frame_bytes());
                scan.next = header.next();
                scan.chain = digest;
            }
        }
    }
}

/// Cuts a tail that nothing proves to have been acknowledged; else it is damage.
fn cut(
    tail: &impl DiskFile,
    scan: &mut Scan,
    offset: u64,
    reason: &'static str,
    known: Sequence,
) -> Result<Truncated, Error> {
    let len = tail.len()?;
    let mut whole = scan.segment.clone();
    whole.len = len;
    let known = known.max(acknowledged_after(&whole, tail, offset)?);
    if known >= scan.next {
        return Err(scan.segment.damaged(offset, scan.next, reason));
    }
    tail.set_len(offset)?;
    tail.sync_data()?;
    scan.segment.len = offset;
    Ok(Truncated { file: scan.segment.path.clone(), offset, bytes: len - offset })
}

/// The highest acknowledged position that an intact frame after `offset` tells of. A record that
/// itself holds the bytes of such a frame can only turn a torn tail into an error, never hide one.
fn acknowledged_after(
    segment: &Segment,
    file: &impl DiskFile,
    offset: u64,
) -> Result<Sequence, Error> {
    let mut highest = Sequence(0);
    let mut from = offset;
    while from < segment.len {
        let bytes =
            usize::try_from(segment.len - from).map_or(SEARCH_BYTES, |left| left.min(SEARCH_BYTES));
        let mut piece = vec![0; bytes];
        file.read_at(from, &mut piece)?;
        for (at, window) in piece.windows(frame::MAGIC.len()).enumerate() {
            if window == frame::MAGIC
                && let Found::Frame(header, ..) = frame::read(file, segment.len, from + at as u64)?
            {
                highest = highest.max(header.acknowledged);
            }
        }
        if bytes < SEARCH_BYTES {
            break;
        }
        // A marker may lie across two pieces.
        from += (bytes - frame::MAGIC.len() + 1) as u64;
    }
    Ok(highest)
}

/// Writes the frames nobody proved durable once more and syncs. A sync that failed before the
/// process ended may have left them in the system's cache only, marked as clean.
fn rewrite_unproven(tail: &impl DiskFile, segment: &Segment, known: Sequence) -> Result<(), Error> {
    let mut offset = segment.seek(known.next()).1;
    while let Some((header, _)) = frame::read_header(tail, segment.len, offset)? {
        let bytes = header.frame_bytes();
        if header.next().0 > known.0 + 1 {
            let mut frame = vec![0; usize::try_from(bytes).unwrap_or(0)];
            tail.read_at(offset, &mut frame)?;
            tail.write_at(offset, &frame)?;
        }
        offset += bytes;
    }
    tail.sync_data()
}
