//! Country, region and city of a truncated address.
