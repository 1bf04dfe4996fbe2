#include "memory/blocks/block_schema.hpp"

namespace mnema {

// memory_block_ends: the last version of what was removed. One that is made again goes on from there, so that nobody
// takes it for what he has read before.
std::vector<Migration> block_migrations() {
  return {{"memory_blocks", 1, R"sql(
CREATE TABLE memory_blocks (
  scope_id   INTEGER NOT NULL,
  name       TEXT NOT NULL,
  text       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  trust      INTEGER NOT NULL,
  changed_us INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  PRIMARY KEY (scope_id, name)
);
CREATE TABLE memory_block_versions (
  scope_id   INTEGER NOT NULL,
  name       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  text       TEXT NOT NULL,
  trust      INTEGER NOT NULL,
  changed_us INTEGER NOT NULL,
  changed_by TEXT NOT NULL,
  PRIMARY KEY (scope_id, name, version)
);
CREATE TABLE memory_block_ends (
  scope_id   INTEGER NOT NULL,
  name       TEXT NOT NULL,
  version    INTEGER NOT NULL,
  PRIMARY KEY (scope_id, name)
);
)sql"}};
}

}  // namespace mnema
