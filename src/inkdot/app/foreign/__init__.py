"""What other programs wrote about visits, read row by row. One file per format; each yields rows and counts what it skips."""
