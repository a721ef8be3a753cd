//! Tests each format with lines as they occur in real logs.

use super::*;
use crate::import::log_line::{LogLine, LoggedAgent};

pub(super) const FIREFOX: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0";

/// Address, time, method, target, host, status, referrer and agent of the only request in a text.
pub(super) fn read(text: &str) -> String {
    let all = read_all(text);
    assert_eq!(all.len(), 1, "{text}");
    all.into_iter().next().unwrap()
}

pub(super) fn read_all(text: &str) -> Vec<String> {
    read_with(LogReader::new(None), text)
}

fn read_with(mut reader: LogReader, text: &str) -> Vec<String> {
    let mut all = Vec::new();
    for line in text.lines() {
        match reader.read(line) {
            LineReading::Request(line) => all.push(told(&line)),
            LineReading::NoPage | LineReading::Part => {}
            LineReading::NotUnderstood(why) => all.push(format!("{why:?}")),
        }
    }
    all
}

fn told(line: &LogLine<'_>) -> String {
    let agent = match &line.agent {
        LoggedAgent::Sent(agent) if *agent == FIREFOX => "firefox",
        LoggedAgent::Sent(agent) => agent,
        LoggedAgent::Missing => "missing",
        LoggedAgent::NotLogged => "not logged",
    };
    let of = |text: &Option<Cow<'_, str>>| text.as_deref().unwrap_or("-").to_owned();
    format!(
        "{} {} {} {} {} {} {} {agent}",
        line.address,
        line.time,
        line.method,
        line.target,
        of(&line.host),
        line.status,
        of(&line.referrer)
    )
}

/// A combined line that begins with `before`.
fn combined(before: &str) -> String {
    format!("{before} - - [10/Nov/2026:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"{FIREFOX}\"")
}

const USUAL: &str = "2026-11-10T13:55:36Z GET /a - 200 - firefox";

#[test]
fn a_combined_line_is_read_with_its_escapes() {
    let line = concat!(
        r#"192.0.2.1 - frank [10/Oct/2025:13:55:36 -0700] "GET /caf\xc3\xa9?b=c HTTP/1.1" 200 2326 "#,
        r#""http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; \"I\" ;Nav)""#
    );
    let expected = "192.0.2.1 2025-10-10T20:55:36Z GET /café?b=c - 200 http://www.example.com/start.html \
                    Mozilla/4.08 [en] (Win98; \"I\" ;Nav)";
    assert_eq!(read(line), expected);
}

#[test]
fn an_agent_that_the_format_cannot_hold_is_told_from_one_that_is_missing() {
    let common = r#"2001:db8::1 - - [10/Oct/2025:13:55:36 +0000] "GET / HTTP/1.0" 304 -"#;
    assert_eq!(read(common), "2001:db8::1 2025-10-10T13:55:36Z GET / - 304 - not logged");
    assert!(read(&format!("{common} \"-\" \"-\"")).ends_with("missing"));
}

#[test]
fn a_virtual_host_or_a_list_of_addresses_may_come_first() {
    let at = |host: &str| format!("81.2.69.142 2026-11-10T13:55:36Z GET /a {host} 200 - firefox");
    assert_eq!(read(&combined("c03.example 81.2.69.142")), at("c03.example"));
    assert_eq!(read(&combined("c04.example:80 81.2.69.142")), at("c04.example"));
    assert_eq!(read(&combined("81.2.69.142, 10.183.250.139")), at("-"));
    assert_eq!(read(&combined("\"81.2.69.142, 10.0.0.1\"")), at("-"));
    assert_eq!(read(&combined("unknown, 81.2.69.142")), at("-"));
}

#[test]
fn the_last_column_tells_the_client_behind_a_local_proxy_only() {
    let behind = |peer: &str| read(&format!("{} \"203.0.113.9, 10.0.0.1\"", combined(peer)));
    assert_eq!(behind("172.18.0.1"), format!("203.0.113.9 {USUAL}"));
    assert_eq!(behind("90.0.0.1"), format!("90.0.0.1 {USUAL}"));
}

