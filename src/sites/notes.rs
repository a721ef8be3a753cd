//! Notes of `sillage check` on site settings whose meaning may surprise.

use crate::config::SiteConfig;
use crate::sites::hosts::{SiteHosts, host_form};
use crate::sites::patterns::PathPattern;

/// One sentence for each setting whose effect differs from its text.
pub fn notes(configured: &[SiteConfig]) -> Vec<String> {
    configured.iter().flat_map(notes_of).collect()
}

fn notes_of(site: &SiteConfig) -> Vec<String> {
    let name = &site.name;
    let mut notes = Vec::new();
    for host in std::iter::once(name).chain(&site.hosts).chain(&site.foreign_hosts) {
        if let Some(form) = host_form(host).filter(|form| !host.is_ascii() && form != host) {
            notes.push(format!("site `{name}`: the host `{host}` is `{form}` in requests; both are recognised"));
        }
    }
    if SiteHosts::new(name, &site.hosts, &[]).is_ok_and(|hosts| hosts.are_unknown()) {
        notes.push(format!(
            "site `{name}`: its name is not a host and `hosts` is empty, so hits of every host are counted; list its hosts"
        ));
    }
    for (key, patterns) in [("exclude_paths", &site.exclude_paths), ("pages", &site.pages)] {
        for pattern in patterns {
            notes.push(format!("site `{name}`: {key} `{pattern}` covers {}", PathPattern::new(pattern).shown()));
        }
    }
    notes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_state_how_hosts_and_patterns_are_interpreted() {
        let site = SiteConfig {
            name: "my-shop".into(),
            foreign_hosts: vec!["bücher.example".into()],
            exclude_paths: vec!["/admin/*".into(), "/caf%C3%A9/".into()],
            ..SiteConfig::default()
        };
        assert_eq!(
            notes(&[site]),
            [
                "site `my-shop`: the host `bücher.example` is `xn--bcher-kva.example` in requests; both are recognised",
                "site `my-shop`: its name is not a host and `hosts` is empty, so hits of every host are counted; list its hosts",
                "site `my-shop`: exclude_paths `/admin/*` covers /admin and all pages below it",
                "site `my-shop`: exclude_paths `/caf%C3%A9/` covers the page /café",
            ]
        );
    }
}
