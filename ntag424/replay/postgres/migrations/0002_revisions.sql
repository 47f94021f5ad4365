-- How far the ledger is, so that one that went back is noticed: see Witness. It is timeline * 2^40
-- and what was counted in it.
--
-- A row that every tap updates would let one tap commit at a time. A sequence locks nothing until
-- the commit, and is safe all the same:
--
-- - It never goes back: nextval writes a log record before it hands out what it did not log yet,
--   and that record stands before the commit record of whoever got a value of it. So a commit
--   that was flushed, or that the standby has, has its revision with it, whoever's transaction
--   logged that. A transaction that only reads it must commit something before its word counts.
-- - After a crash or a promotion it may be ahead, for each record logs 32 values more than were
--   asked for. Ahead, it could hide as many lost changes: hence 33 values for each change.
-- - Values of transactions that failed are left out: that is no harm.
CREATE SEQUENCE revision MINVALUE 0 CACHE 33;
SELECT setval('revision', 0);

CREATE FUNCTION last_revision() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    -- NULL if somebody restarted it
    SELECT coalesce(pg_sequence_last_value('revision'), 0)
$$;

-- Count one change. It takes the 33 values of a cache and returns the last of them. What a session
-- keeps of a cache is thrown away before, so that each change is in the log with a record of its
-- own, and no record is ahead of its change by as much as another change.
CREATE FUNCTION next_revision() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    DISCARD SEQUENCES;
    RETURN nextval('revision') + 32;
END $$;

-- Names the database that this is; a standby and a base backup have it from their primary.
CREATE FUNCTION this_database() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT system_identifier || ':' || pg_database.oid FROM pg_control_system(), pg_database
    WHERE datname = current_database()
$$;

-- Where the ledger was made or recovered. What pg_restore makes is elsewhere, and only a copy: the
-- dump has the tags as they were when it began, and the revision as it was when it ended.
ALTER TABLE store
    ADD COLUMN home text NOT NULL DEFAULT this_database(),
    ADD COLUMN home_tag oid NOT NULL DEFAULT 'tag'::regclass::oid,
    -- since a recovery: tags that are not here may have been tapped all the same
    ADD COLUMN incomplete boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT store_phase_check,
    ADD CONSTRAINT store_phase_check
        CHECK (phase IN ('filling', 'recovering', 'serving', 'leaving', 'sealed'));

-- Whether the next tap only sets the counter: see TagRecord.
ALTER TABLE tag ADD COLUMN behind boolean NOT NULL DEFAULT false;

DROP FUNCTION redeem(text, bytea, integer, integer, boolean, bytea, bytea, integer, text, bigint,
    bigint);
DROP FUNCTION enrol(text, bytea, integer, integer);
DROP FUNCTION set_state(text, bytea, text);
DROP FUNCTION revoke(text, bytea, text, bigint);
DROP FUNCTION find(text, bytea);
DROP FUNCTION find_grant(text, bytea, text, bigint);
DROP FUNCTION touch(text);
DROP FUNCTION merge(text, bytea[], integer[], integer[], text[], boolean[]);
DROP FUNCTION require_serving(text);
DROP FUNCTION now_ms(bigint);

