"""The program with known figures, for tests in Python: one site, ten days, figures as counted."""

import datetime
import hashlib
import json
import os
import pathlib
import subprocess
import tempfile
import urllib.request

SITE = "shop.example"
DAYS = 10
"""Visitors of each of the days before today; each opens `/lamps`, every second one `/lamps/blue` too."""
VISITORS = 12
TOKEN = "a-token-of-the-tests-of-readers"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
GEO = "node_modules/@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb"


class Program:
    """`sillage serve` over a folder of its own, on ports that are free."""

    def __enter__(self):
        self.binary = os.environ["SILLAGE_BIN"]
        self.folder = tempfile.TemporaryDirectory()
        self.memory = tempfile.TemporaryDirectory(dir="/dev/shm", prefix="sillage-test-")
        root = pathlib.Path(self.folder.name)
        self.config = root / "sillage.toml"
        digest = hashlib.sha256(TOKEN.encode()).hexdigest()
        self.config.write_text(
            f'''
site = [{{ name = "{SITE}", properties = ["plan"] }}]
[collect]
listen = "127.0.0.1:0"
trusted_proxies = ["127.0.0.0/8"]
[console]
listen = "127.0.0.1:0"
tokens = [{{ name = "readers", sha256 = "{digest}", sites = ["{SITE}"] }}]
[clickhouse]
dir = "{root}/data"
[spool]
dir = "{root}/spool"
flush_seconds = 1
[runtime]
dir = "{self.memory.name}/runtime"
[privacy]
protection = "exact"
[geo]
databases = ["{pathlib.Path(GEO).absolute()}"]
'''
        )
        events = root / "events.jsonl"
        events.write_text("".join(json.dumps(event) + "\n" for event in known_events()))
        subprocess.run(
            [self.binary, "import", "events", str(events), "--site", SITE, "--config", str(self.config)],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        self.process = subprocess.Popen(
            [self.binary, "serve", "--config", str(self.config)], stdout=subprocess.PIPE, text=True
        )
        self.collect, self.console = (self.process.stdout.readline().split()[1].rstrip("/") for _ in range(2))
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=60)
        self.folder.cleanup()
        self.memory.cleanup()

    def hit(self):
        """One visitor of today, live."""
        body = json.dumps({"n": "pageview", "d": SITE, "u": f"https://{SITE}/now"}).encode()
        headers = {"User-Agent": FIREFOX, "X-Forwarded-For": "203.0.113.200"}
        request = urllib.request.Request(f"{self.collect}/api/event", data=body, headers=headers)
        assert urllib.request.urlopen(request, timeout=10).status == 202


def today():
    return datetime.datetime.now(datetime.timezone.utc).date()


def known_events():
    """Pageviews and actions of the days before today."""
    for back in range(DAYS, 0, -1):
        day = today() - datetime.timedelta(days=back)
        for visitor in range(VISITORS):
            who = {"address": f"8.8.8.{visitor + 1}", "user_agent": FIREFOX}
            at = f"{day}T10:{visitor:02}:00Z"
            yield {"n": "pageview", "u": f"https://{SITE}/lamps", "r": "https://news.example/", "time": at, **who}
            if visitor % 2 == 0:
                at = f"{day}T10:{visitor:02}:30Z"
                yield {"n": "pageview", "u": f"https://{SITE}/lamps/blue", "time": at, **who}
            if visitor % 4 == 0:
                at = f"{day}T10:{visitor:02}:40Z"
                yield {"n": "Signup", "u": f"https://{SITE}/lamps", "p": {"plan": "pro"}, "time": at, **who}
