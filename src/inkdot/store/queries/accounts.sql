-- name: keep_user
-- A new user.
INSERT INTO users (id, address, name, password, made) VALUES (?, ?, ?, ?, ?);

-- name: user_of
-- Who signs in with an address.
SELECT id, address, name, password, totp, totp_wanted, made FROM users WHERE address = ?;

-- name: user
-- One user.
SELECT id, address, name, password, totp, totp_wanted, made FROM users WHERE id = ?;

-- name: count_users
-- Whether anybody has an account.
SELECT count(*) FROM users;

-- name: change_password
-- Another password.
UPDATE users SET password = ? WHERE id = ?;

-- name: want_totp
-- A second factor that was shown and is not yet proven.
UPDATE users SET totp_wanted = ? WHERE id = ?;

-- name: prove_totp
-- The second factor that was proven is asked for from now on; nothing comes back where another one is wanted by now, or none.
UPDATE users SET totp = totp_wanted, totp_wanted = NULL WHERE id = ? AND totp_wanted = ? AND totp IS NULL RETURNING 1;

-- name: forget_totp
-- No second factor any more.
UPDATE users SET totp = NULL, totp_wanted = NULL, totp_step = 0 WHERE id = ?;

-- name: keep_recovery_code
-- A code for whoever lost the second factor.
INSERT INTO recovery_codes (user, digest) VALUES (?, ?);

-- name: use_recovery_code
-- It is used up; nothing comes back if there is none such.
DELETE FROM recovery_codes WHERE user = ? AND digest = ? RETURNING 1;

-- name: forget_recovery_codes
-- None of them works any more.
DELETE FROM recovery_codes WHERE user = ?;

-- name: use_totp
-- A code is used up; changes nothing if it was before.
UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ? RETURNING id;

-- name: forget_user
-- Somebody who signs in no more.
DELETE FROM users WHERE id = ?;

-- name: keep_member
-- A user's role in a workspace.
INSERT INTO members (workspace, user, role, since) VALUES (?, ?, ?, ?)
ON CONFLICT (workspace, user) DO UPDATE SET role = excluded.role;

-- name: forget_member
-- Not of this workspace any more.
DELETE FROM members WHERE workspace = ? AND user = ?;

-- name: workspaces_of
-- Where a user belongs to, oldest first.
SELECT m.workspace, w.name, m.role FROM members m JOIN workspaces w ON w.id = m.workspace
WHERE m.user = ? ORDER BY m.since, m.workspace;

-- name: members
-- Who belongs to a workspace.
SELECT u.id, u.address, u.name, m.role, u.totp IS NOT NULL, m.since FROM members m JOIN users u ON u.id = m.user
WHERE m.workspace = ? ORDER BY u.address;

-- name: workspaces
-- All workspaces.
SELECT id, name FROM workspaces ORDER BY id;

-- name: keep_workspace
-- A new workspace. Its number fits into a token.
INSERT INTO workspaces (id, name) SELECT max(id) + 1, ? FROM workspaces RETURNING id;

-- name: rename_workspace
-- Another name.
UPDATE workspaces SET name = ? WHERE id = ?;

-- name: keep_session
-- Somebody signed in.
INSERT INTO sessions (digest, user, workspace, made, seen, agent) VALUES (?, ?, ?, ?, ?, ?);

-- name: keep_session_as_seen
-- Somebody signed in, unless password or second factor are other ones by now: then nothing comes back.
INSERT INTO sessions (digest, user, workspace, made, seen, agent)
SELECT ?, id, ?, ?, ?, ? FROM users WHERE id = ? AND password = ? AND totp IS ? RETURNING 1;

-- name: renew_session
-- It goes on under another name, in this workspace; nothing comes back if it was ended.
UPDATE sessions SET digest = ?, workspace = ?, made = ?, seen = ?, agent = ? WHERE digest = ? AND user = ? RETURNING 1;

-- name: session
-- Who holds a session, with the role of now.
SELECT s.user, u.address, u.name, s.workspace, w.name, m.role, s.made, s.seen
FROM sessions s JOIN users u ON u.id = s.user JOIN workspaces w ON w.id = s.workspace
JOIN members m ON m.workspace = s.workspace AND m.user = s.user
WHERE s.digest = ? AND s.made > ? AND s.seen > ?;

-- name: see_session
-- It is in use.
UPDATE sessions SET seen = ? WHERE digest = ?;

