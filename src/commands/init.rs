//! `sillage init`: writes a configuration for a first site. It detects values where possible and prompts for the rest.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use crate::commands::terminal::{CommandError, print};
use crate::config::Config;
use crate::console::tokens;
use crate::runtime_dir::private_options;
use crate::sites::Sites;

/// Folders searched for location files, beside `node_modules` above the program.
const LOCATION_FOLDERS: [&str; 4] = ["/usr/share/GeoIP", "/var/lib/GeoIP", "/usr/local/share/GeoIP", "."];

/// Packages of location files, in order of preference.
const LOCATION_PACKAGES: [&str; 2] = ["dbip-city-mmdb", "geo-whois-asn-country-mmdb"];

/// Write a configuration for a first site, with a token, and print the next steps.
#[derive(Debug, clap::Args)]
pub struct InitCommand {
    /// Name of the site: its public host name; of an address, its host.
    site: String,
    /// File to write; an existing one is not touched.
    #[arg(long, value_name = "FILE", default_value = "sillage.toml")]
    config: PathBuf,
    /// Time zone of the site; detected if omitted.
    #[arg(long, value_name = "ZONE")]
    timezone: Option<String>,
    /// Name of the controller (GDPR); prompted for if omitted.
    #[arg(long, value_name = "NAME")]
    controller: Option<String>,
    /// Protection of figures: `tens` (the profile of the exemption) or `exact`; prompted for if omitted.
    #[arg(long, value_name = "PROTECTION")]
    protection: Option<String>,
}

impl InitCommand {
    /// Writes the file and prints the next steps.
    ///
    /// # Errors
    /// When the site is no host name, the file exists or cannot be written, or an answer is not allowed.
    pub fn run(&self) -> Result<(), CommandError> {
        let site = host_name(&self.site)?;
        let timezone = self.timezone.clone().or_else(system_zone).unwrap_or_else(|| "UTC".to_owned());
        let controller = answer(self.controller.as_deref(), "Name of the controller (GDPR)?", "")?;
        let protection = answer(self.protection.as_deref(), "Protection of figures, tens or exact?", "tens")?;
        let (token, sha256) = tokens::new_token().map_err(|_| "no random bytes from the operating system")?;
        let program = std::env::current_exe()?;
        let locations = location_files(&program);
        let text = configuration(&site, &timezone, &controller, &protection, &sha256, &locations);
        let config = Config::from_toml(&text)?;
        Sites::new(&config.site)?;
        let mut file = private_options().write(true).create_new(true).open(&self.config).map_err(|error| {
            let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
            let why = if exists { "exists already".to_owned() } else { error.to_string() };
            format!("{}: {why}; set another file with --config, or remove this one", self.config.display())
        })?;
        file.write_all(text.as_bytes())?;
        print(&next_steps(&site, &self.config, &config, &token, &locations))
    }
}

/// The host name in what an operator types or copies from a browser: `https://Shop.Example/fr/` is `shop.example`.
fn host_name(typed: &str) -> Result<String, CommandError> {
    let typed = typed.trim();
    let address = typed.split_once("://").map_or(typed, |(_, rest)| rest);
    let host = address.split(['/', '?', '#', ':']).next().unwrap_or_default().trim_end_matches('.').to_lowercase();
    let of_labels = host.chars().all(|character| character.is_alphanumeric() || "-._".contains(character));
    let is_host = of_labels && !host.starts_with('.') && url::Host::parse(&host).is_ok();
    if is_host { Ok(host) } else { Err(format!("`{typed}` is not a host name, such as shop.example").into()) }
}

/// The given value, or the answer to a question; the default without a terminal.
fn answer(given: Option<&str>, question: &str, default: &str) -> Result<String, CommandError> {
    if let Some(given) = given {
        return Ok(given.to_owned());
    }
    let input = std::io::stdin();
    if !input.is_terminal() {
        return Ok(default.to_owned());
    }
    let shown = if default.is_empty() { String::new() } else { format!(" [{default}]") };
    write!(std::io::stderr(), "{question}{shown} ")?;
    let mut line = String::new();
    input.lock().read_line(&mut line)?;
    let line = line.trim();
    Ok(if line.is_empty() { default.to_owned() } else { line.to_owned() })
}

/// Time zone of the machine.
fn system_zone() -> Option<String> {
    let target = std::fs::read_link("/etc/localtime").ok()?;
    let (_, name) = target.to_str()?.split_once("zoneinfo/")?;
    Some(name.to_owned())
}

/// Location files of this machine: from the packages above the program, else any `.mmdb` in the usual folders.
fn location_files(program: &Path) -> Vec<PathBuf> {
    let packages = program
        .ancestors()
        .skip(1)
        .flat_map(|folder| LOCATION_PACKAGES.map(|package| folder.join("node_modules/@ip-location-db").join(package)));
    let folders = packages.chain(LOCATION_FOLDERS.map(PathBuf::from));
    for folder in folders {
        let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| std::path::absolute(entry.ok()?.path()).ok())
            .filter(|path| path.extension().is_some_and(|extension| extension == "mmdb"))
            .collect();
        if !files.is_empty() {
            files.sort_unstable();
            return files;
        }
    }
    Vec::new()
}

