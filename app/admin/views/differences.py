"""What differs between both sides, by operation and field, with samples. Values of personal fields are never shown."""

from pydantic import BaseModel

from translation.comparison import Verdict
from translation.parity import Field, Parity


class Counts(BaseModel):
    """How often each verdict was given. The left is outbound, the right real-time."""

    equal: int
    differs: int
    missing_left: int
    missing_right: int


class SampleRow(BaseModel):
    """One difference that was seen.

    Attributes:
        at: When, in seconds since 1970.
        verdict: What it was.
        item: The event and the part of it.
        left: Outbound's value; null when it is missing, or personal.
        right: Real-time's likewise.
        personal: Whether the values are not shown for what they are.
    """

    at: float
    verdict: Verdict
    item: str
    left: str | None
    right: str | None
    personal: bool


class FieldRow(BaseModel):
    """One field path of an operation.

    Attributes:
        operation: The operation's name.
        path: The field's path.
        differs: Whether it differs more often than outbound differs from itself.
        seen: Outbound against real-time.
        noise: Outbound against itself.
        percent: Not equal, in percent of those seen; null when nothing was.
        noise_percent: The same of the noise.
        first: When it was first seen not to be equal, in seconds since 1970.
        last: The last time.
        samples: The newest.
    """

    operation: str
    path: str
    differs: bool
    seen: Counts
    noise: Counts
    percent: float | None
    noise_percent: float | None
    first: float | None
    last: float | None
    samples: list[SampleRow]


class OperationParity(BaseModel):
    """How alike one operation is answered.

    Attributes:
        operation: The operation's name.
        percent: Compared fields that do not really differ, in percent.
        compared: How many values were compared.
        fields: How many field paths.
        different: How many of those really differ.
    """

    operation: str
    percent: float | None
    compared: int
    fields: int
    different: int


class Differences(BaseModel):
    """What differs. ``percent`` is of all operations together; null when nothing was compared."""

    percent: float | None
    operations: list[OperationParity]
    fields: list[FieldRow]


def show_differences(parity: Parity, operation: str | None = None, *, everything: bool = False) -> Differences:
    """What differs as it is shown.

    Args:
        parity: What was compared.
        operation: Only this one's fields.
        everything: Fields that do not really differ as well.
    """
    rows = [
        field_row(name, path, field)
        for name, fields in parity.operations.items()
        if operation is None or name == operation
        for path, field in fields.items()
        if everything or field.differs
    ]
    rows.sort(key=lambda row: (not row.differs, -(row.percent or 0), row.operation, row.path))
    operations = [
        OperationParity(
            operation=name,
            percent=parity.percent(name),
            compared=sum(field.seen.total for field in fields.values()),
            fields=len(fields),
            different=sum(field.differs for field in fields.values()),
        )
        for name, fields in sorted(parity.operations.items())
    ]
    operations.sort(key=lambda row: 100.0 if row.percent is None else row.percent)
    return Differences(percent=parity.percent(), operations=operations, fields=rows)


def field_row(operation: str, path: str, field: Field) -> FieldRow:
    """One field as it is shown."""
    return FieldRow(
        operation=operation,
        path=path,
        differs=field.differs,
        seen=Counts.model_validate(field.seen.document()),
        noise=Counts.model_validate(field.noise.document()),
        percent=100 * field.seen.share if field.seen.total else None,
        noise_percent=100 * field.noise.share if field.noise.total else None,
        first=field.first,
        last=field.last,
        samples=[
            SampleRow(
                at=sample.at,
                verdict=sample.difference.verdict,
                item=sample.difference.item,
                # The comparison has left them out already; what is kept may have been written by another version.
                left=None if sample.difference.personal else sample.difference.left,
                right=None if sample.difference.personal else sample.difference.right,
                personal=sample.difference.personal,
            )
            for sample in field.samples
        ],
    )
