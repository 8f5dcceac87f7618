"""Static files as browsers get them."""

from __future__ import annotations

import gzip

from flask.testing import FlaskClient


def test_style_and_script_go_out_compressed_to_a_browser_that_takes_it(client: FlaskClient) -> None:
    for address in ("/static/css/student.css?v=1", "/static/vendor/htmx/htmx.min.js?v=1"):
        plain = client.get(address, headers={"Accept-Encoding": "identity"})
        packed = client.get(address, headers={"Accept-Encoding": "gzip, br"})
        assert "Content-Encoding" not in plain.headers
        assert packed.headers["Content-Encoding"] == "gzip"
        assert "Accept-Encoding" in packed.headers["Vary"] and "Accept-Encoding" in plain.headers["Vary"]
        assert packed.headers["ETag"] != plain.headers["ETag"]
        assert int(packed.headers["Content-Length"]) == len(packed.data) < len(plain.data) / 2
        assert gzip.decompress(packed.data) == plain.data


def test_pictures_and_pages_go_out_as_they_are(client: FlaskClient) -> None:
    for address in ("/static/samples/good.webp?v=1", "/requirements"):
        assert "Content-Encoding" not in client.get(address, headers={"Accept-Encoding": "gzip"}).headers
