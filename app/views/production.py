"""Views: production."""

from flask import Blueprint

bp = Blueprint("production", __name__)
