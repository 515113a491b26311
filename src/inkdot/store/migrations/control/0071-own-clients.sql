-- From where, and with which program, people who sign in here worked in an hour: so that their own opens are told from readers'.
CREATE TABLE own_clients (
    workspace   INTEGER NOT NULL,
    address     BLOB    NOT NULL,   -- 16 bytes
    agent       TEXT    NOT NULL,
    hour        INTEGER NOT NULL,   -- unix seconds of its beginning
    PRIMARY KEY (workspace, address, agent, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX own_clients_by_hour ON own_clients (hour);
