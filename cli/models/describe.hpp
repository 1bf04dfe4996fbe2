// cli/models/describe.hpp
//
// What a model's files say about it: what decides how it behaves and how fast it can be, and whether it can be run
// here. Nothing is loaded.
//
// Threads: any.
#pragma once

#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

struct ModelDescription {
  boost::json::object facts;     // in the order in which they are shown; null: the file does not say;
                                 // "types": {"Q4_1": {"tensors", "bytes"}}
  std::optional<Error> problem;  // why it cannot be run here
};

/// Describes a GGUF file or an encoder's folder; `name`: what the user called it, by which the catalogue may know more.
/// Errors: the file cannot be read at all.
[[nodiscard]] Result<ModelDescription> describe_model(const std::string& path, const std::string& name = "");

}  // namespace mnema
