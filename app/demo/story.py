"""Plays one demo student's way through the real services, with the real checker on drawn pictures."""

from __future__ import annotations

from datetime import timedelta

from flask import current_app
from sqlalchemy import select

from app.adapters.clock import now
from app.adapters.storage import storage
from app.demo import portraits, wechat_books
from app.demo.age import paid_at
from app.demo.people import FLAWS, Person
from app.extensions import db
from app.models import Account, Campaign, Consent, Identity, Order, Payment, Photo, Staff
from app.rules.states import Action, OrderState
from app.services import submissions
from app.services.money.payments import OPEN_FOR
from app.services.money.settlement import settle
from app.services.photos import codes, prechecks
from app.services.review import decisions
from app.services.review.decisions import Judgement, Seen
from app.services.review.rejections import Told
from app.services.students import consents
from app.services.transitions import SYSTEM
from app.services.unit import unit_of_work
from app.services.upkeep import expiry
from app.simulator.protocol import beijing_time
from workers.checker import Checker

SIZE = (900, 1200)
AFTER_PAYING = {
    "rejected": (OrderState.REJECTED, (Action.REJECT,)),
    "resubmitted": (OrderState.PENDING_REVIEW, (Action.REJECT, Action.RESUBMIT)),
    "revising": (OrderState.REVISING, (Action.WITHDRAW,)),
    "pending_production": (OrderState.PENDING_PRODUCTION, (Action.APPROVE,)),
    "refunded": (OrderState.REFUNDED, (Action.CLOSE,)),
}
"""Where each story ends, and through which actions; the others wait for review."""

REASONS = ("background", "light", "pose", "expression", "eyes", "covered")


