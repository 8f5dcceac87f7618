"""Both directions of WeChat Pay's signatures, and its sealed callbacks (SHA256-RSA2048, AES-256-GCM)."""

from __future__ import annotations

import base64
import json
import re
import secrets
import time
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


class Signing:
    """The platform's keys and the merchant's public key."""

    def __init__(self, folder: Path) -> None:
        key = load_pem_private_key((folder / "wechatpay_key.pem").read_bytes(), None)
        merchant = load_pem_public_key((folder / "merchant_public.pem").read_bytes())
        assert isinstance(key, RSAPrivateKey) and isinstance(merchant, RSAPublicKey)
        self._key, self._merchant = key, merchant
        self.key_id = (folder / "public_key_id.txt").read_text()
        self._apiv3 = (folder / "apiv3_key.txt").read_text().encode()

    def headers(self, body: bytes, *, wrong: bool = False) -> dict[str, str]:
        """The headers of an answer or a callback."""
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode()
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.key_id,
            "Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{signature}" if wrong else signature,
            "Wechatpay-Signature-Type": "WECHATPAY2-SHA256-RSA2048",
        }

    def merchant_signed(self, method: str, path: str, authorization: str, body: bytes) -> bool:
        """Whether a request carries the merchant's signature."""
        parts = dict(_AUTHORIZATION.findall(authorization))
        try:
            stamp, nonce = parts["timestamp"], parts["nonce_str"]
            message = f"{method}\n{path}\n{stamp}\n{nonce}\n".encode() + body + b"\n"
            self._merchant.verify(base64.b64decode(parts["signature"]), message, PKCS1v15(), SHA256())
        except (KeyError, ValueError, InvalidSignature):
            return False
        return abs(time.time() - int(stamp)) < 300

    def sealed(self, event_type: str, resource: dict[str, Any]) -> bytes:
        """The body of a callback."""
        nonce, kind = secrets.token_hex(6), "transaction" if event_type.startswith("TRANSACTION") else "refund"
        cipher = AESGCM(self._apiv3).encrypt(nonce.encode(), json.dumps(resource).encode(), kind.encode())
        body = {
            "id": secrets.token_hex(16),
            "create_time": time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600)),
            "event_type": event_type,
            "resource_type": "encrypt-resource",
            "summary": event_type,
            "resource": {
                "original_type": kind,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": base64.b64encode(cipher).decode(),
                "nonce": nonce,
                "associated_data": kind,
            },
        }
        return json.dumps(body).encode()
