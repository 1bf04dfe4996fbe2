// agents/convert.hpp
//
// JSON to described structs and back. Unlike Boost.JSON 1.81's own conversion, a missing optional member is `nullopt`,
// and an error says where it is (a JSON pointer), what was expected and what stood there, so that a person or a model
// can correct it.
//
// Two ways in. `from_json` is strict: it reads what a model, a peer or a journal says, where a missing member is an
// error. `from_stored_json` reads our own states, which an older or a newer program may have written: the struct's
// defaults fill in what is missing, and what the struct does not have is dropped. Neither infers at a member of
// another kind.
//
// Integers keep their digits: in a value that was parsed with JsonBounds::exact_integers, one that its member does not
// hold is an error with those digits, never a rounded number.
//
// Invariant: from_json<T>(to_json(value)) == value, and the same by from_stored_json, for every finite value whose
//            texts are UTF-8. Bytes that are not become U+FFFD on the way out: what others answer must not make the
//            journal unreadable.
// Threads:   pure functions.
#pragma once

#include <boost/json/serialize.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <variant>

#include "agents/describe.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/decimal.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {

/// What to do with a member the struct does not have. Arguments made by a model refuse it, because it is a
/// misunderstanding; answers of others and our own journal ignore it, because a newer version may have written it.
enum class UnknownMembers { kRefuse, kIgnore };

/// Errors: `kInvalidArgument`, "at /items/3/amount: expected a number, found a string".
template <class T>
[[nodiscard]] Result<T> from_json(const boost::json::value& value, UnknownMembers unknown = UnknownMembers::kRefuse);

/// A state that was stored, perhaps by another version of its struct: missing members keep the struct's defaults,
/// unknown ones are dropped. Errors: `kInvalidArgument`, as from_json, for a member of another kind.
template <class T>
[[nodiscard]] Result<T> from_stored_json(const boost::json::value& value);

template <class T>
[[nodiscard]] boost::json::value to_json(const T& value);

/// The value at `pointer` ("/issue/number"), or nullptr.
[[nodiscard]] const boost::json::value* find_at(const boost::json::value& value, std::string_view pointer);

namespace detail {

enum class Reading { kStrict, kIgnoreUnknown, kStored };

/// "a string", "an object": the words of error texts.
[[nodiscard]] std::string_view kind_of(const boost::json::value& value);
[[nodiscard]] Error mismatch(const std::string& pointer, std::string_view expected, const boost::json::value& found);
[[nodiscard]] Error at_pointer(const std::string& pointer, const std::string& problem);
/// A member that takes any value. Errors: it has an integer that 64 bits do not hold, and so no value of Boost.JSON.
[[nodiscard]] Status read_any(const boost::json::value& value, boost::json::value& out, const std::string& pointer);

template <class T>
Status read(const boost::json::value& value, T& out, const std::string& pointer, Reading how);

template <std::integral T>
Status read_integer(const boost::json::value& value, T& out, const std::string& pointer) {
  if (value.is_int64() && std::in_range<T>(value.get_int64())) return out = static_cast<T>(value.get_int64()), Status{};
  if (value.is_uint64() && std::in_range<T>(value.get_uint64())) {
    return out = static_cast<T>(value.get_uint64()), Status{};
  }
  // Models write 3.0 where 3 is meant; it is the same number. Beyond 2^53 a fraction or an exponent may have been
  // rounded.
  if (value.is_double()) {
    const double number = value.get_double();
    if (number >= -9.0e15 && number <= 9.0e15 && number == static_cast<double>(static_cast<std::int64_t>(number)) &&
        std::in_range<T>(static_cast<std::int64_t>(number))) {
      return out = static_cast<T>(number), Status{};
    }
  }
  if (is_number(value)) {
    return at_pointer(pointer, "expected an integer from " + std::to_string(std::numeric_limits<T>::min()) + " to " +
                                   std::to_string(std::numeric_limits<T>::max()) + ", in its digits, found " +
                                   json_text(value));
  }
  return mismatch(pointer, "an integer", value);
}

template <class T>
Status read_struct(const boost::json::value& value, T& out, const std::string& pointer, Reading how) {
  if (!value.is_object()) return mismatch(pointer, "an object", value);
  const boost::json::object& object = value.get_object();
  Status status;
  std::size_t known = 0;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    if (!status.ok()) return;
    auto& target = out.*member.pointer;
    using Member = std::remove_cvref_t<decltype(target)>;
    const std::string place = pointer + "/" + member.name;
    const auto found = object.find(member.name);
    if (found != object.end()) {
      ++known;
      status = read(found->value(), target, place, how);
    } else if (how == Reading::kStored) {
      // What the struct says by default stays.
    } else if constexpr (OptionalOf<Member>::value) {
      target.reset();
    } else {
      status = at_pointer(place, "is missing");
    }
  });
  RETURN_IF_ERROR(status);
  if (how != Reading::kStrict || known == object.size()) return {};
  for (const auto& [key, ignored] : object) {
    bool is_member = false;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) { is_member = is_member || key == member.name; });
    if (!is_member)
      return at_pointer(pointer + "/" + json_pointer_token(std::string_view(key)), "is not a known member");
  }
  return {};
}

