#include "runtime/runtime_schema.hpp"

namespace mnema {

// The mailbox has no index besides its number: the order of work is kept in memory (lane_queue.hpp), and each index
// would cost every accepted event.
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
  };
}

}  // namespace mnema
