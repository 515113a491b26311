-- How the event was judged before somebody said otherwise, as 'image_proxy likely': a word that is taken back leaves that.
ALTER TABLE corrections ADD COLUMN judged TEXT NOT NULL DEFAULT 'unknown unknown';
