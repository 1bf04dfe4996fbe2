// tests/fuzz/json_schema_fuzz.cpp
//
// A hostile JSON Schema is refused or becomes a grammar, and what the grammar writes is valid under it. The validator
// takes the schema for a value too.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "inference/grammar/automaton.hpp"
#include "inference/grammar/grammar_text.hpp"
#include "inference/grammar/matcher.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/json_schema.hpp"

namespace {

using namespace mnema;

/// A text of the grammar, its ways chosen by `data`; empty where none ends within its bounds.
std::string written_by(grammar::Matcher& matcher, const std::uint8_t* data, std::size_t size) {
  std::string text;
  grammar::GrammarText written(matcher.start());
  for (std::size_t i = 0; i < 400; ++i) {
    if (matcher.complete(written.position())) return text;
    const std::uint8_t first = size > 0 ? data[i % size] : 0;
    std::optional<grammar::GrammarText> next;
    for (int offset = 0; offset < 256 && !next; ++offset) {
      const char byte = static_cast<char>(first + offset);
      matcher.begin_operation();
      next = written.with(matcher, {&byte, 1});
      if (next && !next->can_go_on(matcher)) next.reset();
      if (next) text += byte;
    }
    if (!next) return "";
    written = std::move(*next);
    written.check_integrity();
  }
  return "";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > 4096) return 0;
  boost::system::error_code error;
  const boost::json::value schema =
      boost::json::parse(boost::json::string_view(reinterpret_cast<const char*>(data), size), error);
  if (error) return 0;
  const auto validator = JsonSchema::compile(schema);
  if (validator.ok()) (void)validator->validate(schema);
  const auto rules = grammar::rules_of_schema(schema);
  if (!rules.ok()) return 0;
  Limits limits;
  limits.grammar_states_max = 20'000;
  auto automaton = grammar::Automaton::compile(*rules, limits);
  if (!automaton.ok() || !validator.ok()) return 0;
  grammar::Matcher matcher(std::make_shared<const grammar::Automaton>(std::move(*automaton)));
  const std::string text = written_by(matcher, data, size);
  const auto value = parse_bounded_json(text, "the text");
  if (!value.ok() && value.error().message.find("comes twice") != std::string::npos) std::abort();
  // Numbers beyond doubles read back as others: a documented limit.
  const bool clear = value.ok() && text.find_first_of("0123456789") == std::string::npos;
  if (!clear) return 0;
  for (const SchemaBreach& breach : validator->validate(*value)) {
    // What could not be checked is no contradiction.
    if (breach.problem.find("cannot be checked") == std::string::npos &&
        breach.problem.find("too deep") == std::string::npos)
      std::abort();
  }
  return 0;
}
