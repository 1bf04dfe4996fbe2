// bench/schema_suite.cpp
//
// How many JSON Schemas the grammar and the validator get right. Reads files in the format of the JSON Schema Test
// Suite (https://github.com/json-schema-org/JSON-Schema-Test-Suite): a list of {description, schema, tests:
// [{description, data, valid}]}. A test may have `text`, the exact JSON text of its instance, beside `data`.
//
//   build/bench/schema_suite [--list] [--walks N] FILE_OR_FOLDER...
//
// A schema is "right" if it compiles and every instance is accepted or refused as the test says; "lax" if an invalid
// instance is accepted; "strict" if a valid one is refused; "refused" if it does not compile. A schema of which the
// grammar says that no value is valid counts as one that compiles and accepts nothing.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/serialize.hpp>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>

#include "inference/grammar/automaton.hpp"
#include "inference/grammar/grammar_text.hpp"
#include "inference/grammar/matcher.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/json_schema.hpp"
#include "runtime/base/random.hpp"

namespace {

using namespace mnema;
namespace json = boost::json;

constexpr double kSlow = 5;  // milliseconds to compile, worth naming

struct Counts {
  int schemas = 0, compiled = 0, right = 0, lax = 0, strict = 0;
  int valid = 0, valid_refused = 0, invalid = 0, invalid_accepted = 0;
  void show(const char* what) const {
    std::cout << what << ": " << schemas << " schemas, " << compiled << " compile, " << right << " right, " << lax
              << " lax, " << strict << " strict; refuses " << valid_refused << " of " << valid
              << " valid instances, accepts " << invalid_accepted << " of " << invalid << " invalid ones\n";
  }
};

struct Suite {
  bool list = false;
  int walks = 0;
  int written = 0, written_wrong = 0, stuck = 0;
  Counts grammar, validator;
  std::vector<double> milliseconds;
};

std::unique_ptr<grammar::Matcher> matcher_of(const json::value& schema, std::string& problem, bool& allows_nothing) {
  Result<grammar::Rules> rules = grammar::rules_of_schema(schema);
  allows_nothing = !rules.ok() && rules.error().message.find("no value is valid") != std::string::npos;
  if (!rules.ok()) return problem = rules.error().message, nullptr;
  Result<grammar::Automaton> automaton = grammar::Automaton::compile(*rules, Limits{});
  if (!automaton.ok()) return problem = automaton.error().message, nullptr;
  return std::make_unique<grammar::Matcher>(std::make_shared<const grammar::Automaton>(std::move(*automaton)));
}

bool accepts(grammar::Matcher& matcher, std::string_view text) {
  matcher.begin_operation();
  const std::optional<grammar::GrammarText> read = grammar::GrammarText(matcher.start()).with(matcher, text);
  return read && matcher.complete(read->position());
}

enum class Walk { kDone, kTooLong, kStuck };

/// A text that the grammar writes by chance.
Walk write(grammar::Matcher& matcher, SeededRandom& random, std::string& text) {
  constexpr std::size_t kBytesMax = 4000, kHurry = 300;
  grammar::GrammarText written(matcher.start());
  std::vector<std::uint8_t> ways, ends;
  while (text.size() < kBytesMax) {
    matcher.begin_operation();
    const bool complete = matcher.complete(written.position());
    if (complete && (matcher.exhausted(written.position()) || random.below(3) == 0)) return Walk::kDone;
    ways.clear();
    ends.clear();
    for (int byte = 0x20; byte < 0x100; ++byte) {
      const char one = static_cast<char>(byte);
      const auto next = written.with(matcher, {&one, 1});
      if (!next || !next->can_go_on(matcher)) continue;
      ways.push_back(static_cast<std::uint8_t>(byte));
      if (byte == '"' || byte == '}' || byte == ']') ends.push_back(ways.back());
    }
    if (matcher.overflowed()) return Walk::kTooLong;
    if (ways.empty()) return complete ? Walk::kDone : Walk::kStuck;
    const bool hurry = text.size() > kHurry || random.below(2) == 0;
    const std::vector<std::uint8_t>& from = hurry && !ends.empty() ? ends : ways;
    const char chosen = static_cast<char>(from[random.below(from.size())]);
    text += chosen;
    written = *written.with(matcher, {&chosen, 1});
  }
  return Walk::kTooLong;
}

/// Counts one schema whose instances `accept` decides on; null: it does not compile.
template <class Accept>
void count(Counts& counts, const json::array& tests, const Accept* accept, std::string_view what,
           const std::string& problem, bool list) {
  ++counts.schemas;
  if (accept == nullptr) {
    if (list) std::cout << "REFUSED " << what << ": " << problem << "\n";
    return;
  }
  ++counts.compiled;
  bool lax = false, strict = false;
  for (const json::value& test : tests) {
    const json::object& one = test.as_object();
    const bool valid = one.at("valid").as_bool();
    const bool accepted = (*accept)(one);
    ++(valid ? counts.valid : counts.invalid);
    if (accepted == valid) continue;
    ++(valid ? counts.valid_refused : counts.invalid_accepted);
    (valid ? strict : lax) = true;
    const json::value* description = one.if_contains("description");
    if (list) {
      std::cout << (valid ? "STRICT " : "LAX ") << what << ": "
                << (description != nullptr ? json::serialize(*description) : "") << "\n";
    }
  }
  counts.lax += lax;
  counts.strict += strict;
  counts.right += !lax && !strict;
}

void run_group(Suite& suite, const json::object& group, const std::string& file) {
  const json::value& schema = group.at("schema");
  const json::array& tests = group.at("tests").as_array();
  const std::string what = file + " " + json::serialize(group.at("description"));
  std::string problem;
  const std::clock_t begin = std::clock();  // of the processor: others may use the machine
  bool allows_nothing = false;
  const std::unique_ptr<grammar::Matcher> matcher = matcher_of(schema, problem, allows_nothing);
  suite.milliseconds.push_back(1000.0 * static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
  if (suite.list && suite.milliseconds.back() > kSlow)
    std::cout << "SLOW " << suite.milliseconds.back() << " ms " << what << "\n";
  const auto by_grammar = [&](const json::object& test) {
    if (allows_nothing) return false;
    const json::value* text = test.if_contains("text");
    return accepts(*matcher, text != nullptr ? std::string(text->as_string()) : json_text(test.at("data")));
  };
  count(suite.grammar, tests, matcher != nullptr || allows_nothing ? &by_grammar : nullptr, "grammar " + what, problem,
        suite.list);
  const Result<JsonSchema> compiled = JsonSchema::compile(schema);
  if (!compiled.ok()) problem = compiled.error().message;
  const auto by_validator = [&](const json::object& test) { return compiled->validate(test.at("data")).empty(); };
  SeededRandom random(17);
  for (int i = 0; i < suite.walks && matcher != nullptr && compiled.ok(); ++i) {
    std::string text;
    const Walk walk = write(*matcher, random, text);
    if (walk == Walk::kTooLong) continue;
    ++suite.written;
    if (walk == Walk::kStuck) {
      ++suite.stuck;
      if (suite.list) std::cout << "STUCK " << what << ": " << text << "\n";
      continue;
    }
    const Result<json::value> value = parse_bounded_json(text, "the text", JsonBounds{1 << 20, 300});
    if (value.ok() && compiled->validate(*value).empty()) continue;
    ++suite.written_wrong;
    if (suite.list) std::cout << "WRITTEN " << what << ": " << text << "\n";
  }
  count(suite.validator, tests, compiled.ok() ? &by_validator : nullptr, "validator " + what, problem, suite.list);
}

bool run_file(Suite& suite, const std::filesystem::path& path) {
  std::ifstream in(path);
  std::stringstream text;
  text << in.rdbuf();
  const JsonBounds bounds{std::int64_t{1} << 31, 200};
  const Result<json::value> groups = parse_bounded_json(text.str(), path.string(), bounds);
  if (!groups.ok()) {
    std::cerr << groups.error().text() << "\n";
    return false;
  }
  for (const json::value& group : groups->as_array()) run_group(suite, group.as_object(), path.stem().string());
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  Suite suite;
  std::vector<std::string> places;
  CLI::App app{"How many JSON Schemas the grammar and the validator get right"};
  app.add_flag("--list", suite.list, "name every schema that is not right");
  app.add_option("--walks", suite.walks, "texts to write by each grammar, for the validator to check");
  app.add_option("places", places, "files or folders")->required();
  CLI11_PARSE(app, argc, argv);
  bool read = true;
  for (const std::string& place : places) {
    if (!std::filesystem::is_directory(place)) {
      read = run_file(suite, place) && read;
      continue;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const std::filesystem::path& file : files) read = run_file(suite, file) && read;
  }
  suite.grammar.show("grammar");
  suite.validator.show("validator");
  if (suite.walks > 0)
    std::cout << "written: " << suite.written << " texts, " << suite.written_wrong << " of them invalid, "
              << suite.stuck << " that could not go on\n";
  std::sort(suite.milliseconds.begin(), suite.milliseconds.end());
  const auto quantile = [&](double q) {
    return suite.milliseconds.empty()
               ? 0.0
               : suite.milliseconds[static_cast<std::size_t>(q * static_cast<double>(suite.milliseconds.size() - 1))];
  };
  std::cout << "compile: p50 " << quantile(0.5) << " ms, p99 " << quantile(0.99) << " ms, max " << quantile(1)
            << " ms\n";
  return read ? 0 : 1;
}
