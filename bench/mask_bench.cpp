// bench/mask_bench.cpp
//
// What a JSON schema costs per token on a real vocabulary (qwen2.5-coder-0.5b from the model cache, 151,936 tokens):
// filling the mask where the answer stands, in a string, in a number and between members, at the first visit of the
// place and when it is known. Decoding takes about 14 ms a token there; 5 % of it are 0.7 ms.
#include <benchmark/benchmark.h>

#include <boost/json/parse.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "inference/formats/gguf.hpp"
#include "inference/grammar/constraint_compiler.hpp"
#include "inference/grammar/schema_grammar.hpp"
#include "inference/grammar/tool_call_grammar.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/tokenizer/gguf_tokenizer.hpp"

namespace {

using namespace mnema;

const boost::json::value kSchema = boost::json::parse(R"({"type":"object","properties":{
  "title":{"type":"string"},"label":{"enum":["bug","feature","question"]},"score":{"type":"number"},
  "count":{"type":"integer","minimum":0,"maximum":1000},
  "summary":{"type":"string","maxLength":200},
  "tags":{"type":"array","items":{"type":"string"},"maxItems":5}},
  "required":["title","label","score","count","summary","tags"]})");

/// Members beside those that are listed: the names of both begin alike.
const boost::json::value kOpenSchema = boost::json::parse(R"({"type":"object","properties":{
  "amount":{"type":"number"},"address":{"type":"string"},"balance":{"type":"number"},"currency":{"type":"string"},
  "customer_name":{"type":"string"},"created_at":{"type":"string","format":"date-time"},"id":{"type":"integer"}},
  "required":["id"],"additionalProperties":{"type":"string"}})");

/// Items that must differ from those before them.
const boost::json::value kUniqueSchema =
    boost::json::parse(R"({"type":"array","items":{"type":"string"},"uniqueItems":true})");
const boost::json::value kUniqueObjects =
    boost::json::parse(R"({"type":"array","uniqueItems":true,"items":{"type":"object",
  "properties":{"id":{"type":"integer"},"name":{"type":"string"}},"required":["id","name"]}})");
const boost::json::value kAnything = boost::json::parse(R"({"type":"object"})");

/// An array, or an object, of so many elements, up to where the next one begins.
std::string elements(int count, std::string_view opening, std::string_view behind_number) {
  std::string text(opening);
  for (int i = 0; i < count; ++i) {
    text += (opening == "[" ? "\"item " : "\"key ") + std::to_string(i * 37 % 1000) + std::string(behind_number) + ", ";
  }
  return text;
}
std::string objects(int count) {
  std::string text = "[";
  for (int i = 0; i < count; ++i) {
    text += R"({"id": )" + std::to_string(i) + R"(, "name": "item )" + std::to_string(i * 37 % 1000) + R"("}, )";
  }
  return text;
}

struct Place {
  const char* name;
  std::string text;                             // the answer so far
  const boost::json::value* schema = &kSchema;  // null: free text beside a strict tool
};
const Place kPlaces[] = {
    {"start", ""},
    {"string", R"({"title": "A crash when)"},
    {"enum", R"({"title": "A crash", "label": ")"},
    {"number", R"({"title": "A crash", "label": "bug", "score": 0.)"},
    {"bounded_integer", R"({"title": "A crash", "label": "bug", "score": 0.5, "count": 1)"},
    {"bounded_string", R"({"title": "A crash", "label": "bug", "score": 0.5, "count": 12, "summary": "It)"},
    {"between_members", R"({"title": "A crash")"},
    {"open_name_quote", R"({"id": 1, )", &kOpenSchema},
    {"open_name_begin", R"({"id": 1, ")", &kOpenSchema},
    {"open_name_inside", R"({"id": 1, "cu)", &kOpenSchema},
    {"open_name_free", R"({"id": 1, "note)", &kOpenSchema},
    {"date_time", R"({"created_at": "20)", &kOpenSchema},
    {"unique_begin_of_30", elements(30, "[", "\"") + "\"", &kUniqueSchema},
    {"unique_inside_of_30", elements(30, "[", "\"") + "\"item", &kUniqueSchema},
    {"unique_between_of_30", elements(30, "[", "\"") + "\"item 37\\\"\"", &kUniqueSchema},
    {"unique_begin_of_300", elements(300, "[", "\"") + "\"", &kUniqueSchema},
    {"unique_inside_of_300", elements(300, "[", "\"") + "\"item", &kUniqueSchema},
    {"unique_different_of_300", elements(300, "[", "\"") + "\"other", &kUniqueSchema},
    {"unique_object_id_of_30", objects(30) + R"({"id": 1)", &kUniqueObjects},
    {"unique_object_name_of_30", objects(30) + R"({"id": 1, "name": "item )", &kUniqueObjects},
    {"unique_object_name_of_300", objects(300) + R"({"id": 1, "name": "item )", &kUniqueObjects},
    {"any_object_name_of_30", elements(30, "{", "\": 1") + "\"key", &kAnything},
    {"any_object_value_of_30", elements(30, "{", "\": 1") + "\"other\": \"some", &kAnything},
    {"free_text_beside_tool", "The weather in Bonn", nullptr},
    {"tool_argument", "<tool_call>\n{\"name\": \"weather\", \"arguments\": {\"city\": \"Bo", nullptr},
};

