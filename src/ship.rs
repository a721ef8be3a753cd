//! From a sealed segment to the database: fold, insert with the segment's token, delete.
