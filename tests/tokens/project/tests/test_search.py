import unittest

from shelf.models import Book
from shelf.search import find, normalise, words

BOOKS = [
    Book(1, "The Winter Garden", "Ilse Brandt", 1987),
    Book(2, "Émile and the Clockmaker", "Jean Rousseau", 1962),
    Book(3, "Gardens of Winter Light", "Tomas Brandt", 2004),
]


class Search(unittest.TestCase):
    def test_words_lose_their_marks(self):
        self.assertEqual(words("Clock, maker!"), ["clock", "maker"])

    def test_accents_do_not_matter(self):
        self.assertEqual(normalise("Émile"), "emile")
        self.assertEqual([book.number for book in find(BOOKS, "emile")], [2])

    def test_titles_count_more_than_authors(self):
        self.assertEqual([book.number for book in find(BOOKS, "winter brandt")], [1, 3])

    def test_nothing_fits_nothing(self):
        self.assertEqual(find(BOOKS, "zebra"), [])
