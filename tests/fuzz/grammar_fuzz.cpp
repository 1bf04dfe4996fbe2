// tests/fuzz/grammar_fuzz.cpp
//
// A hostile GBNF text is refused or compiled; a compiled one is walked with the rest of the input.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "inference/grammar/automaton.hpp"
#include "inference/grammar/gbnf.hpp"
#include "inference/grammar/matcher.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto rules = grammar::parse_gbnf(text);
  if (!rules.ok()) return 0;
  Limits limits;
  limits.grammar_states_max = 20'000;
  auto automaton = grammar::Automaton::compile(*rules, limits);
  if (!automaton.ok()) return 0;
  grammar::Matcher matcher(std::make_shared<const grammar::Automaton>(std::move(*automaton)));
  grammar::Position position = matcher.start();
  for (std::size_t i = 0; i < std::min<std::size_t>(size, 64) && position != grammar::kDead; ++i) {
    position = matcher.step(position, data[i]);
  }
  return 0;
}
