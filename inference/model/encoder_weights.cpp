#include "inference/model/encoder_weights.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <map>

namespace mnema {
namespace {

Error missing(const std::string& path, std::string_view name) {
  return fail(ErrorCode::kCorrupt, "'" + path + "': tensor '" + std::string(name) + "' is missing",
              "is it a BERT encoder?");
}

std::vector<float> floats_of(std::span<const std::byte> data) {
  std::vector<float> values(data.size() / sizeof(float));
  if (!values.empty()) std::memcpy(values.data(), data.data(), values.size() * sizeof(float));
  return values;
}

/// The layer that "encoder.layer.2.output.dense.bias" or "/encoder/layer.2/output/dense/Add" belongs to, and those
/// before it: 3. Of other names 0.
int layers_up_to(std::string_view name) {
  for (const std::string_view prefix : {"encoder.layer.", "/encoder/layer."}) {
    if (!name.starts_with(prefix)) continue;
    int layer = 0;
    const auto read = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), layer);
    constexpr int kMost = 1 << 20;  // no model has so many: a weight will be missing
    if (read.ec == std::errc::result_out_of_range) return kMost;
    if (read.ec == std::errc()) return std::clamp(layer, 0, kMost - 1) + 1;
  }
  return 0;
}

class SafetensorsWeights final : public EncoderWeights {
 public:
  explicit SafetensorsWeights(std::shared_ptr<const SafetensorsFile> file) : file_(std::move(file)) {
    for (const SafeTensor& tensor : file_->tensors()) layers_ = std::max(layers_, layers_up_to(tensor.name));
  }
  const std::string& path() const override { return file_->path(); }
  int layers() const override { return layers_; }
  std::optional<std::vector<std::uint64_t>> shape(std::string_view name) const override {
    const SafeTensor* tensor = file_->find(name);
    return tensor == nullptr ? std::nullopt : std::optional(tensor->shape);
  }
  Result<std::vector<float>> numbers(std::string_view name) const override {
    const SafeTensor* tensor = file_->find(name);
    if (tensor == nullptr) return missing(path(), name);
    if (tensor->type != "F32") {
      return fail(ErrorCode::kUnsupported, "'" + path() + "': tensor '" + std::string(name) + "' is " + tensor->type,
                  "of safetensors files only F32 encoders are known");
    }
    return floats_of(tensor->data);
  }

 private:
  const std::shared_ptr<const SafetensorsFile> file_;
  int layers_ = 0;
};

/// Exporters fold a linear layer's weight into a matrix [in, out] without a name of its own; the node that multiplies
/// by it is called after the layer ("/encoder/layer.0/output/dense/MatMul"). Quantisers add "_quantized" to the name of
/// what they made 8 bits of, beside "_scale" and "_zero_point" (ONNX Runtime's dynamic quantisation).
class OnnxWeights final : public EncoderWeights {
 public:
  explicit OnnxWeights(std::shared_ptr<const OnnxFile> file) : file_(std::move(file)) {
    for (const OnnxTensor& tensor : file_->tensors()) layers_ = std::max(layers_, layers_up_to(tensor.name));
    for (const OnnxNode& node : file_->nodes()) {
      layers_ = std::max(layers_, layers_up_to(node.name));
      if ((node.operation != "MatMul" && node.operation != "MatMulInteger") || node.inputs.size() < 2) continue;
      const OnnxTensor* matrix = file_->find(node.inputs[1]);
      if (matrix == nullptr || matrix->shape.size() != 2) continue;  // else attention's own products
      std::string_view layer = node.name;
      if (!layer.starts_with('/')) continue;
      layer.remove_prefix(1);
      const std::size_t end = layer.rfind('/');
      if (end == std::string_view::npos) continue;
      std::string name(layer.substr(0, end));
      std::replace(name.begin(), name.end(), '/', '.');
      turned_.emplace(name + ".weight", matrix);
    }
  }
  const std::string& path() const override { return file_->path(); }
  int layers() const override { return layers_; }
  std::optional<std::vector<std::uint64_t>> shape(std::string_view name) const override {
    const Found found = find(name);
    if (found.tensor == nullptr) return std::nullopt;
    std::vector<std::uint64_t> shape = found.tensor->shape;
    if (found.is_turned) std::swap(shape[0], shape[1]);
    return shape;
  }
  Result<std::vector<float>> numbers(std::string_view name) const override {
    const Found found = find(name);
    if (found.tensor == nullptr) return missing(path(), name);
    ASSIGN_OR_RETURN(std::vector<float> values, as_floats(*found.tensor));
    if (!found.is_turned) return values;
    const std::size_t in = found.tensor->shape[0], out = found.tensor->shape[1];
    std::vector<float> turned(values.size());
    for (std::size_t i = 0; i < in; ++i) {
      for (std::size_t o = 0; o < out; ++o) turned[o * in + i] = values[i * out + o];
    }
    return turned;
  }

