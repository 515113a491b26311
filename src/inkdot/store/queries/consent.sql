-- name: last_consent
-- The end of the chain.
SELECT number, seal FROM consents ORDER BY number DESC LIMIT 1;

-- name: keep_consent
-- One more choice.
INSERT INTO consents VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: all_consents
-- The whole chain.
SELECT * FROM consents ORDER BY number;

-- name: consents_of
-- One person's choices, oldest first.
SELECT * FROM consents WHERE workspace = ? AND contact = ? ORDER BY number;

-- name: who_chose
-- Everybody of whom a choice is on record.
SELECT DISTINCT contact FROM consents WHERE workspace = ?;

-- name: forget_who
-- The person goes, the chain stays.
UPDATE consents SET address = NULL, nonce = NULL WHERE workspace = ? AND contact = ?;

-- name: keep_rule
-- The widest mode of a scope.
INSERT INTO mode_rules VALUES (?, ?, ?, ?)
ON CONFLICT (workspace, scope) DO UPDATE SET mode = excluded.mode, changed = excluded.changed;

-- name: mode_rules
-- All of them.
SELECT scope, mode FROM mode_rules WHERE workspace = ? ORDER BY scope;

-- name: deny
-- Nothing more is kept of an id; that it was erased is not forgotten.
INSERT INTO denied VALUES (?, ?, ?) ON CONFLICT (id) DO UPDATE SET why = excluded.why WHERE excluded.why = 'erased';

-- name: allow
-- Somebody agreed again.
DELETE FROM denied WHERE id = ?;

-- name: websites
-- Every site there is.
SELECT id, workspace, domain FROM sites;

-- name: denied
-- All ids.
SELECT id FROM denied;

-- name: denied_browsers
-- Browsers that are known to be a denied person's.
SELECT DISTINCT visitor FROM visitors WHERE ended IS NULL AND contact IN (SELECT id FROM denied);

-- name: words_of_people
-- People whose own last word for everything allows no more than a mode, with what it allows, and browsers known to be theirs.
WITH words AS (
    SELECT contact, mode FROM consents c WHERE act = 'set' AND scope = '' AND mode <= ? AND NOT EXISTS (
        SELECT 1 FROM consents later WHERE later.workspace = c.workspace AND later.contact = c.contact
            AND later.number > c.number AND later.scope = '' AND later.act IN ('set', 'withdraw', 'erase')
    )
)
SELECT contact, mode FROM words
UNION SELECT v.visitor, s.mode FROM visitors v JOIN words s ON s.contact = v.contact WHERE v.ended IS NULL;

-- name: words_for_lists
-- Mails to a list of which a recipient said less than a mode, or of those marked until a time that much, with what was said last.
WITH words AS MATERIALIZED (
    SELECT workspace, contact, scope, mode FROM consents c
    WHERE scope IN (SELECT 'list:' || list FROM message_lists) AND act = 'set' AND mode <= ?1 AND NOT EXISTS (
        SELECT 1 FROM consents later WHERE later.workspace = c.workspace AND later.contact = c.contact AND later.number > c.number
            AND (later.act IN ('withdraw', 'erase') OR (later.act = 'set' AND later.scope = c.scope))
    )
)
SELECT l.message, w.contact, w.mode FROM words w
JOIN message_lists l ON 'list:' || l.list = w.scope
JOIN messages m ON m.id = l.message AND m.workspace = w.workspace AND (w.mode < ?1 OR m.marked <= ?2)
JOIN recipients r ON r.message = l.message AND r.contact = w.contact;

-- name: limits_of_lists
-- Mails to lists that have a rule narrower than a mode.
SELECT m.message, r.mode FROM mode_rules r
JOIN message_lists m ON r.scope = 'list:' || m.list
JOIN messages ON messages.id = m.message AND messages.workspace = r.workspace
WHERE r.mode < ?;

-- name: all_workspaces
-- Every workspace, with the widest mode it allows, NULL for no rule.
SELECT w.id, r.mode FROM workspaces w LEFT JOIN mode_rules r ON r.workspace = w.id AND r.scope = '';

