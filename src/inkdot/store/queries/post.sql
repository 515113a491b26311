-- name: keep_account
-- A new account, or a new password for it.
INSERT INTO mail_accounts (name, salt, digest, senders, made) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (name) DO UPDATE SET salt = excluded.salt, digest = excluded.digest, senders = excluded.senders, made = excluded.made;

-- name: account
-- One account.
SELECT name, salt, digest, senders, made FROM mail_accounts WHERE name = ?;

-- name: accounts
-- All accounts.
SELECT name, salt, digest, senders, made FROM mail_accounts ORDER BY name;

-- name: forget_account
-- It may not hand in any more mails.
DELETE FROM mail_accounts WHERE name = ?;

-- name: bind_account
-- Bind an account that has no senders yet.
UPDATE mail_accounts SET senders = ? WHERE name = ? AND senders = '[]';

-- name: keep_delivery
-- A copy and what became of it so far.
INSERT INTO deliveries (message, contact, state, answer, left_alone, changed) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (message, contact) DO UPDATE SET state = excluded.state, answer = excluded.answer,
    left_alone = coalesce(excluded.left_alone, left_alone), changed = excluded.changed
WHERE NOT (excluded.state = 'waiting' AND state <> 'waiting');

-- name: latest_deliveries
-- The copies of the latest mails that went through the mail door, newest mail first.
SELECT m.id, m.marked, m.subject, c.address, d.state, d.answer, d.left_alone, d.changed
FROM (SELECT id, workspace, marked, subject FROM messages
      WHERE id IN (SELECT message FROM deliveries) ORDER BY marked DESC, id DESC LIMIT ?) m
JOIN deliveries d ON d.message = m.id
LEFT JOIN contacts c ON c.workspace = m.workspace AND c.id = d.contact
ORDER BY m.marked DESC, m.id DESC, c.address;

-- name: deliveries
-- What became of the copies of one mail.
SELECT c.address, d.state, d.answer, d.left_alone, d.changed
FROM deliveries d JOIN messages m ON m.id = d.message
LEFT JOIN contacts c ON c.workspace = m.workspace AND c.id = d.contact
WHERE d.message = ? ORDER BY c.address;

-- name: messages_by_internet_id
-- The mails of all workspaces that carry a Message-ID: those that went to an address first, then the newest.
SELECT m.workspace, m.id, EXISTS (
    SELECT 1 FROM recipients r JOIN contacts c ON c.workspace = m.workspace AND c.id = r.contact
    WHERE r.message = m.id AND c.address = ?
) AS went_there
FROM messages m WHERE m.internet_id = ? ORDER BY went_there DESC, m.marked DESC LIMIT 100;