-- Return if the store called so serves and is as far as was seen, and keep it serving until this
-- transaction has ended.
CREATE FUNCTION require_serving(our_id text, seen bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    its_phase text;
BEGIN
    -- Before the phase is read: whoever changes it waits for us, or we for him. A lock of
    -- memory alone, where a lock on the row would be one more write for every tap.
    PERFORM pg_advisory_xact_lock_shared(1314141234, 'store'::regclass::oid::integer);
    SELECT CASE WHEN phase <> 'serving' THEN phase
            WHEN home_tag <> 'tag'::regclass::oid THEN 'recovering'
            WHEN seen > last_revision() THEN 'behind'
            ELSE phase END
        INTO its_phase FROM store WHERE id = our_id;
    IF its_phase IS DISTINCT FROM 'serving' THEN
        RAISE EXCEPTION '%', coalesce(its_phase, 'foreign') USING ERRCODE = 'NT424';
    END IF;
END $$;

-- The phase; a copy of a ledger that served is one that must be recovered.
CREATE FUNCTION phase_of(our_id text) RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT CASE WHEN phase = 'serving'
            AND (home_tag <> 'tag'::regclass::oid OR home <> this_database())
        THEN 'recovering' ELSE phase END
    FROM store WHERE id = our_id
$$;

-- Milliseconds of the server's clock.
CREATE FUNCTION server_ms() RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint
$$;

-- Milliseconds as the caller's clock shows them or, without one, as the server's does now: whoever
-- waited for a lock asks afterwards. A server's clock that was set back does not count, but what
-- the caller knows that it must have passed.
CREATE FUNCTION now_ms(clock_ms bigint, earliest bigint) RETURNS bigint LANGUAGE sql VOLATILE AS $$
    SELECT coalesce(clock_ms, greatest(server_ms(), earliest))
$$;

-- See TagLedger.redeem. Without a clock's times, NULL, the server's own count. The mark is the
-- highest position that the caller knows, as generation * 2^24 + counter. The revision is NULL
-- where nothing changed.
CREATE FUNCTION redeem(
    our_id text, seen bigint, its_uid bytea, its_generation integer, its_counter integer,
    openly boolean, its_nonce bytea, its_digest bytea, lifetime integer,
    clock_era text, clock_ms bigint, clock_wall bigint, earliest bigint, its_mark bigint,
    OUT verdict text, OUT expires bigint, OUT revision bigint
) LANGUAGE plpgsql AS $$
DECLARE
    known tag%ROWTYPE;
    now bigint;
BEGIN
    PERFORM require_serving(our_id, seen);

    SELECT * INTO known FROM tag WHERE uid = its_uid;
    -- Of this very tag the caller knows more than the revision says.
    IF its_mark > coalesce(known.generation * 16777216::bigint + known.counter, 0) THEN
        RAISE EXCEPTION 'behind' USING ERRCODE = 'NT424';
    END IF;

    -- What is plainly used up takes no lock and no commit, or whoever sends one tap over and
    -- over would hold up the next one of the tag. It only refuses: nothing is decided by it.
    IF known.state = 'active' AND (known.enrolled OR openly)
        AND known.generation = its_generation AND known.counter >= its_counter
        AND (its_nonce IS NULL OR its_nonce IS DISTINCT FROM known.nonce_digest)
    THEN
        verdict := 'replayed';
        RETURN;
    END IF;

    IF openly THEN
        INSERT INTO tag (uid, generation, counter, state, enrolled, behind)
        SELECT its_uid, its_generation, 0, 'active', false, incomplete FROM store
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
    now := now_ms(clock_ms, earliest);

    IF (CASE WHEN openly
        THEN (known.generation, known.counter) < (its_generation, its_counter)
        ELSE known.enrolled AND known.generation = its_generation
            AND known.counter < its_counter
    END) THEN
        verdict := 'accepted';
        IF known.behind THEN
            -- It may have been used: only what comes after it is known to be fresh.
            verdict := 'replayed';
            its_nonce := NULL;
            its_digest := NULL;
        END IF;
        UPDATE tag SET generation = its_generation, counter = its_counter,
            enrolled = known.enrolled AND known.generation = its_generation,
            behind = false,
            nonce_digest = its_nonce,
            nonce_era = CASE WHEN its_nonce IS NOT NULL THEN clock_era END,
            nonce_ms = CASE WHEN its_nonce IS NOT NULL THEN now END
        WHERE uid = its_uid;
        -- as next_revision does, without the cost of one more function
        DISCARD SEQUENCES;
        revision := nextval('revision') + 32;
        IF its_digest IS NOT NULL THEN
            expires := coalesce(clock_wall, server_ms() / 1000) + lifetime;
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

-- See TagLedger.enrol: the revision, or NULL if that is stale. The row is locked even then, which
-- is a write.
CREATE FUNCTION enrol(
    our_id text, seen bigint, its_uid bytea, its_generation integer, its_counter integer
) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id, seen);
    INSERT INTO tag AS known (uid, generation, counter, state, enrolled, behind)
    SELECT its_uid, its_generation, its_counter, 'active', true, incomplete FROM store
    ON CONFLICT (uid) DO UPDATE SET
        generation = excluded.generation,
        counter = CASE WHEN known.generation = excluded.generation
            THEN greatest(known.counter, excluded.counter) ELSE excluded.counter END,
        state = CASE known.state WHEN 'erased' THEN 'active' ELSE known.state END,
        behind = CASE WHEN known.generation = excluded.generation
            THEN known.behind ELSE excluded.behind END,
        enrolled = true, nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
    WHERE known.generation < excluded.generation
        OR (known.generation = excluded.generation
            AND NOT known.enrolled AND known.state <> 'erased');
    RETURN CASE WHEN FOUND THEN next_revision() END;
