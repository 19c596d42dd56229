"""One file an implementation; a file that is here is listed, tested, swept and reported."""
