"""What templates call: labels and sentences of the rules, in the visitor's language."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

from flask import Flask, current_app
from flask_babel import format_date, format_datetime, format_timedelta, get_locale
from flask_babel import gettext as _

from app.models import Form, Order, PhotoCheck, Reason
from app.rules import labels, samples
from app.rules.faults import Fault
from app.rules.fields import BY_NAME, ID_TYPES, Field, mask
from app.rules.messages import LABELS, plain, sentence
from app.rules.states import OrderState
from app.rules.text import N_, Named
from app.rules.yuan import yuan
from app.services import submissions
from app.services.access import staff
from app.services.audit import LABELS as AUDIT_LABELS
from app.services.photos.prechecks import as_check
from app.services.students import student_requests
from app.services.students.personal import PURPOSES
from app.views import charts

ROLE_LABELS = {
    "reviewer": N_("审核员"),
    "lead": N_("审核组长"),
    "producer": N_("制作员"),
    "school": N_("学校老师"),
    "finance": N_("财务"),
    "admin": N_("管理员"),
    "student": N_("学生"),
    "system": N_("系统"),
}


def reason_name(reason: Reason) -> str:
    """What staff call a reason, in their language; in Chinese while nobody has given it an English name."""
    return named(Named(reason.label, reason.label_en))


def named(name: Named) -> str:
    """The name in the visitor's language."""
    return name.zh if str(get_locale()) == "zh" else name.en or name.zh


def told(fault: Fault) -> str:
    """A fault's sentence in the visitor's language, its places filled."""
    values = {place: named(value) if isinstance(value, Named) else value for place, value in fault.values.items()}
    return _(fault.sentence, **values)


def reason_names(known: Iterable[Reason]) -> dict[str, str]:
    """`reason_name` by code."""
    return {reason.code: reason_name(reason) for reason in known}


def init_app(app: Flask) -> None:
    """Offer filters and functions."""
    app.add_template_filter(
        lambda moment, form="medium": format_datetime(moment, form) if moment else "", "datetimeformat"
    )
    app.add_template_filter(duration)
    app.add_template_filter(lambda day: format_date(day) if day else "", "dateformat")
    app.jinja_env.globals.update(
        site_title=site_title,
        state_label=state_label,
        verdict_label=lambda verdict: _(labels.VERDICT_LABELS[verdict or None]),
        outcome_label=lambda outcome: _(labels.OUTCOME_LABELS[outcome]),
        refund_label=lambda state: _(labels.REFUND_LABELS[state]),
        difference_label=lambda kind: _(labels.DIFFERENCE_LABELS.get(kind, kind)),
        callback_label=lambda outcome: _(labels.CALLBACK_LABELS.get(outcome, outcome)),
        refund_failure=lambda code: _(labels.REFUND_FAILURES.get(code, code)) if code else "",
        payment_label=lambda state: _(labels.PAYMENT_LABELS[state]),
        method_label=lambda method: _(labels.METHOD_LABELS.get(method, method)),
        event_label=lambda action: _(labels.EVENT_LABELS.get(action, action)),
        next_step=lambda state: _(labels.NEXT_STEPS[state]),
        code_way=lambda fault: _(labels.CODE_WAYS.get(fault, labels.CODE_WAYS["unreadable_file"])),
        state_shown=submissions.state_shown,
        code_fault=lambda fault: _(labels.CODE_FAULTS.get(fault, labels.CODE_FAULTS["unreadable_file"])),
        code_taken=code_taken,
        request_label=lambda state: _(labels.REQUEST_LABELS[state]),
        request_kind=lambda kind: _(labels.REQUEST_KINDS[kind]),
        answer_by=student_requests.answer_by,
        source_label=lambda source: _(labels.SOURCES.get(source, source)),
        audit_label=lambda action: _(AUDIT_LABELS.get(action, action)),
        role_label=lambda role: _(ROLE_LABELS.get(role, role)),
        purpose_label=lambda purpose: _(PURPOSES.get(purpose, purpose)),
        check_label=lambda code: _(LABELS.get(code, code)),
        check_sentence=check_sentence,
        check_value=check_value,
        check_number=check_number,
        field_value=field_value,
        option_label=option_label,
        target_label=target_label,
        reason_name=reason_name,
        masked=mask,
        yuan=yuan,
        stage_label=lambda stage: _(labels.STAGE_LABELS[stage]),
        chart_scale=charts.scale,
        chart_every=charts.every,
        chart_runs=charts.runs,
        chart_points=charts.points,
        sample_groups=samples.GROUPS,
        staff_name=lambda staff_id: staff.get(staff_id).name,
    )


