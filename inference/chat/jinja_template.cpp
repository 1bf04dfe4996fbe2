#include "inference/chat/jinja_template.hpp"

#include "inference/chat/jinja_lexer.hpp"
#include "inference/chat/jinja_statements.hpp"
#include "inference/chat/jinja_token_stream.hpp"

namespace mnema::jinja {

Result<Template> Template::parse(std::string_view source) {
  const std::int64_t bytes_max = Limits{}.template_source_bytes_max;
  if (static_cast<std::int64_t>(source.size()) > bytes_max) {
    return mnema::fail(ErrorCode::kResourceExhausted,
                       "chat template: it is longer than " + std::to_string(bytes_max) + " bytes");
  }
  ASSIGN_OR_RETURN(std::vector<Token> tokens, tokenize(source));
  TokenStream stream(std::move(tokens));
  Block block = parse_template(stream);
  if (!stream.ok()) return mnema::fail(ErrorCode::kInvalidArgument, "chat template, " + stream.error());
  Template made;
  made.block_ = std::make_shared<const Block>(std::move(block));
  return made;
}

Result<std::string> Template::render(const Dict& context, const Bounds& bounds, std::optional<Time> now) const {
  Rendering rendering;
  rendering.bounds = bounds;
  rendering.context = &context;
  rendering.now = now;
  run(*block_, rendering);
  if (rendering.error.empty()) return std::move(rendering.out);
  return mnema::fail(rendering.exhausted ? ErrorCode::kResourceExhausted : ErrorCode::kInvalidArgument,
                     "chat template, " + rendering.error,
                     "check the messages against what this model's template allows");
}

}  // namespace mnema::jinja