std::shared_ptr<const Tokenizer> tokenizer() {
  static const auto made = [] {
    const Result<std::string> path = resolve_model("qwen2.5-coder-0.5b", default_models_folder());
    const Result<std::shared_ptr<GgufFile>> file = GgufFile::open(path.ok() ? *path : "");
    return file.ok() ? tokenizer_from_gguf(**file).value() : nullptr;
  }();
  return made;
}

std::shared_ptr<const grammar::VocabularyTrie> trie() {
  static const auto made = std::make_shared<const grammar::VocabularyTrie>(*tokenizer());
  return made;
}

/// The mask of a grammar that nobody has used yet, after `text`.
std::unique_ptr<TokenMask> fresh_mask(const std::string& text, const boost::json::value* schema = &kSchema) {
  ToolCallConstraint tools;
  tools.answer = ToolCallConstraint::Answer::kText;
  tools.several = true;
  tools.tools.resize(1);
  tools.tools[0].name = "weather";
  tools.tools[0].parameters = boost::json::parse(
      R"({"type":"object","properties":{"city":{"type":"string"},"days":{"type":"integer"},"more":{"type":"object"}},
          "required":["city"]})");
  const auto rules = schema != nullptr ? grammar::rules_of_schema(*schema) : grammar::rules_of_tool_calls(tools);
  auto automaton = grammar::Automaton::compile(*rules, Limits{});
  auto shared = std::make_shared<grammar::SharedMatcher>(
      grammar::Matcher(std::make_shared<const grammar::Automaton>(std::move(*automaton))), trie());
  auto mask = std::make_unique<grammar::GrammarMask>(shared);
  const auto ids = tokenizer()->encode(text, false, false);
  for (const TokenId token : *ids) mask->accept(token);
  return mask;
}

void fill(benchmark::State& state, const Place& place, bool known) {
  if (tokenizer() == nullptr) {
    state.SkipWithError("qwen2.5-coder-0.5b is not in the model cache: mnema models pull qwen2.5-coder-0.5b");
    return;
  }
  std::vector<std::uint64_t> allowed((static_cast<std::size_t>(tokenizer()->vocabulary_size()) + 63) / 64);
  std::unique_ptr<TokenMask> mask = fresh_mask(place.text, place.schema);
  if (known) mask->fill(allowed);
  for (auto _ : state) {
    if (!known) {
      state.PauseTiming();
      mask = fresh_mask(place.text, place.schema);
      state.ResumeTiming();
    }
    mask->fill(allowed);
    benchmark::DoNotOptimize(allowed.data());
  }
  int count = 0;
  for (const std::uint64_t word : allowed) count += __builtin_popcountll(word);
  state.counters["allowed"] = count;
}

/// A whole answer, as a model writes it: every place is visited for the first time once, then known.
void answer(benchmark::State& state, bool known) {
  if (tokenizer() == nullptr) {
    state.SkipWithError("qwen2.5-coder-0.5b is not in the model cache: mnema models pull qwen2.5-coder-0.5b");
    return;
  }
  const char* text =
      R"({"title": "The server crashes when a client disconnects early", "label": "bug", "score": 0.875, "count": 12, )"
      R"("summary": "Since the last release the server stops with a fault when a client closes its stream before the )"
      R"(first token has been sent.", "tags": ["crash", "streaming"]})";
  const auto ids = tokenizer()->encode(text, false, false);
  std::vector<std::uint64_t> allowed((static_cast<std::size_t>(tokenizer()->vocabulary_size()) + 63) / 64);
  const std::unique_ptr<TokenMask> shared = fresh_mask("");
  for (auto _ : state) {
    state.PauseTiming();
    std::unique_ptr<TokenMask> mask = known ? shared->clone() : fresh_mask("");
    state.ResumeTiming();
    for (const TokenId token : *ids) {
      mask->fill(allowed);
      mask->accept(token);
    }
  }
  state.counters["tokens"] = static_cast<double>(ids->size());
  state.counters["s/token"] =
      benchmark::Counter(static_cast<double>(ids->size()) * static_cast<double>(state.iterations()),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

}  // namespace

int main(int argc, char** argv) {
  for (const bool known : {false, true}) {
    const std::string when = known ? "/known" : "/first_visit";
    for (const Place& place : kPlaces) {
      benchmark::RegisterBenchmark((place.name + when).c_str(), fill, std::cref(place), known)
          ->Unit(benchmark::kMicrosecond)
          ->Iterations(known ? 2000 : 50);
    }
    benchmark::RegisterBenchmark(("whole_answer" + when).c_str(), answer, known)
        ->Unit(benchmark::kMicrosecond)
        ->Iterations(20);
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
