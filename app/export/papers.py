"""What both kinds of batch carry beside the pictures: manifests, the page, the sums and the signed facts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping

from app.export import manifest
from app.export.frozen import FrozenBatch, Signer, canonical
from app.export.page import page

SUMS, FACTS, PAGE = "SHA256SUMS", "batch.json", "verify.html"


def papers(batch: FrozenBatch, photos: Mapping[int, str], signer: Signer) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each; `photos` gives the pictures' paths by position."""
    yield "manifest.csv", manifest.as_csv(batch, photos)
    yield "manifest.xlsx", manifest.as_xlsx(batch, photos)
    yield PAGE, page(signer.fingerprint)


def sums_text(sums: Mapping[str, str]) -> bytes:
    """SHA256SUMS as `sha256sum -c` reads it, sorted by name."""
    return "".join(f"{sums[name]}  {name}\n" for name in sorted(sums)).encode()


def facts_text(batch: FrozenBatch, sums: bytes, signer: Signer) -> bytes:
    """batch.json: the batch's facts and the hash of SHA256SUMS, signed; both together cover every byte."""
    body = {
        "batch": batch.facts(),
        "sums_sha256": hashlib.sha256(sums).hexdigest(),
        "public_key": base64.b64encode(signer.public_key).decode(),
        "fingerprint": signer.fingerprint,
    }
    signature = base64.b64encode(signer.sign(canonical(body).encode())).decode()
    return canonical(body | {"signature": signature}).encode()
