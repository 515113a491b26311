-- Named recipients of whom only the day of their last open is kept, so that nobody can say of which mail it was.
ALTER TABLE messages ADD COLUMN by_day INTEGER NOT NULL DEFAULT 0;
