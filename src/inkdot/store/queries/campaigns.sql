-- name: keep_campaign
-- A campaign begins once; its name stays with its mail.
INSERT INTO campaigns (workspace, name, message, digest, begun) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING;

-- name: campaign
-- A campaign by name.
SELECT message, digest, begun FROM campaigns WHERE workspace = ? AND name = ?;

-- name: campaigns
-- All campaigns, the latest first.
SELECT name, message, begun FROM campaigns WHERE workspace = ? ORDER BY begun DESC, name;

-- name: keep_copy
-- A copy and what became of it.
INSERT INTO campaign_copies (message, contact, state, answer, left_alone, changed) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (message, contact) DO UPDATE SET state = excluded.state, answer = excluded.answer,
    left_alone = coalesce(excluded.left_alone, left_alone), changed = excluded.changed;

-- name: end_copies
-- Copies that were on their way when the last run ended: nobody knows who has them.
UPDATE campaign_copies SET state = 'unsure', answer = ? WHERE message = ? AND state = 'sending';

-- name: copies
-- What became of the copies of a mail, with the addresses that may be named.
SELECT d.contact, c.address, d.state, d.answer, d.left_alone, d.changed
FROM campaign_copies d LEFT JOIN contacts c ON c.workspace = ? AND c.id = d.contact
WHERE d.message = ? ORDER BY c.address, d.contact;

-- name: count_unnamed
-- How many recipients of a mail are counted without a name.
UPDATE messages SET unnamed = ? WHERE id = ?;
