"""Finding books by words of their titles and authors."""

import unicodedata

from shelf.models import Book


def normalise(text: str) -> str:
    """Lower case; "Émile" is found as "emile"."""
    return text.lower()


def words(text: str) -> list:
    """The words of a text, less what separates them."""
    plain = normalise(text)
    return ["".join(c for c in word if c.isalnum()) for word in plain.split()]


def score(book: Book, asked: list) -> int:
    """How well a book fits what was asked: two for each word of the title, one for each of the author."""
    title, author = words(book.title), words(book.author)
    return sum(2 * (word in title) + (word in author) for word in asked)


def find(books: list, query: str, limit: int = 10) -> list:
    """The books that fit best, the best first; those that fit equally in the order of their numbers."""
    asked = words(query)
    scored = [(score(book, asked), book) for book in books]
    fitting = [(points, book) for points, book in scored if points > 0]
    fitting.sort(key=lambda pair: (-pair[0], pair[1].number))
    return [book for _, book in fitting[:limit]]
