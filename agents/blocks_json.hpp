// agents/blocks_json.hpp
//
// A block of working memory as JSON, for the turn's journal: a replay sees the same text, whatever it says since.
// Persisted: names are never changed.
//
// Threads: declarations only.
#pragma once

#include "agents/recall_json.hpp"
#include "memory/blocks/block.hpp"

namespace mnema {

BOOST_DESCRIBE_STRUCT(Block, (), (scope, name, text, version, trust, changed, changed_by))

}  // namespace mnema
