"""The command line of the desk."""

import argparse
import sys
from datetime import date
from pathlib import Path

from shelf.fines import fine, in_euros
from shelf.search import find
from shelf.store import Store, StoreError


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="shelf", description="A small lending desk")
    top.add_argument("--file", type=Path, default=Path("shelf.json"))
    commands = top.add_subparsers(dest="command", required=True)
    importing = commands.add_parser("import", help="fill the catalogue from a CSV file")
    importing.add_argument("csv", type=Path)
    finding = commands.add_parser("find", help="find books")
    finding.add_argument("query")
    lending = commands.add_parser("lend", help="lend a book")
    lending.add_argument("number", type=int)
    lending.add_argument("--to", required=True)
    back = commands.add_parser("back", help="take a book back")
    back.add_argument("number", type=int)
    commands.add_parser("late", help="loans that are overdue")
    return top


def run(arguments: argparse.Namespace, store: Store, today: date) -> None:
    if arguments.command == "import":
        added, skipped = store.import_csv(arguments.csv)
        print(f"{added} books added, {skipped} skipped")
    elif arguments.command == "find":
        for book in find(list(store.books.values()), arguments.query):
            print(book.label())
    elif arguments.command == "lend":
        loan = store.lend(arguments.number, arguments.to, today)
        print(f"due {loan.due_date}")
    elif arguments.command == "back":
        loan = store.take_back(arguments.number, today)
        print(f"owed: {in_euros(fine(loan, today))}")
    elif arguments.command == "late":
        for loan in store.overdue(today):
            print(f"{loan.book}  {loan.member}  due {loan.due_date}")


def main(argv=None) -> int:
    arguments = parser().parse_args(argv)
    store = Store(arguments.file)
    try:
        run(arguments, store, date.today())
    except StoreError as error:
        print(error, file=sys.stderr)
        return 1
    store.save()
    return 0
