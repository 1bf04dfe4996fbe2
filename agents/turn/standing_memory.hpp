// agents/turn/standing_memory.hpp
//
// What stands in a prompt without having been asked for: how such a task was done, and the blocks of working memory. As
// the turn's journal keeps it: a replay shows the same. Persisted: names are never changed.
//
// Threads:   on the turn's strand.
// Ownership: the turn is held until the answer.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "agents/describe.hpp"
#include "agents/turn/shown_procedure.hpp"
#include "memory/blocks/block.hpp"

namespace mnema {

class Turn;

struct StandingMemory {
  ShownProcedure procedure;
  std::string blocks;  // empty: none
  Trust blocks_trust = Trust::kOperator;
  std::vector<std::string> blocks_left_out;  // by name: there was no place for them
};
BOOST_DESCRIBE_STRUCT(StandingMemory, (), (procedure, blocks, blocks_trust, blocks_left_out))

struct StandingMemoryWanted {
  bool procedure = false;
  bool blocks = false;
  int block_tokens_max = 0;  // of all blocks together
};
/// Reads it for the turn, with what the turn itself has changed so far. What cannot be read is not there: the task is
/// only harder without.
void read_standing_memory(Turn& turn, StandingMemoryWanted wanted, std::function<void(StandingMemory)> on_done);

/// `block` as those of the turn's own edits have changed it that are of its scope and name.
[[nodiscard]] Block with_edits(Block block, const std::vector<BlockEdit>& edits, const BlockLimits& limits);

}  // namespace mnema
