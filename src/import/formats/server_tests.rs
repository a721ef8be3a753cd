//! Tests the lines of servers, frameworks and tools as their documentation shows them: each row is one program.

use super::tests::{FIREFOX, read, read_all};

const REQUEST: &str = "\"GET /a HTTP/1.1\" 200 512";
const TIME: &str = "10/Nov/2026:13:55:36 +0000";

/// Asserts that each line gives the same request; `AGENT` in a line stands for an agent.
fn all_read(expected: &str, rows: &[(&str, &str)]) {
    for (program, line) in rows {
        assert_eq!(read(&line.replace("AGENT", FIREFOX)), expected, "{program}");
    }
}

#[test]
fn a_prefix_of_any_tool_is_taken_off_before_a_line() {
    for (tool, prefix) in [
        ("stern", "web-7d4b9c-x2x4p nginx "),
        ("stern with time", "web-7d4b9c-x2x4p nginx 2026-11-10T13:55:36.864113722Z "),
        ("stern of all namespaces", "shop web-7d4b9c-x2x4p nginx "),
        ("stern in colours", "\u{1b}[35mweb-7d4b9c-x2x4p\u{1b}[0m \u{1b}[95mnginx\u{1b}[0m "),
        ("kubectl with prefix and time", "[pod/web-7d4b9c/nginx] 2026-11-10T13:55:36.864113722Z "),
        ("kubetail", "[web-7d4b9c-x2x4p nginx] "),
        ("kail", "shop/web-7d4b9c[nginx]: "),
        ("swarm", "web.1.k7x2@node-1    | "),
        ("PM2", "0|web  | "),
        ("grep -H", "/var/log/nginx/access.log.2.gz:"),
        ("grep -Hn", "access.log:12:"),
        ("multilog", "@400000006730c1d83b2a1c0c "),
        ("s6 with ISO times", "2026-11-10 13:55:36.864113722  "),
        ("journalctl -o short-iso", "2026-11-10T13:55:36+0000 web-1 nginx[12]: "),
        ("journalctl -o with-unit", "Tue 2026-11-10 13:55:36 UTC web-1 nginx.service[12]: "),
        ("Fastly", "<134>2026-11-10T13:55:36Z cache-cdg20734 shop-logs[123]: "),
        ("Flask with basicConfig", "INFO:werkzeug:"),
        ("Ruby", "I, [2026-11-10T13:55:36.123456 #12]  INFO -- : "),
        ("Fly", "2026-11-10T13:55:36Z app[148e2d] cdg [info]"),
    ] {
        let line = format!("{prefix}81.2.69.142 - - [{TIME}] {REQUEST} \"-\" \"{FIREFOX}\"");
        assert_eq!(read(&line), "81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - firefox", "{tool}");
    }
    let two = format!("==> a.log <==\n81.2.69.142 - - [{TIME}] {REQUEST}\n\n==> b.log <==");
    assert_eq!(read(&two), "81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - not logged", "tail");
    let json = r#"web-7d4b9c-x2x4p caddy {"ts":1794318936,"request":{"remote_ip":"81.2.69.142","method":"GET","host":"c.example","uri":"/a","headers":{}},"status":200}"#;
    assert_eq!(read(json), "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - missing", "stern before JSON");
}

