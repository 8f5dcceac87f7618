"""How WeChat is recognised in certificate mode: its platform certificates, kept in a folder that all processes read."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificate

REFRESH_SECONDS = 12 * 3600
"""WeChat asks merchants to fetch certificates at least this often."""


def merchant_public(private_pem: str) -> str:
    """The public half of a PEM private key, as PEM."""
    public = load_pem_private_key(private_pem.encode(), None).public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


class Certificates:
    """The certificates that the package verifies with, loaded from the folder and never from the network by itself."""

    def __init__(self, folder: Path, core: Any) -> None:
        self._folder, self._core = folder, core
        core._cert_dir = f"{folder}/"
        self.load()

    def load(self) -> None:
        """Read the folder again; damaged and outdated files are passed over."""
        moment, found = datetime.now(UTC), []
        for path in sorted(self._folder.glob("*.pem")):
            try:
                certificate = load_pem_x509_certificate(path.read_bytes())
            except ValueError:
                continue
            if certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc:
                found.append(certificate)
        self._core._certificates = found

    def serials(self) -> set[str]:
        """Serial numbers of the certificates in use, upper-case hexadecimal."""
        moment = datetime.now(UTC)
        return {f"{one.serial_number:X}" for one in self._core._certificates if moment <= one.not_valid_after_utc}

    def knows(self, serial: str) -> bool:
        """Whether a certificate of this serial is here, perhaps fetched by another process meanwhile."""
        wanted = serial.upper().lstrip("0")
        if not wanted:
            return False
        if wanted not in self.serials():
            self.load()
        return wanted in self.serials()

    def due(self) -> bool:
        """Whether there is none, or the last fetch is half a day ago."""
        fetched = self._folder.stat().st_mtime if self._folder.exists() else 0.0
        return not self.serials() or fetched < time.time() - REFRESH_SECONDS

    def fetch(self) -> tuple[int, str]:
        """Ask WeChat for all; they come sealed with the API v3 key, which vouches for them."""
        self._core._update_certificates()
        if self._core._certificates:
            os.utime(self._folder)
        return 200, ""
