//! Decoding errors of bytes with a valid checksum. Messages name the fault, never the bytes.

/// A payload with a valid checksum is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodecError {
    #[error("malformed event: ends too early")]
    Short,
    #[error("malformed event: bytes after its end")]
    Long,
    #[error("malformed event: number out of range")]
    Range,
    #[error("malformed event: unknown kind or flag")]
    Unknown,
    #[error("malformed event: text is not UTF-8")]
    Text,
    #[error("malformed event: text without a definition")]
    Undefined,
    #[error("malformed event: text defined twice or out of order")]
    Defined,
}
