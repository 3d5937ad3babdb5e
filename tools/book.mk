# Rules that weave the book.
