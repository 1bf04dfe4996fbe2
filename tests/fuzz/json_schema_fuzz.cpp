// tests/fuzz/json_schema_fuzz.cpp
//
// A hostile JSON Schema is refused or becomes a grammar.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>

#include "inference/grammar/automaton.hpp"
#include "inference/grammar/schema_grammar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace mnema;
  if (size > 4096) return 0;
  boost::system::error_code error;
  const boost::json::value schema =
      boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error) return 0;
  const auto rules = grammar::rules_of_schema(schema);
  if (!rules.ok()) return 0;
  Limits limits;
  limits.grammar_states_max = 20'000;
  (void)grammar::Automaton::compile(*rules, limits).ok();
  return 0;
}
