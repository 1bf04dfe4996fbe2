#include "inference/formats/onnx.hpp"

#include <cstring>
#include <optional>

#include "runtime/base/protobuf_wire.hpp"

namespace mnema {
namespace {

// Both describe models a hundred times as large as any encoder's; a file that claims more wants memory, not an answer.
constexpr std::size_t kTensorsMax = 65'536;
constexpr std::size_t kNodesMax = 1'000'000;
constexpr std::size_t kDimensionsMax = 8;
/// Numbers that a file may spell out one by one instead of as raw bytes: scales and zero points.
constexpr std::size_t kSpelledMax = 1 << 20;
/// Of a node those that are kept: a product's have 4 at most. All others of a million nodes would take gigabytes.
constexpr std::size_t kInputsMax = 4;

int bytes_of_type(std::uint64_t type) {
  switch (static_cast<OnnxType>(type)) {
    case OnnxType::kUint8:
    case OnnxType::kInt8:
    case OnnxType::kBool:
      return 1;
    case OnnxType::kUint16:
    case OnnxType::kInt16:
    case OnnxType::kFloat16:
    case OnnxType::kBfloat16:
      return 2;
    case OnnxType::kFloat:
    case OnnxType::kInt32:
    case OnnxType::kUint32:
      return 4;
    case OnnxType::kInt64:
    case OnnxType::kDouble:
    case OnnxType::kUint64:
      return 8;
  }
  return 0;
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span<const char>(text.data(), text.size()));
}

/// Repeated whole numbers of a field, packed or one by one. False: they are none, or too many.
bool append_varints(const ProtobufField& field, std::size_t most, std::vector<std::uint64_t>& out) {
  if (field.wire == ProtobufWire::kVarint) {
    out.push_back(field.value);
    return out.size() <= most;
  }
  if (field.wire != ProtobufWire::kBytes) return false;
  ProtobufReader reader(field.bytes);
  while (!reader.at_end()) {
    const std::optional<std::uint64_t> value = reader.varint();
    if (!value || out.size() == most) return false;
    out.push_back(*value);
  }
  return true;
}

/// Repeated fixed-size numbers likewise, as their bytes.
bool append_fixed(const ProtobufField& field, std::size_t width, std::vector<std::byte>& out) {
  if (field.wire == ProtobufWire::kBytes) {
    const auto bytes = bytes_of(field.bytes);
    if (bytes.size() % width != 0 || bytes.size() + out.size() > kSpelledMax * width) return false;
    out.insert(out.end(), bytes.begin(), bytes.end());
    return true;
  }
  if (field.wire != (width == 4 ? ProtobufWire::kFixed32 : ProtobufWire::kFixed64)) return false;
  const auto* value = reinterpret_cast<const std::byte*>(&field.value);  // little-endian, as all that we run on
  out.insert(out.end(), value, value + width);
  return out.size() <= kSpelledMax * width;
}

}  // namespace

std::string_view name_of(OnnxType type) {
  switch (type) {
    case OnnxType::kFloat:
      return "F32";
    case OnnxType::kUint8:
      return "U8";
    case OnnxType::kInt8:
      return "I8";
    case OnnxType::kUint16:
      return "U16";
    case OnnxType::kInt16:
      return "I16";
    case OnnxType::kInt32:
      return "I32";
    case OnnxType::kInt64:
      return "I64";
    case OnnxType::kBool:
      return "BOOL";
    case OnnxType::kFloat16:
      return "F16";
    case OnnxType::kDouble:
      return "F64";
    case OnnxType::kUint32:
      return "U32";
    case OnnxType::kUint64:
      return "U64";
    case OnnxType::kBfloat16:
      return "BF16";
  }
  return "?";
}

Error OnnxFile::corrupt(const std::string& what) const {
  return fail(ErrorCode::kCorrupt, "'" + path_ + "': " + what, "fetch the file again");
}

Result<std::shared_ptr<OnnxFile>> OnnxFile::open(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::open(path));
  ASSIGN_OR_RETURN(std::shared_ptr<OnnxFile> file, parse(mapped.bytes(), path));
  file->file_ = std::move(mapped);
  return file;
}