#[rustfmt::skip]
const WITH_AGENT: &[(&str, &str)] = &[
            (
                "nginx, all fields in quotes",
                r#""81.2.69.142" "-" "10/Nov/2026:13:55:36 +0000" "GET /a HTTP/1.1" "200" "512" "https://n.example/" "AGENT""#,
            ),
            (
                "nginx, separated by |",
                r#"81.2.69.142|-|10/Nov/2026:13:55:36 +0000|"GET /a HTTP/1.1"|200|512|"https://n.example/"|"AGENT""#,
            ),
            (
                "nginx, separated by commas",
                r#""81.2.69.142","2026-11-10T13:55:36+00:00","GET /a HTTP/1.1","200","512","https://n.example/","AGENT""#,
            ),
            (
                "gunicorn",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "hypercorn",
                r#"81.2.69.142:5123 - - [10/Nov/2026:13:55:36 +0000] "GET /a 1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "hypercorn over HTTP/2",
                r#"81.2.69.142:5123 - - [10/Nov/2026:13:55:36 +0000] "GET /a 2" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "aiohttp",
                r#"INFO:aiohttp.access:81.2.69.142 [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "morgan combined",
                r#"::ffff:81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "actix",
                r#"[2026-11-10T13:55:36Z INFO  actix_web::middleware::logger] 81.2.69.142 "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" 0.001200"#,
            ),
            (
                "Traefik with headers kept",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/2.0" 200 512 "https://n.example/" "AGENT" 12 "web@docker" "http://10.0.0.5:80" 3ms"#,
            ),
            (
                "OpenLiteSpeed",
                r#""81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/2" 200 512 "https://n.example/" "AGENT"""#,
            ),
            (
                "Apache with %D behind",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" 1834"#,
            ),
            (
                "Jetty",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" 12"#,
            ),
            (
                "Tomcat, forwarded address first",
                r#"81.2.69.142 10.0.0.1 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" 0.003"#,
            ),
            (
                "nginx of docker",
                r#"10.0.0.1 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" "81.2.69.142""#,
            ),
            (
                "LTSV",
                "time:[10/Nov/2026:13:55:36 +0000]\thost:81.2.69.142\tforwardedfor:-\treq:GET /a HTTP/1.1\tstatus:200\tsize:512\treferer:https://n.example/\tua:AGENT\treqtime:0.030",
            ),
            (
                "Tomcat JSON",
                r#"{"host":"81.2.69.142","logicalUserName":"-","user":"-","time":"[10/Nov/2026:13:55:36 +0000]","request":"GET /a HTTP/1.1","statusCode":"200","size":"512","requestHeaders":{"Referer":"https://n.example/","User-Agent":"AGENT"}}"#,
            ),
            (
                "pino",
                r#"{"level":30,"time":1794318936000,"pid":1,"hostname":"web-1","req":{"id":1,"method":"GET","url":"/a","headers":{"user-agent":"AGENT","referer":"https://n.example/"},"remoteAddress":"::ffff:81.2.69.142","remotePort":5123},"res":{"statusCode":200},"msg":"request completed"}"#,
            ),
];

#[test]
fn a_line_with_agent_and_referrer_is_read_of_each_server() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 https://n.example/ firefox";
    all_read(expected, WITH_AGENT);
}

