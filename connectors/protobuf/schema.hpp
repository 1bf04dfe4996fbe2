// connectors/protobuf/schema.hpp
//
// A .proto file as a registry keeps it, with those it imports, as libprotobuf's descriptors. Files of google/protobuf/
// are there without being imported from anywhere.
//
// Threads:   immutable once compiled; may be shared.
// Ownership: owns the descriptors.
#pragma once

#include <google/protobuf/descriptor.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/base/result.hpp"

namespace mnema {

class ProtobufSchema {
 public:
  /// `imports`: texts by the names under which they are imported. Errors: `kInvalidArgument`, with what libprotobuf
  /// says and where.
  [[nodiscard]] static Result<ProtobufSchema> compile(std::string_view text,
                                                      const std::map<std::string, std::string>& imports);
  ProtobufSchema(ProtobufSchema&&) noexcept;
  ~ProtobufSchema();

  /// The message at these places: of the file, of that message, and so on; entries of maps are not counted. Null: there
  /// is none.
  [[nodiscard]] const google::protobuf::Descriptor* message(const std::vector<int>& places) const;

 private:
  class Files;
  class Problems;
  ProtobufSchema();
  std::unique_ptr<Files> files_;  // the pool reads them
  std::unique_ptr<Problems> problems_;
  std::unique_ptr<google::protobuf::DescriptorPool> pool_;
  const google::protobuf::FileDescriptor* root_ = nullptr;
};

}  // namespace mnema
