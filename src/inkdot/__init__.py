"""Inkdot tells senders honestly what happened to what they sent.

The life of a ping, and the files to open:

1. `mark/mail.py` puts dots into a mail and rewrites its links; `domain/token.py` signs what they carry.
2. A reader's program loads a dot: `collect/door.py` hears the request.
3. `journal/writer.py` puts it on disk; only then `collect/replies.py` answers.
4. `pipeline.py` reads the journal in batches; `journal/reader.py` survives torn tails.
5. `understand/steps.py` turns each ping into an event with evidence.
6. `store/events.py` keeps events and the checkpoint in one transaction.
7. `show/` and `cli/` ask the store and answer people.

`app.py` is the only place that knows everyone.
"""

__version__ = "0.1.0"
