//! Certificates that are refused before anything is sent, and addresses that a token may be sent to.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{RootCertStore, ServerConfig};

use super::*;

const WAIT: Duration = Duration::from_secs(20);

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tls").join(name)
}

/// A server with this certificate: its address, and the bytes of requests that it could read of one connection.
pub(crate) async fn server(certificate: &str) -> (SocketAddr, JoinHandle<usize>) {
    let chain = vec![CertificateDer::from_pem_file(fixture(certificate)).unwrap()];
    let key = PrivateKeyDer::from_pem_file(fixture("client.key.pem")).unwrap();
    let config = ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let read = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let Ok(mut stream) = acceptor.accept(stream).await else { return 0 };
        let mut bytes = [0; 1024];
        stream.read(&mut bytes).await.unwrap_or(0)
    });
    (address, read)
}

fn client() -> HttpClient {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(fixture("client-authority.pem")).unwrap()).unwrap();
    HttpClient::trusting(roots)
}

/// Asks a server with this certificate; gives the error, and the bytes that arrived.
async fn asked(client: &HttpClient, certificate: &str) -> (Option<RequestError>, usize) {
    let (address, read) = server(certificate).await;
    let request = Request::post(format!("https://{address}/")).header("authorization", "Bearer secret");
    let answer = client.ask(request.body(Full::new(Bytes::from("token_auth=secret"))).unwrap(), WAIT, 1024).await;
    (answer.err(), read.await.unwrap())
}

#[tokio::test]
async fn a_bad_certificate_is_refused_before_anything_is_sent() {
    for (certificate, fault) in [
        ("client-self-signed.pem", "is not signed by a known authority"),
        ("client-expired.pem", "has expired; nothing was sent: renew it"),
        ("client-other-name.pem", "is for another name; nothing was sent: write the name"),
        ("client-own-authority.pem", "is an authority's own (self-signed with CA:TRUE)"),
    ] {
        let (error, arrived) = asked(&client(), certificate).await;
        let error = error.unwrap();
        assert!(matches!(error, RequestError::Certificate(_)), "{certificate}: {error}");
        let text = error.to_string();
        assert!(text.contains(fault) && text.contains("nothing was sent: "), "{text}");
        assert_eq!(arrived, 0, "{certificate}");
    }
}

#[tokio::test]
async fn a_valid_certificate_carries_the_request_and_a_private_authority_is_not_public() {
    let (error, arrived) = asked(&client(), "client-valid.pem").await;
    assert!(arrived > 0 && matches!(error, Some(RequestError::Connection(_))), "the server reads, and ends");
    let (error, arrived) = asked(&HttpClient::new(), "client-valid.pem").await;
    assert!(arrived == 0 && matches!(error, Some(RequestError::Certificate(_))));
}

#[test]
fn a_token_travels_by_https_or_within_this_machine() {
    for address in [
        "https://stats.example",
        "https://203.0.113.7:8443/m/index.php",
        "http://127.0.0.1:8081",
        "http://127.8.8.8/",
        "http://[::1]:80/",
        "http://localhost:8081",
    ] {
        assert!(token_address(address).is_ok(), "{address}");
    }
    for (address, error) in [
        ("http://stats.example", TokenAddressError::InClear),
        ("http://10.0.0.7:8081", TokenAddressError::InClear),
        ("http://[2001:db8::1]/", TokenAddressError::InClear),
        ("http://localhost.example/", TokenAddressError::InClear),
        ("http://127.0.0.1.example/", TokenAddressError::InClear),
        ("stats.example", TokenAddressError::Malformed),
        ("ftp://stats.example", TokenAddressError::Malformed),
        ("https://", TokenAddressError::Malformed),
        ("", TokenAddressError::Malformed),
    ] {
        assert_eq!(token_address(address), Err(error), "{address}");
    }
}
