#include "agents/convert.hpp"

namespace mnema {
namespace detail {
namespace {

/// Whether an exact integer stands in `value`; then `pointer`, the value's own, leads to it.
bool find_exact_integer(const boost::json::value& value, std::string& pointer) {
  if (exact_integer(value)) return true;
  const std::size_t length = pointer.size();
  if (const boost::json::array* array = value.if_array()) {
    for (std::size_t i = 0; i < array->size(); ++i) {
      pointer += "/" + std::to_string(i);
      if (find_exact_integer((*array)[i], pointer)) return true;
      pointer.resize(length);
    }
  } else if (const boost::json::object* object = value.if_object()) {
    for (const auto& member : *object) {
      pointer += "/" + json_pointer_token(std::string_view(member.key()));
      if (find_exact_integer(member.value(), pointer)) return true;
      pointer.resize(length);
    }
  }
  return false;
}

}  // namespace

Status read_any(const boost::json::value& value, boost::json::value& out, const std::string& pointer) {
  std::string place = pointer;
  if (find_exact_integer(value, place)) return at_pointer(place, "expected an integer of 64 bits at most, found more");
  out = value;
  return {};
}

std::string_view kind_of(const boost::json::value& value) {
  if (exact_integer(value)) return "a number";
  switch (value.kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return "a boolean";
    case boost::json::kind::int64:
    case boost::json::kind::uint64:
    case boost::json::kind::double_:
      return "a number";
    case boost::json::kind::string:
      return "a string";
    case boost::json::kind::array:
      return "an array";
    case boost::json::kind::object:
      return "an object";
  }
  return "a value";
}

Error at_pointer(const std::string& pointer, const std::string& problem) {
  return fail(ErrorCode::kInvalidArgument,
              "at " + (pointer.empty() ? std::string("the top") : pointer) + ": " + problem);
}

Error mismatch(const std::string& pointer, std::string_view expected, const boost::json::value& found) {
  return at_pointer(pointer, "expected " + std::string(expected) + ", found " + std::string(kind_of(found)));
}

}  // namespace detail

const boost::json::value* find_at(const boost::json::value& value, std::string_view pointer) {
  boost::json::error_code problem;
  return value.find_pointer(boost::json::string_view(pointer.data(), pointer.size()), problem);
}

}  // namespace mnema