END $$;

-- See TagLedger.set_state: the revision, or NULL if there is no such tag, or it was erased.
CREATE FUNCTION set_state(our_id text, seen bigint, its_uid bytea, its_state text)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    known_state text;
BEGIN
    PERFORM require_serving(our_id, seen);
    -- A write even where nothing changes: see redeem.
    SELECT state INTO known_state FROM tag WHERE uid = its_uid FOR UPDATE;
    IF NOT FOUND OR known_state = 'erased' THEN
        RETURN NULL;
    END IF;
    UPDATE tag SET state = its_state, nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
    WHERE uid = its_uid;
    IF its_state <> 'active' THEN
        DELETE FROM session WHERE uid = its_uid;
    END IF;
    RETURN next_revision();
END $$;

-- See TagLedger.revoke: the revision, or NULL if it was not live.
CREATE FUNCTION revoke(
    our_id text, seen bigint, its_digest bytea, clock_era text, clock_ms bigint, earliest bigint
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    was_live boolean;
BEGIN
    PERFORM require_serving(our_id, seen);
    was_live := EXISTS (
        SELECT FROM live_session(its_digest, clock_era, now_ms(clock_ms, earliest)));
    DELETE FROM session WHERE digest = its_digest;
    IF NOT FOUND THEN
        -- Whoever deleted it was perhaps never confirmed: write, and so wait for the standby.
        PERFORM pg_logical_emit_message(true, 'ntag424', '');
        RETURN NULL;
    END IF;
    RETURN CASE WHEN was_live THEN next_revision() END;
END $$;

-- See TagLedger.find.
CREATE FUNCTION find(our_id text, seen bigint, its_uid bytea)
RETURNS SETOF tag LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id, seen);
    RETURN QUERY SELECT * FROM tag WHERE uid = its_uid;
END $$;

-- See TagLedger.grant.
CREATE FUNCTION find_grant(
    our_id text, seen bigint, its_digest bytea, clock_era text, clock_ms bigint, earliest bigint,
    OUT uid bytea, OUT generation integer, OUT counter integer, OUT expires_at bigint,
    OUT remaining_ms bigint
) RETURNS SETOF record LANGUAGE plpgsql AS $$
DECLARE
    now bigint := now_ms(clock_ms, earliest);
BEGIN
    PERFORM require_serving(our_id, seen);
    RETURN QUERY
        SELECT live.uid, live.generation, live.counter, live.expires_at, live.ends_ms - now
        FROM live_session(its_digest, clock_era, now) AS live;
END $$;

-- How far the ledger is, for good: what is read here was logged before our own message, and so is
-- where that is once we are told that it was committed.
CREATE FUNCTION confirmed_revision() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    revision bigint := last_revision();
BEGIN
    PERFORM pg_logical_emit_message(true, 'ntag424', '');
    RETURN revision;
END $$;

-- See TagLedger.check: what a tap does, but of no tag. Whoever locks the tables out of a tap's
-- way, or takes our rights away, is noticed; a standby that is missing shows at the commit.
CREATE FUNCTION touch(our_id text, seen bigint, OUT revision bigint, OUT clock_ms bigint)
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_serving(our_id, seen);
    UPDATE tag SET counter = counter WHERE false;
    INSERT INTO session SELECT * FROM session WHERE false;
    revision := confirmed_revision();
    clock_ms := server_ms();
END $$;

