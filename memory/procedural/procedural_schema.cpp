#include "memory/procedural/procedural_schema.hpp"

namespace mnema {

// memory_task_runs: scope_id is whose turn it was, agent_scope_id {tenant, agent}; memory_procedures.scope_id is the
// latter. entry_id 0: the turn remembered nothing. procedure_id 0: it was shown none. What a procedure was learned from
// is its evidence: there is none without, and runs that are evidence stay while the others are trimmed.
std::vector<Migration> procedural_migrations() {
  return {{"memory_procedural", 1, R"sql(
CREATE TABLE memory_task_runs (
  run_id         INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_id       INTEGER NOT NULL,
  agent_scope_id INTEGER NOT NULL,
  entry_id       INTEGER NOT NULL,
  thread         TEXT NOT NULL,
  event_type     TEXT NOT NULL,
  trust          INTEGER NOT NULL,
  terms          BLOB NOT NULL,
  steps          TEXT NOT NULL,
  calls          INTEGER NOT NULL,
  succeeded      INTEGER NOT NULL,
  because        TEXT NOT NULL,
  procedure_id   INTEGER NOT NULL,
  counted        INTEGER NOT NULL,
  time_us        INTEGER NOT NULL
);
CREATE INDEX memory_task_runs_by_agent ON memory_task_runs (agent_scope_id, run_id);
CREATE INDEX memory_task_runs_by_thread ON memory_task_runs (agent_scope_id, thread, run_id);
CREATE INDEX memory_task_runs_by_scope ON memory_task_runs (scope_id, run_id);
CREATE INDEX memory_task_runs_by_entry ON memory_task_runs (entry_id);
CREATE TABLE memory_procedures (
  procedure_id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_id     INTEGER NOT NULL,
  event_type   TEXT NOT NULL,
  trust        INTEGER NOT NULL,
  signature    TEXT NOT NULL,
  steps        TEXT NOT NULL,
  words        TEXT NOT NULL,
  state        INTEGER NOT NULL,
  successes    INTEGER NOT NULL,
  failures     INTEGER NOT NULL,
  strikes      INTEGER NOT NULL,
  changed_us   INTEGER NOT NULL
);
CREATE INDEX memory_procedures_by_type ON memory_procedures (scope_id, event_type);
CREATE TABLE memory_procedure_evidence (
  procedure_id INTEGER NOT NULL,
  run_id       INTEGER NOT NULL,
  PRIMARY KEY (procedure_id, run_id)
);
CREATE INDEX memory_procedure_evidence_by_run ON memory_procedure_evidence (run_id);
CREATE TABLE memory_procedure_changes (
  procedure_id INTEGER NOT NULL,
  ordinal      INTEGER NOT NULL,
  time_us      INTEGER NOT NULL,
  what         TEXT NOT NULL,
  PRIMARY KEY (procedure_id, ordinal)
);
)sql"}};
}

}  // namespace mnema