def check_sentence(row: PhotoCheck) -> str:
    """What a finding tells."""
    key, values = sentence(as_check(row))
    return _(key, **values)


def check_value(row: PhotoCheck) -> str:
    """The measured value and its limits, as ` (12 px, 50–110)`, or nothing."""
    if row.value is None or (row.low is None and row.high is None):
        return ""
    if row.low is not None and row.high is not None:
        limits = f"{plain(row.low)}–{plain(row.high)}"
    else:
        limits = f"≤ {plain(row.high)}" if row.low is None else f"≥ {plain(row.low)}"
    return f" ({_told_apart(row)} {row.unit}; {limits})".replace(" ;", ";")


def _told_apart(row: PhotoCheck) -> str:
    """The value, with as many digits as it takes to differ from the limit that it misses: not 0.80 against 0.80."""
    value, shown = row.value or 0.0, plain(row.value)
    missed = row.low if row.low is not None and value < row.low else row.high
    if missed is None or value == missed or shown != plain(missed):
        return shown
    finer = (f"{value:.{digits}f}" for digits in (2, 3, 4))
    return next((text for text in finer if float(text) != round(missed, 2)), shown)


def check_number(row: PhotoCheck | None) -> str:
    """The measured value alone, with its unit."""
    return "–" if row is None or row.value is None else f"{plain(row.value)} {row.unit}".strip()


def site_title() -> str:
    """The service's name: the default one is translated, an installation's own stays as it was set."""
    title = current_app.config["SITE_TITLE"]
    return _(title)


def state_label(state: str, order: Order | None = None) -> str:
    """What a state is called; of a refunded `order` it is the refund's own state."""
    refund = submissions.refund_of(order) if order is not None and state == OrderState.REFUNDED else None
    return _(labels.REFUND_LABELS[refund.state] if refund else labels.STATE_LABELS.get(state, state))


def code_taken(order: Order) -> str:
    """What a student reads whose collection code was moved to another order."""
    waits = order.state == OrderState.PENDING_REVIEW
    sentence = labels.CODE_TAKEN_WAITS if waits else labels.CODE_TAKEN
    return _(sentence)


def field_value(form: Form, field: Field) -> str:
    """What was filled in, as a page may show it."""
    value = getattr(form, field.name)
    if field.masked:
        return mask(value)
    return option_label(field.choices, value) if field.choices else value


def option_label(choices: str, option: str) -> str:
    """How an option of a pick list is shown; what the school wrote stays as it is."""
    if choices == "id_types":
        return _(ID_TYPES.get(option, option))
    return _(option) if choices in ("levels", "categories") else option


def target_label(target: str) -> str:
    """What a reason is bound to."""
    if target.startswith("form:"):
        field = BY_NAME.get(target.removeprefix("form:"))
        return _(field.label) if field else _("个人信息")
    return _("图像采集码") if target == "code" else _("照片")


def duration(length: timedelta | float) -> str:
    """How long something takes or took, in the one or two largest units that matter."""
    seconds = int(length.total_seconds() if isinstance(length, timedelta) else length)
    for unit, below in ((86400, 3600), (3600, 60)):
        if seconds >= unit and seconds % unit >= below:
            whole, rest = seconds // unit * unit, seconds % unit // below * below
            return f"{_exactly(whole)} {_exactly(rest)}"
    return _exactly(seconds)


def _exactly(seconds: int) -> str:
    return str(format_timedelta(timedelta(seconds=seconds), threshold=1, granularity="second"))
