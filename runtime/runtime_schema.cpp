#include "runtime/runtime_schema.hpp"

namespace mnema {

// The mailbox has no index besides its number and one of dead letters, which living events do not touch: the order of
// work is kept in memory (tenant_queue.hpp), and each index would cost every accepted event.
std::vector<Migration> runtime_migrations() {
  return {
      {"runtime", 1, R"sql(
CREATE TABLE mailbox (
  sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant       TEXT NOT NULL,
  agent        TEXT NOT NULL,
  key          TEXT NOT NULL,
  priority     INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  accepted_at  INTEGER NOT NULL,
  next_at      INTEGER NOT NULL,
  id           TEXT NOT NULL,
  source       TEXT NOT NULL,
  type         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  time         INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  data         BLOB NOT NULL,
  user         TEXT NOT NULL,
  trust        INTEGER NOT NULL,
  deadline     INTEGER,
  traceparent  TEXT NOT NULL,
  attributes   TEXT NOT NULL
);
CREATE TABLE mailbox_errors (
  sequence INTEGER NOT NULL,
  attempt  INTEGER NOT NULL,
  at       INTEGER NOT NULL,
  code     INTEGER NOT NULL,
  message  TEXT NOT NULL,
  hint     TEXT NOT NULL,
  PRIMARY KEY (sequence, attempt, at)
) WITHOUT ROWID;
CREATE TABLE event_ring (
  slot     INTEGER PRIMARY KEY,
  hash     INTEGER NOT NULL,
  sequence INTEGER NOT NULL
);
CREATE INDEX event_ring_hash ON event_ring (hash);

CREATE TABLE turns (
  turn        INTEGER PRIMARY KEY,
  tenant      TEXT NOT NULL,
  source      TEXT NOT NULL,
  event_id    TEXT NOT NULL,
  agent       TEXT NOT NULL,
  key         TEXT NOT NULL,
  version     TEXT NOT NULL,
  started_at  INTEGER NOT NULL,
  finished_at INTEGER
);
CREATE INDEX turns_finished ON turns (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE steps (
  turn           INTEGER NOT NULL,
  path           TEXT NOT NULL,
  name           TEXT NOT NULL,
  arguments_hash TEXT NOT NULL,
  state          INTEGER NOT NULL,
  attempts       INTEGER NOT NULL,
  result         BLOB,
  result_hash    TEXT,
  error_code     INTEGER,
  error_message  TEXT,
  error_hint     TEXT,
  started_at     INTEGER NOT NULL,
  finished_at    INTEGER,
  PRIMARY KEY (turn, path)
) WITHOUT ROWID;
CREATE TABLE blobs (
  hash             TEXT PRIMARY KEY,
  reference_count  INTEGER NOT NULL,
  bytes            BLOB NOT NULL
);

CREATE TABLE outbox (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant          TEXT NOT NULL,
  agent           TEXT NOT NULL,
  destination     TEXT NOT NULL,
  key             TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  content_type    TEXT NOT NULL,
  body            BLOB NOT NULL,
  traceparent     TEXT NOT NULL,
  turn            INTEGER NOT NULL,
  state           INTEGER NOT NULL,
  attempts        INTEGER NOT NULL,
  created_at      INTEGER NOT NULL,
  next_at         INTEGER NOT NULL,
  failed_at       INTEGER,
  error_code      INTEGER,
  error_message   TEXT,
  error_hint      TEXT
);

CREATE TABLE timers (
  id     INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant TEXT NOT NULL,
  agent  TEXT NOT NULL,
  key    TEXT NOT NULL,
  name   TEXT NOT NULL,
  at     INTEGER NOT NULL,
  event  TEXT NOT NULL,
  data   BLOB NOT NULL,
  UNIQUE (tenant, agent, key, name)
);
)sql"},
      {"runtime", 2, "ALTER TABLE outbox ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0"},
      // The mailbox is laid out anew, because columns that the index reads stand before the payload: behind it, they
      // would cost a walk over all pages of a large one. Its counter is carried over: no number is used twice.
      {"runtime", 3, R"sql(
CREATE TABLE mailbox_new (
  sequence     INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant       TEXT NOT NULL,
  agent        TEXT NOT NULL,
  key          TEXT NOT NULL,
  priority     INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  attempts     INTEGER NOT NULL,
  uncounted    INTEGER NOT NULL,
  crashes      INTEGER NOT NULL,
  generation   INTEGER NOT NULL,
  accepted_at  INTEGER NOT NULL,
  next_at      INTEGER NOT NULL,
  died_at      INTEGER NOT NULL,
  id           TEXT NOT NULL,
  source       TEXT NOT NULL,
  type         TEXT NOT NULL,
  subject      TEXT NOT NULL,
  time         INTEGER NOT NULL,
  content_type TEXT NOT NULL,
  data         BLOB NOT NULL,
  user         TEXT NOT NULL,
  trust        INTEGER NOT NULL,
  deadline     INTEGER,
  traceparent  TEXT NOT NULL,
  attributes   TEXT NOT NULL
);
INSERT INTO mailbox_new
  SELECT sequence, tenant, agent, key, priority, state, attempts, 0, 0, 0, accepted_at, next_at,
         CASE state WHEN 3 THEN coalesce((SELECT max(at) FROM mailbox_errors AS e WHERE e.sequence = m.sequence),
                                         accepted_at) ELSE 0 END,
         id, source, type, subject, time, content_type, data, user, trust, deadline, traceparent, attributes
  FROM mailbox AS m ORDER BY sequence;
DELETE FROM sqlite_sequence WHERE name = 'mailbox_new';
INSERT INTO sqlite_sequence (name, seq) SELECT 'mailbox_new', seq FROM sqlite_sequence WHERE name = 'mailbox';
DROP TABLE mailbox;
ALTER TABLE mailbox_new RENAME TO mailbox;
CREATE INDEX mailbox_dead ON mailbox (died_at) WHERE state = 3;
CREATE INDEX outbox_dead ON outbox (failed_at) WHERE state = 1;
ALTER TABLE event_ring ADD COLUMN content INTEGER NOT NULL DEFAULT 0;
ALTER TABLE turns ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox ADD COLUMN generation INTEGER NOT NULL DEFAULT 0;
)sql"},
      // Both indexes hold the few rows that have such a value, so that it is found without walking over payloads.
      {"runtime", 4, R"sql(
ALTER TABLE mailbox ADD COLUMN batch INTEGER;
CREATE INDEX mailbox_batch ON mailbox (batch) WHERE batch IS NOT NULL;
CREATE INDEX mailbox_deadline ON mailbox (deadline) WHERE deadline IS NOT NULL;
CREATE TABLE event_samples (
  id       INTEGER PRIMARY KEY AUTOINCREMENT,
  key      INTEGER NOT NULL UNIQUE,
  seen     INTEGER NOT NULL,
  taken_at INTEGER NOT NULL
);
CREATE TABLE cron_schedules (
  name     TEXT PRIMARY KEY,
  schedule TEXT NOT NULL,
  next_at  INTEGER NOT NULL
) WITHOUT ROWID;
)sql"},
      // Whose they are, so that a user can be erased. Of rows from before nobody knows: null.
      {"runtime", 5, "ALTER TABLE turns ADD COLUMN user TEXT; ALTER TABLE outbox ADD COLUMN user TEXT"},
  };
}

}  // namespace mnema
