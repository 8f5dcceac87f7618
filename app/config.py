"""Settings from the environment, checked at start. docs/settings.md lists them all (a test compares)."""

from __future__ import annotations

import hashlib
import ipaddress
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from app.rules.text import N_

_SOCKET_LIMIT = 100  # bytes; Linux takes 107 for a unix socket's path


class BadSetting(SystemExit):
    """A setting that cannot be used; the text says which and what it takes."""


def default_redis_url(instance: Path) -> str:
    """The embedded server's socket: in instance/, or in the temporary folder where that path is too long."""
    path = instance / "redis" / "redis.sock"
    if len(str(path)) > _SOCKET_LIMIT:
        mark = hashlib.sha256(str(path).encode()).hexdigest()[:16]
        path = Path(tempfile.gettempdir()) / f"caixiang-{mark}" / "redis.sock"
    return f"unix://{path}"


def _choice(env: Mapping[str, str], name: str, choices: tuple[str, ...]) -> str:
    value = env.get(name, choices[0])
    if value not in choices:
        raise BadSetting(f"{name} is {value!r}; it takes one of {', '.join(choices)}")
    return value


def _whole(env: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    text = env.get(name, str(default))
    if not text.isdigit() or not low <= int(text) <= high:
        raise BadSetting(f"{name} is {text!r}; it takes a whole number from {low} to {high}")
    return int(text)


def load(instance: Path, env: Mapping[str, str] = os.environ) -> dict[str, Any]:
    """All settings. Raises BadSetting, with a sentence, for a value that cannot be used."""
    mode = _choice(env, "CAIXIANG_MODE", ("demo", "production"))
    production = mode == "production"
    web_port = _whole(env, "CAIXIANG_PORT", 8000, 1, 65535)
    simulator_port = _whole(env, "CAIXIANG_SIMULATOR_PORT", 8001, 1, 65535)
    simulator = f"http://127.0.0.1:{simulator_port}"
    settings: dict[str, Any] = {
        "MODE": mode,
        "SITE_TITLE": env.get("CAIXIANG_TITLE", N_("高校图像信息采集")),
        "PUBLIC_URL": env.get("CAIXIANG_PUBLIC_URL", f"http://127.0.0.1:{web_port}"),
        "WEB_PORT": web_port,
        "SIMULATOR_PORT": simulator_port,
        "TRUSTED_HOSTS": None,
        "PROXIES": _whole(env, "CAIXIANG_PROXIES", 0, 0, 5),
        "SIMULATOR_URL": None if production else simulator,
        "SQLALCHEMY_DATABASE_URI": env.get("DATABASE_URL", f"sqlite:///{instance / 'caixiang.db'}"),
        "REDIS_URL": env.get("REDIS_URL", default_redis_url(instance)),
        "STORAGE": env.get("STORAGE", "folder"),
        "BATCH_FOLDER": env.get("CAIXIANG_BATCH_FOLDER", str(instance / "batches")),
        "KEY_FOLDER": env.get("CAIXIANG_KEY_FOLDER", str(instance / "keys")),
        "MAX_CONTENT_LENGTH": 31 * 1024 * 1024,
        "UPLOAD_MAX_MB": 30,
        "VISIBLE_AFTER_SECONDS": 20,
        "LEASE_SECONDS": 60,
        "UNPAID_HOURS": 24,
        "TOTP_REQUIRED": _choice(env, "CAIXIANG_TOTP", ("on", "off") if production else ("off", "on")) == "on",
        "WECHAT_APPID": env.get("WECHAT_APPID", "wxdemo0000000001"),
        "WECHAT_SECRET": env.get("WECHAT_SECRET", "demo-secret"),
        "WECHAT_WEB_APPID": env.get("WECHAT_WEB_APPID", "wxdemo0000000002"),
        "WECHAT_WEB_SECRET": env.get("WECHAT_WEB_SECRET", "demo-secret"),
        "WECHAT_OPEN_URL": env.get("WECHAT_OPEN_URL", "https://open.weixin.qq.com" if production else simulator),
        "WECHAT_API_URL": env.get("WECHAT_API_URL", "https://api.weixin.qq.com" if production else simulator),
        "WECHAT_MP_URL": env.get("WECHAT_MP_URL", "https://mp.weixin.qq.com" if production else simulator),
        "WECHAT_TEMPLATE_ID": env.get("WECHAT_TEMPLATE_ID", "" if production else "demo-template"),
        "WECHATPAY_API_URL": env.get("WECHATPAY_API_URL", "https://api.mch.weixin.qq.com" if production else simulator),
        "WECHATPAY_MCHID": env.get("WECHATPAY_MCHID", "1900000001"),
        "WECHATPAY_FOLDER": env.get("WECHATPAY_FOLDER", str(instance / "wechatpay")),
        "SMTP_URL": env.get("CAIXIANG_SMTP_URL", ""),
        "MAIL_FROM": env.get("CAIXIANG_MAIL_FROM", "no-reply@localhost"),
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SECURE": production,
        "PERMANENT_SESSION_LIFETIME": 12 * 3600,
        "WTF_CSRF_TIME_LIMIT": None,
        "BABEL_DEFAULT_LOCALE": "zh",
        "BABEL_DEFAULT_TIMEZONE": "Asia/Shanghai",
        "RQ_DASHBOARD_DISABLE_DELETE": True,
    }
    if production:
        _refuse_demo(env)
        _refuse_simulator_keys(settings)
        settings["TRUSTED_HOSTS"] = [urlsplit(settings["PUBLIC_URL"]).hostname, "127.0.0.1", "localhost"]
    return settings


def _refuse_demo(env: Mapping[str, str]) -> None:
    """Production never runs on demo identities or the simulator."""
    needed = ("WECHAT_APPID", "WECHAT_SECRET", "WECHATPAY_MCHID", "CAIXIANG_PUBLIC_URL")
    missing = [name for name in needed if not env.get(name)]
    if missing:
        raise BadSetting(f"production needs {', '.join(missing)}; see docs/settings.md")
    for name in ("WECHAT_OPEN_URL", "WECHAT_API_URL", "WECHAT_MP_URL", "WECHATPAY_API_URL"):
        address = urlsplit(env.get(name, "https://weixin.qq.com"))
        if address.scheme != "https" or _on_this_machine(address.hostname or ""):
            raise BadSetting(f"{name} must be an https:// address of WeChat in production; the simulator is refused")
    if not env["CAIXIANG_PUBLIC_URL"].startswith("https://"):
        raise BadSetting("CAIXIANG_PUBLIC_URL must be an https:// address in production")


def _on_this_machine(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host in ("", "localhost") or host.endswith(".localhost")
    return address.is_loopback or address.is_unspecified


def _refuse_simulator_keys(settings: Mapping[str, Any]) -> None:
    """Production does not trust a folder that holds WeChat's own private key: only the simulator's has one."""
    if (Path(settings["WECHATPAY_FOLDER"]) / "wechatpay_key.pem").exists():
        raise BadSetting("WECHATPAY_FOLDER holds the simulator's keys; production needs the merchant's own")
