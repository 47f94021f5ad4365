-- Everything here is made, and later called, with a search_path of the ledger's schema alone.

-- One row: which store this is, how far it was migrated, and what it is there for.
CREATE TABLE store (
    is_here     boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (is_here),
    id          text NOT NULL CHECK (id ~ '^[0-9a-f]{32}$'),
    version     integer NOT NULL,
    phase       text NOT NULL CHECK (phase IN ('filling', 'serving', 'leaving', 'sealed'))
);

CREATE TABLE tag (
    uid          bytea NOT NULL PRIMARY KEY CHECK (length(uid) = 7),
    -- key version * 256 + epoch
    generation   integer NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    counter      integer NOT NULL CHECK (counter BETWEEN 0 AND 16777215),
    state        text NOT NULL CHECK (state IN ('active', 'suspended', 'erased')),
    enrolled     boolean NOT NULL,
    nonce_digest bytea CHECK (length(nonce_digest) = 32),
    -- times count within one era: that of the server's clock is ''
    nonce_era    text,
    nonce_ms     bigint,
    CHECK ((nonce_digest IS NULL) = (nonce_era IS NULL)),
    CHECK ((nonce_digest IS NULL) = (nonce_ms IS NULL))
) WITH (fillfactor = 80); -- room for the next counter on the same page, without touching the index

CREATE FUNCTION refuse_by_name() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING
        MESSAGE = replace(TG_NAME, '_', ' '), ERRCODE = 'integrity_constraint_violation';
END $$;

CREATE TRIGGER a_counter_never_goes_back BEFORE UPDATE ON tag FOR EACH ROW
WHEN ((new.generation, new.counter) < (old.generation, old.counter) OR new.uid <> old.uid)
EXECUTE FUNCTION refuse_by_name();

CREATE TRIGGER a_tag_is_erased_not_deleted BEFORE DELETE ON tag FOR EACH ROW
EXECUTE FUNCTION refuse_by_name();

CREATE TRIGGER tags_are_erased_not_truncated BEFORE TRUNCATE ON tag
EXECUTE FUNCTION refuse_by_name();

CREATE TABLE session (
    -- names the session: see Grant
    digest      bytea NOT NULL PRIMARY KEY CHECK (length(digest) = 32),
    uid         bytea NOT NULL REFERENCES tag (uid),
    generation  integer NOT NULL CHECK (generation BETWEEN 0 AND 65535),
    counter     integer NOT NULL CHECK (counter BETWEEN 1 AND 16777215),
    era         text NOT NULL,
    made_ms     bigint NOT NULL,
    ends_ms     bigint NOT NULL,
    -- UNIX seconds, for people
    expires_at  bigint NOT NULL,
    -- whatever else goes wrong: one session per tap
    UNIQUE (uid, generation, counter)
);

CREATE INDEX session_by_end ON session (era, ends_ms);

-- Return if this is the store called so. What it raises is read by the program: NT424 stands
-- for "not this ledger, or not now".
CREATE FUNCTION require_store(our_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM store WHERE id = our_id) THEN
        RAISE EXCEPTION 'foreign' USING ERRCODE = 'NT424';
    END IF;
END $$;

