//! `sillage snippet`: prints the script's tag. Must print no token, and no setting that browsers need not know.

use base64::Engine as _;
use sha2::{Digest as _, Sha384};

use crate::collect::tracker;
use crate::commands::config_file::ConfigFile;
use crate::commands::terminal::{CommandError, print};
use crate::sites::{Site, Sites};

/// Print the script tag of a site, and the lines for its proxy.
#[derive(Debug, clap::Args)]
pub struct SnippetCommand {
    #[command(flatten)]
    config: ConfigFile,
    /// Name of the site.
    #[arg(long)]
    site: String,
    /// Origin that serves the script, such as <https://stats.shop.example>; empty means the site's own.
    #[arg(long, default_value = "")]
    origin: String,
    /// Pin the script's content (SRI): the browser rejects any other. Renew the snippet after each upgrade.
    #[arg(long)]
    integrity: bool,
    /// Also count downloads, outbound links, forms, videos and votes.
    #[arg(long)]
    actions: bool,
    /// Proxy whose lines are printed.
    #[arg(long, value_enum)]
    proxy: Option<ProxyKind>,
}

/// A proxy in front of the collector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum ProxyKind {
    /// Lines for nginx.
    Nginx,
    /// Lines for Caddy.
    Caddy,
    /// Lines for `HAProxy`.
    Haproxy,
    /// Lines for Traefik.
    Traefik,
}

impl ProxyKind {
    const ALL: [Self; 4] = [Self::Nginx, Self::Caddy, Self::Haproxy, Self::Traefik];

    /// The lines in `deploy/`, with which `tests/proxies` starts each proxy.
    fn lines(self) -> &'static str {
        match self {
            Self::Nginx => include_str!("../../deploy/nginx/sillage.conf"),
            Self::Caddy => include_str!("../../deploy/caddy/sillage.caddy"),
            Self::Haproxy => {
                concat!(
                    include_str!("../../deploy/haproxy/frontend.cfg"),
                    include_str!("../../deploy/haproxy/backend.cfg")
                )
            }
            Self::Traefik => include_str!("../../deploy/traefik/sillage.yml"),
        }
    }
}

impl SnippetCommand {
    /// Prints the snippet.
    ///
    /// # Errors
    /// A mistake in the configuration, or a site that it does not have.
    pub fn run(&self) -> Result<(), CommandError> {
        let config = self.config.load()?;
        let sites = Sites::new(&config.site)?;
        let site = self.config.site(&sites, &self.site)?;
        let proxies: Vec<_> = self.proxy.map_or(ProxyKind::ALL.to_vec(), |proxy| vec![proxy]);
        let lines: Vec<_> = proxies.into_iter().map(ProxyKind::lines).collect();
        let address = config.collect.listen.to_string();
        let lines = lines.join("\n").replace("127.0.0.1:8080", &address);
        let html = self.html(&site, &config.collect.tracker_path);
        print(&format!(
            "<!-- In every page: -->\n{html}\n<!-- The proxy forwards these paths to {address}: -->\n{lines}"
        ))
    }

    /// HTML of the script's tags for `site`.
    fn html(&self, site: &Site, tracker_path: &str) -> String {
        let origin = self.origin.trim_end_matches('/');
        let mut attributes = format!("src=\"{origin}{tracker_path}\" data-site=\"{}\"", escaped(&site.name));
        let searched = Some(&site.search_parameter).filter(|name| !name.is_empty());
        let names_kept: Vec<_> = site.query_names_kept.iter().chain(searched).map(String::as_str).collect();
        if !names_kept.is_empty() {
            attributes += &format!(" data-query=\"{}\"", escaped(&names_kept.join(" ")));
        }
        if self.integrity {
            let digest = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(tracker::SCRIPT));
            attributes += &format!(" integrity=\"sha384-{digest}\" crossorigin=\"anonymous\"");
        }
        let mut html = format!("<script defer {attributes}></script>\n");
        if self.actions {
            let stem = tracker_path.strip_suffix(".js").unwrap_or(tracker_path);
            html += &format!("<script defer src=\"{origin}{stem}.actions.js\"></script>\n");
        }
        html
    }
}

/// Escapes a text for a double-quoted attribute.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    fn html(command: &SnippetCommand, written: config::SiteConfig) -> String {
        let sites = Sites::new(&[written]).unwrap();
        let site = sites.iter().next().unwrap().clone();
        command.html(&site, "/js/sillage.js")
    }

    fn command() -> SnippetCommand {
        SnippetCommand {
            config: ConfigFile { config: "sillage.toml".into() },
            site: String::new(),
            origin: String::new(),
            integrity: false,
            actions: false,
            proxy: None,
        }
    }

    fn shop() -> config::SiteConfig {
        config::SiteConfig { name: "shop.example".into(), ..Default::default() }
    }

    #[test]
    fn the_tag_of_a_plain_site_is_the_one_of_the_readme() {
        let expected = "<script defer src=\"/js/sillage.js\" data-site=\"shop.example\"></script>\n";
        assert_eq!(html(&command(), shop()), expected);
    }

    #[test]
    fn kept_parameters_and_the_search_parameter_are_told_to_the_tracker() {
        let site = config::SiteConfig {
            query_names_kept: vec!["page".into(), "lang".into()],
            search_parameter: "q".into(),
            ..shop()
        };
        assert!(html(&command(), site).contains("data-query=\"page lang q\""));
    }

    #[test]
    fn the_integrity_is_that_of_the_script_that_is_served() {
        let command =
            SnippetCommand { integrity: true, origin: "https://stats.example/".into(), actions: true, ..command() };
        let text = html(&command, shop());
        let digest = base64::engine::general_purpose::STANDARD.encode(Sha384::digest(tracker::SCRIPT));
        assert!(text.contains(&format!("integrity=\"sha384-{digest}\"")));
        assert!(text.contains("src=\"https://stats.example/js/sillage.actions.js\""));
    }

    #[test]
    fn every_proxy_passes_the_same_paths_on() {
        for proxy in ProxyKind::ALL {
            let lines = proxy.lines().replace("\\\\", "\\");
            assert!(
                lines.contains(r"^/(js/sillage(\.[a-z]+)?\.js|api/event/?|pixel\.gif|privacy(\.json)?|opt-out)$"),
                "{proxy:?}"
            );
            assert!(lines.contains("127.0.0.1:8080"), "{proxy:?}");
        }
    }
}
