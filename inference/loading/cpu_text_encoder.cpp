#include "inference/loading/cpu_text_encoder.hpp"

#include <algorithm>
#include <cmath>

namespace mnema {
namespace {

/// Some windows at a time, so that a long text takes no more memory than a short one.
constexpr std::size_t kWindowsAtOnce = 16;

void normalise(std::vector<float>& vector) {
  double square = 0;
  for (const float x : vector) square += static_cast<double>(x) * x;
  if (square <= 0) return;
  for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
}

class Batch final : public Encoding {
 public:
  Batch(Encoder& encoder, std::size_t inputs, EncodingOptions options)
      : encoder_(encoder),
        options_(options),
        vectors_(inputs),
        token_vectors_(options.token_vectors ? inputs : 0),
        windows_of_(inputs, 0) {}

  void locate(std::size_t input, LocatedTokens tokens) { token_vectors_[input].tokens = std::move(tokens); }
  /// With its marks, `prefix` tokens after the first.
  void add(std::size_t input, std::vector<TokenId> window, std::size_t prefix) {
    tokens_ += static_cast<int>(window.size());
    ++windows_of_[input];
    windows_.push_back(std::move(window));
    source_of_.push_back({input, prefix});
  }
  [[nodiscard]] std::size_t advance(std::size_t rows_max) override {
    if (rows_ == nullptr && next_ == windows_.size()) return 0;
    if (rows_ == nullptr) {
      const std::size_t count = std::min(kWindowsAtOnce, windows_.size() - next_);
      rows_ = encoder_.begin(std::span(windows_).subspan(next_, count));
      next_ += count;
    }
    const std::size_t rows = encoder_.advance(*rows_, rows_max);
    if (encoder_.is_done(*rows_)) take_rows();
    return rows;
  }
  [[nodiscard]] bool done() const override { return rows_ == nullptr && next_ == windows_.size(); }
  [[nodiscard]] int tokens() const override { return tokens_; }
  [[nodiscard]] std::vector<std::vector<float>> take_vectors() override {
    for (std::size_t input = 0; input < vectors_.size(); ++input) {
      if (windows_of_[input] > 1) normalise(vectors_[input]);  // one window's vector keeps its bits
    }
    return std::move(vectors_);
  }
  [[nodiscard]] std::vector<TokenVectors> take_token_vectors() override { return std::move(token_vectors_); }

 private:
  struct Source {
    std::size_t input;
    std::size_t prefix;
  };
  void take_rows() {
    const std::vector<std::vector<float>> made = encoder_.vectors(*rows_);
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto [input, prefix] = source_of_[next_ - made.size() + i];
      std::vector<float>& sum = vectors_[input];
      if (sum.empty()) {
        sum = made[i];
      } else {
        for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += made[i][d];
      }
      if (options_.token_vectors) take_token_vectors_of(input, i, prefix);
    }
    rows_.reset();
  }
  /// All of a window but its marks and prefix.
  void take_token_vectors_of(std::size_t input, std::size_t window, std::size_t prefix) {
    const std::vector<float> made = encoder_.token_vectors(*rows_, window);
    std::vector<float>& all = token_vectors_[input].vectors;
    const auto mark = static_cast<std::ptrdiff_t>(encoder_.dimensions());
    const std::ptrdiff_t before = mark * (1 + static_cast<std::ptrdiff_t>(prefix));
    if (made.end() - made.begin() <= before + mark) return;
    all.insert(all.end(), made.begin() + before, made.end() - mark);
  }

  Encoder& encoder_;
  const EncodingOptions options_;
  std::vector<std::vector<TokenId>> windows_;
  std::vector<Source> source_of_;            // per window
  std::size_t next_ = 0;                     // the first window that has not begun
  std::unique_ptr<Encoder::Rows> rows_;      // under way
  std::vector<std::vector<float>> vectors_;  // per input: the sum of its windows' so far
  std::vector<TokenVectors> token_vectors_;  // per input, where asked for
  std::vector<int> windows_of_;              // per input
  int tokens_ = 0;
};

}  // namespace

Result<std::unique_ptr<CpuTextEncoder>> CpuTextEncoder::make(std::shared_ptr<const Tokenizer> tokenizer,
                                                             std::unique_ptr<Encoder> encoder,
                                                             const EncoderProfile& profile) {
  std::unique_ptr<CpuTextEncoder> made(new CpuTextEncoder(std::move(tokenizer), std::move(encoder)));
  ASSIGN_OR_RETURN(made->question_, made->tokenizer_->encode(profile.question, false, false));
  ASSIGN_OR_RETURN(made->passage_, made->tokenizer_->encode(profile.passage, false, false));
  const std::size_t longest = std::max(made->question_.size(), made->passage_.size());
  if (longest + 3 > static_cast<std::size_t>(made->encoder_->tokens_max())) {
    return fail(ErrorCode::kInvalidArgument, "an encoder's prefixes take more tokens than it reads");
  }
  return made;
}

const std::vector<TokenId>& CpuTextEncoder::prefix_of(EmbeddingRequest::Kind kind) const {
  switch (kind) {
    case EmbeddingRequest::Kind::kQuestion:
      return question_;
    case EmbeddingRequest::Kind::kPassage:
      return passage_;
    case EmbeddingRequest::Kind::kPlain:
      break;
  }
  return none_;
}

Result<std::unique_ptr<Encoding>> CpuTextEncoder::begin(std::span<const EmbeddingInput> inputs,
                                                        EncodingOptions options) {
  auto batch = std::make_unique<Batch>(*encoder_, inputs.size(), options);
  const std::vector<TokenId>& prefix = prefix_of(options.kind);
  for (std::size_t input = 0; input < inputs.size(); ++input) {
    LocatedTokens tokens;
    if (const auto* ids = std::get_if<std::vector<TokenId>>(&inputs[input])) {
      batch->add(input, *ids, 0);
      if (options.token_vectors && ids->size() > 2) tokens.ids.assign(ids->begin() + 1, ids->end() - 1);
    } else {
      const std::string& text = std::get<std::string>(inputs[input]);
      if (options.token_vectors) {
        ASSIGN_OR_RETURN(tokens, tokenizer_->locate(text));
      } else {
        ASSIGN_OR_RETURN(tokens.ids, tokenizer_->encode(text, false, false));
      }
      // Marks stand around each part. Parts of one length, or the last word would weigh as much as a page.
      const std::size_t inner = tokens.ids.size(),
                        most = static_cast<std::size_t>(encoder_->tokens_max()) - 2 - prefix.size();
      const std::size_t parts = std::max<std::size_t>(1, (inner + most - 1) / most);
      for (std::size_t part = 0; part < parts; ++part) {
        const auto begin = tokens.ids.begin();
        std::vector<TokenId> window{tokenizer_->beginning_of_sequence()};
        window.insert(window.end(), prefix.begin(), prefix.end());
        window.insert(window.end(), begin + static_cast<std::ptrdiff_t>(inner * part / parts),
                      begin + static_cast<std::ptrdiff_t>(inner * (part + 1) / parts));
        window.push_back(tokenizer_->end_of_sequence());
        batch->add(input, std::move(window), prefix.size());
      }
    }
    if (options.token_vectors) batch->locate(input, std::move(tokens));
  }
  return std::unique_ptr<Encoding>(std::move(batch));
}

}  // namespace mnema
