//! Variable-length integers, and a cursor that reads them from bytes. It never reads past its end and never panics.

use crate::spool::codec_error::CodecError;

/// Appends `value` with seven bits per byte, lowest first.
pub(super) fn put(out: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        let [low, ..] = value.to_le_bytes();
        out.push(low | 0x80);
        value >>= 7;
    }
    let [low, ..] = value.to_le_bytes();
    out.push(low);
}

/// Appends `value` so that small values of either sign are short.
pub(super) fn put_signed(out: &mut Vec<u8>, value: i64) {
    put(out, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// A cursor over bytes, read from the front.
pub(super) struct ByteReader<'a>(&'a [u8]);

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Number of bytes left.
    pub(super) fn left(&self) -> usize {
        self.0.len()
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CodecError::Short)?;
        self.0 = rest;
        Ok(taken)
    }

    pub(super) fn u8(&mut self) -> Result<u8, CodecError> {
        let (first, rest) = self.0.split_first().ok_or(CodecError::Short)?;
        self.0 = rest;
        Ok(*first)
    }

    pub(super) fn u16(&mut self) -> Result<u16, CodecError> {
        Ok(u16::from_le_bytes([self.u8()?, self.u8()?]))
    }

    #[inline]
    pub(super) fn varint(&mut self) -> Result<u64, CodecError> {
        // Fast path: most values are below 128.
        match self.0.split_first() {
            Some((&byte, rest)) if byte < 0x80 => {
                self.0 = rest;
                Ok(byte.into())
            }
            Some(_) | None => self.long_varint(),
        }
    }

    fn long_varint(&mut self) -> Result<u64, CodecError> {
        let mut value = 0u64;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if (bits << shift) >> shift != bits {
                return Err(CodecError::Range);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(CodecError::Range)
    }

    #[inline]
    pub(super) fn u32(&mut self) -> Result<u32, CodecError> {
        u32::try_from(self.varint()?).map_err(|_| CodecError::Range)
    }

    pub(super) fn signed(&mut self) -> Result<i64, CodecError> {
        let value = self.varint()?;
        Ok((value >> 1).cast_signed() ^ -(value & 1).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_of_every_width_come_back() {
        let mut bytes = Vec::new();
        let values: Vec<u64> = (0..64).flat_map(|bit| [(1u64 << bit) - 1, 1 << bit]).chain([u64::MAX]).collect();
        for &value in &values {
            put(&mut bytes, value);
            put_signed(&mut bytes, value.cast_signed());
        }
        let mut input = ByteReader::new(&bytes);
        for &value in &values {
            assert_eq!(input.varint(), Ok(value));
            assert_eq!(input.signed(), Ok(value.cast_signed()));
        }
        assert_eq!(input.left(), 0);
        assert_eq!(input.varint(), Err(CodecError::Short));
    }

    #[test]
    fn an_integer_beyond_64_bits_is_an_error() {
        assert_eq!(ByteReader::new(&[0xff; 10]).varint(), Err(CodecError::Range));
        assert_eq!(
            ByteReader::new(&[0x80; 9].into_iter().chain([2]).collect::<Vec<_>>()).varint(),
            Err(CodecError::Range)
        );
    }
}
