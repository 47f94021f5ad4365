-- How far the ledger is, and a phase for copies: see Witness and Phase.RECOVERING.
CREATE TABLE renewed_store (
    id          TEXT NOT NULL PRIMARY KEY CHECK (length(id) = 32),
    phase       TEXT NOT NULL
        CHECK (phase IN ('filling', 'recovering', 'serving', 'leaving', 'sealed')),
    -- timeline * 2^40 + changes
    revision    INTEGER NOT NULL DEFAULT 0,
    -- since a recovery: tags that are not here may have been tapped all the same
    incomplete  INTEGER NOT NULL DEFAULT 0 CHECK (incomplete IN (0, 1))
) STRICT;

INSERT INTO renewed_store (id, phase) SELECT id, phase FROM store;

DROP TABLE store;

ALTER TABLE renewed_store RENAME TO store;

CREATE TRIGGER a_revision_never_goes_back BEFORE UPDATE ON store
WHEN new.revision < old.revision
BEGIN
    SELECT raise(ABORT, 'a revision never goes back');
END;

-- Set by a recovery: the next tap only sets the counter.
ALTER TABLE tag ADD COLUMN behind INTEGER NOT NULL DEFAULT 0 CHECK (behind IN (0, 1));
