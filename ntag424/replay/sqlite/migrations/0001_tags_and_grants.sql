-- One row: which store this is. A service refuses any other.
CREATE TABLE store (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32)
) STRICT;

-- Runs of the machine, numbered: times below count within one of them.
CREATE TABLE boot (
    number      INTEGER PRIMARY KEY,
    id          TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE tag (
    uid          BLOB NOT NULL PRIMARY KEY CHECK (length(uid) = 7),
    -- key version * 256 + epoch
    generation   INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    counter      INTEGER NOT NULL CHECK (counter BETWEEN 0 AND 16777215),
    state        TEXT NOT NULL CHECK (state IN ('active', 'suspended', 'erased')),
    enrolled     INTEGER NOT NULL CHECK (enrolled IN (0, 1)),
    nonce_digest BLOB CHECK (length(nonce_digest) = 32),
    nonce_boot   INTEGER REFERENCES boot (number),
    nonce_ms     INTEGER,
    CHECK ((nonce_digest IS NULL) = (nonce_boot IS NULL)),
    CHECK ((nonce_digest IS NULL) = (nonce_ms IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER a_counter_never_goes_back BEFORE UPDATE ON tag
WHEN (new.generation, new.counter) < (old.generation, old.counter) OR new.uid <> old.uid
BEGIN
    SELECT raise(ABORT, 'a counter never goes back');
END;

CREATE TRIGGER a_tag_leaves_a_tombstone BEFORE DELETE ON tag
BEGIN
    SELECT raise(ABORT, 'a tag is erased, not deleted');
END;

CREATE TABLE session (
    -- SHA-256 of the token
    digest      BLOB NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    uid         BLOB NOT NULL REFERENCES tag (uid),
    generation  INTEGER NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    counter     INTEGER NOT NULL CHECK (counter BETWEEN 1 AND 16777215),
    boot        INTEGER NOT NULL REFERENCES boot (number),
    ends_ms     INTEGER NOT NULL,
    -- UNIX seconds, for people
    expires_at  INTEGER NOT NULL,
    -- whatever else goes wrong: one session per tap
    UNIQUE (uid, generation, counter)
) STRICT, WITHOUT ROWID;

CREATE INDEX session_by_end ON session (boot, ends_ms);
