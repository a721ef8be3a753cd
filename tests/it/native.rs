//! Location files from their packages.

use std::path::Path;

use sillage::ffi::map_location_file;

#[test]
fn a_location_file_is_mapped_and_another_file_is_refused() {
    let packages = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db");
    let countries = packages.join("geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb");
    let reader = map_location_file(&countries).unwrap();
    assert!(reader.lookup("192.0.2.1".parse().unwrap()).is_ok());
    assert!(map_location_file(&packages.join("geo-whois-asn-country-mmdb/README.md")).is_err());
    assert!(map_location_file(Path::new("/nowhere.mmdb")).is_err());
}
