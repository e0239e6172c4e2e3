import unittest
from datetime import date, timedelta

from shelf.fines import fine, in_euros, total
from shelf.models import LOAN_DAYS, Loan

LENT = date(2024, 3, 1)


def loan_late_by(days: int) -> Loan:
    loan = Loan(17, "ada", LENT)
    loan.returned = LENT + timedelta(days=LOAN_DAYS + days)
    return loan


class Fines(unittest.TestCase):
    def test_a_book_in_time_costs_nothing(self):
        self.assertEqual(fine(loan_late_by(0), LENT), 0)

    def test_the_days_of_grace_cost_nothing(self):
        self.assertEqual(fine(loan_late_by(3), LENT), 0)

    def test_days_after_those_of_grace_cost_ten_cents_each(self):
        self.assertEqual(fine(loan_late_by(5), LENT), 20)

    def test_no_loan_costs_more_than_five_euros(self):
        self.assertEqual(fine(loan_late_by(400), LENT), 500)

    def test_a_total_is_the_sum(self):
        self.assertEqual(total([loan_late_by(400), loan_late_by(0)], LENT), 500)

    def test_cents_are_shown_as_euros(self):
        self.assertEqual(in_euros(205), "2.05 EUR")


if __name__ == "__main__":
    unittest.main()
