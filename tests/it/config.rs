//! The configuration for a new user: the example file, the environment, and the messages about mistakes.

use std::process::{Command, Output};

use figment::Figment;
use figment::providers::{Format, Toml};
use sillage::config::Config;

use crate::collector::FIREFOX;

const EXAMPLE: &str = include_str!("../../sillage.example.toml");

/// Runs `sillage check` on a file with this text, in a given environment.
fn check(text: &str, environment: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), text).unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sillage"));
    let command = command.args(["check", "--config", "c.toml"]).current_dir(folder.path()).env_clear();
    command.envs(environment.iter().copied()).output().unwrap()
}

/// The error for a file, or an environment, that is not allowed.
fn refused(text: &str, environment: &[(&str, &str)]) -> String {
    let output = check(text, environment);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(output.stdout.is_empty(), "{stderr}");
    stderr
}

fn as_json(config: &Config) -> serde_json::Value {
    serde_json::to_value(config).unwrap()
}

/// The example with every commented key enabled.
fn written_out() -> String {
    let key = |line: &&str| {
        let name = line.trim_start_matches("# ").split(" = ").next().unwrap();
        line.starts_with("# ") && line.contains(" = ") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
            || *line == "# [[site]]"
    };
    EXAMPLE
        .lines()
        .filter(|line| !line.starts_with("# tokens"))
        .map(|line| if key(&line) { format!("{}\n", line.trim_start_matches("# ")) } else { format!("{line}\n") })
        .collect()
}

#[test]
fn the_example_says_every_key_with_its_default() {
    let defaults = as_json(&Config::default());
    assert_eq!(as_json(&Config::from_toml(EXAMPLE).unwrap()), defaults);

    let written: serde_json::Value = Figment::from(Toml::string(&written_out())).extract().unwrap();
    for (section, keys) in defaults.as_object().unwrap().iter().filter(|(section, _)| *section != "site") {
        for key in keys.as_object().unwrap().keys() {
            assert!(written[section].get(key).is_some(), "the example does not say {section}.{key}");
        }
    }
    let site = as_json(&Config::from_toml(&written_out()).unwrap())["site"][0].clone();
    for (key, value) in site.as_object().unwrap() {
        assert!(written["site"][0].get(key).is_some(), "the example does not say site.{key}");
        let default = serde_json::to_value(sillage::config::SiteConfig::default()).unwrap()[key].clone();
        assert!(key == "name" || *value == default, "site.{key} is not its default");
    }
}

#[test]
fn the_environment_goes_over_the_file() {
    let site = "[privacy]\nretention_months = 13\n[[site]]\nname = \"a.example\"";
    assert!(check(site, &[("SILLAGE_PRIVACY__RETENTION_MONTHS", "12")]).status.success());
    assert_eq!(
        refused(site, &[("SILLAGE_PRIVACY__RETENTION_MONTHS", "26")]),
        "sillage: privacy.retention_months: 26 is out of range; write 1 to 25\n"
    );
    assert_eq!(
        refused(site, &[("SILLAGE_PRIVACY__RETENTION", "12")]),
        "sillage: SILLAGE_PRIVACY__RETENTION: unknown key; expected one of: protection, retention_months, honour_gpc, honour_dnt, \
         hash_address, marketing, last_review, controller, dpo, processor\n"
    );
    assert_eq!(
        refused(site, &[("SILLAGE_PRIVACY__ROUNDING", "ten")]),
        "sillage: SILLAGE_PRIVACY__ROUNDING: replaced by privacy.protection; write protection = \"tens\" (the default: \
         figures are drawn to tens before they are published) or protection = \"exact\" (the former rounding = 1)\n"
    );
    assert!(refused(site, &[("SILLAGE_GEO__DATABASES", "[\"nowhere.mmdb\"]")]).starts_with("sillage: nowhere.mmdb: "));
}

#[test]
fn environment_variables_that_are_not_keys_are_ignored() {
    let others = [("SILLAGE_LOG", "debug"), ("SILLAGE_BIN", "x"), ("SILLAGE_PORT", "tcp://10.0.0.1:8080")];
    assert!(check("", &others).status.success());
}

#[test]
fn a_day_may_be_a_date_or_a_text() {
    for day in ["2026-11-21", "\"2026-11-21\""] {
        let config = Config::from_toml(&format!("[privacy]\nlast_review = {day}")).unwrap();
        assert_eq!(config.privacy.last_review, Some(jiff::civil::date(2026, 11, 21)));
    }
    let with_time = refused("[privacy]\nlast_review = 2026-11-21T10:00:00Z", &[]);
    assert_eq!(with_time, "sillage: c.toml: privacy.last_review: write a date as YYYY-MM-DD\n");
}

