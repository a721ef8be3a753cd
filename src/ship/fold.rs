//! A segment's events as rows: read for shipping, or folded on the disk. The same segment always gives the same rows.

use crate::rollup::Rollup;
use crate::rollup::counters::Batch;
use crate::spool::{ReadReport, SegmentInfo, Spool, SpoolError};

/// A segment's only batch, made of its events or of its folded counters.
pub(crate) fn rows_of(spool: &Spool, segment: &SegmentInfo) -> Result<(Batch, ReadReport), SpoolError> {
    if segment.folded {
        return Ok((spool.batch(segment)?, ReadReport::default()));
    }
    let mut rollup = Rollup::default();
    // Damage that cannot be copied to quarantine exists nowhere else: the segment must not be removed.
    let report = spool.read(segment)?.for_each(|event| rollup.add(event))?;
    Ok((rollup.finish(spool.token(segment.number)), report))
}

/// Replaces a segment's events by its counters.
pub(crate) fn fold(spool: &Spool, segment: &SegmentInfo) -> Result<ReadReport, SpoolError> {
    let reader = spool.read(segment)?;
    let mut rollup = Rollup::default();
    let report = reader.for_each(|event| rollup.add(event))?;
    spool.fold(&reader, report.events, &rollup.finish(String::new()))?;
    Ok(report)
}
