#include "inference/chat/jinja_printing.hpp"

#include "inference/chat/jinja_numbers.hpp"
#include "inference/chat/jinja_text.hpp"

namespace mnema::jinja {
namespace {

void append(Rendering& r, std::string& out, const Value& value, int level);

void append_elements(Rendering& r, std::string& out, const List& elements, int level) {
  for (std::size_t i = 0; i < elements.size() && r.error.empty(); ++i) {
    if (i > 0) out += ", ";
    append(r, out, elements[i], level + 1);
  }
}

void append_sequence(Rendering& r, std::string& out, const Sequence& sequence, int level) {
  switch (sequence.kind) {
    case SequenceKind::kList:
      out += '[';
      append_elements(r, out, sequence.elements, level);
      out += ']';
      return;
    case SequenceKind::kTuple:
      out += '(';
      append_elements(r, out, sequence.elements, level);
      out += sequence.elements.size() == 1 ? ",)" : ")";
      return;
    case SequenceKind::kRange:
      out += "range(" + std::to_string(sequence.start) + ", " + std::to_string(sequence.stop);
      if (sequence.step != 1) out += ", " + std::to_string(sequence.step);
      out += ')';
      return;
    case SequenceKind::kKeys:
    case SequenceKind::kValues:
    case SequenceKind::kItems:
      out += sequence.kind == SequenceKind::kKeys     ? "dict_keys(["
             : sequence.kind == SequenceKind::kValues ? "dict_values(["
                                                      : "dict_items([";
      append_elements(r, out, sequence.elements, level);
      out += "])";
  }
}

void append(Rendering& r, std::string& out, const Value& value, int level) {
  if (level > kWrittenDepthMax) {
    r.fail("a value is nested too deeply to be printed");
  } else if (out.size() > kTextBytesMax) {
    r.exhaust("the template writes too much");
  } else if (const std::string* text = value.string()) {
    if (value.is_markup()) out += "Markup(";
    append_quoted(out, *text);
    if (value.is_markup()) out += ')';
  } else if (const Sequence* sequence = value.sequence()) {
    append_sequence(r, out, *sequence, level);
  } else if (const Dict* dict = value.dict()) {
    out += '{';
    bool first = true;
    for (const auto& [name, member] : dict->members) {
      if (!r.error.empty()) break;
      if (!first) out += ", ";
      first = false;
      append(r, out, name, level + 1);
      out += ": ";
      append(r, out, member, level + 1);
    }
    out += '}';
  } else if (const bool* flag = value.boolean()) {
    out += *flag ? "True" : "False";
  } else if (value.is_integer()) {
    const std::string digits = integer_text(value);
    r.step(digits.size() / 16);  // the time grows faster than the digits
    if (digits.size() > 4300) r.fail("an integer has too many digits to be printed");
    out += digits;
  } else if (const double* real = value.real()) {
    out += float_text(*real);
  } else if (const Object* object = value.object()) {
    out += object->shown(r);
  } else {
    out += value.is_none() ? "None" : "Undefined";
  }
}

}  // namespace

std::string printed(Rendering& rendering, const Value& value) {
  if (value.is_undefined()) return "";
  if (value.string() != nullptr) return *value.string();
  if (value.dict() != nullptr && value.dict()->json_text != nullptr) return *value.dict()->json_text;
  return representation(rendering, value);
}

std::string representation(Rendering& rendering, const Value& value) {
  std::string out;
  append(rendering, out, value, 0);
  return out;
}

std::string Rendering::text_of(const Value& value) {
  std::string text = error.empty() ? printed(*this, value) : std::string();
  return reads(text) ? text : std::string();
}

}  // namespace mnema::jinja