class Story:
    """One student and their order."""

    def __init__(self, campaign_id: int, person: Person, checker: Checker, reviewer_id: int) -> None:
        self.campaign = db.session.get_one(Campaign, campaign_id)
        self.person, self.checker, self.reviewer_id = person, checker, reviewer_id
        self.number, self.account_id = "", 0

    def play(self) -> None:
        """Everything up to where the story ends."""
        self._arrive()
        story = self.person.story
        if story == "draft" and self.person.number % 2:
            return
        fault = FLAWS[self.person.number % len(FLAWS)] if story == "flawed" else None
        self._prepare(fault)
        if story == "draft":
            return
        submissions.submit(self.account_id, self.number, self._order().version)
        if story in ("pending_payment", "cancelled"):
            if story == "cancelled":
                submissions.cancel(self.account_id, self.number, self._order().version)
            return
        self._pay()
        getattr(self, f"_{story}", lambda: None)()

    def begun(self) -> bool:
        """Whether an earlier, interrupted fill has brought this student; whatever state the order is in is a real one."""
        return db.session.scalar(select(Identity.account_id).where(Identity.openid == self._openid())) is not None

    def _openid(self) -> str:
        return f"o-{current_app.config['WECHAT_APPID'][-4:]}-{self.person.number - 1}"

    def _arrive(self) -> None:
        appid = current_app.config["WECHAT_APPID"]
        with unit_of_work():
            account = Account(nickname=self.person.name[:12])
            db.session.add(account)
            db.session.flush()
            self.account_id = account.id
            db.session.add(
                Identity(account_id=account.id, provider="wechat", appid=appid, openid=self._openid(),
                         unionid=f"u-{self.person.number - 1}")
            )  # fmt: skip
            for kind, text in consents.TEXTS.items():
                db.session.add(
                    Consent(account_id=account.id, kind=kind, text_version=text.version, text_sha256=text.sha256)
                )
        self.number = submissions.start(self.account_id, self.campaign.id).number

    def _order(self) -> Order:
        return submissions.owned(self.account_id, self.number)

    def _prepare(self, fault: str | None) -> None:
        code = submissions.upload_code(
            self.account_id, self.number, portraits.collection_code(f"CHSI-DEMO-{self.person.number:06d}".encode())
        )
        claimed = codes.claim(code.id)
        assert claimed is not None
        with storage().local(claimed.key) as path:
            reading = self.checker.read_code(path)
        codes.keep(code.id, reading.payload, reading.fault)
        submissions.save_form(self.account_id, self.number, self._form())
        self._photo(fault)

    def _form(self) -> dict[str, str]:
        return {
            "name": self.person.name,
            "student_no": self.person.student_no,
            "id_type": "resident_id",
            "id_no": self.person.id_no,
            "college": self.person.college,
            "class_name": self.person.class_name,
            "education_level": "本科",
            "education_category": "普通高等教育",
            "campus": "主校区",
            "school_name": self._order().school.name,
            "email": self.person.email,
            "phone": self.person.phone,
        }

    def _photo(self, fault: str | None, seed: int = 0) -> None:
        image = portraits.portrait(self.person.number + seed, SIZE, fault=fault)
        photo = submissions.add_photo(self.account_id, self.number, portraits.jpeg(image), "album")
        claimed = prechecks.claim(photo.id)
        assert claimed is not None
        attempt, photo_id = claimed.attempt, claimed.id
        with storage().local(claimed.original_key) as path:
            outcome = self.checker.check(path, claimed.rule.body, claimed.background, policy=claimed.background_policy)
        prechecks.keep(photo_id, attempt, prechecks.finding(outcome))
        kept = db.session.get_one(Photo, photo_id)
        if kept.verdict == "failed" and kept.rendition_key:
            submissions.ask_person(self.account_id, self.number)

    def _pay(self) -> None:
        order = self._order()
        if OrderState(order.state) is not OrderState.PENDING_PAYMENT:
            return
        order_id, fen = order.id, order.price_fen
        at = paid_at(order_id, *AFTER_PAYING.get(self.person.story, (OrderState.PENDING_REVIEW, ())))
        with unit_of_work():
            db.session.add(
                Payment(order_id=order_id, out_trade_no=f"DEMO{order_id:08d}", method="jsapi", amount_fen=fen,
                        created_at=at - timedelta(seconds=40), expires_at=at + OPEN_FOR)
            )  # fmt: skip
        transaction = {
            "out_trade_no": f"DEMO{order_id:08d}",
            "transaction_id": f"42000{order_id:023d}",
            "mchid": current_app.config["WECHATPAY_MCHID"],
            "appid": current_app.config["WECHAT_APPID"],
            "amount": {"total": fen, "currency": "CNY"},
            "trade_state": "SUCCESS",
            "success_time": beijing_time(at.timestamp()),
        }
        wechat_books.paid(transaction)
        settle(transaction, "query")

    def _decide(self, outcome: str, *reasons: str) -> None:
        order = self._order()
        assert order.photo_id is not None
        staff = db.session.get_one(Staff, self.reviewer_id)
        judgement = Judgement(outcome, Told(reasons), ms=2500 + 137 * (self.person.number % 20))
        decision = decisions.decide(staff, Seen(order.id, order.version, order.photo_id), judgement)
        with unit_of_work():  # visible at once: the demo does not wait 20 seconds
            kept = db.session.get_one(type(decision), decision.id)
            kept.visible_from = now()

    def _rejected(self) -> None:
        self._decide("rejected", REASONS[self.person.number % len(REASONS)])

    def _resubmitted(self) -> None:
        self._rejected()
        self._photo(None, seed=500)
        submissions.resubmit(self.account_id, self.number, self._order().version)

    def _revising(self) -> None:
        submissions.withdraw(self.account_id, self.number, self._order().version)

    def _pending_production(self) -> None:
        self._decide("approved")

    def _delivered(self) -> None:
        self._decide("approved")

    def _refunded(self) -> None:
        expiry.close(self._order().id, SYSTEM, "采集批次已结束")
        with unit_of_work():
            payment = db.session.scalars(select(Payment).where(Payment.order_id == self._order().id)).one()
            for refund in payment.refunds:
                wechat_books.refunded(refund)
                refund.state, refund.settled_at, refund.next_try_at = "succeeded", now(), None