#[rustfmt::skip]
const WITH_HOST: &[(&str, &str)] = &[
            (
                "Varnish",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET http://c.example/a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "Apache vhost_combined",
                r#"c.example:443 81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "Apache vhost_combined with %D",
                r#"c.example:443 81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT" 1834"#,
            ),
            (
                "nginx, all in quotes, host first",
                r#""c.example" "81.2.69.142" "10/Nov/2026:13:55:36 +0000" "GET /a HTTP/1.1" "200" "512" "https://n.example/" "AGENT""#,
            ),
            (
                "Imperva",
                "#Fields: date time cs(User-Agent) cs-uri cs(Referrer) s-ip cs-method cs-uri-query sc-status s-xff\n\"2026-11-10\" \"13:55:36\" \"AGENT\" \"c.example/a\" \"https://n.example/\" \"10.0.0.1\" \"GET\" \"\" \"200\" \"81.2.69.142\"",
            ),
            (
                "Caddy, flat",
                r#"{"ts":1794318936,"request>remote_ip":"81.2.69.142","request>method":"GET","request>host":"c.example","request>uri":"/a","request>headers>User-Agent":["AGENT"],"request>headers>Referer>[0]":"https://n.example/","status":200}"#,
            ),
            (
                "Caddy, flat with dots",
                r#"{"ts":1794318936,"request.client_ip":"81.2.69.142","request.method":"GET","request.host":"c.example","request.uri":"/a","request.headers.User-Agent":"AGENT","request.headers.Referer":"https://n.example/","status":200}"#,
            ),
            (
                "Caddy, logfmt",
                r#"level=info ts=1794318936 logger=http.log.access msg="handled request" request>remote_ip=81.2.69.142 request>method=GET request>host=c.example request>uri=/a request>headers>User-Agent="[AGENT]" request>headers>Referer=[https://n.example/] status=200"#,
            ),
            (
                "Cloudflare Workers' tail",
                r#"{"outcome":"ok","scriptName":"shop","exceptions":[],"logs":[],"eventTimestamp":1794318936000,"event":{"request":{"url":"https://c.example/a","method":"GET","headers":{"cf-connecting-ip":"81.2.69.142","user-agent":"AGENT","referer":"https://n.example/"}},"response":{"status":200}}}"#,
            ),
            (
                "Fastly JSON",
                r#"{"timestamp":"2026-11-10T13:55:36+0000","client_ip":"81.2.69.142","host":"c.example","url":"/a","request_method":"GET","request_referer":"https://n.example/","request_user_agent":"AGENT","response_status":200}"#,
            ),
            (
                "Netlify",
                r#"{"log_type":"traffic","timestamp":"2026-11-10T13:55:36.000Z","url":"https://c.example/a","method":"GET","status_code":200,"client_ip":"81.2.69.142","user_agent":"AGENT","referrer":"https://n.example/"}"#,
            ),
            (
                "Echo",
                r#"{"time":"2026-11-10T13:55:36.000Z","id":"","remote_ip":"81.2.69.142","host":"c.example","method":"GET","uri":"/a","user_agent":"AGENT","referer":"https://n.example/","status":200,"latency":1200}"#,
            ),
            (
                "Rails with lograge",
                r#"I, [2026-11-10T13:55:36.000000 #12]  INFO -- : method=GET path=/a format=html controller=Home action=index status=200 duration=3.52 view=2.10 host=c.example ip=81.2.69.142 referer=https://n.example/ user_agent=AGENT"#,
            ),
            (
                "LTSV with a host",
                "time:2026-11-10T13:55:36+00:00\thost:81.2.69.142\tmethod:GET\turi:/a\tstatus:200\tvhost:c.example\treferer:https://n.example/\tua:AGENT",
            ),
];

/// Programs whose lines name the host, further.
#[rustfmt::skip]
const WITH_HOST_TOO: &[(&str, &str)] = &[
            (
                "Jetty, a target in absolute form",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET //c.example/a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "Jetty over HTTP/2 with a port",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET //c.example:8443/a HTTP/2.0" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "lighttpd",
                r#"81.2.69.142 c.example - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 "https://n.example/" "AGENT""#,
            ),
            (
                "Squid combined",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET http://c.example/a HTTP/1.1" 200 512 "https://n.example/" "AGENT" TCP_MISS:HIER_DIRECT"#,
            ),
            (
                "Kong file-log",
                r#"{"request":{"method":"GET","uri":"/a","url":"https://c.example:443/a","headers":{"host":"c.example","user-agent":"AGENT","referer":"https://n.example/"}},"response":{"status":200},"client_ip":"81.2.69.142","started_at":1794318936000}"#,
            ),
            (
                "APISIX",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] c.example "GET /a HTTP/1.1" 200 512 0.003 "https://n.example/" "AGENT" 10.0.0.5:80 200 0.002 "http://c.example""#,
            ),
            (
                "Vercel's drain",
                r#"{"timestamp":1794318936000,"source":"static","host":"c.example","path":"/a","proxy":{"timestamp":1794318936000,"method":"GET","host":"c.example","path":"/a","userAgent":["AGENT"],"referer":"https://n.example/","statusCode":200,"clientIp":"81.2.69.142"}}"#,
            ),
            (
                "Google's load balancer",
                r#"{"httpRequest":{"remoteIp":"81.2.69.142","requestMethod":"GET","requestUrl":"https://c.example/a","status":200,"userAgent":"AGENT","referer":"https://n.example/"},"timestamp":"2026-11-10T13:55:36.000Z"}"#,
            ),
            (
                "Azure Front Door",
                r#"{"time":"2026-11-10T13:55:36.0000000Z","category":"FrontDoorAccessLog","properties":{"httpMethod":"GET","requestUri":"https://c.example:443/a","userAgent":"AGENT","clientIp":"81.2.69.142","httpStatusCode":"200","referer":"https://n.example/","hostName":"c.example"}}"#,
            ),
            (
                "Spring's trace",
                r#"{"timestamp":"2026-11-10T13:55:36Z","request":{"remoteAddress":"81.2.69.142","method":"GET","uri":"https://c.example/a","headers":{"user-agent":["AGENT"],"referer":["https://n.example/"]}},"response":{"status":200}}"#,
            ),
];

