"""The review console: one blueprint, one file per screen."""

from app.views.review import desk, figures, gallery, orders, pictures, queue, reasons
from app.views.review.blueprint import bp

__all__ = ["bp", "desk", "figures", "gallery", "orders", "pictures", "queue", "reasons"]
