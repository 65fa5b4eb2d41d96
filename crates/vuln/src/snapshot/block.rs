//! Blocks: sorted entries, packed together and compressed.

use std::io;

use sha2::{Digest as _, Sha256};

use super::pack::{Malformed, Unpacker, put_run};

/// Longer blocks are refused: memory that a hostile file may ask for at a time. One large record may fill a block of its own.
pub(super) const MAX_BLOCK: usize = 64 << 20;

/// Entries before they are compressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawBlock {
    /// The first entry's key.
    pub(super) first: Vec<u8>,
    /// Keys and values behind their lengths.
    pub(super) bytes: Vec<u8>,
}

/// A block as it stands in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    pub(super) first: Vec<u8>,
    pub(super) packed: Vec<u8>,
    pub(super) len: usize,
    pub(super) sha256: [u8; 32],
}

impl RawBlock {
    /// Of entries that were packed before; `first` is the first one's key.
    pub fn new(first: Vec<u8>, bytes: Vec<u8>) -> Self {
        Self { first, bytes }
    }
}

impl Block {
    /// Bytes that it takes in the file.
    pub fn size(&self) -> usize {
        self.packed.len()
    }
}

/// Compresses a block. The work of making a snapshot is here: blocks do not need each other, callers may do several at a time.
pub fn compress(block: &RawBlock, level: i32) -> io::Result<Block> {
    let packed = zstd::bulk::compress(&block.bytes, level)?;
    Ok(Block {
        first: block.first.clone(),
        len: block.bytes.len(),
        sha256: digest(&packed),
        packed,
    })
}

/// Decompresses blocks one after another into the same memory.
#[derive(Default)]
pub(super) struct Unzip {
    context: Option<zstd::bulk::Decompressor<'static>>,
    bytes: Vec<u8>,
}

impl Unzip {
    /// The reverse of [`compress`]. `len` stands in the directory, so that a block cannot grow beyond what it says there.
    pub fn decompress(&mut self, packed: &[u8], len: usize) -> Result<&[u8], Malformed> {
        let context = match &mut self.context {
            Some(context) => context,
            none => none.insert(zstd::bulk::Decompressor::new().map_err(|_| Malformed)?),
        };
        let room = len.min(MAX_BLOCK);
        self.bytes.clear();
        self.bytes.reserve(room);
        context.decompress_to_buffer(packed, &mut self.bytes).map_err(|_| Malformed)?;
        if self.bytes.len() == len { Ok(&self.bytes) } else { Err(Malformed) }
    }
}

pub(super) fn digest(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// Cuts sorted entries into blocks of about `size` bytes.
pub(super) fn cut<'a>(entries: impl Iterator<Item = (&'a [u8], &'a [u8])>, size: usize) -> Vec<RawBlock> {
    let mut blocks: Vec<RawBlock> = Vec::new();
    for (key, value) in entries {
        let room = blocks.last().is_some_and(|b| b.bytes.len() + value.len() <= size);
        if !room {
            blocks.push(RawBlock {
                first: key.to_vec(),
                bytes: Vec::new(),
            });
        }
        if let Some(block) = blocks.last_mut() {
            put_run(&mut block.bytes, key);
            put_run(&mut block.bytes, value);
        }
    }
    blocks
}

/// The entries of a block, in order.
pub(super) struct Entries<'a>(Unpacker<'a>);

impl<'a> Entries<'a> {
    pub fn of(bytes: &'a [u8]) -> Self {
        Self(Unpacker(bytes))
    }
}

impl<'a> Iterator for Entries<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.0.is_empty() {
            return None;
        }
        let mut entry = || Ok((self.0.run()?, self.0.run()?));
        let found = entry();
        if found.is_err() {
            self.0.0 = &[];
        }
        Some(found)
    }
}
