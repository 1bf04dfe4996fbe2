// runtime/base/json_schema_compiler.hpp
//
// Makes the nodes of a JsonSchema from its document. Private to json_schema*.
//
// Threads: confined to one.
#pragma once

#include <unordered_map>

#include "runtime/base/json_schema_node.hpp"
#include "runtime/base/json_schema_references.hpp"

namespace mnema {

class JsonSchema::Compiler {
 public:
  Compiler(JsonSchema& schema, const JsonSchemaReferences& references) : schema_(schema), references_(references) {}

  [[nodiscard]] Result<const Node*> compile(const boost::json::value& value, const std::string& pointer);

 private:
  Status keyword(Node& node, const boost::json::object& schema, std::string_view name, const boost::json::value& value,
                 const std::string& pointer);
  Status types(Node& node, const boost::json::value& value, const std::string& pointer);
  Status choices(Node& node, bool single, const boost::json::value& value, const std::string& pointer);
  Status reference(Node& node, const boost::json::object& schema, std::string_view keyword,
                   const boost::json::value& value, const std::string& pointer);
  Status members(Node& node, const boost::json::value& value, const std::string& pointer);
  Status pattern_members(Node& node, const boost::json::value& value, const std::string& pointer);
  Status dependencies(Node& node, const boost::json::value& value, const std::string& pointer);
  Status items(Node& node, const boost::json::object& schema, const boost::json::value& value,
               const std::string& pointer);
  Status pattern(Node& node, const boost::json::value& value, const std::string& pointer);
  Status part(const Node*& slot, const boost::json::value& value, const std::string& pointer);
  Status parts(std::vector<const Node*>& slots, const boost::json::value& value, const std::string& pointer);

  JsonSchema& schema_;
  const JsonSchemaReferences& references_;
  // A node is here before its parts, so that references may be circular.
  std::unordered_map<const boost::json::value*, Node*> done_;
  int depth_ = 0;
};

}  // namespace mnema
