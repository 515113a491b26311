-- name: keep_site
-- A new site; there is one of a domain.
INSERT INTO sites (id, workspace, domain, made, key) VALUES (?, ?, ?, ?, ?) ON CONFLICT (workspace, domain) DO NOTHING;

-- name: site_of
-- The site of a domain.
SELECT id, domain, made, key FROM sites WHERE workspace = ? AND domain = ?;

-- name: site
-- A site by its id.
SELECT id, domain, made, key FROM sites WHERE id = ?;

-- name: sites
-- All sites by domain.
SELECT id, domain, made, key FROM sites WHERE workspace = ? ORDER BY domain;

-- name: keep_goal
-- A goal; one of that name is replaced.
INSERT INTO goals (site, name, kind, target) VALUES (?, ?, ?, ?)
ON CONFLICT (site, name) DO UPDATE SET kind = excluded.kind, target = excluded.target;

-- name: forget_goal
-- A goal that is none any more.
DELETE FROM goals WHERE site = ? AND name = ?;

-- name: goals
-- A site's goals by name.
SELECT name, kind, target FROM goals WHERE site = ? ORDER BY name;

-- name: bind
-- What was proven once stays as it was proven first.
INSERT INTO visitors (workspace, visitor, contact, proved, rule, event) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (workspace, visitor, contact) DO NOTHING;

-- name: rebind
-- Somebody says that it was right after all.
UPDATE visitors SET ended = NULL WHERE workspace = ? AND visitor = ? AND contact = ?;

-- name: unbind
-- Taken back.
UPDATE visitors SET ended = ? WHERE workspace = ? AND visitor = ? AND contact = ?;

-- name: people_of
-- Who is known to use a browser.
SELECT contact FROM visitors WHERE visitor = ? AND ended IS NULL ORDER BY proved;

-- name: taken_back
-- Whether this was taken back.
SELECT count(*) FROM visitors WHERE visitor = ? AND contact = ? AND ended IS NOT NULL;

-- name: visitors_of
-- A person's browsers, with how many people are known to use each.
SELECT v.visitor, v.proved, v.rule, v.ended,
    (SELECT count(*) FROM visitors o WHERE o.workspace = v.workspace AND o.visitor = v.visitor AND o.ended IS NULL)
FROM visitors v WHERE v.workspace = ? AND v.contact = ? ORDER BY v.proved;

-- name: bound
-- Every browser that belongs to exactly one known person.
SELECT visitor, min(contact) FROM visitors WHERE workspace = ? AND ended IS NULL GROUP BY visitor HAVING count(*) = 1;

-- name: keep_same
-- An address of a person.
INSERT INTO same_people (workspace, contact, person) VALUES (?, ?, ?)
ON CONFLICT (workspace, contact) DO UPDATE SET person = excluded.person;

-- name: forget_same
-- Two people after all.
DELETE FROM same_people WHERE workspace = ? AND contact = ? AND person = ?;

-- name: person_of
-- Whose address this is.
SELECT person FROM same_people WHERE workspace = ? AND contact = ?;

-- name: same_as
-- A person's other addresses.
SELECT contact FROM same_people WHERE workspace = ? AND person = ?;

-- name: keep_identity
-- What was said about who is who.
INSERT INTO identities (workspace, said, act, person, other, because) VALUES (?, ?, ?, ?, ?, ?);

-- name: identities
-- The journal of who is who, oldest first.
SELECT said, act, person, other, because FROM identities WHERE workspace = ? ORDER BY number;

-- name: begin_import
-- An import begins; one that was cut off began before.
INSERT INTO imports (digest, site, begun, first) VALUES (?, ?, ?, ?) ON CONFLICT (digest) DO NOTHING;

-- name: end_import
-- It is whole.
UPDATE imports SET behind = ? WHERE digest = ?;

-- name: import_of
-- Where it begins and ends in the journal.
SELECT first, behind FROM imports WHERE digest = ?;

-- name: forget_site
-- A site that is none any more; its goals go with it.
DELETE FROM sites WHERE id = ?;
