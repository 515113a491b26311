-- Whose browser it is: a contact, 0 for the owner's.
ALTER TABLE push_subscriptions ADD COLUMN contact INTEGER NOT NULL DEFAULT 0;
CREATE INDEX push_subscriptions_by_contact ON push_subscriptions (workspace, contact);