fn quoted(text: &str) -> String {
    // A JSON string is also a TOML basic string, for every character that both allow.
    serde_json::Value::from(text).to_string()
}

fn configuration(
    site: &str,
    timezone: &str,
    controller: &str,
    protection: &str,
    sha256: &str,
    locations: &[PathBuf],
) -> String {
    let locations: Vec<String> = locations.iter().map(|path| quoted(&path.to_string_lossy())).collect();
    format!(
        r#"# Written by `sillage init`. sillage.example.toml has every key; `sillage check` reads this file.

[collect]                       # the public listener: put a proxy with TLS in front of it
listen = "127.0.0.1:8080"
trusted_proxies = ["127.0.0.1"] # the proxy of this machine; its X-Forwarded-For names the visitor's address

[console]                       # the private listener: figures
listen = "127.0.0.1:8081"
hosts = []                      # the name under which a proxy passes it on, if one does
tokens = [{{ name = "first", sha256 = "{sha256}", sites = ["*"] }}]

[clickhouse]
dir = "data/clickhouse"         # figures

[spool]
dir = "data/spool"              # hits on their way to the figures, without identity

[geo]
databases = [{locations}] # countries and cities; DB-IP's are CC BY 4.0

[privacy]
protection = {protection}       # "tens": drawn to tens, the exemption's profile; "exact": for a site with another legal ground
controller = {{ name = {controller}, contact = "" }}

[[site]]
name = {site}
timezone = {timezone}           # decides what a day is
"#,
        locations = locations.join(", "),
        protection = quoted(protection),
        controller = quoted(controller),
        site = quoted(site),
        timezone = quoted(timezone),
    )
}

fn next_steps(site: &str, file: &Path, config: &Config, token: &str, locations: &[PathBuf]) -> String {
    let (collect, console) = (config.collect.listen, config.console.listen);
    let (tracker, file) = (&config.collect.tracker_path, file.display());
    let locations = match locations {
        [] => "countries are unknown: no .mmdb file found; `npm ci` installs two, or set geo.databases\n".to_owned(),
        files => format!("location files: {} found\n", files.len()),
    };
    format!(
        "{file} written. {locations}\n\
         1. start:    sillage serve --config {file}\n\
         2. proxy:    pass these paths of https://{site} to http://{collect}, with X-Forwarded-For\n\
         \x20  nginx:     location ~ ^/(js/|api/event|pixel\\.gif|privacy|opt-out) {{ proxy_pass http://{collect}; \
         proxy_set_header Host $host; proxy_set_header X-Forwarded-For $remote_addr; }}\n\
         \x20  Caddy:     @sillage path /js/* /api/event /pixel.gif /privacy* /opt-out\n\
         \x20             reverse_proxy @sillage {collect}\n\
         3. snippet:  <script defer src=\"{tracker}\" data-site=\"{site}\"></script>\n\
         4. look:     http://{console}/sign-in?token={token}\n\
         \x20            (the token is shown once; keep it safe)\n\
         5. check:    sillage doctor --config {file} --url https://{site}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_named_by_its_host_however_it_is_typed() {
        for (typed, host) in [
            ("shop.example", "shop.example"),
            (" Shop.Example. ", "shop.example"),
            ("https://shop.example/fr/?a=1#top", "shop.example"),
            ("shop.example/blog", "shop.example"),
            ("http://localhost:3000/", "localhost"),
            ("https://BÜCHER.example", "bücher.example"),
            ("127.0.0.1", "127.0.0.1"),
        ] {
            assert_eq!(host_name(typed).unwrap(), host, "{typed}");
        }
        for typed in ["", "bad name", "https://", "a\"b", "<b>", "a,b", "*", ".", "..", ".example", "user@shop.example"]
        {
            assert!(host_name(typed).is_err(), "{typed}");
        }
    }

    #[test]
    fn a_written_file_is_a_valid_configuration_also_with_odd_names() {
        for (site, controller, protection) in
            [("shop.example", "", "tens"), ("shop.example", "A \"B\"\\ GmbH", "exact")]
        {
            let locations = [PathBuf::from("/srv/a \"b\".mmdb")];
            let text = configuration(site, "Europe/Paris", controller, protection, &"ab".repeat(32), &locations);
            let config = Config::from_toml(&text).unwrap();
            assert_eq!((&*config.site[0].name, &*config.site[0].timezone), (site, "Europe/Paris"));
            assert_eq!(
                (&*config.privacy.controller.name, config.geo.databases.as_slice()),
                (controller, &locations[..])
            );
        }
        let wrong = configuration("shop.example", "UTC", "", "hundreds", &"ab".repeat(32), &[]);
        assert!(Config::from_toml(&wrong).is_err());
    }
}