#[test]
fn broken_requests_ask_for_no_page_and_lines_without_an_address_are_named() {
    for request in ["-", "", "\\x16\\x03\\x01\\x00", "hello"] {
        let line = format!("203.0.113.9 - - [10/Nov/2026:13:55:36 +0000] \"{request}\" 400 0 \"-\" \"-\"");
        assert_eq!(read_all(&line), Vec::<String>::new(), "{request}");
    }
    for peer in ["unix:", "-", "90.0.0.x", "client.example"] {
        assert_eq!(read(&combined(peer)), "Address", "{peer}");
    }
    for broken in ["hello", "{}", "{\"ts\":1}"] {
        assert_eq!(read(broken), "Shape", "{broken}");
    }
    assert_eq!(read("192.0.2.1 - - [31/Feb/2025:13:55:36 +0000] \"GET / HTTP/1.0\" 200 5"), "Time");
}

#[test]
fn a_target_with_an_open_quote_or_a_blank_is_a_target() {
    let line = |target: &str| {
        let before = "81.2.69.142 - - [10/Nov/2026:13:55:36 +0000]";
        read(&format!("{before} \"GET {target} HTTP/1.1\" 200 512 \"-\" \"{FIREFOX}\""))
    };
    assert_eq!(line("/a\"b\"c"), "81.2.69.142 2026-11-10T13:55:36Z GET /a\"b\"c - 200 - firefox");
    assert_eq!(line("/my file.html"), "81.2.69.142 2026-11-10T13:55:36Z GET /my file.html - 200 - firefox");
    assert_eq!(line("http://o.example/own"), "81.2.69.142 2026-11-10T13:55:36Z GET /own o.example 200 - firefox");
}

#[test]
fn prefixes_of_containers_and_syslog_are_taken_off() {
    let line = combined("81.2.69.142");
    for prefix in [
        "2026-11-10T13:55:36.864113722Z stdout F ",
        "2026-11-10T13:55:36.864113722Z ",
        "<190>Nov 10 13:55:36 web-1 nginx: ",
        "Nov 10 13:55:36 web-1 nginx[123]: ",
        "<190>1 2026-11-10T13:55:36Z web-1 nginx 12 - - ",
        "2026-11-10T13:55:36.123456+00:00 web-1 nginx: ",
        "web_1  | ",
        "\u{1b}[36mweb-1  |\u{1b}[0m ",
        "web-1  | 2026-11-10T13:55:36.864113722Z ",
        "[pod/web-1/nginx] ",
    ] {
        assert_eq!(read(&format!("{prefix}{line}")), format!("81.2.69.142 {USUAL}"), "{prefix}");
    }
    let log = serde_json::json!({ "log": format!("{line}\n"), "stream": "stdout", "time": "2026-11-10T13:55:36.8Z" });
    assert_eq!(read(&log.to_string()), format!("81.2.69.142 {USUAL}"));
}

#[test]
fn a_requested_target_takes_precedence_over_the_rewritten_one() {
    let nginx = r#"{"time":"2026-11-10T13:55:36+00:00","remote_addr":"81.2.69.142","vhost":"c18.example",
        "uri":"/index.php","request_uri":"/blog/first?x=1","args":"x=1","status":200,"method":"GET","http_referrer":"https://n.example/",
        "http_user_agent":"A/1"}"#;
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /blog/first?x=1 c18.example 200 https://n.example/ A/1";
    assert_eq!(read(&nginx.replace('\n', " ")), expected);
}

#[test]
fn empty_dash_and_null_fall_through_to_the_next_name() {
    let line = r#"{"time":"2026-11-10T13:00:00Z","ts":null,"client_ip":"-","remote_addr":"81.2.69.142, 10.0.0.1","host":"10.0.0.9",
        "request":"GET /j HTTP/1.1","status":200.0,"http_user_agent":null,"user_agent":"A/1","http_referer":null,"referer":"\"https://n.example/\""}"#;
    let expected = "81.2.69.142 2026-11-10T13:00:00Z GET /j - 200 https://n.example/ A/1";
    assert_eq!(read(&line.replace('\n', " ")), expected);
    let escaped = r#"{"@timestamp":"2026-11-10T11:01:06+08:00","clientip":"81.2.69.142","request":"GET /caf\xC3\xA9 HTTP/1.1","http_user_agent":"A \x22x\x22","status":"200","referer":"-"}"#;
    assert_eq!(read(escaped), "81.2.69.142 2026-11-10T03:01:06Z GET /café - 200 - A \"x\"");
}

