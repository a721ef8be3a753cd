"""Published readers of the peer's API, run unchanged against the program: they read the figures that were counted."""

import datetime
import json
import os
import subprocess
import sys
import unittest

from program import DAYS, SITE, TOKEN, VISITORS, Program, today

VIEWS = DAYS * (VISITORS + VISITORS // 2)
"""The days that have figures; today's are another test's."""
CLOSED = f"{today() - datetime.timedelta(days=DAYS)},{today() - datetime.timedelta(days=1)}"
"""Without a trace of the user's own settings, and without the readers' telemetry."""
QUIET = {"DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "200"}


def tool(name):
    return os.path.join(os.path.dirname(sys.executable), name)

"""The source of airbyte-source-plausible, as its connector calls it. Its command rejects every `api_url` with a scheme."""
AIRBYTE = os.path.join(os.path.dirname(sys.executable), "../airbyte/bin/python")
SYNC = """
import json, logging, sys
from airbyte_cdk.models import ConfiguredAirbyteCatalog
from source_plausible.source import SourcePlausible

log, config, source = logging.getLogger("airbyte"), json.loads(sys.argv[1]), SourcePlausible()
stream = json.loads(source.discover(log, config).streams[0].json())
modes = {"sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
catalog = ConfiguredAirbyteCatalog.parse_obj({"streams": [{"stream": stream, **modes}]})
records = [message.record.data for message in source.read(log, config, catalog, []) if message.type.value == "RECORD"]
print("\\n" + json.dumps([source.check_connection(log, config)[0], records]))
"""


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.program = cls.enterClassContext(Program())
        home = os.path.join(cls.program.folder.name, "home")
        os.makedirs(home)
        cls.environment = {"PATH": os.environ["PATH"], "HOME": home, **QUIET}

    def run_tool(self, *command, **variables):
        environment = {**self.environment, **variables}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def kctl(self, *command):
        """What kctl-plausible prints. Its tables (`stats aggregate`, `sites list`) end in a fault of their own after
        the answer came (arguments that its library does not take); its exports ask for the same figures."""
        connection = {"KCTL_PLAUSIBLE_URL": self.program.console, "KCTL_PLAUSIBLE_API_KEY": TOKEN}
        return self.run_tool(tool("kctl-plausible"), *command, KCTL_PLAUSIBLE_PROFILE="tests", **connection)

    def mcp(self, function, **arguments):
        """A tool of plausible-mcp, as its server calls it."""
        code = "import json, sys; from plausible_mcp import server; "
        code += f"print(server.{function}(**json.loads(sys.argv[1])))"
        variables = {"PLAUSIBLE_BASE_URL": self.program.console, "PLAUSIBLE_API_KEY": TOKEN}
        text = self.run_tool(sys.executable, "-c", code, json.dumps(arguments), **variables)
        return json.loads(text)

    @unittest.skipUnless(os.path.exists(tool("kctl-plausible")), "kctl-plausible needs Python 3.12")
    def test_kctl_plausible_exports_pages_and_referrers(self):
        pages = self.kctl("export", "csv", SITE, "--property", "event:page", "--metrics", "visitors,pageviews")
        visitors = DAYS * VISITORS
        self.assertIn(f"/lamps,{visitors},{visitors}", pages.replace("\r", "").splitlines())
        sources = json.loads(self.kctl("export", "json", SITE, "--property", "visit:source", "--metrics", "visitors"))
        self.assertIn({"source": "news.example", "visitors": visitors}, sources)

    @unittest.skipUnless(os.path.exists(tool("kctl-plausible")), "kctl-plausible needs Python 3.12")
    def test_kctl_plausible_reads_visitors_of_now(self):
        self.assertIn("Realtime Visitors", self.kctl("stats", "realtime", SITE))

    @unittest.skipUnless(os.path.exists(AIRBYTE), "airbyte-source-plausible needs Python 3.9 or 3.10")
    def test_airbyte_source_reads_each_day_with_figures_since_a_far_start(self):
        config = {"api_key": TOKEN, "site_id": SITE, "start_date": "2019-01-01"}
        config["api_url"] = f"{self.program.console}/api/v1/stats"
        is_connected, records = json.loads(self.run_tool(AIRBYTE, "-c", SYNC, json.dumps(config)).splitlines()[-1])
        self.assertTrue(is_connected)
        days = [day for day in records if day["date"] != str(today())]
        first = {"date": str(today() - datetime.timedelta(days=DAYS)), "visitors": VISITORS, "visits": VISITORS}
        rates = {"pageviews": VISITORS + VISITORS // 2, "bounce_rate": 50}
        self.assertEqual(len(days), DAYS)
        self.assertEqual({key: days[0][key] for key in [*first, *rates]}, {**first, **rates})

    def test_plausible_mcp_reads_totals(self):
        totals = self.mcp("get_aggregate_stats", site_id=SITE, date_range=CLOSED)["totals"]
        self.assertEqual((totals["visitors"], totals["pageviews"]), (DAYS * VISITORS, VIEWS))
        self.assertEqual(totals["bounce_rate"], 50)

    def test_plausible_mcp_reads_every_list_that_it_names(self):
        for name, key in [
            ("page", "page"),
            ("source", "source"),
            ("country", "country"),
            ("browser", "browser"),
            ("os", "os"),
            ("device", "device"),
            ("entry_page", "entry_page"),
            ("exit_page", "exit_page"),
            ("city", "city"),
            ("region", "region"),
            ("goal", "goal"),
        ]:
            with self.subTest(name):
                answer = self.mcp("get_breakdown", site_id=SITE, property_name=name)
                self.assertIn(key, answer["results"][0] if name not in ("city", "region") else {key: ""}, answer)

    def test_plausible_mcp_reads_days_and_now(self):
        days = self.mcp("get_timeseries", site_id=SITE, date_range="7d")["timeseries"]
        self.assertEqual([day["visitors"] for day in days][:6], [VISITORS] * 6)
        self.program.hit()
        self.assertEqual(self.mcp("get_realtime_visitors", site_id=SITE)["realtime_visitors"], 1)
        self.assertEqual(self.mcp("doctor")["sample_sites"], [SITE])


if __name__ == "__main__":
    unittest.main()
