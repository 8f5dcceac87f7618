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
from cryptography.x509 import load_pem_x509_certificate

_AUTHORIZATION = re.compile(r'(\w+)="([^"]*)"')


class Signing:
    """The platform's keys and the merchant's public key."""

    def __init__(self, folder: Path) -> None:
        key = load_pem_private_key((folder / "wechatpay_key.pem").read_bytes(), None)
        merchant = load_pem_public_key((folder / "merchant_public.pem").read_bytes())
        assert isinstance(key, RSAPrivateKey) and isinstance(merchant, RSAPublicKey)
        self._key, self._merchant = key, merchant
        self._merchant_serial = (folder / "merchant_serial.txt").read_text()
        self.key_id = (folder / "public_key_id.txt").read_text()
        self._apiv3 = (folder / "apiv3_key.txt").read_text().encode()
        self.certificate = (folder / "wechatpay_certificate.pem").read_text()
        self.certificate_serial = f"{load_pem_x509_certificate(self.certificate.encode()).serial_number:X}"

    def headers(self, body: bytes, *, probe: bool = False, certificate: bool = False) -> dict[str, str]:
        """The headers of an answer or a callback; `probe` spoils the signature as WeChat does to test receivers."""
        stamp, nonce = str(int(time.time())), secrets.token_hex(16)
        message = f"{stamp}\n{nonce}\n".encode() + body + b"\n"
        signature = base64.b64encode(self._key.sign(message, PKCS1v15(), SHA256())).decode()
        return {
            "Wechatpay-Timestamp": stamp,
            "Wechatpay-Nonce": nonce,
            "Wechatpay-Serial": self.certificate_serial if certificate else self.key_id,
            "Wechatpay-Signature": f"WECHATPAY/SIGNTEST/{signature}" if probe else signature,
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
        fresh = abs(time.time() - int(stamp)) < 300
        return fresh and parts.get("serial_no") == self._merchant_serial

    def box(self, text: str, about: str) -> dict[str, str]:
        """AES-256-GCM under the API v3 key, as WeChat seals callbacks and certificates."""
        nonce = secrets.token_hex(6)
        cipher = AESGCM(self._apiv3).encrypt(nonce.encode(), text.encode(), about.encode())
        return {
            "algorithm": "AEAD_AES_256_GCM",
            "ciphertext": base64.b64encode(cipher).decode(),
            "nonce": nonce,
            "associated_data": about,
        }

    def sealed(self, event_type: str, resource: dict[str, Any]) -> bytes:
        """The body of a callback."""
        kind = "transaction" if event_type.startswith("TRANSACTION") else "refund"
        body = {
            "id": secrets.token_hex(16),
            "create_time": time.strftime("%Y-%m-%dT%H:%M:%S+08:00", time.gmtime(time.time() + 8 * 3600)),
            "event_type": event_type,
            "resource_type": "encrypt-resource",
            "summary": event_type,
            "resource": {"original_type": kind} | self.box(json.dumps(resource), kind),
        }
        return json.dumps(body).encode()
