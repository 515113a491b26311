-- What waits is found place by place, so that a long queue at one of them is not read on behalf of the others.
DROP INDEX outbox_due;
CREATE INDEX outbox_by_place ON outbox (target, tries, due) WHERE state = 'waiting';
