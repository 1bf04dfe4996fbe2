// runtime/base/json_schema_references.hpp
//
// What the references of a JSON Schema lead to: JSON pointers (RFC 6901, also percent-encoded), anchors, and URIs that
// an `$id` of the same document gives. Nothing is fetched.
//
// https://json-schema.org/draft/2020-12/json-schema-core#section-8.2
//
// Threads:   immutable after construction.
// Ownership: points into the document, which must outlive it.
#pragma once

#include <boost/json/value.hpp>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "runtime/base/result.hpp"

namespace mnema {

class JsonSchemaReferences {
 public:
  explicit JsonSchemaReferences(const boost::json::value& root);

  struct Target {
    const boost::json::value* schema = nullptr;
    std::string pointer;  // where it stands, for messages
  };
  /// What `reference` leads to, as it stands in the schema object `from`.
  /// Errors: `kInvalidArgument`: nothing of this document.
  [[nodiscard]] Result<Target> resolve(std::string_view reference, const boost::json::object& from) const;
  /// The same for `$dynamicRef`, which is a `$ref` where its anchor is dynamic in one place only.
  /// Errors: `kUnsupported` where it is dynamic in several.
  [[nodiscard]] Result<Target> resolve_dynamic(std::string_view reference, const boost::json::object& from) const;

 private:
  /// `pointer` is where `value` stands, and is so again afterwards.
  void index(const boost::json::value& value, const std::string& base, std::string& pointer, int depth);

  const boost::json::value& root_;
  std::string root_base_;
  std::unordered_map<const boost::json::object*, std::string> base_of_;  // of objects with a reference
  std::map<std::string, Target> resources_;                              // by URI without fragment
  std::map<std::string, Target> anchors_;                                // by URI with fragment
  std::map<std::string, int> dynamic_;                                   // how often an anchor is dynamic
};

}  // namespace mnema
