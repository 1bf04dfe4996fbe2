// agents/turn/shown_procedure.hpp
//
// How a task was done, as a prompt has it, and as the turn's journal keeps it: a replay shows the same words, whatever
// memory has learned since. Persisted: names are never changed.
//
// Threads: pure function.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "agents/describe.hpp"
#include "agents/message_json.hpp"
#include "memory/procedural/procedure.hpp"

namespace mnema {

struct ShownProcedure {
  std::string text;  // empty: none
  Trust trust = Trust::kOperator;
  std::int64_t id = 0;
};
BOOST_DESCRIBE_STRUCT(ShownProcedure, (), (text, trust, id))

[[nodiscard]] ShownProcedure shown(const std::optional<Procedure>& found);

}  // namespace mnema
