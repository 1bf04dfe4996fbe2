#include "agents/convert.hpp"

namespace mnema {
namespace detail {

std::string_view kind_of(const boost::json::value& value) {
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