-- See LedgerArchive.enter.
CREATE OR REPLACE FUNCTION enter(our_id text, its_phase text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    -- Taps queue up behind us: rather give up, to be called again.
    PERFORM set_config('lock_timeout', '500ms', true);
    PERFORM pg_advisory_xact_lock(1314141234, 'store'::regclass::oid::integer);
    UPDATE store SET phase = its_phase;
    IF its_phase IN ('filling', 'recovering') THEN
        -- What it lacks, it is given now: from then on it is no mere copy.
        UPDATE store SET home = this_database(), home_tag = 'tag'::regclass::oid;
        -- Meanwhile they may have been ended elsewhere.
        DELETE FROM session;
    END IF;
END $$;

-- The last of so many tags after this one; NULL if there are no more than that.
CREATE FUNCTION end_of_page(after bytea, size integer) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT uid FROM tag WHERE uid > after ORDER BY uid OFFSET size - 1 LIMIT 1
$$;

-- Forget the nonces of so many tags after this one; return where to go on, or NULL.
CREATE FUNCTION forget_nonces(our_id text, after bytea, size integer)
RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    last bytea := end_of_page(after, size);
BEGIN
    PERFORM require_store(our_id);
    UPDATE tag SET nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
    WHERE uid > after AND uid <= coalesce(last, '\xffffffffffffffff')
        AND nonce_digest IS NOT NULL;
    RETURN last;
END $$;

-- See LedgerArchive.mark_behind: so many tags after this one; return where to go on, or NULL.
CREATE FUNCTION mark_behind(our_id text, after bytea, size integer)
RETURNS bytea LANGUAGE plpgsql AS $$
DECLARE
    last bytea := end_of_page(after, size);
BEGIN
    PERFORM require_store(our_id);
    UPDATE tag SET behind = true
    WHERE uid > after AND uid <= coalesce(last, '\xffffffffffffffff') AND NOT behind;
    RETURN last;
END $$;

-- See LedgerArchive.is_incomplete.
CREATE FUNCTION is_incomplete(our_id text) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    RETURN (SELECT incomplete FROM store);
END $$;

-- See LedgerArchive.mark_incomplete.
CREATE FUNCTION mark_incomplete(our_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    UPDATE store SET incomplete = true;
END $$;

-- See LedgerArchive.revisions.
CREATE FUNCTION revision_of(our_id text) RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    PERFORM require_store(our_id);
    RETURN confirmed_revision();
END $$;

-- See LedgerArchive.start_timeline. What is further already stays as far.
CREATE FUNCTION start_timeline(our_id text, timeline bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    beginning bigint := timeline * 1099511627776;
BEGIN
    PERFORM require_store(our_id);
    PERFORM set_config('lock_timeout', '500ms', true);
    PERFORM pg_advisory_xact_lock(1314141234, 'store'::regclass::oid::integer);
    IF last_revision() < beginning THEN
        PERFORM setval('revision', beginning);
    END IF;
END $$;

-- How strict a state is.
CREATE FUNCTION strictness(state text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT array_position(ARRAY['active', 'suspended', 'erased'], state)
$$;

-- See LedgerArchive.merge. In the order of the UIDs, so that two of them do not wait for
-- each other.
CREATE FUNCTION merge(
    our_id text, uids bytea[], generations integer[], counters integer[], states text[],
    enrolments boolean[], behinds boolean[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    new record;
    has_effect boolean := false;
BEGIN
    PERFORM require_store(our_id);
    FOR new IN
        SELECT * FROM unnest(uids, generations, counters, states, enrolments, behinds)
            AS given (uid, generation, counter, state, enrolled, behind)
        ORDER BY uid
    LOOP
        INSERT INTO tag AS known (uid, generation, counter, state, enrolled, behind)
        VALUES (new.uid, new.generation, new.counter, new.state, new.enrolled, new.behind)
        ON CONFLICT (uid) DO UPDATE SET
            generation = excluded.generation,
            counter = CASE WHEN known.generation = excluded.generation
                THEN greatest(known.counter, excluded.counter) ELSE excluded.counter END,
            state = CASE WHEN known.generation = excluded.generation
                AND strictness(known.state) > strictness(excluded.state)
                THEN known.state ELSE excluded.state END,
            enrolled = excluded.enrolled
                OR (known.generation = excluded.generation AND known.enrolled),
            behind = excluded.behind
                OR (known.generation = excluded.generation AND known.behind),
            nonce_digest = NULL, nonce_era = NULL, nonce_ms = NULL
        WHERE known.generation < excluded.generation
            OR (known.generation = excluded.generation
                AND (known.counter < excluded.counter
                    OR strictness(known.state) < strictness(excluded.state)
                    OR known.enrolled < excluded.enrolled OR known.behind < excluded.behind
                    OR known.nonce_digest IS NOT NULL));
        has_effect := has_effect OR FOUND;
    END LOOP;
    -- As set_state does: they must not come back with the tag.
    DELETE FROM session USING tag
    WHERE session.uid = tag.uid AND tag.uid = ANY (uids) AND tag.state <> 'active';
    IF has_effect OR FOUND THEN
        PERFORM next_revision();
    END IF;
END $$;
