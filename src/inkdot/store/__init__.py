"""What Inkdot remembers: events (DuckDB) and control (SQLite). Data in, data out; it knows no HTTP and no journal.

SQL lives in `.sql` files: numbered `migrations/`, named questions in `queries/`.
"""
