//! The PROXY protocol, version 2: the binary header by which a proxy that passes bytes on, such as HAProxy with
//! `send-proxy-v2`, names the client. It is read from trusted proxies alone, and from them it is required: whether a
//! header is there must never be guessed.
//!
//! ```text
//! 12 bytes   0D 0A 0D 0A 00 0D 0A 51 55 49 54 0A
//!  1 byte    version 2 in the upper half; 0 LOCAL (the proxy itself) or 1 PROXY in the lower
//!  1 byte    0x1_ IPv4, 0x2_ IPv6, 0x3_ Unix, 0x0_ unknown; 0x_1 stream
//!  2 bytes   length of the rest, big-endian
//!  rest      source address, destination address, source port, destination port, then extensions, which are skipped
//! ```

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncRead, AsyncReadExt};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// A header of the proxy itself, as its health checks send it.
pub(crate) const LOCAL_HEADER: [u8; 16] = *b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";

/// Longest rest that is read: addresses of Unix sockets and some extensions, such as a certificate's name, fit.
const REST_BYTES_MAX: usize = 2_048;

/// Reads the header from the front of `stream`; the client's address, where it names one that is an address.
///
/// # Errors
/// `InvalidData` when the bytes are not such a header.
pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<SocketAddr>> {
    let mut head = [0_u8; 16];
    stream.read_exact(&mut head).await?;
    let [signature @ .., command, family, length_high, length_low] = head;
    let length = usize::from(u16::from_be_bytes([length_high, length_low]));
    let has_command = matches!(command, 0x20 | 0x21);
    if signature != SIGNATURE || !has_command || length > REST_BYTES_MAX {
        return Err(malformed());
    }
    let mut rest = vec![0_u8; length];
    stream.read_exact(&mut rest).await?;
    if command == 0x20 {
        return Ok(None);
    }
    match family {
        0x11 => source::<4, 12>(&rest).map(|(ip, port)| Some((IpAddr::from(Ipv4Addr::from(ip)), port).into())),
        0x21 => source::<16, 36>(&rest).map(|(ip, port)| Some((IpAddr::from(Ipv6Addr::from(ip)), port).into())),
        // Datagrams, Unix sockets and unknown families name no client: the connection's own address stays.
        _ => Ok(None),
    }
}

/// The source of two addresses of `ADDRESS` bytes and two ports.
fn source<const ADDRESS: usize, const BLOCK: usize>(rest: &[u8]) -> io::Result<([u8; ADDRESS], u16)> {
    let block = rest.first_chunk::<BLOCK>().ok_or_else(malformed)?;
    let address = block.first_chunk::<ADDRESS>().ok_or_else(malformed)?;
    let ports = block.get(ADDRESS * 2..).and_then(|ports| ports.first_chunk::<2>()).ok_or_else(malformed)?;
    Ok((*address, u16::from_be_bytes(*ports)))
}

fn malformed() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "not a PROXY header of version 2")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn header(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
        [&SIGNATURE[..], &[command, family], &length, rest].concat()
    }

    fn read_all(mut bytes: &[u8]) -> (io::Result<Option<SocketAddr>>, Vec<u8>) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = runtime.block_on(read(&mut bytes));
        (read, bytes.to_vec())
    }

    #[test]
    fn the_header_names_the_client_and_leaves_what_follows_unread() {
        let v4 = [203, 0, 113, 9, 127, 0, 0, 1, 0x1f, 0x90, 0, 80, 3, 0, 4, 1, 2, 3, 4];
        let (client, after) = read_all(&[header(0x21, 0x11, &v4), b"GET /".to_vec()].concat());
        assert_eq!((client.unwrap(), &after[..]), (Some("203.0.113.9:8080".parse().unwrap()), &b"GET /"[..]));
        let v6 = ["2001:db8::7", "::1"].map(|ip| ip.parse::<Ipv6Addr>().unwrap().octets()).concat();
        let (client, _) = read_all(&header(0x21, 0x21, &[&v6[..], &[0, 1, 0, 2]].concat()));
        assert_eq!(client.unwrap(), Some("[2001:db8::7]:1".parse().unwrap()));
    }

    #[test]
    fn the_proxy_itself_and_clients_without_an_address_keep_the_connection_s_address() {
        for bytes in [LOCAL_HEADER.to_vec(), header(0x21, 0, &[]), header(0x21, 0x31, &[0; 216])] {
            assert_eq!(read_all(&bytes).0.unwrap(), None);
        }
    }

    #[test]
    fn other_bytes_and_short_addresses_are_rejected() {
        let rejected = [
            b"PROXY TCP4 203.0.113.9 127.0.0.1 1 2\r\n".to_vec(),
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n".to_vec(),
            header(0x11, 0x11, &[0; 12]),
            header(0x22, 0x11, &[0; 12]),
            header(0x21, 0x11, &[0; 11]),
            header(0x21, 0x21, &[0; 35]),
            header(0x21, 0x11, &[0; REST_BYTES_MAX + 1]),
        ];
        for bytes in rejected {
            assert_eq!(read_all(&bytes).0.unwrap_err().kind(), io::ErrorKind::InvalidData, "{bytes:?}");
        }
        let cut = header(0x21, 0x11, &[0; 12]);
        assert_eq!(read_all(&cut[..20]).0.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
            drop(read_all(&bytes));
            drop(read_all(&[&SIGNATURE[..], &bytes].concat()));
        }
    }
}
