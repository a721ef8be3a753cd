//! A backup holds the published tables, encrypted, and brings them back into an empty database.

use age::secrecy::ExposeSecret;
use sillage::backup::{self, BackupError};
use sillage::store::Store;
use sillage::store::migrate::PUBLISHED_TABLES;

use crate::collector::{Collector, FIREFOX, pageview};
use crate::support;

const SITE: &str = r#"site = [{ name = "shop.example", timezone = "Europe/Paris" }]"#;

/// A collector whose database holds one visit.
async fn shop_with_a_visit() -> Collector {
    let shop = Collector::start("2026-03-10T09:00:00Z", SITE).await;
    for path in ["/", "/pricing"] {
        let reply = shop.event("90.0.0.1", FIREFOX, &pageview("shop.example", path, None)).await;
        assert_eq!((reply.status.as_u16(), reply.dropped()), (202, None));
    }
    shop.app.flush().await.unwrap();
    shop
}

async fn rows(store: &Store) -> Vec<(&'static str, String)> {
    let mut tables = Vec::new();
    for table in PUBLISHED_TABLES {
        let sql = "SELECT * FROM {database:Identifier}.{table:Identifier} ORDER BY ALL";
        let query = store.ask_as_owner(sql).param("database", store.database()).param("table", table);
        tables.push((table, format!("{:?}", query.json().await.unwrap())));
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_database_holds_every_published_row() {
    let shop = shop_with_a_visit().await;
    let (secret, public) = backup::new_key();
    let mut file = Vec::new();
    let written = backup::write(&shop.store, &public, &mut file).await.unwrap();
    assert_eq!(written.tables, PUBLISHED_TABLES.len());
    let restored = support::fresh_store().await;
    let read = backup::restore(&restored, secret.expose_secret(), file.as_slice()).await.unwrap();
    assert_eq!(read, written);
    assert_eq!(rows(&restored).await, rows(&shop.store).await);
    assert!(rows(&restored).await.iter().any(|(table, rows)| *table == "page_days" && rows.contains("/pricing")));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_tells_nothing_without_its_key() {
    let shop = shop_with_a_visit().await;
    let (_, public) = backup::new_key();
    let mut file = Vec::new();
    backup::write(&shop.store, &public, &mut file).await.unwrap();
    assert!(!file.windows(8).any(|bytes| bytes == b"/pricing" || bytes == b"manifest"));
    let (other, _) = backup::new_key();
    let restored = support::fresh_store().await;
    let opened = backup::restore(&restored, other.expose_secret(), file.as_slice()).await;
    assert!(matches!(opened, Err(BackupError::Unreadable(_))));
    shop.app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_not_restored_over_figures_and_a_torn_one_is_refused() {
    let shop = shop_with_a_visit().await;
    let (secret, public) = backup::new_key();
    let mut file = Vec::new();
    backup::write(&shop.store, &public, &mut file).await.unwrap();
    let over = backup::restore(&shop.store, secret.expose_secret(), file.as_slice()).await;
    assert!(matches!(over, Err(BackupError::NotEmpty(_))));
    let restored = support::fresh_store().await;
    let torn = backup::restore(&restored, secret.expose_secret(), &file[..file.len() - 100]).await;
    assert!(torn.is_err());
    shop.app.stop().await;
}
