"""An application's requests, told by matomo-core as flask-matomo2 and asgi-matomo tell them."""

import sys

import requests
from matomo_core import MatomoCore
from matomo_core.trackers import PerfMsTracker

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1"
)

core = MatomoCore(matomo_url=sys.argv[1], id_site=5, token_auth=sys.argv[2], base_url="https://core.example")
for address, agent, path, lang in [
    ("198.51.100.1", FIREFOX, "/articles", "sv"),
    ("198.51.100.1", FIREFOX, "/about", "sv"),
    ("198.51.100.2", SAFARI, "/articles", "fr"),
]:
    state = core.build_tracking_state(
        user_agent=agent,
        request_path=path,
        request_url=f"http://localhost{path}",
        request_url_rule=path,
        method="GET",
        remote_addr=address,
        lang=lang,
    )
    with PerfMsTracker(scope=state, key="pf_srv"):
        pass
    core.track_request_end(200, state)
    answer = requests.post(core.matomo_url, data=core.prepare_tracking_data_for_matomo(state), timeout=10)
    answer.raise_for_status()
