"""The student's way through one order: one blueprint, one file for each step."""

from app.views.student import code, form, orders, photo, submit
from app.views.student.blueprint import bp

__all__ = ["bp", "code", "form", "orders", "photo", "submit"]