#[test]
fn a_line_that_names_the_host_is_read_of_each_server() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 https://n.example/ firefox";
    all_read(expected, WITH_HOST);
    all_read(expected, WITH_HOST_TOO);
    let firefox = |line: &str| read(&line.replace("AGENT", FIREFOX));
    let tyk = r#"{"Method":"GET","Host":"c.example","Path":"/a","RawPath":"/a","UserAgent":"AGENT","ResponseCode":200,"TimeStamp":"2026-11-10T13:55:36Z","IPAddress":"81.2.69.142"}"#;
    let gateway = r#"{"timeStamp":"2026-11-10T13:55:36Z","category":"ApplicationGatewayAccessLog","properties":{"clientIP":"81.2.69.142","httpMethod":"GET","requestUri":"/a","userAgent":"AGENT","httpStatus":200,"host":"c.example"}}"#;
    for (program, line) in [("Tyk", tyk), ("Azure Application Gateway", gateway)] {
        assert_eq!(firefox(line), "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - firefox", "{program}");
    }
}

#[rustfmt::skip]
const WITHOUT_AGENT: &[(&str, &str)] = &[
            ("php-fpm", r#"81.2.69.142 -  10/Nov/2026:13:55:36 +0000 "GET /a" 200"#),
            ("Werkzeug", r#"81.2.69.142 - - [10/Nov/2026 13:55:36] "GET /a HTTP/1.1" 200 -"#),
            (
                "uvicorn behind a time of docker",
                r#"2026-11-10T13:55:36.000Z INFO:     81.2.69.142:5123 - "GET /a HTTP/1.1" 200 OK"#,
            ),
            (
                "uvicorn with a time of logging",
                r#"2026-11-10 13:55:36,000 INFO uvicorn.access 81.2.69.142:5123 - "GET /a HTTP/1.1" 200"#,
            ),
            ("hypercorn before 0.6", r#"2026-11-10T13:55:36Z 81.2.69.142:5123 GET /a 2 200 512 1834"#),
            ("Puma and Rack", r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 0.0123"#),
            ("Tomcat common", r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512"#),
            ("Reactor Netty", r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512 8080 3 ms"#),
            ("morgan common", r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 512"#),
            ("morgan short behind a time", "2026-11-10T13:55:36.000Z 81.2.69.142 - GET /a HTTP/1.1 200 512 - 3.456 ms"),
            (
                "Traefik by default",
                r#"81.2.69.142 - - [10/Nov/2026:13:55:36 +0000] "GET /a HTTP/2.0" 200 512 "-" "-" 12 "web@docker" "http://10.0.0.5:80" 3ms"#,
            ),
            ("Werkzeug in colours", "81.2.69.142 - - [10/Nov/2026 13:55:36] \"\u{1b}[37mGET /a HTTP/1.1\u{1b}[0m\" 200 -"),
            ("Tornado", "[I 261110 13:55:36 web:2271] 200 GET /a (81.2.69.142) 1.23ms"),
            ("Play", "2026-11-10 13:55:36 [info] accesslog - method=GET uri=/a remote-address=81.2.69.142 status=200"),
            ("Logster", "2026-11-10 13:55:36 [info] method=GET path=/a status=200 duration=2.1 remote_ip=81.2.69.142"),
            ("Fiber with a date", "2026-11-10 13:55:36 | 200 |  1ms | 81.2.69.142 | GET | /a | -"),
            ("Daphne", r#"81.2.69.142:5123 - - [10/Nov/2026:13:55:36] "GET /a" 200 512"#),
            ("Gin", r#"[GIN] 2026/11/10 - 13:55:36 | 200 |      12.345µs |     81.2.69.142 | GET      "/a""#),
            (
                "lograge with a time",
                "method=GET path=/a format=html status=200 duration=3.52 ip=81.2.69.142 time=2026-11-10 13:55:36 +0000",
            ),
];

#[test]
fn a_line_without_agents_is_read_of_each_server() {
    all_read("81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - not logged", WITHOUT_AGENT);
    let gateway = r#"{"requestId":"x","ip":"81.2.69.142","requestTime":"10/Nov/2026:13:55:36 +0000","httpMethod":"GET","resourcePath":"/a","status":"200"}"#;
    assert_eq!(read(gateway), "81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - missing", "AWS API Gateway");
    let akamai = r#"{"reqTimeSec":"1794318936","cliIP":"81.2.69.142","statusCode":"200","reqHost":"c.example","reqMethod":"GET","reqPath":"a","UA":"Mozilla%2F5.0%20x","referer":"https%3A%2F%2Fn.example%2F"}"#;
    assert!(read(akamai).ends_with(" c.example 200 https://n.example/ Mozilla/5.0 x"), "Akamai encodes its texts");
    all_read(
        "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - not logged",
        &[
            (
                "Traefik JSON by default",
                r#"{"ClientAddr":"81.2.69.142:5123","ClientHost":"81.2.69.142","RequestHost":"c.example","RequestMethod":"GET","RequestPath":"/a","DownstreamStatus":200,"StartUTC":"2026-11-10T13:55:36Z","level":"info","time":"2026-11-10T13:55:36Z"}"#,
            ),
            (
                "chi",
                r#"2026/11/10 13:55:36 "GET http://c.example/a HTTP/1.1" from 81.2.69.142:5123 - 200 512B in 1.2ms"#,
            ),
        ],
    );
}

#[test]
fn a_line_without_a_time_or_an_address_says_so() {
    for (program, line, fault) in [
        ("morgan dev", "GET /a 200 3.456 ms - 512", "Time"),
        ("morgan tiny", "GET /a 200 512 - 3.456 ms", "Time"),
        ("morgan short", "81.2.69.142 - GET /a HTTP/1.1 200 512 - 3.456 ms", "Time"),
        ("uvicorn", r#"INFO:     81.2.69.142:5123 - "GET /a HTTP/1.1" 200 OK"#, "Time"),
        ("lograge", "method=GET path=/a format=html controller=Home action=index status=200 duration=3.5", "Time"),
        ("Fiber", "13:55:36 | 200 |  1ms | 81.2.69.142 | GET | /a | -", "Time"),
        ("Django", r#"[10/Nov/2026 13:55:36] "GET /a HTTP/1.1" 200 512"#, "Address"),
        ("morgan tiny behind a time", "2026-11-10T13:55:36Z GET /a 200 512 - 3.456 ms", "Address"),
        (
            "Cloudflare Workers' trace",
            r#"{"Event":{"Request":{"URL":"https://c.example/a","Method":"GET"},"Response":{"Status":200}},"EventTimestampMs":1794318936000,"Outcome":"ok"}"#,
            "Address",
        ),
        ("Phoenix", "13:55:36.123 request_id=FxYz [info] GET /a", "Address"),
        ("ASP.NET", "      Request starting HTTP/1.1 GET http://c.example/a - -", "Address"),
        ("negroni", "[negroni] 2026-11-10T13:55:36Z | 200 | 1.2ms | c.example | GET /a", "Address"),
        ("koa-logger", "  <-- GET /a", "Address"),
        ("Rails behind a socket", r#"Started GET "/a" for unix: at 2026-11-10 13:55:36 +0000"#, "Address"),
        (
            "Fastify behind a socket",
            r#"{"level":30,"time":1794318936000,"reqId":"req-1","req":{"method":"GET","url":"/a"},"msg":"incoming request"}"#,
            "Address",
        ),
        (
            "nginx's error log",
            r#"2026/11/10 13:55:36 [error] 12#0: *1 open() "/srv/404" failed, client: 81.2.69.142, server: c.example, request: "GET /a HTTP/1.1", host: "c.example""#,
            "Shape",
        ),
    ] {
        assert_eq!(read(line), fault, "{program}");
    }
}

#[test]
fn a_request_of_two_lines_is_read_with_the_status_of_its_own_second_line() {
    let expected = "81.2.69.142 2026-11-10T13:55:36Z GET /a - 200 - not logged";
    let started = r#"Started GET "/a" for 81.2.69.142 at 2026-11-10 13:55:36 +0000"#;
    let noise = "Processing by HomeController#index as HTML\n  Rendered home/index.html.erb within layouts/application";
    all_read(
        expected,
        &[
            ("Rails", &format!("{started}\n{noise}\nCompleted 200 OK in 12ms (Views: 3.1ms)")),
            (
                "Rails with its formatter",
                &[started, noise, "Completed 200 OK in 12ms"]
                    .map(|line| format!("I, [2026-11-10T13:55:36.123456 #12]  INFO -- : {line}"))
                    .join("\n"),
            ),
            (
                "Rails in another zone",
                "Started GET \"/a\" for 81.2.69.142 at 2026-11-10 14:55:36 +0100\nCompleted 200 OK in 1ms",
            ),
        ],
    );
    let beside = [
        &format!("[8ad1] {started}"),
        r#"[77ff] Started GET "/b" for 192.0.2.1 at 2026-11-10 13:55:37 +0000"#,
        "[77ff] Completed 404 Not Found in 2ms",
        "[8ad1] Completed 200 OK in 12ms",
    ];
    let other = "192.0.2.1 2026-11-10T13:55:37Z GET /b - 404 - not logged";
    assert_eq!(read_all(&beside.join("\n")), [other, expected], "by their tags");
    let fastify = |request: &str| {
        format!(
            "{{\"level\":30,\"time\":1794318936000,\"reqId\":\"req-1\",\"req\":{{\"method\":\"GET\",\"url\":\"/a\",{request}\
             \"remoteAddress\":\"81.2.69.142\"}},\"msg\":\"incoming request\"}}\n\
             {{\"level\":30,\"time\":1794318936009,\"reqId\":\"req-1\",\"res\":{{\"statusCode\":200}},\"msg\":\"request completed\"}}"
        )
    };
    assert_eq!(read(&fastify("")), expected, "Fastify");
    let host = "81.2.69.142 2026-11-10T13:55:36Z GET /a c.example 200 - not logged";
    assert_eq!(read(&fastify("\"host\":\"c.example:3000\",")), host, "Fastify 5");
}

#[test]
fn a_status_without_its_request_is_passed_over() {
    for line in ["Completed 200 OK in 12ms", "[8ad1] Completed 200 OK in 12ms", "[info] Sent 200 in 2ms"] {
        assert!(read_all(line).is_empty(), "{line}");
    }
    let other =
        "[8ad1] Started GET \"/a\" for 81.2.69.142 at 2026-11-10 13:55:36 +0000\n[77ff] Completed 200 OK in 1ms";
    assert!(read_all(other).is_empty(), "another request's status");
}
