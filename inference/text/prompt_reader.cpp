#include "inference/text/prompt_reader.hpp"

namespace mnema {
namespace {

Error empty_prompt() { return fail(ErrorCode::kInvalidArgument, "the prompt is empty", "send at least one token"); }

Result<PreparedPrompt> read_tokens(const Tokenizer& tokenizer, const std::vector<TokenId>& ids) {
  for (const TokenId id : ids) {
    if (id < 0 || id >= tokenizer.vocabulary_size()) {
      return fail(ErrorCode::kInvalidArgument, "token id " + std::to_string(id) + " is out of range",
                  "this model's ids are 0 to " + std::to_string(tokenizer.vocabulary_size() - 1));
    }
  }
  if (ids.empty()) return empty_prompt();
  PreparedPrompt read;
  read.tokens = ids;
  return read;
}

/// Bytes of the text up to each token's end; the first `begin` tokens do not stand in the text.
std::vector<std::uint32_t> token_ends(const Tokenizer& tokenizer, const std::vector<TokenId>& tokens,
                                      std::size_t begin) {
  std::vector<std::uint32_t> ends(tokens.size(), 0);
  std::size_t reached = 0;
  for (std::size_t i = begin; i < tokens.size(); ++i) {
    const Result<std::string> piece = tokenizer.decode_token(tokens[i], true);
    reached += piece.ok() ? piece->size() : 0;
    ends[i] = static_cast<std::uint32_t>(reached);
  }
  return ends;
}

Result<PreparedPrompt> read_chat(const ModelText& model, const Prompt& prompt, const Limits& limits, PieceMemo& memo,
                                 Time now) {
  ASSIGN_OR_RETURN(RenderedPrompt rendered, model.chat_template->render(prompt, now));
  if (rendered.text.size() > static_cast<std::size_t>(limits.prompt_bytes_max)) {
    return fail(ErrorCode::kResourceExhausted, "the prompt has " + std::to_string(rendered.text.size()) + " bytes",
                "at most " + std::to_string(limits.prompt_bytes_max) + " are taken");
  }
  const Tokenizer& tokenizer = *model.tokenizer;
  PreparedPrompt read;
  // Some templates write the beginning token themselves.
  bool add_special = true;
  if (tokenizer.beginning_of_sequence() >= 0) {
    ASSIGN_OR_RETURN(const std::string beginning, tokenizer.decode_token(tokenizer.beginning_of_sequence(), true));
    add_special = beginning.empty() || !rendered.text.starts_with(beginning);
  }
  std::size_t at = 0;
  for (std::size_t part = 0; part <= rendered.cuts.size(); ++part) {
    const std::size_t end = part < rendered.cuts.size() ? rendered.cuts[part] : rendered.text.size();
    ASSIGN_OR_RETURN(const std::vector<TokenId> ids,
                     tokenizer.encode_with(memo, std::string_view(rendered.text).substr(at, end - at),
                                           add_special && part == 0, true));
    read.tokens.insert(read.tokens.end(), ids.begin(), ids.end());
    at = end;
  }
  if (read.tokens.empty()) return empty_prompt();
  const bool has_beginning = add_special && read.tokens[0] == tokenizer.beginning_of_sequence();
  read.token_ends = token_ends(tokenizer, read.tokens, has_beginning ? 1 : 0);
  read.borders.public_until = read.tokens_within(rendered.public_until);
  read.borders.tenant_until = read.tokens_within(rendered.tenant_until);
  const std::size_t tail = rendered.text.find_last_not_of(" \n");
  read.begins_in_reasoning =
      tail != std::string::npos && std::string_view(rendered.text).substr(0, tail + 1).ends_with("<think>");
  read.text = std::move(rendered.text);
  return read;
}

}  // namespace

Result<PreparedPrompt> read_prompt(const ModelText& model, const Prompt& prompt, const Limits& limits, PieceMemo& memo,
                                   Time now) {
  if (model.tokenizer == nullptr || model.info.is_encoder) {
    return fail(ErrorCode::kUnsupported, "model '" + model.info.name + "' makes vectors, not text", "choose a decoder");
  }
  if (prompt.raw_tokens) return read_tokens(*model.tokenizer, *prompt.raw_tokens);
  if (prompt.raw_text) {
    if (prompt.raw_text->size() > static_cast<std::size_t>(limits.prompt_bytes_max)) {
      return fail(ErrorCode::kResourceExhausted, "the prompt has " + std::to_string(prompt.raw_text->size()) + " bytes",
                  "at most " + std::to_string(limits.prompt_bytes_max) + " are taken");
    }
    PreparedPrompt read;
    ASSIGN_OR_RETURN(read.tokens, model.tokenizer->encode_with(memo, *prompt.raw_text, true, true));
    if (read.tokens.empty()) return empty_prompt();
    return read;
  }
  return read_chat(model, prompt, limits, memo, now);
}

}  // namespace mnema
