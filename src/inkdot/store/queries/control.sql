-- name: keep_contact
-- One person, once.
INSERT INTO contacts (workspace, id, address) VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: keep_message
-- One marked mail; marking it again changes nothing.
INSERT INTO messages (id, workspace, marked, subject, internet_id, unnamed, by_day) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: keep_list
-- The list that a mail went to.
INSERT INTO message_lists VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: keep_common
-- One more mail among those of a day that went to one unnamed person each.
INSERT INTO messages (id, workspace, marked, subject, internet_id, unnamed) VALUES (?, ?, ?, ?, NULL, 1)
ON CONFLICT (id) DO UPDATE SET unnamed = unnamed + 1;

-- name: is_named
-- Whether somebody is a recipient by name.
SELECT 1 FROM recipients WHERE message = ? AND contact = ?;

-- name: how_many
-- Recipients by name, two at the most, and unnamed ones.
SELECT (SELECT count(*) FROM (SELECT 1 FROM recipients WHERE message = ? LIMIT 2)), unnamed FROM messages WHERE id = ?;

-- name: keep_recipient
-- Who got a copy.
INSERT INTO recipients (message, contact) VALUES (?, ?) ON CONFLICT DO NOTHING;

-- name: keep_handover
-- When a person's copy of a mail was handed over. The first time counts.
INSERT INTO handovers VALUES (?, ?, ?) ON CONFLICT DO NOTHING;

-- name: keep_correction
-- What somebody says of an event, and how it was judged before anybody said something.
INSERT INTO corrections (event, says, because, time, judged)
VALUES (?1, ?2, ?3, ?4, coalesce((SELECT judged FROM corrections WHERE event = ?1 ORDER BY number LIMIT 1), ?5));

-- name: judged_before
-- How an event was judged before anybody corrected it.
SELECT judged FROM corrections WHERE event = ? ORDER BY number LIMIT 1;

-- name: forget_corrections
-- What was said of an event counts no more.
DELETE FROM corrections WHERE event = ?;

-- name: contacts_of_domain
-- People of one mail domain.
SELECT id FROM contacts WHERE workspace = ? AND address LIKE '%@' || ? LIMIT ?;

-- name: corrections
-- The last word on each event.
SELECT event, says, because, time FROM corrections WHERE number IN (SELECT max(number) FROM corrections GROUP BY event)
ORDER BY number;

-- name: handed_over
-- When the copies of a mail were handed over.
SELECT contact, time FROM handovers WHERE message = ?;

-- name: keep_own_client
-- Somebody who signs in works there in that hour.
INSERT OR IGNORE INTO own_clients (workspace, address, agent, hour) VALUES (?, ?, ?, ?);

-- name: own_clients
-- Where people of which workspace worked in the hours from one time to another.
SELECT DISTINCT workspace, address, agent FROM own_clients WHERE hour BETWEEN ? AND ?;

-- name: own_domains
-- Mail domains of those who sign in, by workspace.
SELECT DISTINCT m.workspace, lower(substr(u.address, instr(u.address, '@') + 1)) FROM members m JOIN users u ON u.id = m.user;

-- name: forget_own_clients
-- Where people worked longer ago.
DELETE FROM own_clients WHERE hour < ?;

-- name: unmarked
-- Copies of a mail that left without marks, by reason.
SELECT left_alone, count(*)
FROM (SELECT message, left_alone FROM deliveries UNION ALL SELECT message, left_alone FROM campaign_copies)
WHERE message = ? AND left_alone IS NOT NULL GROUP BY left_alone;

-- name: keep_untreated
-- A document that left with a mail as it came, and why.
INSERT INTO untreated (message, name, reason) SELECT id, ?, ? FROM messages WHERE id = ?
ON CONFLICT (message, name) DO UPDATE SET reason = excluded.reason;

-- name: untreated
-- Documents that left with a mail as they came.
SELECT name, reason FROM untreated WHERE message = ? ORDER BY name;

-- name: count_links
-- How many links a mail has.
SELECT count(*) FROM links WHERE message = ?;

-- name: keep_link
-- One tracked link.
INSERT INTO links (id, workspace, message, position, destination) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: contact_of
-- The id of an address.
SELECT id FROM contacts WHERE workspace = ? AND address = ?;

-- name: addresses_of
-- The addresses behind ids, a list of them as JSON.
SELECT id, address FROM contacts WHERE workspace = ? AND id IN (SELECT value FROM json_each(?));

-- name: messages_since
-- Marked mails, latest first.
SELECT id FROM messages WHERE workspace = ? AND marked >= ? ORDER BY marked DESC, id DESC;

-- name: messages_named
-- The mails that left under a Message-ID, latest first.
SELECT id FROM messages WHERE workspace = ? AND internet_id = ? ORDER BY marked DESC, id DESC;

-- name: name_message
-- Under which Message-ID a mail left, unless that is known.
UPDATE messages SET internet_id = ? WHERE id = ? AND internet_id IS NULL;

