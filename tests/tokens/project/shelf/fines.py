"""What late loans cost."""

from datetime import date

from shelf.models import Loan

GRACE_DAYS = 3
CENTS_A_DAY = 10
MOST_CENTS = 500


def fine(loan: Loan, today: date) -> int:
    """What a loan costs, in cents: nothing within the days of grace, and never more than MOST_CENTS."""
    late = loan.days_late(today)
    if late < GRACE_DAYS:
        return 0
    return min(late * CENTS_A_DAY, MOST_CENTS)


def total(loans: list, today: date) -> int:
    """What several loans cost together, in cents."""
    return sum(fine(loan, today) for loan in loans)


def in_euros(cents: int) -> str:
    # TODO: use the locale's decimal mark
    return f"{cents // 100}.{cents % 100:02} EUR"
