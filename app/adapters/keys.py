"""The installation's secrets: identity encryption, keyed hashes, batch signatures. One file each, mode 0600."""

from __future__ import annotations

import hashlib
import hmac
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_NONCE = 12


def secret(path: Path, size: int = 32) -> bytes:
    """The bytes of a key file, made on first use; two processes that race both end with the same key.

    Raises ValueError when the file holds fewer bytes than asked for.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        made = path.with_name(f".{path.name}.{os.getpid()}")
        with open(os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(os.urandom(size))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(made, path)  # fails when the other process was first: then its key is the key
        except FileExistsError:
            pass
        finally:
            made.unlink()
    value = path.read_bytes()
    if len(value) < size:
        raise ValueError(f"{path} holds {len(value)} bytes, {size} expected: restore it from your backup")
    return value


class Keys:
    """Seals, hashes and signs with the keys in one folder."""

    def __init__(self, folder: Path) -> None:
        self._aead = AESGCM(secret(folder / "identity.key"))
        self._hmac = secret(folder / "lookup.key")
        self._signer = Ed25519PrivateKey.from_private_bytes(secret(folder / "batch.key"))

    def seal(self, text: str) -> bytes:
        """Encrypt a text with AES-256-GCM under a fresh nonce."""
        nonce = os.urandom(_NONCE)
        return nonce + self._aead.encrypt(nonce, text.encode(), None)

    def unseal(self, sealed: bytes) -> str:
        """The text again. Raises cryptography's InvalidTag when the key is another or the bytes were changed."""
        return self._aead.decrypt(sealed[:_NONCE], sealed[_NONCE:], None).decode()

    def digest(self, text: str) -> str:
        """HMAC-SHA256 of the text, for equality look-ups on encrypted columns."""
        return hmac.new(self._hmac, text.encode(), hashlib.sha256).hexdigest()

    def sign(self, message: bytes) -> bytes:
        """Ed25519 signature of the installation."""
        return self._signer.sign(message)

    @property
    def public_key(self) -> bytes:
        """The 32 raw bytes of the Ed25519 public key."""
        return self._signer.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the public key, hexadecimal: what stands on delivery notes."""
        return hashlib.sha256(self.public_key).hexdigest()
