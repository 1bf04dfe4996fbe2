#include "agents/turn/standing_memory.hpp"

#include <algorithm>

#include "agents/turn/memory_reach.hpp"
#include "agents/turn/turn.hpp"
#include "memory/documents/token_estimate.hpp"
#include "memory/store.hpp"

namespace mnema {
namespace {

constexpr const char* kHeading = "Working memory:\n";

bool is_of(const BlockEdit& edit, const Block& block) { return edit.name == block.name && edit.scope == block.scope; }

void add_blocks(StandingMemory& standing, std::vector<Block> blocks, const Turn& turn, int tokens_max) {
  const std::vector<BlockEdit>& edits = turn.pending_writes().blocks;
  for (const BlockEdit& edit : edits) {
    if (std::any_of(blocks.begin(), blocks.end(), [&](const Block& block) { return is_of(edit, block); })) continue;
    Block made;
    made.scope = edit.scope;
    made.name = edit.name;
    made.trust = edit.trust;
    blocks.push_back(std::move(made));
  }
  // As the next turn will read them.
  std::stable_sort(blocks.begin(), blocks.end(), [](const Block& a, const Block& b) { return a.name < b.name; });
  for (Block& block : blocks) block = with_edits(std::move(block), edits, turn.services().memory.block_limits());
  std::erase_if(blocks, [](const Block& block) { return block.text.empty(); });
  // An operator's first: those of a user must not take the place of what holds for all.
  std::vector<Block> by_breadth = blocks;
  std::stable_sort(by_breadth.begin(), by_breadth.end(), [](const Block& a, const Block& b) {
    const auto is_narrow = [](const Block& block) { return !block.scope.user.empty() || !block.scope.session.empty(); };
    return is_narrow(a) < is_narrow(b);
  });
  std::size_t tokens = 0;
  for (const Block& block : by_breadth) {
    const std::size_t more = tokens_in(text_of(std::vector<Block>{block}));
    if (tokens + more <= static_cast<std::size_t>(tokens_max)) {
      tokens += more;
      continue;
    }
    standing.blocks_left_out.push_back(block.name);
    std::erase(blocks, block);
  }
  if (blocks.empty()) return;
  standing.blocks = kHeading + text_of(blocks);
  for (const Block& block : blocks) standing.blocks_trust = weakest(standing.blocks_trust, block.trust);
}

}  // namespace

Block with_edits(Block block, const std::vector<BlockEdit>& edits, const BlockLimits& limits) {
  for (const BlockEdit& edit : edits) {
    if (!is_of(edit, block)) continue;
    Result<std::string> text = edited(block.text, edit, limits);
    if (!text.ok()) continue;  // the commit will say so
    block.text = std::move(*text);
    block.trust = edit.kind == BlockEditKind::kSet ? edit.trust : weakest(block.trust, edit.trust);
  }
  return block;
}

void read_standing_memory(Turn& turn, StandingMemoryWanted wanted, std::function<void(StandingMemory)> on_done) {
  const auto self = turn.shared_from_this();
  const auto then_blocks = [self, wanted, on_done = std::move(on_done)](StandingMemory standing) {
    if (!wanted.blocks) return on_done(std::move(standing));
    self->services().memory.blocks(asker_of(self->scope()), *self->strand(),
                                   [self, wanted, standing, on_done](const Result<std::vector<Block>>& found) mutable {
                                     if (found.ok()) add_blocks(standing, *found, *self, wanted.block_tokens_max);
                                     on_done(std::move(standing));
                                   });
  };
  if (!wanted.procedure) return then_blocks({});
  turn.services().memory.procedure(turn.procedure_query(), *turn.strand(),
                                   [then_blocks](const Result<std::optional<Procedure>>& found) {
                                     StandingMemory standing;
                                     if (found.ok()) standing.procedure = shown(*found);
                                     then_blocks(std::move(standing));
                                   });
}

}  // namespace mnema
