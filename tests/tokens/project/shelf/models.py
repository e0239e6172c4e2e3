"""Books, members and loans."""

from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Optional

LOAN_DAYS = 21
MOST_LOANS = 4


@dataclass
class Book:
    """One copy on the shelf."""

    number: int
    title: str
    author: str
    year: int
    tags: list = field(default_factory=list)

    def label(self) -> str:
        return f"{self.number:>4}  {self.title} ({self.author}, {self.year})"


@dataclass
class Member:
    """Somebody who may borrow."""

    name: str
    email: str = ""
    owed_cents: int = 0


@dataclass
class Loan:
    """A book that is with a member, or was."""

    book: int
    member: str
    lent: date
    returned: Optional[date] = None

    @property
    def due_date(self) -> date:
        return self.lent + timedelta(days=LOAN_DAYS)

    def days_late(self, today: date) -> int:
        """How many days past its due date the book is, or was when it came back."""
        end = self.returned or today
        return max(0, (end - self.due_date).days)

    def to_json(self) -> dict:
        data = asdict(self)
        data["lent"] = self.lent.isoformat()
        data["returned"] = self.returned.isoformat() if self.returned else None
        return data

    @classmethod
    def from_json(cls, data: dict) -> "Loan":
        returned = data.get("returned")
        return cls(
            book=data["book"],
            member=data["member"],
            lent=date.fromisoformat(data["lent"]),
            returned=date.fromisoformat(returned) if returned else None,
        )
