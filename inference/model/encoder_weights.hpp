// inference/model/encoder_weights.hpp
//
// The numbers of a BERT encoder by the names that its training program gave them, whichever file holds them:
// safetensors, or ONNX with f32 or 8-bit weights. 8-bit ones come back as the f32 numbers that they stand for.
//
// Threads:   immutable; any thread.
// Ownership: keeps the file.
// Trust:     none. Shapes and types are the file's word; who reads says what it needs.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/formats/onnx.hpp"
#include "inference/formats/safetensors.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

class EncoderWeights {
 public:
  virtual ~EncoderWeights() = default;

  /// The weights file of an encoder's folder: model.safetensors, else the only *.onnx. Errors: those of `locate` and of
  /// the formats.
  [[nodiscard]] static Result<std::shared_ptr<const EncoderWeights>> open(const std::string& folder);
  [[nodiscard]] static std::shared_ptr<const EncoderWeights> of(std::shared_ptr<const SafetensorsFile> file);
  [[nodiscard]] static std::shared_ptr<const EncoderWeights> of(std::shared_ptr<const OnnxFile> file);
  /// Where `open` finds it. Errors: `kNotFound`; `kInvalidArgument`: there are several.
  [[nodiscard]] static Result<std::string> locate(const std::string& folder);

  [[nodiscard]] virtual const std::string& path() const = 0;
  /// Of which the file names anything, the highest and those before it. 0: none.
  [[nodiscard]] virtual int layers() const = 0;
  /// Outermost first; of a linear layer's weight [out, in]. None where there is no such tensor.
  [[nodiscard]] virtual std::optional<std::vector<std::uint64_t>> shape(std::string_view name) const = 0;
  /// In the order of `shape`. Errors: `kCorrupt` (missing; a scale that does not fit), `kUnsupported` (its type).
  [[nodiscard]] virtual Result<std::vector<float>> numbers(std::string_view name) const = 0;
};

}  // namespace mnema