-- name: oldest_mark
-- When the oldest of what is out was marked.
SELECT min(marked) FROM (
    SELECT min(marked) AS marked FROM messages
    UNION ALL SELECT min(made) FROM shares
    UNION ALL SELECT min(marked) FROM marked_documents
    UNION ALL SELECT 0 FROM links WHERE message IS NULL
);

-- name: silence
-- What may be kept of people who chose nothing, and since when.
SELECT mode, since FROM silence;

-- name: keep_silence
-- It is so from now on.
INSERT INTO silence VALUES (1, ?, ?) ON CONFLICT (one) DO UPDATE SET mode = excluded.mode, since = excluded.since;

-- name: retire
-- Nothing more is kept of the mails marked before a time (unix seconds), and of a workspace's sites.
INSERT OR IGNORE INTO retired SELECT id, ? FROM (
    SELECT id FROM messages WHERE marked < ?
    UNION SELECT id FROM sites WHERE workspace = ?
);

-- name: retire_one
-- Nothing more is kept of one thing.
INSERT OR IGNORE INTO retired (id, time) VALUES (?, ?);

-- name: retired
-- All ids.
SELECT id FROM retired;

-- name: why_denied
-- Why nothing is kept of an id.
SELECT why, time FROM denied WHERE id = ?;

-- name: begin_erasure
-- From now on it is finished, whatever happens in between.
INSERT INTO erasures VALUES (?, ?, ?, ?, NULL, NULL)
ON CONFLICT (contact) DO UPDATE SET address = coalesce(excluded.address, erasures.address), begun = excluded.begun, done = NULL;

-- name: open_erasures
-- Those not finished.
SELECT workspace, contact, address, begun FROM erasures WHERE done IS NULL ORDER BY begun;

-- name: end_erasure
-- Finished: the address goes.
UPDATE erasures SET address = NULL, done = ?, certificate = ? WHERE contact = ?;

-- name: erasure_of
-- What was certified.
SELECT done, certificate FROM erasures WHERE contact = ?;

-- name: last_audit
-- The end of the chain.
SELECT number, seal FROM audit ORDER BY number DESC LIMIT 1;

-- name: keep_audit
-- One more act.
INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: all_audit
-- The whole chain.
SELECT * FROM audit ORDER BY number;

-- name: audit_of
-- What was done in one workspace, newest first; a line that names none belongs to the first.
SELECT * FROM audit WHERE coalesce(detail ->> 'workspace', 1) = ? ORDER BY number DESC LIMIT ?;

-- name: taken_out
-- What people took out of the office, or programs by the API, that may hold a person; commands remember their files themselves.
SELECT time, who, what, detail FROM audit
WHERE what IN ('table_download', 'person_export', 'audience_export') AND coalesce(detail ->> 'workspace', 1) = ? AND who NOT LIKE '%(command line)'
    AND (about IS NULL OR about = ?) ORDER BY number;

-- name: given_out
-- Lists and platforms that were given somebody, by the hash that stands for the address.
SELECT a.name, e.target FROM audience_exports e JOIN audiences a ON a.id = e.audience WHERE a.workspace = ? AND e.digest = ?;

-- name: forget_given
-- The hash that stands for the address.
DELETE FROM audience_exports WHERE digest = ? AND audience IN (SELECT id FROM audiences WHERE workspace = ?);

-- name: audit_about
-- What was done with one person's data.
SELECT * FROM audit WHERE about = ? ORDER BY number;

-- name: keep_written
-- A backup or export was written.
INSERT INTO written_files (path, kind, time, contact) VALUES (?, ?, ?, ?)
ON CONFLICT (path) DO UPDATE SET kind = excluded.kind, time = excluded.time, contact = excluded.contact;

-- name: written
-- Files that were written.
SELECT path, kind, time FROM written_files ORDER BY time;

-- name: written_about
-- Exports that hold a person: those of everybody, and those of that person alone.
SELECT path FROM written_files WHERE kind = 'export' AND (contact IS NULL OR contact = ?) ORDER BY time, path;

-- name: forget_written
-- It is there no more.
DELETE FROM written_files WHERE path = ?;

-- name: tables
-- Every table of the file.
SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name;

-- name: columns
-- A table's columns.
SELECT name, type FROM pragma_table_info(?);