#[test]
fn a_proxy_may_be_an_address_or_a_network() {
    let config = Config::from_toml("[collect]\ntrusted_proxies = [\"10.0.0.1\", \"fd00::/8\"]").unwrap();
    assert_eq!(
        config.collect.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["10.0.0.1/32", "fd00::/8"]
    );
}

#[test]
fn each_mistake_is_named_with_what_to_write_instead() {
    let table = [
        (
            "[collect]\nlisten = \"localhost:80\"",
            "c.toml: collect.listen: `localhost:80` is not an address with a port",
        ),
        ("[collect]\ntrusted_proxies = [\"10\"]", "c.toml: collect.trusted_proxies: `10` is not an address or network"),
        ("[collect]\nmax_connections = 0", "collect.max_connections: 0 is out of range; write 1 to 1000000"),
        ("[collect]\nclient_address_header = \"x y\"", "collect.client_address_header: write the name of a header"),
        ("[privacy]\nrounding = 10", "c.toml: privacy.rounding: replaced by privacy.protection; write protection ="),
        ("[privacy]\nretention_months = 26", "privacy.retention_months: 26 is out of range; write 1 to 25"),
        (
            "[privacy]\nmarketing = \"some\"",
            "c.toml: privacy.marketing: unknown value `some`; expected one of: never, with_consent, always",
        ),
        ("[clickhouse]\nmode = \"remote\"\npassword_file = \"gone\"", "clickhouse.password_file: gone: No such file"),
        ("[console]\ntokens = [{ name = \"a\", sha256 = \"b\", sites = [] }]", "console.tokens.sha256: write the 64"),
        ("[[site]]\nname = \"a\"\ntimezone = \"Europe/Pari\"", "site.timezone: `Europe/Pari` is not an IANA time zone"),
        (
            "[[site]]\nname = \"a\"\nexclude_addresses = [\"10\"]",
            "site.exclude_addresses: `10` is not an address or network",
        ),
        ("[colect]", "c.toml: colect: unknown key; expected one of: collect, console,"),
        ("[collect", "c.toml: TOML parse error at line 1"),
    ];
    for (text, expected) in table {
        let answer = refused(text, &[]);
        assert!(answer.starts_with(&format!("sillage: {expected}")), "{text}\n{answer}");
    }
}

#[test]
fn a_setting_that_may_be_a_mistake_is_noted() {
    let text = "[console]\ntokens = [{ name = \"ops\", sha256 = \"SHA\", sites = [\"b\"] }]\n[[site]]\nname = \"a\"";
    let output = check(&text.replace("SHA", &"0".repeat(64)), &[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && stdout.ends_with("c.toml: valid; 1 site(s)\n"), "{stdout}");
    assert!(stdout.contains("note: the token `ops` is for `b`, which is not a [[site]]\n"), "{stdout}");
    assert!(stdout.contains("note: no geo.databases: countries and cities are unknown\n"), "{stdout}");
    assert!(!stdout.contains("privacy.marketing"), "{stdout}");
    let output = check("[privacy]\nmarketing = \"always\"", &[]);
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(stdout.contains("note: privacy.marketing = \"always\": "), "{stdout}");
}

#[test]
fn a_console_that_mails_link_to_but_that_refuses_its_name_is_noted() {
    let mail = "[mail]\nconsole_url = \"https://stats.example.org\"\n";
    let noted =
        |text: &str| String::from_utf8(check(text, &[]).stdout).unwrap().contains("mail.console_url has the host");
    assert!(noted(mail));
    assert!(!noted(&format!("[console]\nhosts = [\"stats.example.org\"]\n{mail}")));
}

#[test]
fn a_missing_file_is_said_with_what_to_do() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_sillage")).args(["check", "--config", "/nowhere.toml"]).output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        stderr,
        "sillage: /nowhere.toml: no such file; write one (see sillage.example.toml) or try `sillage serve --demo`\n"
    );
}

#[test]
fn the_default_folders_take_figures_wherever_the_program_is_started() {
    let folder = tempfile::tempdir().unwrap();
    let event = r#"{"n":"pageview","u":"https://a.example/","time":"TIME","address":"192.0.2.1","user_agent":"AGENT"}"#;
    #[allow(clippy::disallowed_methods, reason = "an import keeps nothing older than the retention")]
    let now = jiff::Timestamp::now();
    let event = event.replace("TIME", &now.to_string()).replace("AGENT", FIREFOX);
    std::fs::write(folder.path().join("events.jsonl"), event).unwrap();
    std::fs::write(folder.path().join("sillage.toml"), "[[site]]\nname = \"a.example\"").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_sillage"))
        .args(["import", "events", "events.jsonl", "--site", "a.example"])
        .current_dir(folder.path())
        .env("SILLAGE_RUNTIME__DIR", folder.path().join("runtime"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(folder.path().join("data/clickhouse").is_dir());
}
