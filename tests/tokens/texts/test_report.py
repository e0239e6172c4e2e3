import unittest
from datetime import date

from shelf.models import Loan
from shelf.report import lines

LOANS = [
    Loan(1, "bob", date(2024, 1, 5)),
    Loan(2, "ada", date(2024, 2, 5)),
    Loan(3, "ada", date(2024, 3, 5)),
    Loan(4, "cyd", date(2023, 3, 5)),
]


class Report(unittest.TestCase):
    def test_who_borrowed_most_comes_first(self):
        self.assertEqual(lines(LOANS, 2024), ["   2  ada", "   1  bob"])

    def test_another_year_is_another_report(self):
        self.assertEqual(lines(LOANS, 2023), ["   1  cyd"])