-- name: forget_contact
-- Rows about a person.
DELETE FROM "{table}" WHERE contact = ?;

-- name: forget_seen
-- Rows about a person, or about a browser, which is a negative number.
DELETE FROM "{table}" WHERE who = ?;

-- name: forget_as_person
-- Rows that say that somebody else is this person.
DELETE FROM "{table}" WHERE person = ?;

-- name: forget_known
-- The person's own row.
DELETE FROM contacts WHERE id = ?;

-- name: forget_text
-- An address inside a text; where the text may stand there once alone, another one may have become the same before.
UPDATE OR IGNORE "{table}" SET "{column}" = without("{column}") WHERE {where} AND mentions("{column}");

-- name: forget_text_again
-- Those left: each with a mark of its own.
UPDATE "{table}" SET "{column}" = without("{column}") || ' ' || lower(hex(randomblob(4))) WHERE {where} AND mentions("{column}");

-- name: forget_blob
-- An address inside bytes: a link's destination.
DELETE FROM "{table}" WHERE {where} AND mentions("{column}");

-- name: forget_orphans
-- Mails that went to nobody else.
DELETE FROM messages WHERE unnamed = 0 AND id IN (SELECT message FROM recipients WHERE contact = ?)
    AND id NOT IN (SELECT message FROM recipients WHERE contact <> ?);

-- name: settle_erasure
-- What is deleted is overwritten.
PRAGMA secure_delete = ON;

-- name: compact
-- Nothing of what was deleted stays in the file.
VACUUM;

-- name: empty_log
-- Nor in its log.
PRAGMA wal_checkpoint(TRUNCATE);

-- name: messages_of
-- Mails that went to a person.
SELECT m.id, m.marked, m.subject, m.internet_id FROM messages m JOIN recipients r ON r.message = m.id
WHERE m.workspace = ? AND r.contact = ? ORDER BY m.marked;

-- name: rows_about
-- Everything a table has on a person.
SELECT * FROM "{table}" WHERE contact = ?;

-- name: old_messages
-- Mails past their days.
DELETE FROM messages WHERE marked < ?;

-- name: old_answers
-- What mail servers said of copies of mails that are past their days: it often names the person.
UPDATE campaign_copies SET answer = NULL WHERE answer IS NOT NULL AND message NOT IN (SELECT id FROM messages);

-- name: forget_campaign_copies
-- Copies of a workspace's campaigns.
DELETE FROM campaign_copies WHERE message IN (SELECT message FROM campaigns WHERE workspace = ?);

-- name: forget_campaigns
-- A workspace's campaigns.
DELETE FROM campaigns WHERE workspace = ?;

-- name: oldest_message
-- The oldest mail.
SELECT min(marked) FROM messages;

-- name: old_people
-- People of whom nothing else is left: no mail, document, tag, detail or push, and no visit since a time (microseconds) that named them.
DELETE FROM contacts WHERE id NOT IN (
    SELECT contact FROM recipients
    UNION SELECT contact FROM shares
    UNION SELECT contact FROM contact_tags
    UNION SELECT contact FROM contact_details
    UNION SELECT contact FROM push_subscriptions
    UNION SELECT contact FROM visitors WHERE ended IS NULL AND proved >= ?
);

-- name: forget_all_written
-- A copy of a folder has written nothing yet.
DELETE FROM written_files;

-- name: last_act
-- What a person did last.
SELECT act FROM consents WHERE contact = ? ORDER BY number DESC LIMIT 1;

-- name: asked_at
-- When somebody was last asked for this consent.
SELECT time FROM consent_asks WHERE workspace = ? AND contact = ? AND scope = ?;

-- name: keep_asked
-- Somebody is asked now.
INSERT INTO consent_asks (workspace, contact, scope, time) VALUES (?, ?, ?, ?)
ON CONFLICT (workspace, contact, scope) DO UPDATE SET time = excluded.time;

-- name: forget_all_answers
-- Answers that were kept to be told again.
DELETE FROM answered;

-- name: count_workspaces
-- How many workspaces share this store.
SELECT count(*) FROM workspaces;

-- name: sites_of_workspace
-- Its websites.
SELECT id FROM sites WHERE workspace = ?;