 private:
  struct Found {
    const OnnxTensor* tensor = nullptr;
    bool is_turned = false;
  };
  Found find(std::string_view name) const {
    if (const OnnxTensor* tensor = file_->find(name)) return {tensor, false};
    if (const OnnxTensor* tensor = file_->find(std::string(name) + "_quantized")) return {tensor, false};
    const auto turned = turned_.find(name);
    return turned == turned_.end() ? Found{} : Found{turned->second, true};
  }
  Result<std::vector<float>> as_floats(const OnnxTensor& tensor) const {
    if (tensor.type == OnnxType::kFloat) return floats_of(tensor.data);
    if (tensor.type != OnnxType::kInt8 && tensor.type != OnnxType::kUint8) {
      return fail(ErrorCode::kUnsupported,
                  "'" + path() + "': tensor '" + tensor.name + "' has the type " +
                      std::to_string(static_cast<int>(tensor.type)),
                  "f32 and 8-bit encoders are known");
    }
    constexpr std::string_view kEnding = "_quantized";
    std::string base = tensor.name;
    if (base.ends_with(kEnding)) base.resize(base.size() - kEnding.size());
    const OnnxTensor* scale = file_->find(base + "_scale");
    const OnnxTensor* zero = file_->find(base + "_zero_point");
    // One scale for all, or one for each of the last dimension.
    const std::size_t last = tensor.shape.empty() ? 1 : static_cast<std::size_t>(tensor.shape.back());
    const std::size_t scales = scale == nullptr ? 0 : scale->data.size() / sizeof(float);
    const bool zero_fits = zero == nullptr || (zero->type == tensor.type && zero->data.size() == scales);
    if (scale == nullptr || scale->type != OnnxType::kFloat || (scales != 1 && scales != last) || !zero_fits) {
      return fail(
          ErrorCode::kCorrupt,
          "'" + path() + "': the scale or zero point of tensor '" + tensor.name + "' is missing or does not fit",
          "fetch the file again");
    }
    const auto whole = [&](std::byte byte) {
      return tensor.type == OnnxType::kInt8 ? static_cast<int>(static_cast<std::int8_t>(byte)) : static_cast<int>(byte);
    };
    const std::vector<float> factors = floats_of(scale->data);
    std::vector<float> values(tensor.data.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::size_t at = scales == 1 ? 0 : i % last;
      values[i] =
          factors[at] * static_cast<float>(whole(tensor.data[i]) - (zero == nullptr ? 0 : whole(zero->data[at])));
    }
    return values;
  }

  const std::shared_ptr<const OnnxFile> file_;
  int layers_ = 0;
  std::map<std::string, const OnnxTensor*, std::less<>> turned_;  // by the layer's weight
};

}  // namespace

std::shared_ptr<const EncoderWeights> EncoderWeights::of(std::shared_ptr<const SafetensorsFile> file) {
  return std::make_shared<SafetensorsWeights>(std::move(file));
}

std::shared_ptr<const EncoderWeights> EncoderWeights::of(std::shared_ptr<const OnnxFile> file) {
  return std::make_shared<OnnxWeights>(std::move(file));
}

Result<std::string> EncoderWeights::locate(const std::string& folder) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path usual = fs::path(folder) / "model.safetensors";
  if (fs::exists(usual, error)) return usual.string();
  std::string found;
  for (auto entry = fs::directory_iterator(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    if (entry->path().extension() != ".onnx") continue;
    if (!found.empty()) {
      return fail(ErrorCode::kInvalidArgument, "'" + folder + "' has several ONNX files",
                  "leave the one that is to be used there");
    }
    found = entry->path().string();
  }
  if (!found.empty()) return found;
  return fail(ErrorCode::kNotFound, "'" + folder + "' has no model.safetensors and no ONNX file",
              "'mnema models list' shows the encoders that can be pulled");
}

Result<std::shared_ptr<const EncoderWeights>> EncoderWeights::open(const std::string& folder) {
  ASSIGN_OR_RETURN(const std::string path, locate(folder));
  if (path.ends_with(".onnx")) {
    ASSIGN_OR_RETURN(const std::shared_ptr<OnnxFile> file, OnnxFile::open(path));
    return of(file);
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<SafetensorsFile> file, SafetensorsFile::open(path));
  return of(file);
}

}  // namespace mnema
