"""Systems: a problem, operators and an algorithm put together."""