Result<std::shared_ptr<OnnxFile>> OnnxFile::parse(std::span<const std::byte> bytes, std::string name) {
  auto file = std::make_shared<OnnxFile>();
  file->path_ = std::move(name);
  ProtobufReader model({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  bool has_graph = false;
  while (!model.at_end()) {
    const std::optional<ProtobufField> field = model.next();
    if (!field) return file->corrupt("it is no ONNX model, or cut short");
    constexpr int kGraph = 7;
    if (field->number != kGraph) continue;
    if (field->wire != ProtobufWire::kBytes || has_graph) return file->corrupt("it has no graph, or two");
    has_graph = true;
    RETURN_IF_ERROR(file->read_graph(field->bytes));
  }
  if (!has_graph) return file->corrupt("it has no graph: it is no ONNX model");
  return file;
}

Status OnnxFile::read_graph(std::string_view bytes) {
  ProtobufReader graph(bytes);
  while (!graph.at_end()) {
    const std::optional<ProtobufField> field = graph.next();
    if (!field) return corrupt("its graph is cut short");
    constexpr int kNode = 1, kInitializer = 5;
    if (field->number != kNode && field->number != kInitializer) continue;
    if (field->wire != ProtobufWire::kBytes) return corrupt("a node or tensor of its graph is no message");
    RETURN_IF_ERROR(field->number == kNode ? read_node(field->bytes) : read_tensor(field->bytes));
  }
  return {};
}

Status OnnxFile::read_node(std::string_view bytes) {
  if (nodes_.size() == kNodesMax) return corrupt("it has more than a million nodes");
  ProtobufReader node(bytes);
  OnnxNode read;
  while (!node.at_end()) {
    const std::optional<ProtobufField> field = node.next();
    if (!field) return corrupt("a node of its graph is cut short");
    constexpr int kInput = 1, kName = 3, kOperation = 4;
    if (field->wire != ProtobufWire::kBytes) continue;
    if (field->number == kInput && read.inputs.size() < kInputsMax) read.inputs.emplace_back(field->bytes);
    if (field->number == kName) read.name = field->bytes;
    if (field->number == kOperation) read.operation = field->bytes;
  }
  nodes_.push_back(std::move(read));
  return {};
}

Status OnnxFile::read_tensor(std::string_view bytes) {
  if (tensors_.size() == kTensorsMax) return corrupt("it has more than 65,536 tensors");
  ProtobufReader reader(bytes);
  OnnxTensor tensor;
  std::uint64_t type = 0;
  std::optional<std::string_view> raw;
  std::vector<std::byte> spelled;       // float_data, double_data
  std::vector<std::uint64_t> integers;  // int32_data, int64_data, uint64_data
  bool is_external = false, fits = true;
  while (!reader.at_end()) {
    const std::optional<ProtobufField> field = reader.next();
    if (!field) return corrupt("a tensor of its graph is cut short");
    switch (field->number) {
      case 1:
        fits = fits && append_varints(*field, kDimensionsMax, tensor.shape);
        break;
      case 2:
        type = field->value;
        break;
      case 4:
        fits = fits && append_fixed(*field, 4, spelled);
        break;
      case 5:
      case 7:
      case 11:
        fits = fits && append_varints(*field, kSpelledMax, integers);
        break;
      case 8:
        if (field->wire == ProtobufWire::kBytes) tensor.name = field->bytes;
        break;
      case 9:
        if (field->wire == ProtobufWire::kBytes) raw = field->bytes;
        break;
      case 10:
        fits = fits && append_fixed(*field, 8, spelled);
        break;
      case 14:
        is_external = field->value != 0;
        break;
      default:
        break;
    }
  }
  const auto wrong = [&](const std::string& what) { return corrupt("tensor '" + tensor.name + "' " + what); };
  if (is_external) {
    return fail(ErrorCode::kUnsupported, "'" + path_ + "': tensor '" + tensor.name + "' lies in another file",
                "use a model whose weights are in the file itself");
  }
  const auto width = static_cast<std::uint64_t>(bytes_of_type(type));
  if (width == 0) {
    return fail(ErrorCode::kUnsupported,
                "'" + path_ + "': tensor '" + tensor.name + "' has the type " + std::to_string(type),
                "floats and integers are known");
  }
  if (!fits) return wrong("has a shape or numbers that are none");
  tensor.type = static_cast<OnnxType>(type);
  std::uint64_t expected = width;
  for (const std::uint64_t length : tensor.shape) {
    if (__builtin_mul_overflow(expected, length, &expected)) return wrong("is larger than any file");
  }
  if (raw) {
    tensor.data = bytes_of(*raw);
  } else {
    for (const std::uint64_t value : integers) {
      const auto* begin = reinterpret_cast<const std::byte*>(&value);
      spelled.insert(spelled.end(), begin, begin + width);
    }
    tensor.data = converted_.emplace_back(std::move(spelled));
  }
  if (tensor.data.size() != expected) return wrong("has another number of bytes than its shape says");
  if (!by_name_.emplace(tensor.name, tensors_.size()).second) return wrong("is there twice");
  tensors_.push_back(std::move(tensor));
  return {};
}

const OnnxTensor* OnnxFile::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

}  // namespace mnema