template <class T>
Status read(const boost::json::value& value, T& out, const std::string& pointer, Reading how) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    return read_any(value, out, pointer);
  } else if constexpr (std::is_same_v<T, bool>) {
    if (!value.is_bool()) return mismatch(pointer, "true or false", value);
    out = value.get_bool();
    return {};
  } else if constexpr (std::integral<T>) {
    return read_integer(value, out, pointer);
  } else if constexpr (std::floating_point<T>) {
    if (!is_number(value)) return mismatch(pointer, "a number", value);
    out = with_doubles(value).to_number<T>();
    return {};
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (!value.is_string()) return mismatch(pointer, "a string", value);
    out = std::string(value.get_string());
    return {};
  } else if constexpr (std::is_same_v<T, Time>) {
    std::int64_t micros = 0;
    RETURN_IF_ERROR(read_integer(value, micros, pointer));
    out = from_micros(micros);
    return {};
  } else if constexpr (DescribedEnum<T>) {
    if (!value.is_string()) return mismatch(pointer, "a string", value);
    bool found = false;
    std::string choices;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
      if (value.get_string() == e.name) out = e.value, found = true;
      choices += (choices.empty() ? "\"" : ", \"") + std::string(e.name) + "\"";
    });
    if (found) return {};
    return at_pointer(pointer, "expected one of " + choices + ", found " + boost::json::serialize(value));
  } else if constexpr (OptionalOf<T>::value) {
    if (value.is_null()) return out.reset(), Status{};
    return read(value, out.emplace(), pointer, how);
  } else if constexpr (VectorOf<T>::value) {
    if (!value.is_array()) return mismatch(pointer, "an array", value);
    out.clear();
    for (const boost::json::value& item : value.get_array()) {
      typename VectorOf<T>::type element{};
      RETURN_IF_ERROR(read(item, element, pointer + "/" + std::to_string(out.size()), how));
      out.push_back(std::move(element));
    }
    return {};
  } else if constexpr (MapOf<T>::value) {
    if (!value.is_object()) return mismatch(pointer, "an object", value);
    out.clear();
    for (const auto& [key, item] : value.get_object()) {
      RETURN_IF_ERROR(
          read(item, out[std::string(key)], pointer + "/" + json_pointer_token(std::string_view(key)), how));
    }
    return {};
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return {};
  } else if constexpr (DescribedStruct<T>) {
    return read_struct(value, out, pointer, how);
  } else {
    static_assert(kNotDescribed<T>, "describe the type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

template <class T>
boost::json::value write(const T& value) {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    return value;
  } else if constexpr (std::is_same_v<T, bool> || std::floating_point<T>) {
    return value;
  } else if constexpr (std::integral<T>) {
    if constexpr (std::is_signed_v<T>) return static_cast<std::int64_t>(value);
    return static_cast<std::uint64_t>(value);
  } else if constexpr (std::is_same_v<T, std::string>) {
    if (is_valid_utf8(value)) return boost::json::string(value);
    return boost::json::string(to_utf8(value));
  } else if constexpr (std::is_same_v<T, Time>) {
    return static_cast<std::int64_t>(to_micros(value));
  } else if constexpr (DescribedEnum<T>) {
    boost::json::value name;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>([&](auto e) {
      if (value == e.value) name = e.name;
    });
    return name;
  } else if constexpr (OptionalOf<T>::value) {
    return value ? write(*value) : boost::json::value();
  } else if constexpr (VectorOf<T>::value) {
    boost::json::array array;
    for (const auto& item : value) array.push_back(write<typename VectorOf<T>::type>(item));
    return array;
  } else if constexpr (MapOf<T>::value) {
    boost::json::object object;
    for (const auto& [key, item] : value) object[to_utf8(key)] = write(item);
    return object;
  } else if constexpr (std::is_same_v<T, std::monostate>) {
    return nullptr;
  } else if constexpr (DescribedStruct<T>) {
    boost::json::object object;
    boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
      const auto& item = value.*member.pointer;
      if constexpr (OptionalOf<std::remove_cvref_t<decltype(item)>>::value) {
        if (item) {
          object[member.name] = write(*item);
        } else if (T{}.*member.pointer) {
          object[member.name] = nullptr;  // left out, it would be read as the default
        }
      } else {
        object[member.name] = write(item);
      }
    });
    return object;
  } else {
    static_assert(kNotDescribed<T>, "describe the type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

}  // namespace detail

template <class T>
Result<T> from_json(const boost::json::value& value, UnknownMembers unknown) {
  T out{};
  const auto how = unknown == UnknownMembers::kRefuse ? detail::Reading::kStrict : detail::Reading::kIgnoreUnknown;
  if (Status status = detail::read(value, out, "", how); !status.ok()) return status.error();
  return out;
}

template <class T>
Result<T> from_stored_json(const boost::json::value& value) {
  T out{};
  if (Status status = detail::read(value, out, "", detail::Reading::kStored); !status.ok()) return status.error();
  return out;
}

template <class T>
boost::json::value to_json(const T& value) {
  return detail::write(value);
}

}  // namespace mnema
