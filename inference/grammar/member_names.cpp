#include "inference/grammar/member_names.hpp"

#include <map>
#include <vector>

namespace mnema::grammar {

Expression any_name_but(const std::set<std::string>& names, JsonGrammar& grammar) {
  // Works byte-wise on the sorted names' common prefixes; what leaves the prefixes is free.
  struct Builder {
    JsonGrammar& json;
    Expression plain = characters_except({{0, 0x1f}, {'"', '"'}, {'\\', '\\'}});
    Expression rest(const std::vector<std::u32string>& left, std::size_t depth) {
      std::map<char32_t, std::vector<std::u32string>> by_next;
      bool is_name = false;
      for (const std::u32string& name : left) {
        if (name.size() == depth) {
          is_name = true;
        } else {
          by_next[name[depth]].push_back(name);
        }
      }
      std::vector<CodePointRange> taken{{0, 0x1f}, {'"', '"'}, {'\\', '\\'}};
      std::vector<Expression> choices;
      for (const auto& [next, names_left] : by_next) {
        taken.push_back({next, next});
        if (next > 0x1f && next != '"' && next != '\\') {
          choices.push_back(sequence({characters({{next, next}}), rest(names_left, depth + 1)}));
        }
      }
      choices.push_back(sequence({characters_except(taken), repeat(plain, 0, -1)}));
      if (!is_name) choices.push_back(literal(""));
      return alternatives(std::move(choices));
    }
  };
  std::vector<std::u32string> decoded;
  for (const std::string& name : names) {
    std::u32string text;
    for (std::size_t i = 0; i < name.size();) {
      const auto c = static_cast<unsigned char>(name[i]);
      const std::size_t length = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
      char32_t value = length == 1 ? c : c & (0x7fU >> length);
      for (std::size_t k = 1; k < length && i + k < name.size(); ++k) {
        value = value << 6 | (static_cast<unsigned char>(name[i + k]) & 0x3f);
      }
      text += value;
      i += length;
    }
    decoded.push_back(std::move(text));
  }
  Builder builder{grammar};
  return sequence({literal("\""), builder.rest(decoded, 0), literal("\"")});
}

}  // namespace mnema::grammar
