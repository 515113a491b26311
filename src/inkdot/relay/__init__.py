"""The mail door: mail programs hand mails in, each recipient gets an own marked copy, an upstream server delivers.

The life of a mail here, and the files to open:

1. `wire.py` hears bytes and lets only whole CRLF lines through; `session.py` speaks SMTP.
2. `spool.py` puts the mail on disk as it came; only then the 250 leaves.
3. `courier.py` takes it from there: `copies.py` makes each recipient's copy, `upstream.py` hands it over.
4. What cannot be delivered comes back as a report (`report.py`); what answers come later, `watch.py` sees in the mailbox.

No marked copy is ever stored: a copy is made anew from the spooled mail whenever it is tried, and is the same each time.
"""