-- name: forget_session
-- Somebody signed out.
DELETE FROM sessions WHERE digest = ?;

-- name: forget_sessions_of
-- All sessions of a user, but for one.
DELETE FROM sessions WHERE user = ? AND digest <> ?;

-- name: sessions_of
-- Where a user is signed in, as long as it counts; what was used last comes first.
SELECT s.digest, w.name, s.made, s.seen, s.agent FROM sessions s
JOIN workspaces w ON w.id = s.workspace JOIN members m ON m.workspace = s.workspace AND m.user = s.user
WHERE s.user = ? AND s.made > ? AND s.seen > ? ORDER BY s.seen DESC, s.made DESC;

-- name: forget_session_of
-- One of a user's is over.
DELETE FROM sessions WHERE user = ? AND digest = ? RETURNING digest;

-- name: forget_old_sessions
-- Sessions that nobody can use any more.
DELETE FROM sessions WHERE made <= ? OR seen <= ?;

-- name: keep_setup_link
-- A link by which the first account is made.
INSERT INTO setup_links (digest, until) VALUES (?, ?);

-- name: forget_setup_links
-- None of them works any more.
DELETE FROM setup_links;

-- name: setup_link
-- Whether one works.
SELECT count(*) FROM setup_links WHERE digest = ? AND until > ?;

-- name: keep_key
-- A new API key.
INSERT INTO api_keys (id, workspace, name, shown, digest, scopes, made, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: key_of
-- The key with this digest, if it still works.
SELECT id, workspace, name, shown, scopes, made, used, until FROM api_keys WHERE digest = ? AND (until IS NULL OR until > ?);

-- name: keys
-- A workspace's keys.
SELECT id, workspace, name, shown, scopes, made, used, until FROM api_keys WHERE workspace = ? ORDER BY made, id;

-- name: use_key
-- When it was used last.
UPDATE api_keys SET used = ? WHERE id = ?;

-- name: forget_key
-- It opens nothing any more.
DELETE FROM api_keys WHERE workspace = ? AND id = ? RETURNING id;

-- name: begin_answer
-- Somebody asks for the first time; nothing comes back if not.
INSERT INTO answered (asker, workspace, key, request, time) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1;

-- name: answer
-- What was answered.
SELECT request, status, kind, body FROM answered WHERE asker = ? AND workspace = ? AND key = ?;

-- name: keep_answer
-- What is answered from now on.
UPDATE answered SET status = ?, kind = ?, body = ? WHERE asker = ? AND workspace = ? AND key = ?;

-- name: forget_answer
-- It was not done after all: asking again does it.
DELETE FROM answered WHERE asker = ? AND workspace = ? AND key = ?;

-- name: forget_answers
-- What was answered long ago, and what a process that ended was about to answer.
DELETE FROM answered WHERE time <= ? OR (status IS NULL AND time <= ?);

-- name: keep_passkey
-- A new passkey; nothing comes back if the credential is known already.
INSERT INTO passkeys (credential, user, name, key, counter, made) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1;

-- name: passkey
-- One passkey.
SELECT credential, user, name, key, counter, made, used FROM passkeys WHERE credential = ?;

-- name: passkeys
-- A user's passkeys, oldest first.
SELECT credential, user, name, key, counter, made, used FROM passkeys WHERE user = ? ORDER BY made, credential;

-- name: use_passkey
-- It signed; nothing comes back if its counter did not go on, which tells of a copy.
UPDATE passkeys SET counter = ?2, used = ?3 WHERE credential = ?1 AND (counter < ?2 OR (counter = 0 AND ?2 = 0)) RETURNING 1;

-- name: forget_passkey
-- It opens nothing any more.
DELETE FROM passkeys WHERE user = ? AND credential = ? RETURNING name;

-- name: forget_passkeys
-- None of a user's opens anything any more.
DELETE FROM passkeys WHERE user = ?;

-- name: provider_user
-- Whose a provider's subject is.
SELECT u.id, u.address, u.name, u.password, u.totp, u.totp_wanted, u.made
FROM provider_identities AS p JOIN users AS u ON u.id = p.user WHERE p.issuer = ? AND p.subject = ?;

-- name: keep_provider_identity
-- A subject signs in as this user from now on; nothing comes back if another one does already.
INSERT INTO provider_identities (issuer, subject, user) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING 1;

-- name: forget_provider_identities
-- The verified mail address is to say anew who it is.
DELETE FROM provider_identities WHERE user = ?;
