// agents/describe.hpp
//
// A struct's shape, told once by BOOST_DESCRIBE_STRUCT (enums: BOOST_DESCRIBE_ENUM), becomes the JSON Schema that
// models are shown and held to. agents/convert.hpp turns values of that shape into structs and back.
//
//   struct Refund { std::string order_id; double amount; std::optional<std::string> note; };
//   BOOST_DESCRIBE_STRUCT(Refund, (), (order_id, amount, note))
//   inline mnema::Docs docs_of(const Refund*) { return {{"amount", "in euros"}}; }      // optional, found by ADL
//
// bool, integers, floating point, std::string, described enums (as their names), std::optional (may be missing),
// std::vector, std::map<std::string, T>, nested described structs and boost::json::value (anything) are understood.
// Another type does not compile.
//
// Threads: pure functions.
#pragma once

#include <boost/describe.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <boost/mp11/algorithm.hpp>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

namespace mnema {

/// Member name → what it means, for the model that fills it in. The key "" documents the struct itself.
using Docs = std::map<std::string, std::string>;

template <class T>
concept DescribedStruct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
concept DescribedEnum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;
template <class T>
concept Documented = requires(const T* type) {
  { docs_of(type) } -> std::convertible_to<Docs>;
};

namespace detail {

template <class>
inline constexpr bool kNotDescribed = false;

template <class T>
struct OptionalOf : std::false_type {};
template <class T>
struct OptionalOf<std::optional<T>> : std::true_type {
  using type = T;
};
template <class T>
struct VectorOf : std::false_type {};
template <class T>
struct VectorOf<std::vector<T>> : std::true_type {
  using type = T;
};
template <class T>
struct MapOf : std::false_type {};
template <class T>
struct MapOf<std::map<std::string, T>> : std::true_type {
  using type = T;
};

template <class T>
using MembersOf = boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_protected |
                                                           boost::describe::mod_inherited>;

}  // namespace detail

/// The names of a described enum, in order of declaration.
template <DescribedEnum E>
[[nodiscard]] std::vector<std::string> names_of() {
  std::vector<std::string> names;
  boost::mp11::mp_for_each<boost::describe::describe_enumerators<E>>([&](auto e) { names.emplace_back(e.name); });
  return names;
}

/// The JSON Schema (draft 2020-12, self-contained) of `T`.
template <class T>
[[nodiscard]] boost::json::object schema_of();

namespace detail {

template <class T>
boost::json::object struct_schema() {
  Docs docs;
  if constexpr (Documented<T>) docs = docs_of(static_cast<const T*>(nullptr));
  boost::json::object properties;
  boost::json::array required;
  boost::mp11::mp_for_each<MembersOf<T>>([&](auto member) {
    using Member = std::remove_cvref_t<decltype(std::declval<T&>().*member.pointer)>;
    boost::json::object schema;
    if constexpr (OptionalOf<Member>::value) {
      schema = schema_of<typename OptionalOf<Member>::type>();
    } else {
      schema = schema_of<Member>();
      required.emplace_back(member.name);
    }
    if (auto doc = docs.find(member.name); doc != docs.end()) schema["description"] = doc->second;
    properties[member.name] = std::move(schema);
  });
  boost::json::object schema{{"type", "object"}};
  if (auto doc = docs.find(""); doc != docs.end()) schema["description"] = doc->second;
  schema["properties"] = std::move(properties);
  schema["required"] = std::move(required);
  schema["additionalProperties"] = false;
  return schema;
}

}  // namespace detail

template <class T>
boost::json::object schema_of() {
  if constexpr (std::is_same_v<T, boost::json::value>) {
    return {};
  } else if constexpr (std::is_same_v<T, bool>) {
    return {{"type", "boolean"}};
  } else if constexpr (std::integral<T>) {
    return {{"type", "integer"}};
  } else if constexpr (std::floating_point<T>) {
    return {{"type", "number"}};
  } else if constexpr (std::is_same_v<T, std::string>) {
    return {{"type", "string"}};
  } else if constexpr (DescribedEnum<T>) {
    boost::json::array names;
    for (const std::string& name : names_of<T>()) names.emplace_back(name);
    return {{"type", "string"}, {"enum", std::move(names)}};
  } else if constexpr (detail::OptionalOf<T>::value) {
    return schema_of<typename detail::OptionalOf<T>::type>();
  } else if constexpr (detail::VectorOf<T>::value) {
    return {{"type", "array"}, {"items", schema_of<typename detail::VectorOf<T>::type>()}};
  } else if constexpr (detail::MapOf<T>::value) {
    return {{"type", "object"}, {"additionalProperties", schema_of<typename detail::MapOf<T>::type>()}};
  } else if constexpr (DescribedStruct<T>) {
    return detail::struct_schema<T>();
  } else {
    static_assert(detail::kNotDescribed<T>, "describe the type with BOOST_DESCRIBE_STRUCT or BOOST_DESCRIBE_ENUM");
  }
}

}  // namespace mnema
