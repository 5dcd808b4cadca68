from __future__ import annotations

import json

from benchmarks import snapshot


def test_every_path_goes_to_the_one_origin() -> None:
    made = snapshot.build(
        http_port=81, https_port=444, origin_port=82, profile="rfc9111", default_ttl_s=0
    )
    told = json.loads(snapshot.encode(made))
    (distribution,) = told["distributions"]
    (behavior,) = distribution["behaviors"]
    assert (behavior["pattern"], behavior["ttl"]["default_s"]) == ("*", 0)
    assert told["targets"]["origin"]["url"] == "http://127.0.0.1:82"
    assert (told["profile"], told["http_port"], told["https_port"]) == ("rfc9111", 81, 444)