-- Return if the store called so serves, and keep it so until this transaction has ended.
CREATE FUNCTION require_serving(our_id text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    its_phase text;
BEGIN
    -- Before the phase is read: whoever changes it waits for us, or we for him. A lock of
    -- memory alone, where a lock on the row would be one more write for every tap.
    PERFORM pg_advisory_xact_lock_shared(1314141234, 'store'::regclass::oid::integer);
    SELECT phase INTO its_phase FROM store WHERE id = our_id;
    IF its_phase IS DISTINCT FROM 'serving' THEN
        RAISE EXCEPTION '%', coalesce(its_phase, 'foreign') USING ERRCODE = 'NT424';
    END IF;
END $$;

-- Milliseconds as the caller's clock shows them or, without one, as the server's does now:
-- whoever waited for a lock asks afterwards.
CREATE FUNCTION now_ms(clock_ms bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(clock_ms, floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint)
$$;

-- A clock that was set back shows a time before the session was made: it does not live then.
CREATE FUNCTION live_session(its_digest bytea, clock_era text, now bigint)
RETURNS SETOF session LANGUAGE sql STABLE AS $$
    SELECT session.* FROM session JOIN tag USING (uid)
    WHERE digest = its_digest AND era = clock_era AND made_ms <= now AND now < ends_ms
        AND tag.state = 'active'
$$;

-- Some of the sessions that ended; more than came since the last time. Nobody waits for a row.
CREATE FUNCTION forget_ended_sessions(clock_era text, now bigint) RETURNS void
LANGUAGE sql AS $$
    DELETE FROM session WHERE digest IN (
        SELECT digest FROM session WHERE era = clock_era AND ends_ms <= now
        LIMIT 256 FOR UPDATE SKIP LOCKED
    )
$$;

-- See TagLedger.redeem. Without a clock's times, NULL, the server's own count.
CREATE FUNCTION redeem(
    our_id text, its_uid bytea, its_generation integer, its_counter integer, openly boolean,
    its_nonce bytea, its_digest bytea, lifetime integer,
    clock_era text, clock_ms bigint, clock_wall bigint,
    OUT verdict text, OUT expires bigint
) LANGUAGE plpgsql AS $$
DECLARE
    known tag%ROWTYPE;
    now bigint;
BEGIN
    PERFORM require_serving(our_id);

    -- What is plainly used up takes no lock and no commit, or whoever sends one tap over and
    -- over would hold up the next one of the tag. It only refuses: nothing is decided by it.
    SELECT * INTO known FROM tag WHERE uid = its_uid;
    IF known.state = 'active' AND (known.enrolled OR openly)
        AND known.generation = its_generation AND known.counter >= its_counter
        AND (its_nonce IS NULL OR its_nonce IS DISTINCT FROM known.nonce_digest)
    THEN
        verdict := 'replayed';
        RETURN;
    END IF;

    IF openly THEN
        INSERT INTO tag (uid, generation, counter, state, enrolled)
        VALUES (its_uid, its_generation, 0, 'active', false)
        ON CONFLICT (uid) DO NOTHING;
    END IF;

    -- From here on nobody else decides about this tag. To PostgreSQL a locked row is a write:
    -- so a repeat, which changes nothing, waits for the standby at its commit all the same.
    -- Otherwise it could confirm a first call that only this server ever knew of.
    SELECT * INTO known FROM tag WHERE uid = its_uid FOR UPDATE;
    IF NOT FOUND OR known.state <> 'active' THEN
        verdict := 'refused';
        RETURN;
    END IF;
    now := now_ms(clock_ms);

    IF (CASE WHEN openly
        THEN (known.generation, known.counter) < (its_generation, its_counter)
        ELSE known.enrolled AND known.generation = its_generation
            AND known.counter < its_counter
    END) THEN
        UPDATE tag SET generation = its_generation, counter = its_counter,
            enrolled = known.enrolled AND known.generation = its_generation,
            nonce_digest = its_nonce,
            nonce_era = CASE WHEN its_nonce IS NOT NULL THEN clock_era END,
            nonce_ms = CASE WHEN its_nonce IS NOT NULL THEN now END
        WHERE uid = its_uid;
        verdict := 'accepted';
        IF its_digest IS NOT NULL THEN
            expires := coalesce(clock_wall, now / 1000) + lifetime;
            INSERT INTO session
            VALUES (its_digest, its_uid, its_generation, its_counter,
                clock_era, now, now + 1000 * lifetime::bigint, expires);
            IF random() < 1 / 64.0 THEN
                PERFORM forget_ended_sessions(clock_era, now);
            END IF;
        END IF;
    ELSIF known.generation <> its_generation OR NOT (known.enrolled OR openly) THEN
        verdict := 'refused';
    ELSIF known.counter = its_counter AND known.nonce_digest = its_nonce
        AND known.nonce_era = clock_era AND now - known.nonce_ms BETWEEN 0 AND 30000
    THEN
        verdict := 'repeated';
        IF its_digest IS NOT NULL THEN
            SELECT expires_at INTO expires FROM live_session(its_digest, clock_era, now);
            IF NOT FOUND THEN
                verdict := 'refused';
            END IF;
        END IF;
    ELSE
        verdict := 'replayed';
    END IF;
END $$;

-- See TagLedger.enrol: false if that is stale. The row is locked even then, which is a write.
CREATE FUNCTION enrol(our_id text, its_uid bytea, its_generation integer, its_counter integer)
RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id);
    INSERT INTO tag AS known (uid, generation, counter, state, enrolled)
    VALUES (its_uid, its_generation, its_counter, 'active', true)
    ON CONFLICT (uid) DO UPDATE SET
        generation = excluded.generation,
        counter = CASE WHEN known.generation = excluded.generation
            THEN greatest(known.counter, excluded.counter) ELSE excluded.counter END,
        state = CASE known.state WHEN 'erased' THEN 'active' ELSE known.state END,
        enrolled = true, nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
    WHERE known.generation < excluded.generation
        OR (known.generation = excluded.generation
            AND NOT known.enrolled AND known.state <> 'erased');
    RETURN FOUND;
END $$;

-- See TagLedger.set_state: false if there is no such tag, or it was erased.
CREATE FUNCTION set_state(our_id text, its_uid bytea, its_state text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    known_state text;
BEGIN
    PERFORM require_serving(our_id);
    -- A write even where nothing changes: see redeem.
    SELECT state INTO known_state FROM tag WHERE uid = its_uid FOR UPDATE;
    IF NOT FOUND OR known_state = 'erased' THEN
        RETURN false;
    END IF;
    UPDATE tag SET state = its_state, nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
    WHERE uid = its_uid;
    IF its_state <> 'active' THEN
        DELETE FROM session WHERE uid = its_uid;
    END IF;
    RETURN true;
END $$;

-- See TagLedger.revoke.
CREATE FUNCTION revoke(our_id text, its_digest bytea, clock_era text, clock_ms bigint)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    was_live boolean;
BEGIN
    PERFORM require_serving(our_id);
    was_live := EXISTS (SELECT FROM live_session(its_digest, clock_era, now_ms(clock_ms)));
    DELETE FROM session WHERE digest = its_digest;
    IF NOT FOUND THEN
        -- Whoever deleted it was perhaps never confirmed: write, and so wait for the standby.
        PERFORM pg_logical_emit_message(true, 'ntag424', '');
        RETURN false;
    END IF;
    RETURN was_live;
END $$;

-- See TagLedger.find.
CREATE FUNCTION find(our_id text, its_uid bytea) RETURNS SETOF tag LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id);
    RETURN QUERY SELECT * FROM tag WHERE uid = its_uid;
END $$;

-- See TagLedger.grant.
CREATE FUNCTION find_grant(
    our_id text, its_digest bytea, clock_era text, clock_ms bigint,
    OUT uid bytea, OUT generation integer, OUT counter integer, OUT expires_at bigint,
    OUT remaining_ms bigint
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    now bigint := now_ms(clock_ms);
BEGIN
    PERFORM require_serving(our_id);
    RETURN QUERY
        SELECT live.uid, live.generation, live.counter, live.expires_at, live.ends_ms - now
        FROM live_session(its_digest, clock_era, now) AS live;
END $$;

-- See TagLedger.check: a write that changes nothing.
CREATE FUNCTION touch(our_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id);
    UPDATE store SET id = id;
END $$;

-- See LedgerArchive.enter.
CREATE FUNCTION enter(our_id text, its_phase text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    -- Taps queue up behind us: rather give up, to be called again.
    PERFORM set_config('lock_timeout', '500ms', true);
    PERFORM pg_advisory_xact_lock(1314141234, 'store'::regclass::oid::integer);
    UPDATE store SET phase = its_phase;
    IF its_phase = 'filling' THEN
        -- From before it was sealed: meanwhile they may have been ended elsewhere.
        DELETE FROM session;
    END IF;
END $$;

-- See LedgerArchive.count.
CREATE FUNCTION count_tags(our_id text) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    estimate bigint := (SELECT reltuples FROM pg_class WHERE oid = 'tag'::regclass);
BEGIN
    PERFORM require_store(our_id);
    RETURN CASE WHEN estimate > 1000000 THEN estimate ELSE (SELECT count(*) FROM tag) END;
END $$;

-- See LedgerArchive.records.
CREATE FUNCTION page_of_tags(our_id text, after bytea, size integer)
RETURNS SETOF tag LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    RETURN QUERY SELECT * FROM tag WHERE uid > after ORDER BY uid LIMIT size;
END $$;

-- See LedgerArchive.merge. In the order of the UIDs, so that two of them do not wait for
-- each other.
CREATE FUNCTION merge(
    our_id text, uids bytea[], generations integer[], counters integer[], states text[],
    enrolments boolean[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new record;
BEGIN
    PERFORM require_store(our_id);
    FOR new IN
        SELECT * FROM unnest(uids, generations, counters, states, enrolments)
            AS given (uid, generation, counter, state, enrolled)
        ORDER BY uid
    LOOP
        INSERT INTO tag AS known (uid, generation, counter, state, enrolled)
        VALUES (new.uid, new.generation, new.counter, new.state, new.enrolled)
        ON CONFLICT (uid) DO UPDATE SET
            generation = excluded.generation,
            counter = CASE WHEN known.generation = excluded.generation
                THEN greatest(known.counter, excluded.counter) ELSE excluded.counter END,
            state = CASE WHEN known.generation < excluded.generation THEN excluded.state
                WHEN 'erased' IN (known.state, excluded.state) THEN 'erased'
                WHEN 'suspended' IN (known.state, excluded.state) THEN 'suspended'
                ELSE 'active' END,
            enrolled = excluded.enrolled
                OR (known.generation = excluded.generation AND known.enrolled),
            nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
        WHERE known.generation <= excluded.generation;
    END LOOP;
    -- As set_state does: they must not come back with the tag.
    DELETE FROM session USING tag
    WHERE session.uid = tag.uid AND tag.uid = ANY (uids) AND tag.state <> 'active';
END $$;
