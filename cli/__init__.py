"""One command, `morpholoop`, thin over everything below."""
