// inference/formats/onnx.hpp
//
// What an ONNX model stores: its tensors, and which operation reads which of them. The graph is never executed; an
// encoder's weights are anonymous in such a file ("onnx::MatMul_1525"), and the name of the node that reads one says
// what it is. Source: onnx.proto of the ONNX project, IR version 3 and later.
//
// Threads: immutable once open; any thread.
// Trust:   none. Every range lies inside the file and agrees with its shape, or the file is refused.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/formats/mapped_file.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// TensorProto.DataType of those that hold numbers.
enum class OnnxType : int {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

/// As safetensors files write it: "F32", "U8", ...
[[nodiscard]] std::string_view name_of(OnnxType type);

struct OnnxTensor {
  std::string name;
  OnnxType type = OnnxType::kFloat;
  std::vector<std::uint64_t> shape;  // outermost first; empty: one number
  std::span<const std::byte> data;   // little-endian; aligned to nothing
};

struct OnnxNode {
  std::string name;
  std::string operation;            // "MatMul", "MatMulInteger", ...
  std::vector<std::string> inputs;  // the first 4: names of tensors, or of what other nodes give
};

class OnnxFile {
 public:
  /// Errors: `kNotFound`; `kCorrupt` (what does not agree); `kUnsupported`: weights in other files, text tensors.
  [[nodiscard]] static Result<std::shared_ptr<OnnxFile>> open(const std::string& path);
  /// The same over bytes in memory, which must outlive the file.
  [[nodiscard]] static Result<std::shared_ptr<OnnxFile>> parse(std::span<const std::byte> bytes, std::string name);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] const std::vector<OnnxTensor>& tensors() const { return tensors_; }
  [[nodiscard]] const std::vector<OnnxNode>& nodes() const { return nodes_; }
  [[nodiscard]] const OnnxTensor* find(std::string_view name) const;  // nullptr where absent

 private:
  Status read_graph(std::string_view bytes);
  Status read_tensor(std::string_view bytes);
  Status read_node(std::string_view bytes);
  [[nodiscard]] Error corrupt(const std::string& what) const;

  MappedFile file_;
  std::string path_;
  std::vector<OnnxTensor> tensors_;
  std::vector<OnnxNode> nodes_;
  std::map<std::string, std::size_t, std::less<>> by_name_;  // of tensors_
  std::deque<std::vector<std::byte>> converted_;             // data that the file holds in another form
};

}  // namespace mnema
