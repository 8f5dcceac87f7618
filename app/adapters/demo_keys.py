"""Keys for both sides of the demo's WeChat Pay, made once; never used in production."""

from __future__ import annotations

import os
import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)


def ensure(folder: Path) -> None:
    """Make the key folder if it is not there; of two processes that race, the first one's keys stay."""
    if folder.exists():
        if not (folder / "wechatpay_certificate.pem").exists():  # a folder of before there were certificates
            _certificate(folder)
        return
    folder.parent.mkdir(parents=True, exist_ok=True)
    made = folder.with_name(f".{folder.name}.{os.getpid()}")
    made.mkdir(mode=0o700)
    for side in ("merchant", "wechatpay"):
        key = rsa.generate_private_key(65537, 2048)
        secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
        (made / f"{side}_key.pem").write_bytes(secret)
        (made / f"{side}_public.pem").write_bytes(public)
    (made / "merchant_serial.txt").write_text(secrets.token_hex(20).upper())
    (made / "public_key_id.txt").write_text("PUB_KEY_ID_" + str(secrets.randbelow(10**20)).zfill(20))
    (made / "apiv3_key.txt").write_text(secrets.token_hex(16))
    _certificate(made)
    for file in made.iterdir():
        file.chmod(0o600)
    try:
        made.rename(folder)
    except OSError:
        shutil.rmtree(made)


def _certificate(folder: Path) -> None:
    """The platform certificate that the simulator shows to merchants without its public key."""
    key = load_pem_private_key((folder / "wechatpay_key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "WeChat Pay simulator")])
    moment = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - timedelta(days=1))
        .not_valid_after(moment + timedelta(days=5 * 365))
        .sign(key, hashes.SHA256())
    )
    (folder / "wechatpay_certificate.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
