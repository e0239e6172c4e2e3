"""The JSON file in which everything is kept."""

import csv
import json
import os
import tempfile
from dataclasses import asdict
from datetime import date
from pathlib import Path

from shelf.models import MOST_LOANS, Book, Loan, Member


class StoreError(Exception):
    """Something that the desk refuses, said in a sentence for the member."""


class Store:
    """Books, members and loans, read once and written whole."""

    def __init__(self, path: Path):
        self.path = Path(path)
        self.books = {}
        self.members = {}
        self.loans = []
        if self.path.exists():
            self._load()

    def _load(self) -> None:
        data = json.loads(self.path.read_text(encoding="utf-8"))
        self.books = {book["number"]: Book(**book) for book in data["books"]}
        self.members = {member["name"]: Member(**member) for member in data["members"]}
        self.loans = [Loan.from_json(loan) for loan in data["loans"]]

    def save(self) -> None:
        """Replaces the file at once, so that a crash leaves the old one whole."""
        data = {
            "books": [asdict(book) for book in self.books.values()],
            "members": [asdict(member) for member in self.members.values()],
            "loans": [loan.to_json() for loan in self.loans],
        }
        folder = self.path.parent
        handle, name = tempfile.mkstemp(dir=folder, prefix=".shelf-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                json.dump(data, file, indent=2, ensure_ascii=False)
            os.replace(name, self.path)
        except BaseException:
            os.unlink(name)
            raise

    def import_csv(self, path: Path) -> tuple:
        """Adds the books of a CSV file; how many were added, and how many skipped since their number is taken."""
        added = skipped = 0
        with open(path, newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                number = int(row["number"])
                if number in self.books:
                    skipped += 1
                    continue
                tags = [tag for tag in row["tags"].split(" ") if tag]
                self.books[number] = Book(number, row["title"], row["author"], int(row["year"]), tags)
                added += 1
        return added, skipped

    def open_loan(self, number: int):
        """The loan of a book that is out, or None."""
        return next((loan for loan in self.loans if loan.book == number and loan.returned is None), None)

    def lend(self, number: int, name: str, today: date) -> Loan:
        if number not in self.books:
            raise StoreError(f"There is no book {number}.")
        if self.open_loan(number):
            raise StoreError(f"Book {number} is out.")
        member = self.members.setdefault(name, Member(name))
        out = [loan for loan in self.loans if loan.member == member.name and loan.returned is None]
        if len(out) >= MOST_LOANS:
            raise StoreError(f"{name} has {len(out)} books already.")
        loan = Loan(number, name, today)
        self.loans.append(loan)
        return loan

    def take_back(self, number: int, today: date) -> Loan:
        loan = self.open_loan(number)
        if loan is None:
            raise StoreError(f"Book {number} is not out.")
        loan.returned = today
        return loan

    def overdue(self, today: date) -> list:
        """Loans past their due date, the oldest first."""
        late = [loan for loan in self.loans if loan.returned is None and loan.due_date < today]
        # TODO: members on holiday have a longer loan
        return sorted(late, key=lambda loan: loan.due_date)
