//! Blobs: whole or absent after a crash, and no flipped byte is handed out.
use ainur_primitives::ContentId;
use ainur_storage::blob::GROUP_BYTES;
use ainur_storage::disk::sim::{Faults, Random};
use ainur_storage::{Blobs, Error, SimDisk};

fn bytes(len: usize, seed: u64) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..len).map(|_| random.next_u64() as u8).collect()
}

#[test]
fn a_blob_of_any_length_has_the_name_blake3_gives_it() {
    let blobs = Blobs::open(SimDisk::new(1), "blobs").unwrap();
    let group = GROUP_BYTES;
    for len in [0, 1, group - 1, group, group + 1, 2 * group, 3 * group + 5, 7 * group, 9 * group] {
        let content = bytes(len, len as u64);
        let id = blobs.put(&content).unwrap();
        assert_eq!(id.0.0, *blake3::hash(&content).as_bytes(), "{len}");
        assert_eq!(blobs.get(&id).unwrap(), content, "{len}");
        let mut writer = blobs.writer().unwrap();
        for piece in content.chunks(1 + len / 7) {
            writer.write(piece).unwrap();
        }
        assert_eq!(writer.finish().unwrap(), id, "{len}");
        assert_eq!(blobs.len(&id).unwrap(), Some(len as u64));
    }
    assert_eq!(blobs.list().unwrap().len(), 9);
}

#[test]
fn every_flipped_byte_of_a_small_blob_is_found_and_named() {
    let disk = SimDisk::new(1);
    let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
    let id = blobs.put(&bytes(700, 3)).unwrap();
    for offset in 0..700 {
        disk.flip(&blobs.path(&id), offset, 1 << (offset % 8)).unwrap();
        let error = blobs.get(&id).unwrap_err();
        assert!(matches!(error, Error::BlobDamaged { blob, offset: 0, .. } if blob == id));
        disk.flip(&blobs.path(&id), offset, 1 << (offset % 8)).unwrap();
    }
    assert_eq!(blobs.get(&id).unwrap(), bytes(700, 3));
}

#[test]
fn a_flipped_byte_of_a_large_blob_is_found_in_its_group_and_in_no_other() {
    let disk = SimDisk::new(1);
    let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
    let len = 3 * GROUP_BYTES + 77;
    let content = bytes(len, 4);
    let id = blobs.put(&content).unwrap();
    for offset in (0..len as u64).step_by(4_999).chain([len as u64 - 1]) {
        disk.flip(&blobs.path(&id), offset, 0x20).unwrap();
        let mut reader = blobs.reader(&id).unwrap();
        let mut read = 0;
        let error = loop {
            match reader.next_group() {
                Ok(Some(group)) => read += group.len() as u64,
                Ok(None) => panic!("byte {offset} was handed out"),
                Err(error) => break error,
            }
        };
        let in_group = offset / GROUP_BYTES as u64 * GROUP_BYTES as u64;
        assert_eq!(read, in_group);
        let Error::BlobDamaged { blob, file, offset: at, .. } = error else { panic!("{error}") };
        assert_eq!((blob, file, at), (id, blobs.path(&id), in_group));
        disk.flip(&blobs.path(&id), offset, 0x20).unwrap();
    }
    let table = format!("{}.groups", blobs.path(&id));
    for offset in 0..4 * 32 {
        disk.flip(&table, offset, 0x04).unwrap();
        let error = blobs.reader(&id).unwrap_err();
        assert!(matches!(error, Error::BlobDamaged { file, .. } if file == table));
        disk.flip(&table, offset, 0x04).unwrap();
    }
    disk.flip(&blobs.path(&id), 5, 0xff).unwrap();
    assert_eq!(blobs.put(&content).unwrap(), id, "putting a damaged blob again repairs it");
    assert_eq!(blobs.get(&id).unwrap(), content);
}

#[test]
fn reading_may_begin_at_any_group() {
    let blobs = Blobs::open(SimDisk::new(1), "blobs").unwrap();
    let content = bytes(2 * GROUP_BYTES + 9, 5);
    let id = blobs.put(&content).unwrap();
    let mut reader = blobs.reader(&id).unwrap();
    reader.seek(2 * GROUP_BYTES as u64 + 3);
    assert_eq!(reader.next_group().unwrap(), Some(&content[2 * GROUP_BYTES..]));
    assert_eq!(reader.next_group().unwrap(), None);
}

#[test]
fn acknowledged_blobs_survive_power_cuts_whole() {
    for seed in 0..2_000 {
        let faults = Faults { reordered_writes: seed % 2 == 0, ..Faults::default() };
        let disk = SimDisk::with_faults(seed, faults);
        let mut random = Random::new(seed);
        let mut acknowledged: Vec<(ContentId, Vec<u8>)> = Vec::new();
        for _ in 0..3 {
            disk.cut_power_after(random.below(40));
            let run = || -> Result<(), Error> {
                let blobs = Blobs::open(disk.clone(), "blobs")?;
                loop {
                    let many: Vec<Vec<u8>> = (0..random.below(7))
                        .map(|_| {
                            let large = random.one_in(12);
                            let len = if large { GROUP_BYTES + 10 } else { 40 };
                            bytes(len, random.below(50))
                        })
                        .collect();
                    let ids = blobs.put_many(&many)?;
                    acknowledged.extend(ids.into_iter().zip(many));
                    let one = bytes(60, random.next_u64());
                    acknowledged.push((blobs.put(&one)?, one));
                }
            };
            let mut run = run;
            assert!(!run().unwrap_err().is_damage(), "seed {seed}");
            disk.crash();
        }
        let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
        for (id, content) in &acknowledged {
            assert_eq!(&blobs.get(id).unwrap(), content, "seed {seed}");
        }
        for id in blobs.list().unwrap() {
            // Not acknowledged, yet under its name: whole all the same.
            assert!(blobs.get(&id).is_ok(), "seed {seed}");
        }
    }
}

#[test]
fn a_full_disk_keeps_what_was_there_and_leaves_no_remains() {
    let disk = SimDisk::new(1);
    let blobs = Blobs::open(disk.clone(), "blobs").unwrap();
    let kept = blobs.put(&bytes(1_000, 1)).unwrap();
    let used = blobs.bytes().unwrap();
    disk.set_faults(Faults { space_bytes_max: Some(70_000), ..Faults::default() });
    let error = blobs.put(&bytes(3 * GROUP_BYTES, 2)).unwrap_err();
    assert!(error.is_full(), "{error}");
    assert_eq!(blobs.bytes().unwrap(), used, "the unfinished blob is gone");
    assert_eq!(blobs.list().unwrap(), [kept]);
    blobs.remove(&kept).unwrap();
    assert!(matches!(blobs.get(&kept), Err(Error::BlobMissing(id)) if id == kept));
    assert_eq!(blobs.bytes().unwrap(), 0);
}
