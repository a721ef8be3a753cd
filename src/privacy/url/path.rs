//! Normalised paths: see the table of `page`. Does not depend on a site.

use std::borrow::Cow;

use crate::privacy::budget::CleaningBudget;
use crate::privacy::redact;
use crate::privacy::redact::byte_counts::ByteCounts;
use crate::privacy::url::percent;

/// Longest page in bytes: slugs in scripts of three bytes per letter fit.
pub const PAGE_BYTES_MAX: usize = 500;
/// Bytes of a path that are read, where an encoded byte of a non-ASCII letter counts once: cleaning costs per byte.
pub(in crate::privacy) const READ_BYTES_MAX: usize = 560;

/// Most segments of one path that need cleaning: the path is cut before the next one. Each costs as much as a hundred
/// ordinary bytes.
const UNCLEAN_SEGMENTS_MAX: usize = 12;

/// The cleaned segments of any path, each after a slash.
pub(crate) fn cleaned_segments(path: &str) -> String {
    let mut cleaned = String::with_capacity(path.len());
    push_path(&mut cleaned, path);
    cleaned
}

/// A normalised path, bounded. Nearly all paths are normalised already, except for a trailing slash.
pub(in crate::privacy) fn cleaned_path<'p>(path: &'p str, budget: &CleaningBudget) -> Cow<'p, str> {
    // The rest of the last segment is cleaned as it stands, as in `shortened`.
    let path = budget.take(path, READ_BYTES_MAX);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.is_empty() {
        return "/".into();
    }
    if path.len() <= PAGE_BYTES_MAX && path.starts_with('/') && !path.ends_with('/') && ByteCounts::of(path).is_clean()
    {
        return path.into();
    }
    let mut page = String::with_capacity(path.len());
    push_path(&mut page, path);
    if page.is_empty() {
        page.push('/');
    }
    if page.len() > PAGE_BYTES_MAX { shortened(&page).into() } else { page.into() }
}

/// Appends the cleaned segments of a path, each after a slash.
pub(in crate::privacy) fn push_path(page: &mut String, path: &str) {
    let mut unclean = 0;
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        let counts = ByteCounts::of(segment);
        unclean += usize::from(!counts.is_clean());
        if unclean > UNCLEAN_SEGMENTS_MAX {
            return;
        }
        let segment = cleaned(segment, &counts);
        if !matches!(&*segment, "" | "." | "..") {
            page.push('/');
            page.push_str(&segment);
        }
    }
}

fn cleaned<'s>(segment: &'s str, counts: &ByteCounts) -> Cow<'s, str> {
    if counts.is_clean() {
        return segment.into();
    }
    let plain = without_parameters(percent::decoded_once(segment, ""));
    if let Cow::Borrowed(text) = plain
        && text.len() == segment.len()
    {
        return redact::redacted_counted(text, counts);
    }
    redact::redacted(plain)
}

/// Removes `;name=value` parts, in which old servers put sessions; `;art123` is not such a part.
pub(in crate::privacy) fn without_parameters(segment: Cow<'_, str>) -> Cow<'_, str> {
    if !segment.contains(';') || !segment.contains('=') {
        return segment;
    }
    let mut parts = segment.split(';');
    let mut segment_kept = parts.next().unwrap_or_default().to_owned();
    for part in parts.filter(|part| !part.contains('=')) {
        segment_kept.push(';');
        segment_kept.push_str(part);
    }
    Cow::Owned(segment_kept)
}

/// A path cut to its bound. The rest of the last segment is cleaned again: a cut can create a pattern that the whole
/// did not match.
pub(in crate::privacy) fn shortened(page: &str) -> String {
    let (folders, last) = percent::cut(page, PAGE_BYTES_MAX).rsplit_once('/').unwrap_or_default();
    let mut short = folders.to_owned();
    push_path(&mut short, last);
    if short.len() > PAGE_BYTES_MAX { folders.to_owned() } else { short }
}
