#include "memory/blocks/block_schema.hpp"
#include "memory/procedural/procedural_schema.hpp"
#include "memory/store.hpp"

namespace mnema {
namespace {

// Deletion is a matter of rows, never of columns set to null, except in memory_episodes, whose payload may be erased
// while its place in the hash chain stays. Text indexes (memory_text_N, one per tenant) are made when a tenant is first
// met; memory_tenants.text_format says which one there is (memory/text_index_store.hpp), memory_documents.state what a
// document is to those who ask (memory/sources_store.hpp). Facts follow from claims (memory/semantic/fact_store.hpp);
// memory_abandoned are episodes on branches of chats that nobody goes on with (memory/branch_store.hpp).
std::vector<Migration> entry_migrations() {
  return {{"memory", 1, R"sql(
CREATE TABLE memory_meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO memory_meta (name, value) VALUES ('database_id', lower(hex(randomblob(16))));

CREATE TABLE memory_tenants (
  tenant_id   INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  text_format TEXT NOT NULL
);
CREATE TABLE memory_scopes (
  scope_id  INTEGER PRIMARY KEY,
  tenant_id INTEGER NOT NULL,
  agent     TEXT NOT NULL,
  user      TEXT NOT NULL,
  session   TEXT NOT NULL,
  UNIQUE (tenant_id, agent, user, session)
);

CREATE TABLE memory_entries (
  entry_id    INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_id    INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  document_id INTEGER,
  time_us     INTEGER NOT NULL,
  trust       INTEGER NOT NULL,
  text        TEXT NOT NULL
);
CREATE INDEX memory_entries_by_time ON memory_entries (scope_id, time_us);

CREATE TABLE memory_threads (
  thread_id     INTEGER PRIMARY KEY,
  tenant_id     INTEGER NOT NULL,
  name          TEXT NOT NULL,
  last_sequence INTEGER NOT NULL,
  last_hash     BLOB NOT NULL,
  UNIQUE (tenant_id, name)
);
CREATE TABLE memory_episodes (
  entry_id     INTEGER PRIMARY KEY,
  thread_id    INTEGER NOT NULL,
  sequence     INTEGER NOT NULL,
  kind         INTEGER NOT NULL,
  role         TEXT NOT NULL,
  attributes   TEXT NOT NULL,
  salt         BLOB NOT NULL,
  payload_hash BLOB NOT NULL,
  chain_hash   BLOB NOT NULL,
  UNIQUE (thread_id, sequence)
);

CREATE TABLE memory_documents (
  document_id  INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_id     INTEGER NOT NULL,
  state        INTEGER NOT NULL,
  uri          TEXT NOT NULL,
  collection   TEXT NOT NULL,
  title        TEXT NOT NULL,
  media_type   INTEGER NOT NULL,
  trust        INTEGER NOT NULL,
  content_hash TEXT NOT NULL,
  cut          TEXT NOT NULL,
  chunks       INTEGER NOT NULL,
  modified_us  INTEGER NOT NULL,
  ingested_us  INTEGER NOT NULL
);
CREATE UNIQUE INDEX memory_documents_active ON memory_documents (scope_id, uri) WHERE state = 1;
CREATE INDEX memory_documents_by_collection ON memory_documents (scope_id, collection) WHERE state = 1;
CREATE TABLE memory_chunks (
  entry_id     INTEGER PRIMARY KEY,
  document_id  INTEGER NOT NULL,
  ordinal      INTEGER NOT NULL,
  heading_path TEXT NOT NULL,
  byte_begin   INTEGER NOT NULL,
  byte_end     INTEGER NOT NULL,
  line_begin   INTEGER NOT NULL,
  line_end     INTEGER NOT NULL,
  UNIQUE (document_id, ordinal)
);

CREATE TABLE memory_embedders (
  embedder_id INTEGER PRIMARY KEY,
  name        TEXT NOT NULL UNIQUE,
  dimensions  INTEGER NOT NULL
);
CREATE TABLE memory_vectors (
  vector_id   INTEGER PRIMARY KEY AUTOINCREMENT,
  entry_id    INTEGER NOT NULL,
  facet       INTEGER NOT NULL,
  embedder_id INTEGER NOT NULL,
  tenant_id   INTEGER NOT NULL,
  scope_id    INTEGER NOT NULL,
  vector      BLOB NOT NULL
);
CREATE INDEX memory_vectors_by_entry ON memory_vectors (entry_id);
CREATE INDEX memory_vectors_by_scope ON memory_vectors (embedder_id, tenant_id, scope_id);
CREATE TABLE memory_vector_changes (
  change_id   INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id   INTEGER NOT NULL,
  embedder_id INTEGER NOT NULL,
  operation   INTEGER NOT NULL,
  vector_id   INTEGER NOT NULL,
  tag         INTEGER NOT NULL
);
CREATE INDEX memory_vector_changes_by_tenant ON memory_vector_changes (tenant_id, change_id);
CREATE TABLE memory_pending_vectors (
  entry_id INTEGER PRIMARY KEY,
  attempts INTEGER NOT NULL
);
)sql"},
          // Of a component of its own, so that it may stand among the numbers of the others.
          {"erasures", 1, R"sql(
CREATE TABLE memory_erasures (
  erasure_id   INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant       TEXT NOT NULL,
  agent        TEXT NOT NULL,
  user         TEXT NOT NULL,
  session      TEXT NOT NULL,
  entry_id     INTEGER NOT NULL,
  requested_us INTEGER NOT NULL,
  finished_us  INTEGER,
  part         TEXT NOT NULL,
  counts       TEXT NOT NULL,
  pending      TEXT NOT NULL
);
CREATE INDEX memory_erasures_unfinished ON memory_erasures (erasure_id) WHERE finished_us IS NULL;
CREATE INDEX memory_documents_by_scope ON memory_documents (scope_id);
)sql"},
          {"memory", 2, R"sql(
CREATE TABLE memory_folders (
  folder_id  INTEGER PRIMARY KEY,
  scope_id   INTEGER NOT NULL,
  path       TEXT NOT NULL,
  name       TEXT NOT NULL,
  collection TEXT NOT NULL,
  UNIQUE (scope_id, path, name),
  UNIQUE (scope_id, collection)
);
)sql"},
          {"memory", 3, R"sql(
CREATE INDEX memory_documents_unseen ON memory_documents (scope_id, uri) WHERE state >= 2;
CREATE INDEX memory_tenants_without_table ON memory_tenants (tenant_id) WHERE text_format = '';
)sql"},
          {"memory", 4, R"sql(
CREATE INDEX memory_pending_vectors_by_attempts ON memory_pending_vectors (attempts, entry_id);
)sql"},
          {"memory", 5, R"sql(
DROP INDEX memory_vector_changes_by_tenant;
CREATE INDEX memory_vector_changes_by_embedder ON memory_vector_changes (tenant_id, embedder_id, change_id);
)sql"},
          {"memory", 6, R"sql(
ALTER TABLE memory_documents ADD COLUMN stale TEXT NOT NULL DEFAULT '';
)sql"},
          {"memory", 7, R"sql(
DROP INDEX memory_vectors_by_entry;
CREATE INDEX memory_vectors_by_entry ON memory_vectors (entry_id, embedder_id);
)sql"},
          {"memory", 8, R"sql(
CREATE TABLE memory_claims (
  entry_id      INTEGER NOT NULL,
  ordinal       INTEGER NOT NULL,
  scope_id      INTEGER NOT NULL,
  subject_key   TEXT NOT NULL,
  predicate     TEXT NOT NULL,
  kind          INTEGER NOT NULL,
  subject       TEXT NOT NULL,
  object        TEXT NOT NULL,
  valid_from_us INTEGER NOT NULL,
  valid_to_us   INTEGER NOT NULL,
  is_dated      INTEGER NOT NULL,
  corrects      INTEGER NOT NULL,
  corrected     TEXT NOT NULL,
  known_from_us INTEGER NOT NULL,
  trust         INTEGER NOT NULL,
  by_assistant  INTEGER NOT NULL,
  confidence    REAL NOT NULL,
  PRIMARY KEY (entry_id, ordinal)
);
CREATE INDEX memory_claims_by_key ON memory_claims (scope_id, subject_key, predicate, known_from_us);
CREATE INDEX memory_claims_by_scope ON memory_claims (scope_id, entry_id);
CREATE TABLE memory_facts (
  scope_id      INTEGER NOT NULL,
  subject_key   TEXT NOT NULL,
  predicate     TEXT NOT NULL,
  ordinal       INTEGER NOT NULL,
  subject       TEXT NOT NULL,
  object        TEXT NOT NULL,
  negated       INTEGER NOT NULL,
  contested     INTEGER NOT NULL,
  valid_from_us INTEGER,
  valid_to_us   INTEGER,
  known_from_us INTEGER NOT NULL,
  trust         INTEGER NOT NULL,
  confidence    REAL NOT NULL,
  evidence      TEXT NOT NULL,
  PRIMARY KEY (scope_id, subject_key, predicate, ordinal)
);
CREATE TABLE memory_fact_conflicts (
  scope_id       INTEGER NOT NULL,
  subject_key    TEXT NOT NULL,
  predicate      TEXT NOT NULL,
  ordinal        INTEGER NOT NULL,
  subject        TEXT NOT NULL,
  first_object   TEXT NOT NULL,
  first_negated  INTEGER NOT NULL,
  first_from_us  INTEGER NOT NULL,
  first_trust    INTEGER NOT NULL,
  first_entry    INTEGER NOT NULL,
  second_object  TEXT NOT NULL,
  second_negated INTEGER NOT NULL,
  second_from_us INTEGER NOT NULL,
  second_trust   INTEGER NOT NULL,
  second_entry   INTEGER NOT NULL,
  PRIMARY KEY (scope_id, subject_key, predicate, ordinal)
);
CREATE TABLE memory_jobs (
  name      TEXT PRIMARY KEY,
  version   INTEGER NOT NULL,
  watermark INTEGER NOT NULL
);
CREATE TABLE memory_chat_turns (
  thread_id       INTEGER NOT NULL,
  last_sequence   INTEGER NOT NULL,
  first_sequence  INTEGER NOT NULL,
  parent_sequence INTEGER NOT NULL,
  PRIMARY KEY (thread_id, last_sequence)
);
CREATE TABLE memory_abandoned (
  entry_id INTEGER PRIMARY KEY
);
)sql"},
          {"memory", 9, R"sql(
ALTER TABLE memory_vectors ADD COLUMN tokens BLOB;
)sql"}};
}

// When a folder was last read, and how long that counts.
std::vector<Migration> source_migrations() {
  return {{"memory_sources", 1, R"sql(
CREATE TABLE memory_folder_reads (
  scope_id   INTEGER NOT NULL,
  collection TEXT NOT NULL,
  read_us    INTEGER NOT NULL,
  ttl_us     INTEGER NOT NULL,
  PRIMARY KEY (scope_id, collection)
);
)sql"}};
}

}  // namespace

std::vector<Migration> memory_migrations() {
  std::vector<Migration> all = entry_migrations();
  for (std::vector<Migration> more : {source_migrations(), block_migrations(), procedural_migrations()}) {
    for (Migration& migration : more) all.push_back(std::move(migration));
  }
  return all;
}

}  // namespace mnema
