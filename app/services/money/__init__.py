"""Money in and out: payments, what settles them, refunds, WeChat's bills against our books."""