-- name: marked_message
-- One of them with the number of its recipients, of those without a name, and of those with a day alone.
SELECT m.id, m.marked, m.subject, (SELECT count(*) FROM recipients r WHERE r.message = m.id) + m.unnamed, m.unnamed, m.by_day
FROM messages m WHERE m.workspace = ? AND m.id = ?;

-- name: few_unnamed
-- A row for a mail that so few people got without a name that what they did is nobody's business; where all are named, that so few got.
SELECT 1 FROM messages m WHERE m.id = ?
    AND coalesce(nullif(m.unnamed, 0), (SELECT count(*) FROM (SELECT 1 FROM recipients r WHERE r.message = m.id LIMIT ?))) < ?;

-- name: message
-- One mail.
SELECT subject, marked, internet_id FROM messages WHERE id = ?;

-- name: document_name
-- What a shared document is called.
SELECT name FROM documents WHERE id = ?;

-- name: recipients
-- Who got a copy of a mail. The plus keeps SQLite from walking along everybody's addresses, as they are in order.
SELECT c.address FROM recipients r
JOIN messages m ON m.id = r.message JOIN contacts c ON c.workspace = m.workspace AND c.id = r.contact
WHERE r.message = ? ORDER BY +c.address;

-- name: links
-- The destinations in a mail, in their order.
SELECT destination FROM links WHERE message = ? ORDER BY position;

-- name: destination
-- Where a link leads.
SELECT destination FROM links WHERE id = ?;

-- name: check
-- SQLite's own opinion of the file.
PRAGMA integrity_check;

-- name: settle
-- Readers beside one writer; an answer means on disk.
PRAGMA journal_mode = WAL;
PRAGMA synchronous = FULL;
PRAGMA foreign_keys = ON;

-- name: begin
-- All or nothing, and the write lock at once, so that nobody waits half-way.
BEGIN IMMEDIATE;

-- name: begin_migration
-- Likewise.
BEGIN IMMEDIATE;

-- name: migrations_applied
-- Which migrations this file has.
SELECT number FROM migrations ORDER BY number;

-- name: make_migrations
-- The record of migrations.
CREATE TABLE IF NOT EXISTS migrations (number INTEGER NOT NULL, name VARCHAR NOT NULL);

-- name: record_migration
-- One more applied.
INSERT INTO migrations VALUES (?, ?);

-- name: has_migrations
-- Whether there is a record of migrations at all.
SELECT count(*) FROM sqlite_master WHERE name = 'migrations';

-- name: sites_by_workspace
-- Which websites belong to which workspace.
SELECT workspace, id FROM sites ORDER BY workspace, id;

-- name: copies_between
-- Copies of mails marked in a span of time, latest first.
SELECT m.id, m.marked, r.contact FROM messages m JOIN recipients r ON r.message = m.id
WHERE m.workspace = ? AND m.marked >= ? AND m.marked < ? ORDER BY m.marked DESC, m.id, r.contact LIMIT ?;

-- name: copies_of
-- Who got a copy of a mail, likewise.
SELECT r.contact, c.address FROM recipients r
JOIN messages m ON m.id = r.message JOIN contacts c ON c.workspace = m.workspace AND c.id = r.contact
WHERE r.message = ? AND m.workspace = ? ORDER BY +c.address;

-- name: message_workspace
-- Where a marked mail belongs.
SELECT workspace FROM messages WHERE id = ?;

-- name: people
-- People by address, a page at a time.
SELECT id, address FROM contacts WHERE workspace = ? AND address > ? AND instr(address, ?) > 0 ORDER BY address LIMIT ?;

-- name: copies_to
-- What was sent to a person, latest first: when it was marked, when it was handed over, and what the mail server said of it.
SELECT m.id, c.address, m.subject, m.marked, h.time, coalesce(d.state, k.state), coalesce(d.answer, k.answer)
FROM recipients r
JOIN messages m ON m.id = r.message JOIN contacts c ON c.workspace = m.workspace AND c.id = r.contact
LEFT JOIN handovers h ON h.message = r.message AND h.contact = r.contact
LEFT JOIN deliveries d ON d.message = r.message AND d.contact = r.contact
LEFT JOIN campaign_copies k ON k.message = r.message AND k.contact = r.contact
WHERE r.contact = ? AND m.workspace = ? ORDER BY m.marked DESC LIMIT ?;

-- name: copies_sent
-- Likewise, of one mail.
SELECT m.id, c.address, m.subject, m.marked, h.time, coalesce(d.state, k.state), coalesce(d.answer, k.answer)
FROM recipients r
JOIN messages m ON m.id = r.message JOIN contacts c ON c.workspace = m.workspace AND c.id = r.contact
LEFT JOIN handovers h ON h.message = r.message AND h.contact = r.contact
LEFT JOIN deliveries d ON d.message = r.message AND d.contact = r.contact
LEFT JOIN campaign_copies k ON k.message = r.message AND k.contact = r.contact
WHERE r.message = ? AND m.workspace = ? ORDER BY c.address LIMIT ?;
