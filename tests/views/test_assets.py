"""Static files as browsers get them."""

from __future__ import annotations

import gzip

from flask.testing import FlaskClient

from app.rules.states import OrderState
from tests.factories import Cast, make_order, make_photo, sign_in


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


def test_an_order_shows_its_newest_photo_and_keeps_the_others_closed(client: FlaskClient, cast: Cast) -> None:
    order = make_order(cast.campaign, OrderState.REVISING, account=cast.student)
    make_photo(order)
    page = sign_in(client, cast.student).get(f"/orders/{order.number}").text
    newest, earlier = page.split("较早的版本（1）")
    assert "第 2 版照片" in newest and "第 1 版照片" not in newest
    assert "第 1 版照片" in earlier and 'loading="lazy"' in earlier
