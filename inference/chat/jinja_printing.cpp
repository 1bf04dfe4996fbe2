#include "inference/chat/jinja_printing.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace mnema::jinja {
namespace {

/// As Python prints a float: the shortest text that reads back the same, with a point or an exponent.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

/// One character of a JSON string as it is written, or "" where it stands for itself.
std::string json_escape(char c) {
  switch (c) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      return static_cast<unsigned char>(c) < 0x20 ? fmt::format("\\u{:04x}", static_cast<int>(c)) : std::string();
  }
}

std::string python_escape(char c, char quote) {
  if (c == '\\' || c == quote) return std::string("\\") + c;
  return c == '\n' ? "\\n" : c == '\t' ? "\\t" : c == '\r' ? "\\r" : std::string();
}

class Printer {
 public:
  explicit Printer(Rendering& rendering) : r_(rendering) {}
  Text out;

  void python(const Value& value) {
    if (full()) return;
    if (const Text* text = value.text()) {
      const std::string& bytes = text->bytes();
      const bool has_single = bytes.find('\'') != std::string::npos, has_double = bytes.find('"') != std::string::npos;
      const char quote = has_single && !has_double ? '"' : '\'';
      own(std::string_view(&quote, 1));
      escaped(*text, [quote](char c) { return python_escape(c, quote); });
      own(std::string_view(&quote, 1));
    } else if (value.list() != nullptr) {
      own("[");
      for (std::size_t i = 0; i < value.list()->size(); ++i) {
        if (i > 0) own(", ");
        python((*value.list())[i]);
      }
      own("]");
    } else if (const Dict* dict = value.dict()) {
      own("{");
      for (std::size_t i = 0; i < dict->members.size(); ++i) {
        if (i > 0) own(", ");
        python(dict->name_text(dict->members[i].first));
        own(": ");
        python(dict->members[i].second);
      }
      own("}");
    } else {
      own(plain(value, "None", "True", "False"));
    }
  }

  void json(const Value& value, int indent, bool sort_names, int level) {
    if (full()) return;
    if (const Text* text = value.text()) {
      own("\"");
      escaped(*text, json_escape);
      own("\"");
    } else if (const List* list = value.list()) {
      own("[");
      for (std::size_t i = 0; i < list->size(); ++i) {
        separate(i == 0, indent, level + 1);
        json((*list)[i], indent, sort_names, level + 1);
      }
      if (!list->empty() && indent >= 0) new_line(indent, level);
      own("]");
    } else if (const Dict* dict = value.dict()) {
      if (!dict->spelling.empty() && indent < 0 && !sort_names) return out.append(dict->spelling, dict->content_names);
      std::vector<const std::pair<std::string, Value>*> members;
      for (const auto& member : dict->members) members.push_back(&member);
      if (sort_names) std::sort(members.begin(), members.end(), [](auto* a, auto* b) { return a->first < b->first; });
      own("{");
      for (std::size_t i = 0; i < members.size(); ++i) {
        separate(i == 0, indent, level + 1);
        json(dict->name_text(members[i]->first), indent, sort_names, level + 1);
        own(": ");
        json(members[i]->second, indent, sort_names, level + 1);
      }
      if (!members.empty() && indent >= 0) new_line(indent, level);
      own("}");
    } else {
      own(plain(value, "null", "true", "false"));
    }
  }

 private:
  static std::string plain(const Value& value, const char* none, const char* yes, const char* no) {
    if (const bool* flag = value.boolean()) return *flag ? yes : no;
    if (const std::int64_t* integer = value.integer()) return std::to_string(*integer);
    if (const double* real = value.real()) return float_text(*real);
    return none;
  }
  void own(std::string_view bytes) { out.append(bytes, false); }
  template <class Escape>
  void escaped(const Text& text, Escape escape) {
    std::size_t begin = 0;  // of what stands for itself
    for (std::size_t i = 0; i < text.size(); ++i) {
      const std::string replacement = escape(text.bytes()[i]);
      if (replacement.empty()) continue;
      out.append(text.part(begin, i - begin));
      out.append(replacement, text.is_content(i));
      begin = i + 1;
    }
    out.append(text.part(begin));
  }
  void new_line(int indent, int level) { own("\n" + std::string(static_cast<std::size_t>(indent * level), ' ')); }
  void separate(bool first, int indent, int level) {
    if (!first) own(indent < 0 ? ", " : ",");
    if (indent >= 0) new_line(indent, level);
  }
  bool full() {
    if (out.size() > r_.bounds.value_bytes) r_.exhausted("the template makes too large a text");
    return !r_.error.empty();
  }

  Rendering& r_;
};

}  // namespace

Text printed(Rendering& rendering, const Value& value) {
  if (value.is_undefined()) return {};
  if (value.text() != nullptr) return *value.text();
  if (value.function() != nullptr || value.name_space() != nullptr) return "<" + std::string(value.type_name()) + ">";
  Printer printer(rendering);
  printer.python(value);
  return rendering.work(printer.out.size()) ? std::move(printer.out) : Text();
}

Text to_json(Rendering& rendering, const Value& value, int indent, bool sort_names) {
  Printer printer(rendering);
  printer.json(value, indent, sort_names, 0);
  return rendering.work(printer.out.size()) ? std::move(printer.out) : Text();
}

}  // namespace mnema::jinja
