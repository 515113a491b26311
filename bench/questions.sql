-- name: fill
-- Many events: six months, half a million people, twenty thousand mails, the mix of a newsletter.
INSERT INTO {table} (id, time, kind, workspace, contact, message, link, part, url, verdict, raw, human, machine, because, repeat_of, rules)
SELECT (1::UBIGINT << 24) * (i // 60000 + 1) + (i % 60000) * 4 * 8 AS id,
    TIMESTAMP '2026-05-24' + to_milliseconds(i * {step}) AS time,
    CASE WHEN hash(i) % 10 = 0 THEN 'click' ELSE 'open' END, 1,
    hash(hash(i) % 500000 + 7) >> 1, hash((i // {per_message}) + hash(i) % 40) >> 1,
    CASE WHEN hash(i) % 10 = 0 THEN hash(i % 20000) >> 1 END, 1 + i % 2,
    CASE WHEN hash(i) % 10 = 0 THEN i % 300 END, 0, (hash(i + 1) % 300)::UINTEGER,
    (hash(i + 1) % 4)::UTINYINT, hash(i + 1) % 4 = 0, NULL,
    CASE WHEN hash(i) % 3 = 0 AND i > 0 THEN (1::UBIGINT << 24) * ((i - 1) // 60000 + 1) + ((i - 1) % 60000) * 32 END, '2026.11'
FROM range({start}, {end}) t(i);

-- name: some_contact
-- A person with events.
SELECT contact FROM events LIMIT 1 OFFSET 1000;

-- name: late_contacts
-- The people last heard of, many of them.
SELECT contact FROM events GROUP BY contact ORDER BY max(time) DESC LIMIT 20000;

-- name: flush
-- Brings all into the file.
CHECKPOINT;
