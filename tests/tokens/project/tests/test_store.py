import tempfile
import unittest
from datetime import date, timedelta
from pathlib import Path

from shelf.models import Book
from shelf.store import Store, StoreError

TODAY = date(2024, 3, 1)


class Lending(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.store = Store(Path(self.folder.name) / "shelf.json")
        for number in range(1, 8):
            self.store.books[number] = Book(number, f"Title {number}", "Somebody", 1990 + number)

    def test_a_book_is_lent_once(self):
        self.store.lend(1, "ada", TODAY)
        with self.assertRaises(StoreError):
            self.store.lend(1, "bob", TODAY)

    def test_a_member_has_at_most_four(self):
        for number in range(1, 5):
            self.store.lend(number, "ada", TODAY)
        with self.assertRaises(StoreError):
            self.store.lend(5, "ada", TODAY)

    def test_a_book_that_came_back_can_be_lent(self):
        self.store.lend(1, "ada", TODAY)
        self.store.take_back(1, TODAY + timedelta(days=2))
        self.assertEqual(self.store.lend(1, "bob", TODAY).member, "bob")

    def test_overdue_loans_come_oldest_first(self):
        self.store.lend(1, "ada", TODAY)
        self.store.lend(2, "bob", TODAY - timedelta(days=7))
        late = self.store.overdue(TODAY + timedelta(days=40))
        self.assertEqual([loan.book for loan in late], [2, 1])

    def test_what_was_saved_is_there_again(self):
        self.store.lend(1, "ada", TODAY)
        self.store.save()
        again = Store(self.store.path)
        self.assertEqual(again.open_loan(1).due_date, TODAY + timedelta(days=21))
