"""Who borrowed most in a year."""

from collections import Counter


def borrowed(loans: list, year: int) -> Counter:
    """How many loans each member began in a year."""
    return Counter(loan.member for loan in loans if loan.lent.year == year)


def lines(loans: list, year: int, most: int = 10) -> list:
    """The report, a line for each member; equal ones in the order of their names."""
    counted = sorted(borrowed(loans, year).items(), key=lambda pair: (-pair[1], pair[0]))
    return [f"{count:>4}  {name}" for name, count in counted[:most]]
