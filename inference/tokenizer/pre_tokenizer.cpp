#define PCRE2_CODE_UNIT_WIDTH 8
#include "inference/tokenizer/pre_tokenizer.hpp"

#include <pcre2.h>

#include <string>

namespace mnema {
namespace {

constexpr const char* kGpt2 = R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))";
constexpr const char* kDigit = R"(\p{N})";
constexpr const char* kQwen2 =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kLlamaBpe =
    R"((?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

constexpr std::uint32_t kMatchStepsMax = 10'000'000;

}  // namespace

struct PreTokenizer::Expression {
  pcre2_code* code = nullptr;

  explicit Expression(const char* pattern) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern), PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP, &error,
                         &offset, nullptr);
    CHECK(code != nullptr, "our own expressions compile");
    pcre2_jit_compile(code, PCRE2_JIT_COMPLETE);  // without JIT it is slower, not wrong
  }
  ~Expression() { pcre2_code_free(code); }
  Expression(const Expression&) = delete;
  Expression& operator=(const Expression&) = delete;

  /// Appends the matches in `text` and what stands between them.
  Status cut(std::string_view text, std::vector<std::string_view>& out) const {
    std::unique_ptr<pcre2_match_data, decltype(&pcre2_match_data_free)> match(
        pcre2_match_data_create_from_pattern(code, nullptr), &pcre2_match_data_free);
    std::unique_ptr<pcre2_match_context, decltype(&pcre2_match_context_free)> context(
        pcre2_match_context_create(nullptr), &pcre2_match_context_free);
    pcre2_set_match_limit(context.get(), kMatchStepsMax);
    std::size_t at = 0, done = 0;
    while (at < text.size()) {
      const int found = pcre2_match(code, reinterpret_cast<PCRE2_SPTR>(text.data()), text.size(), at,
                                    PCRE2_NO_UTF_CHECK, match.get(), context.get());
      if (found == PCRE2_ERROR_NOMATCH) break;
      if (found < 0) {
        return fail(ErrorCode::kResourceExhausted, "the text cannot be cut into words (" + std::to_string(found) + ")",
                    "split very long runs of blanks or symbols");
      }
      const PCRE2_SIZE* range = pcre2_get_ovector_pointer(match.get());
      if (range[0] > done) out.push_back(text.substr(done, range[0] - done));
      if (range[1] > range[0]) out.push_back(text.substr(range[0], range[1] - range[0]));
      done = range[1];
      at = range[1] > range[0] ? range[1] : range[1] + 1;
    }
    if (done < text.size()) out.push_back(text.substr(done));
    return {};
  }
};

PreTokenizer::PreTokenizer() = default;
PreTokenizer::~PreTokenizer() = default;
PreTokenizer::PreTokenizer(PreTokenizer&&) noexcept = default;
PreTokenizer& PreTokenizer::operator=(PreTokenizer&&) noexcept = default;

Result<PreTokenizer> PreTokenizer::create(std::string_view name) {
  PreTokenizer made;
  std::vector<const char*> patterns;
  if (name == "smollm") {
    patterns = {kDigit, kGpt2};
  } else if (name == "qwen2" || name == "deepseek-r1-qwen") {
    patterns = {kQwen2};
  } else if (name == "llama-bpe" || name == "llama3" || name == "llama-v3") {
    patterns = {kLlamaBpe};
    made.ignores_merges_ = true;
  } else if (name == "gpt-2") {
    patterns = {kGpt2};
  } else {
    return fail(ErrorCode::kUnsupported, "the pre-tokenizer '" + std::string(name) + "' is not known",
                "smollm, qwen2, llama-bpe and gpt-2 are");
  }
  for (const char* pattern : patterns) made.expressions_.push_back(std::make_unique<Expression>(pattern));
  return made;
}

Result<std::vector<std::string_view>> PreTokenizer::words(std::string_view text) const {
  std::vector<std::string_view> words{text};
  for (const auto& expression : expressions_) {
    std::vector<std::string_view> next;
    for (const std::string_view word : words) RETURN_IF_ERROR(expression->cut(word, next));
    words = std::move(next);
  }
  return words;
}

}  // namespace mnema
