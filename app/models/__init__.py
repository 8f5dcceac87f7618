"""Tables: columns, relations and derived facts only."""

from app.models.asking import RequestKind, RequestState, StudentRequest
from app.models.batch import Batch, BatchItem, BatchLink, BatchState
from app.models.campaign_work import BatchDifference, IntakePhoto, IntakeState, Reminder
from app.models.money import (
    BillDay,
    BillDifference,
    BillLine,
    CallbackLog,
    Payment,
    PaymentState,
    Refund,
    RefundState,
)
from app.models.ops import Audit, NoticeConsent, Outbox, Pulse
from app.models.order import CodeImage, Event, Exemption, Form, Order
from app.models.people import (
    Account,
    Consent,
    Identity,
    RecoveryCode,
    SignInAttempt,
    Staff,
    StaffRole,
    StaffSchool,
    StaffSession,
)
from app.models.photo import CheckState, Photo, PhotoCheck, PhotoHash, PhotoView
from app.models.review import Decision, DecisionReason, Lease, Reason, ReasonVersion, ReviewDay
from app.models.school import Campaign, ImportState, RosterEntry, RosterImport, Rule, School

__all__ = [
    "Account", "Audit", "Batch", "BatchDifference", "BatchItem", "BatchLink", "BatchState", "BillDay",
    "BillDifference", "BillLine", "CallbackLog", "Campaign", "CheckState", "CodeImage", "Consent", "Decision",
    "DecisionReason", "Event", "Exemption", "Form", "Identity", "ImportState", "IntakePhoto", "IntakeState", "Lease",
    "NoticeConsent", "Order", "Outbox", "Payment", "PaymentState", "Photo", "PhotoCheck", "PhotoHash", "PhotoView",
    "Pulse", "Reason", "ReasonVersion", "RecoveryCode", "Refund", "RefundState", "Reminder", "RequestKind",
    "RequestState", "ReviewDay", "RosterEntry", "RosterImport", "Rule", "School", "SignInAttempt", "Staff",
    "StaffRole", "StaffSchool", "StaffSession", "StudentRequest",
]  # fmt: skip