#[test]
fn caddy_of_every_version_is_read() {
    let request = r#""request":{"REMOTE","proto":"HTTP/2.0","method":"GET","host":"c.example","uri":"/a","headers":{"User-Agent":["A/1"],"Referer":["https://n.example/"]}},"status":200}"#;
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 https://n.example/ A/1";
    let new = request.replace("\"REMOTE\"", r#""remote_ip":"81.2.69.142","client_ip":"81.2.69.142""#);
    let old = request.replace("\"REMOTE\"", r#""remote_addr":"81.2.69.142:63251""#);
    for ts in
        ["1794318936", "1794318936000", "1794318936000000000", "\"2026/11/10 13:55:36\"", "\"2026-11-10T13:55:36Z\""]
    {
        assert_eq!(read(&format!("{{\"level\":\"info\",\"ts\":{ts},{new}")), expected, "{ts}");
        assert_eq!(read(&format!("{{\"level\":\"info\",\"ts\":{ts},{old}")), expected, "{ts}");
    }
    let console = format!("2026/11/10 13:55:36\tINFO\thttp.log.access\thandled request\t{{{new}");
    assert_eq!(read(&console), expected);
    let value: serde_json::Value = serde_json::from_str(&format!("{{\"ts\":1794318936,{new}")).unwrap();
    let pretty = serde_json::to_string_pretty(&value).unwrap();
    assert_eq!(read_all(&format!("{pretty}\n{pretty}")), [expected, expected]);
}

#[test]
fn pipelines_and_proxies_that_write_json_are_read() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 https://n.example/ A/1";
    for line in [
        r#"{"ClientHost":"81.2.69.142","RequestHost":"c.example","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":200,"StartUTC":"2026-11-10T13:55:36Z","time":"2026-11-10T14:55:37+01:00","request_User-Agent":"A/1","request_Referer":"https://n.example/"}"#,
        r#"{"@timestamp":"2026-11-10T13:55:36Z","source":{"ip":"81.2.69.142"},"url":{"original":"/a","domain":"c.example"},"http":{"request":{"method":"GET","referrer":"https://n.example/"},"response":{"status_code":200}},"user_agent":{"original":"A/1"},"host":{"name":"web-1"},"agent":{"type":"filebeat"}}"#,
        r#"{"@timestamp":"2026-11-10T13:55:36Z","clientip":"81.2.69.142","verb":"GET","request":"/a","response":"200","referrer":"\"https://n.example/\"","agent":"\"A/1\"","http_host":"c.example","host":"web-1"}"#,
        r#"{"EdgeStartTimestamp":"2026-11-10T13:55:36Z","ClientIP":"81.2.69.142","ClientRequestHost":"c.example","ClientRequestMethod":"GET","ClientRequestURI":"/a","EdgeResponseStatus":200,"ClientRequestReferer":"https://n.example/","ClientRequestUserAgent":"A/1"}"#,
        r#"{"time":"10/Nov/2026:13:55:36 +0000","remote":"81.2.69.142","host":"c.example","method":"GET","path":"/a","code":"200","referer":"https://n.example/","agent":"A/1"}"#,
    ] {
        assert_eq!(read(line), expected);
    }
}

#[test]
fn objections_and_language_are_read_where_a_log_has_them() {
    let line = |headers: &str| {
        let text = format!(
            "{{\"ts\":1794318936,\"request\":{{\"client_ip\":\"81.2.69.142\",\"method\":\"GET\",\"uri\":\"/\",\"headers\":{{{headers}}}}},\"status\":200}}"
        );
        match LogReader::new(None).read(&text) {
            LineReading::Request(line) => {
                (line.signals.gpc, line.signals.dnt, line.signals.prefetch, line.language.map(Cow::into_owned))
            }
            LineReading::NoPage | LineReading::Part | LineReading::NotUnderstood(_) => panic!("{text}"),
        }
    };
    assert_eq!(line(r#""Sec-Gpc":["1"],"Accept-Language":["fr"]"#), (true, false, false, Some("fr".into())));
    assert_eq!(line(r#""Dnt":["1"]"#), (false, true, false, None));
    assert_eq!(line(r#""Sec-Purpose":["prefetch;prerender"]"#), (false, false, true, None));
    assert_eq!(line(r#""Dnt":["0"]"#), (false, false, false, None));
}

#[test]
fn columns_named_by_a_head_are_read() {
    let iis = format!(
        "#Software: Microsoft Internet Information Services 10.0\n#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port c-ip cs(User-Agent) cs(Referer) sc-status\n\
         2026-11-10 13:55:36 10.0.0.1 GET /a x=1 443 81.2.69.142 {} https://n.example/ 200",
        FIREFOX.replace(' ', "+")
    );
    assert_eq!(read(&iis), "81.2.69.142 2026-11-10T13:55:36Z GET /a?x=1 - 200 https://n.example/ firefox");
    let cloudfront = format!(
        "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query x-host-header\n\
         2026-11-10\t13:55:36\tCDG50\t512\t81.2.69.142\tGET\td1.cloudfront.net\t/a\t200\t-\t{}\t-\tc.example",
        FIREFOX.replace(' ', "%2520")
    );
    assert_eq!(read(&cloudfront), "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - firefox");
}

#[test]
fn proxies_and_networks_with_lines_of_their_own_are_read() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - firefox".to_owned();
    let npm = format!(
        "[10/Nov/2026:13:55:36 +0000] - 200 200 - GET https c.example \"/a\" [Client 81.2.69.142] [Length 512] [Gzip -] [Sent-to 10.0.0.5] \"{FIREFOX}\" \"-\""
    );
    assert_eq!(read(&npm), expected);
    assert_eq!(read(&npm.replace("- 200 200 -", "404 -")).split(' ').nth(5), Some("404"));
    let alb = format!(
        "h2 2026-11-10T13:55:36Z app/lb/1 81.2.69.142:2817 10.0.0.1:80 0.1 0.2 0.3 200 200 34 366 \"GET https://c.example:443/a HTTP/2.0\" \"{FIREFOX}\" ECDHE TLSv1.2 arn \"Root=1\""
    );
    assert_eq!(read(&alb), expected);
    assert_eq!(read(alb.strip_prefix("h2 ").unwrap()), expected);
    let haproxy = format!(
        "Nov 10 13:55:36 lb haproxy[14389]: 81.2.69.142:33317 [10/Nov/2026:13:55:36.000] http-in app/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {{c.example|{FIREFOX}}} {{}} \"GET /a HTTP/1.1\""
    );
    assert_eq!(read(&haproxy), expected);
    let bunny = format!("HIT|200|1794318936000|412|390|81.2.69.142|-|https://c.example/a|FR|{FIREFOX}|3a1b|FR");
    assert_eq!(read(&bunny), expected);
    let s3 = format!(
        "79a5 c.example [10/Nov/2026:13:55:36 +0000] 81.2.69.142 - 3E57 WEBSITE.GET.OBJECT a \"GET /c.example/a HTTP/1.1\" 200 - 512 512 7 6 \"-\" \"{FIREFOX}\" -"
    );
    assert_eq!(read(&s3), expected);
    let ingress = format!(
        "81.2.69.142 - [81.2.69.142] - - [10/Nov/2026:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 512 \"-\" \"{FIREFOX}\" 300 0.003 [default-web-80] 10.0.0.5:80 512 0.003 200"
    );
    assert_eq!(read(&ingress), format!("81.2.69.142 {USUAL}"));
    let gandi = format!(
        "c.example 81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] (0 s) \"GET /a HTTP/1.1\" 200 512 \"-\" \"{FIREFOX}\""
    );
    assert_eq!(read(&gandi), expected);
}

#[test]
fn a_format_string_of_nginx_or_apache_is_followed() {
    let with = |format: &str, line: &str| {
        read_with(LogReader::new(Some(Arc::new(CustomFormat::parse(format).unwrap()))), line)
    };
    let nginx =
        r#"$http_x_forwarded_for | $time_iso8601 | "$request" $status "$http_user_agent" "$http_referer" $host"#;
    let line =
        format!("81.2.69.142 | 2026-11-10T13:55:36+00:00 | \"GET /a HTTP/1.1\" 200 \"{FIREFOX}\" \"-\" c.example");
    assert_eq!(with(nginx, &line), ["81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - firefox"]);
    let apache = r#"%v %a %t "%m %U%q %H" %>s %b "%{Referer}i" "%{User-Agent}i""#;
    let line =
        format!("c.example 81.2.69.142 [10/Nov/2026:13:55:36 +0000] \"GET /a?b HTTP/1.1\" 200 5 \"-\" \"{FIREFOX}\"");
    assert_eq!(with(apache, &line), ["81.2.69.142 2026-11-10T13:55:36Z GET /a?b c.example 200 - firefox"]);
    assert_eq!(
        with(r#"%h %l %u %t "%r" %>s %b"#, "81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] \"GET /a HTTP/1.1\" 200 5"),
        ["81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - not logged"]
    );
    assert_eq!(with(nginx, "hello"), ["Shape"]);
    for wrong in ["hello", "$remote_addr $status", "$remote_addr$status $time_local $request"] {
        assert!(CustomFormat::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn the_host_of_a_line_is_read_where_servers_write_it() {
    let at = |host: &str| format!("81.2.69.142 2026-11-10T13:55:36Z GET /a {host} 200 - firefox");
    let lighttpd = combined("81.2.69.142").replace("142 - -", "142 c.example -");
    assert_eq!(read(&lighttpd), at("c.example"));
    assert_eq!(read(&combined("81.2.69.142").replace("142 - -", "142 - jean.dupont")), at("-"), "a user");
    let before_request = combined("81.2.69.142").replace("+0000] ", "+0000] c.example ");
    assert_eq!(read(&before_request), at("c.example"));
    let bucket = format!(
        "79a5 files [10/Nov/2026:13:55:36 +0000] 81.2.69.142 - 3E57 WEBSITE.GET.OBJECT a \"GET /files/a HTTP/1.1\" 200 - 512 512 7 6 \"-\" \"{FIREFOX}\" -"
    );
    assert_eq!(read(&bucket), at("-"), "a bucket without a dot is no host");
}

#[test]
fn entries_of_gateways_and_hosting_services_are_read() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - firefox";
    let encoded = FIREFOX.replace(' ', "%20");
    let agent = FIREFOX;
    for line in [
        format!(
            r#"[2026-11-10T13:55:36Z] "GET /a HTTP/1.1" 200 - 0 512 12 11 "81.2.69.142" "{agent}" "9a" "c.example" "10.0.0.5:80""#
        ),
        format!(
            r#"[2026-11-10T13:55:36Z] "GET /a HTTP/2" 200 - via_upstream - "-" 0 512 12 11 "81.2.69.142,10.0.0.1" "{agent}" "9a" "c.example:443" "10.0.0.5:80" outbound|80||web 10.0.0.9:1 10.0.0.9:80 10.0.0.1:0 - default"#
        ),
        format!(
            r#"{{"start_time":"2026-11-10T13:55:36Z","method":"GET","path":"/a","response_code":200,"x_forwarded_for":"81.2.69.142","downstream_remote_address":"10.0.0.1:80","user_agent":"{agent}","authority":"c.example"}}"#
        ),
        format!(
            r#"{{"ip":"81.2.69.142","requestTime":"10/Nov/2026:13:55:36 +0000","httpMethod":"GET","path":"/a","status":"200","userAgent":"{agent}","host":"c.example"}}"#
        ),
        format!(
            r#"{{"time":"2026-11-10T13:55:36Z","category":"FrontDoorAccessLog","properties":{{"httpMethod":"GET","requestUri":"https://c.example:443/a","userAgent":"{agent}","clientIp":"81.2.69.142","httpStatusCode":"200","referer":""}}}}"#
        ),
        format!(
            r#"{{"version":"1.1","host":"web1","short_message":"GET /a HTTP/1.1","timestamp":1794318936,"_remote_addr":"81.2.69.142","_request_uri":"/a","_request_method":"GET","_status":"200","_http_host":"c.example","_http_user_agent":"{agent}"}}"#
        ),
        format!(
            r#"{{"request":{{"method":"GET","uri":"/a","headers":{{"user-agent":"{agent}","host":"c.example"}}}},"response":{{"status":200}},"client_ip":"81.2.69.142","started_at":1794318936000}}"#
        ),
        format!(
            r#"{{"timestamp":1794318936000,"proxy":{{"timestamp":1794318936000,"method":"GET","host":"c.example","path":"/a","userAgent":["{agent}"],"statusCode":200,"clientIp":"81.2.69.142"}},"source":"static"}}"#
        ),
        format!(
            r#"{{"cliIP":"81.2.69.142","reqHost":"c.example","reqMethod":"GET","reqPath":"a","statusCode":"200","UA":"{encoded}","reqTimeSec":"1794318936"}}"#
        ),
        format!(
            r#"{{"timestamp":"2026-11-10T13:55:36Z","attributes":{{"client.address":"81.2.69.142","http.request.method":"GET","url.path":"/a","http.response.status_code":200,"user_agent.original":"{agent}","server.address":"c.example"}}}}"#
        ),
        format!(
            r#"time=2026-11-10T13:55:36Z level=info method=GET path=/a status=200 remote_ip=81.2.69.142 user_agent="{agent}" host=c.example"#
        ),
        format!(
            "\"time_micros\",\"c_ip\",\"cs_method\",\"cs_uri\",\"sc_status\",\"cs_host\",\"cs_user_agent\"\n\"1794318936000000\",\"81.2.69.142\",\"GET\",\"/a\",\"200\",\"c.example\",\"{agent}\""
        ),
        format!(
            "#Fields: date time c-ip cs-method cs-uri sc-status cs(User-Agent)\n\"2026-11-10\" \"13:55:36\" \"81.2.69.142\" \"GET\" \"https://c.example/a\" \"200\" \"{agent}\""
        ),
    ] {
        assert_eq!(read(&line), expected, "{line}");
    }
    let squid =
        "1794318936.000     12 81.2.69.142 TCP_MISS/200 1234 GET https://c.example/a - HIER_DIRECT/10.0.0.5 text/html";
    assert_eq!(read(squid), expected.replace("firefox", "not logged"));
    let heroku = r#"2026-11-10T13:55:36Z heroku[router]: at=info method=GET path="/a" host=c.example request_id=8 fwd="81.2.69.142" dyno=web.1 connect=1ms service=18ms status=200 bytes=13"#;
    assert_eq!(read(heroku), expected.replace("firefox", "not logged"));
}

#[test]
fn a_trusted_proxy_names_the_client_as_a_local_one_does() {
    let proxies = ["172.68.0.0/14".parse().unwrap()];
    let behind = |line: &str| read_with(LogReader::new(None).behind(&proxies), line).remove(0);
    let of = |peer: &str| behind(&format!("{} \"203.0.113.9\"", combined(peer)));
    assert_eq!(of("172.68.1.1"), format!("203.0.113.9 {USUAL}"));
    assert_eq!(of("90.0.0.1"), format!("90.0.0.1 {USUAL}"));
    let json = r#"{"time":"2026-11-10T13:55:36Z","remote_addr":"172.68.1.1","http_x_forwarded_for":"203.0.113.9","request":"GET /a HTTP/1.1","status":200}"#;
    assert_eq!(behind(json), format!("203.0.113.9 {}", USUAL.replace("firefox", "missing")));
}
