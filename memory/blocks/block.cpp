#include "memory/blocks/block.hpp"

#include <algorithm>

#include "memory/text_terms.hpp"

namespace mnema {
namespace {

constexpr std::size_t kNameBytesMax = 40;

}  // namespace

Result<std::string> edited(const std::string& before, const BlockEdit& edit, const BlockLimits& limits) {
  const std::string text = valid_utf8(edit.text);
  std::string after;
  switch (edit.kind) {
    case BlockEditKind::kSet:
      after = text;
      break;
    case BlockEditKind::kAppend:
      after = before + (before.empty() || before.ends_with('\n') ? "" : "\n") + text;
      break;
    case BlockEditKind::kReplace: {
      const std::size_t at = edit.replaced.empty() ? std::string::npos : before.find(edit.replaced);
      if (at == std::string::npos) {
        return fail(ErrorCode::kInvalidArgument, "block '" + edit.name + "' does not hold the text to be replaced",
                    "read it, and name a part of it exactly as it stands there");
      }
      if (before.find(edit.replaced, at + 1) != std::string::npos) {
        return fail(ErrorCode::kInvalidArgument,
                    "block '" + edit.name + "' holds the text to be replaced more than once",
                    "name a longer part of it, which stands there once");
      }
      after = before.substr(0, at) + text + before.substr(at + edit.replaced.size());
      break;
    }
  }
  if (after.size() <= static_cast<std::size_t>(limits.bytes_max)) return after;
  return fail(ErrorCode::kResourceExhausted,
              "block '" + edit.name + "' would have " + std::to_string(after.size()) + " bytes; it takes " +
                  std::to_string(limits.bytes_max),
              "shorten it, or raise limits.block_bytes_max");
}

Status check_block_name(const std::string& name) {
  const bool fits = !name.empty() && name.size() <= kNameBytesMax && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
  });
  if (fits) return {};
  return fail(ErrorCode::kInvalidArgument, "a block cannot be named '" + name.substr(0, 2 * kNameBytesMax) + "'",
              "use 1 to " + std::to_string(kNameBytesMax) + " letters, digits, '_' and '-'");
}

std::string text_of(const std::vector<Block>& blocks) {
  std::string text;
  for (const Block& block : blocks) {
    if (!block.text.empty()) text += (text.empty() ? "" : "\n") + ("[" + block.name + "]\n" + block.text);
  }
  return text;
}

}  // namespace mnema
