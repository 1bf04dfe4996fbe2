#include "inference/formats/gguf.hpp"

#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "inference/formats/mapped_file.hpp"

namespace mnema {
namespace {

constexpr std::uint32_t kMagic = 0x46554747;  // "GGUF"
constexpr std::uint64_t kNameBytesMax = 64 * 1024;
constexpr std::uint32_t kDimensionsMax = 4;

enum class Kind : std::uint32_t { kU8, kI8, kU16, kI16, kU32, kI32, kF32, kBool, kString, kArray, kU64, kI64, kF64 };

/// Bytes of one value of a fixed size; 0 for strings, arrays and unknown kinds.
std::size_t size_of(std::uint32_t kind) {
  static constexpr std::uint8_t kSizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return kind < std::size(kSizes) ? kSizes[kind] : 0;
}

template <class T>
T read_at(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

/// "F32 F16 Q4_0 ..."
std::string readable_types() {
  std::string names;
  for (std::uint32_t number = 0; number <= static_cast<std::uint32_t>(QuantType::kBF16); ++number) {
    const QuantTraits traits = traits_of(static_cast<QuantType>(number));
    if (traits.block_values > 0) names += (names.empty() ? "" : " ") + std::string(traits.name);
  }
  return names;
}

/// Where a metadata value lies; nothing is copied out until it is asked for.
struct Value {
  std::uint32_t kind = 0;
  std::uint32_t element = 0;  // arrays: kind of the elements
  std::uint64_t count = 0;    // arrays
  const std::byte* at = nullptr;
  std::span<const std::byte> encoded;  // from the kind to the end
};

std::optional<std::int64_t> integer_at(std::uint32_t kind, const std::byte* at) {
  switch (static_cast<Kind>(kind)) {
    case Kind::kU8:
      return read_at<std::uint8_t>(at);
    case Kind::kI8:
      return read_at<std::int8_t>(at);
    case Kind::kU16:
      return read_at<std::uint16_t>(at);
    case Kind::kI16:
      return read_at<std::int16_t>(at);
    case Kind::kU32:
      return read_at<std::uint32_t>(at);
    case Kind::kI32:
      return read_at<std::int32_t>(at);
    case Kind::kBool:
      return read_at<std::uint8_t>(at) != 0;
    case Kind::kI64:
      return read_at<std::int64_t>(at);
    case Kind::kU64: {
      const auto value = read_at<std::uint64_t>(at);
      if (value > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
      return static_cast<std::int64_t>(value);
    }
    default:
      return std::nullopt;
  }
}

std::optional<double> number_at(std::uint32_t kind, const std::byte* at) {
  if (static_cast<Kind>(kind) == Kind::kF32) return read_at<float>(at);
  if (static_cast<Kind>(kind) == Kind::kF64) return read_at<double>(at);
  if (const auto integer = integer_at(kind, at)) return static_cast<double>(*integer);
  return std::nullopt;
}

std::string_view string_at(const std::byte* at) {
  return {reinterpret_cast<const char*>(at) + 8, static_cast<std::size_t>(read_at<std::uint64_t>(at))};
}

}  // namespace

struct GgufFile::State {
  std::string path;
  MappedFile mapping;
  std::span<const std::byte> bytes;
  std::unordered_map<std::string_view, Value> values;
  std::vector<GgufTensor> tensors;
  std::unordered_map<std::string_view, std::size_t> tensor_index;

  [[nodiscard]] const Value* value(std::string_view key) const {
    const auto found = values.find(key);
    return found == values.end() ? nullptr : &found->second;
  }
};

namespace {

/// Walks the file once. Every length is held against what is left before it is believed.
class Reader {
 public:
  explicit Reader(GgufFile::State& file);
  Status run();

 private:
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  Error corrupt(const std::string& what) const {
    return fail(ErrorCode::kCorrupt, "'" + file_.path + "', byte " + std::to_string(at_) + ": " + what,
                "the file is damaged or cut short; fetch it again");
  }
  template <class T>
  Result<T> number(const char* what) {
    if (left() < sizeof(T)) return corrupt(std::string("the file ends inside ") + what);
    const T value = read_at<T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return value;
  }
  Result<std::string_view> text(const char* what, std::uint64_t bytes_max) {
    ASSIGN_OR_RETURN(const std::uint64_t length, number<std::uint64_t>(what));
    if (length > left() || length > bytes_max)
      return corrupt(std::string(what) + " is longer than the file or its bound");
    const std::string_view found(reinterpret_cast<const char*>(bytes_.data()) + at_, static_cast<std::size_t>(length));
    at_ += static_cast<std::size_t>(length);
    return found;
  }
  Status metadata();
  Status array(Value& value);
  Status tensor_infos(std::uint64_t count);
  Status place_tensors();

  GgufFile::State& file_;
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  std::vector<std::uint64_t> offsets_;
};

Reader::Reader(GgufFile::State& file) : file_(file), bytes_(file.bytes) {}

Status Reader::run() {
  ASSIGN_OR_RETURN(const std::uint32_t magic, number<std::uint32_t>("the magic number"));
  if (magic != kMagic) {
    return fail(ErrorCode::kCorrupt, "'" + file_.path + "' is no GGUF file: it does not begin with \"GGUF\"",
                "give the path of a model in GGUF format");
  }
  ASSIGN_OR_RETURN(const std::uint32_t version, number<std::uint32_t>("the version"));
  if ((version & 0xffff) == 0) return fail(ErrorCode::kUnsupported, "'" + file_.path + "' is big-endian");
  if (version != 2 && version != 3) {
    return fail(ErrorCode::kUnsupported,
                "'" + file_.path + "' has GGUF version " + std::to_string(version) + "; versions 2 and 3 are known",
                "convert the model again, or fetch a newer file of it");
  }
  ASSIGN_OR_RETURN(const std::uint64_t tensor_count, number<std::uint64_t>("the tensor count"));
  ASSIGN_OR_RETURN(const std::uint64_t value_count, number<std::uint64_t>("the metadata count"));
  // The smallest entry of each kind bounds how many there can be.
  if (value_count > left() / 13) return corrupt("more metadata than the file can hold");
  for (std::uint64_t i = 0; i < value_count; ++i) RETURN_IF_ERROR(metadata());
  if (tensor_count > left() / 32) return corrupt("more tensors than the file can hold");
  RETURN_IF_ERROR(tensor_infos(tensor_count));
  return place_tensors();
}

Status Reader::metadata() {
  ASSIGN_OR_RETURN(const std::string_view key, text("a metadata key", kNameBytesMax));
  const std::byte* begin = bytes_.data() + at_;
  ASSIGN_OR_RETURN(const std::uint32_t kind, number<std::uint32_t>("a metadata kind"));
  Value value;
  value.kind = kind;
  value.at = bytes_.data() + at_;
  if (static_cast<Kind>(kind) == Kind::kString) {
    const Result<std::string_view> skipped = text("a metadata string", UINT64_MAX);
    if (!skipped.ok()) return skipped.error();
  } else if (static_cast<Kind>(kind) == Kind::kArray) {
    RETURN_IF_ERROR(array(value));
  } else {
    const std::size_t size = size_of(kind);
    if (size == 0) return corrupt("metadata '" + std::string(key) + "' has unknown kind " + std::to_string(kind));
    if (left() < size) return corrupt("the file ends inside metadata '" + std::string(key) + "'");
    at_ += size;
  }
  value.encoded = {begin, bytes_.data() + at_};
  if (!file_.values.emplace(key, value).second) return corrupt("metadata '" + std::string(key) + "' is there twice");
  return {};
}

Status Reader::array(Value& value) {
  ASSIGN_OR_RETURN(value.element, number<std::uint32_t>("an array's kind"));
  ASSIGN_OR_RETURN(value.count, number<std::uint64_t>("an array's length"));
  value.at = bytes_.data() + at_;
  if (static_cast<Kind>(value.element) == Kind::kString) {
    if (value.count > left() / 8) return corrupt("an array of strings is longer than the file");
    for (std::uint64_t i = 0; i < value.count; ++i) {
      const Result<std::string_view> skipped = text("a string of an array", UINT64_MAX);
      if (!skipped.ok()) return skipped.error();
    }
    return {};
  }
  const std::size_t size = size_of(value.element);
  if (size == 0) return corrupt("an array of kind " + std::to_string(value.element));
  if (value.count > left() / size) return corrupt("an array is longer than the file");
  at_ += static_cast<std::size_t>(value.count) * size;
  return {};
}

Status Reader::tensor_infos(std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(const std::string_view name, text("a tensor's name", kNameBytesMax));
    GgufTensor tensor;
    tensor.name = name;
    ASSIGN_OR_RETURN(const std::uint32_t dimensions, number<std::uint32_t>("a tensor's dimension count"));
    if (dimensions == 0 || dimensions > kDimensionsMax) {
      return corrupt("tensor '" + tensor.name + "' has " + std::to_string(dimensions) + " dimensions");
    }
    for (std::uint32_t d = 0; d < dimensions; ++d) {
      ASSIGN_OR_RETURN(const std::uint64_t extent, number<std::uint64_t>("a tensor's extent"));
      tensor.shape.push_back(extent);
    }
    ASSIGN_OR_RETURN(const std::uint32_t type, number<std::uint32_t>("a tensor's type"));
    tensor.type = static_cast<QuantType>(type);
    if (traits_of(tensor.type).block_values == 0) {
      return fail(ErrorCode::kUnsupported,
                  "'" + file_.path + "': tensor '" + tensor.name + "' has type " + std::to_string(type) +
                      ", which this build cannot read",
                  "fetch the model in one of these types: " + readable_types());
    }
    ASSIGN_OR_RETURN(const std::uint64_t offset, number<std::uint64_t>("a tensor's offset"));
    offsets_.push_back(offset);
    file_.tensors.push_back(std::move(tensor));
  }
  return {};
}

Status Reader::place_tensors() {
  std::uint64_t alignment = 32;
  if (const Value* value = file_.value("general.alignment")) {
    const auto given = integer_at(value->kind, value->at);
    if (!given || *given < 1 || *given > (1 << 20) || (*given & (*given - 1)) != 0) return corrupt("a bad alignment");
    alignment = static_cast<std::uint64_t>(*given);
  }
  const std::uint64_t begin = (at_ + alignment - 1) / alignment * alignment;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> ranges;
  for (std::size_t i = 0; i < file_.tensors.size(); ++i) {
    GgufTensor& tensor = file_.tensors[i];
    const QuantTraits traits = traits_of(tensor.type);
    std::uint64_t bytes = 0;
    const std::uint64_t columns = tensor.shape[0];
    if (columns == 0 || columns % static_cast<std::uint64_t>(traits.block_values) != 0) {
      return corrupt("tensor '" + tensor.name + "' has rows that are no multiple of its type's block");
    }
    bool overflow = __builtin_mul_overflow(columns / static_cast<std::uint64_t>(traits.block_values),
                                           static_cast<std::uint64_t>(traits.block_bytes), &bytes);
    for (std::size_t d = 1; d < tensor.shape.size(); ++d)
      overflow |= __builtin_mul_overflow(bytes, tensor.shape[d], &bytes);
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    overflow |= __builtin_add_overflow(begin, offsets_[i], &first) || __builtin_add_overflow(first, bytes, &last);
    if (overflow || bytes == 0 || last > bytes_.size()) {
      return corrupt("tensor '" + tensor.name + "' does not lie inside the file");
    }
    if (offsets_[i] % alignment != 0) return corrupt("tensor '" + tensor.name + "' is not aligned");
    tensor.data = bytes_.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(bytes));
    ranges.emplace_back(first, last);
    if (!file_.tensor_index.emplace(tensor.name, i).second)
      return corrupt("tensor '" + tensor.name + "' is there twice");
  }
  std::sort(ranges.begin(), ranges.end());
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first < ranges[i - 1].second) return corrupt("two tensors overlap");
  }
  return {};
}

}  // namespace

std::size_t GgufTensor::rows() const {
  std::size_t rows = 1;
  for (std::size_t d = 1; d < shape.size(); ++d) rows *= static_cast<std::size_t>(shape[d]);
  return rows;
}

GgufFile::GgufFile() : state_(std::make_unique<State>()) {}
GgufFile::~GgufFile() = default;

Result<std::shared_ptr<GgufFile>> GgufFile::open(const std::string& path) {
  Result<MappedFile> mapping = MappedFile::open(path);
  if (!mapping.ok()) return mapping.error();
  std::shared_ptr<GgufFile> file(new GgufFile());
  file->state_->path = path;
  file->state_->mapping = std::move(*mapping);
  file->state_->bytes = file->state_->mapping.bytes();
  RETURN_IF_ERROR(Reader(*file->state_).run());
  return file;
}

Result<std::shared_ptr<GgufFile>> GgufFile::parse(std::span<const std::byte> bytes, std::string name) {
  std::shared_ptr<GgufFile> file(new GgufFile());
  file->state_->path = std::move(name);
  file->state_->bytes = bytes;
  RETURN_IF_ERROR(Reader(*file->state_).run());
  return file;
}

const std::string& GgufFile::path() const { return state_->path; }
std::uint64_t GgufFile::file_bytes() const { return state_->bytes.size(); }
const std::vector<GgufTensor>& GgufFile::tensors() const { return state_->tensors; }

const GgufTensor* GgufFile::find_tensor(std::string_view name) const {
  const auto found = state_->tensor_index.find(name);
  return found == state_->tensor_index.end() ? nullptr : &state_->tensors[found->second];
}

std::optional<std::int64_t> GgufFile::integer(std::string_view key) const {
  const Value* value = state_->value(key);
  return value == nullptr ? std::nullopt : integer_at(value->kind, value->at);
}

std::optional<double> GgufFile::number(std::string_view key) const {
  const Value* value = state_->value(key);
  return value == nullptr ? std::nullopt : number_at(value->kind, value->at);
}

std::optional<bool> GgufFile::boolean(std::string_view key) const {
  const Value* value = state_->value(key);
  if (value == nullptr || static_cast<Kind>(value->kind) != Kind::kBool) return std::nullopt;
  return *integer_at(value->kind, value->at) != 0;
}

std::optional<std::string_view> GgufFile::string(std::string_view key) const {
  const Value* value = state_->value(key);
  if (value == nullptr || static_cast<Kind>(value->kind) != Kind::kString) return std::nullopt;
  return string_at(value->at);
}

std::optional<std::vector<std::string_view>> GgufFile::strings(std::string_view key) const {
  const Value* value = state_->value(key);
  if (value == nullptr || static_cast<Kind>(value->kind) != Kind::kArray ||
      static_cast<Kind>(value->element) != Kind::kString) {
    return std::nullopt;
  }
  std::vector<std::string_view> found;
  found.reserve(static_cast<std::size_t>(value->count));
  const std::byte* at = value->at;
  for (std::uint64_t i = 0; i < value->count; ++i) {
    found.push_back(string_at(at));
    at += 8 + found.back().size();
  }
  return found;
}

std::optional<std::vector<std::int64_t>> GgufFile::integers(std::string_view key) const {
  const Value* value = state_->value(key);
  if (value == nullptr || static_cast<Kind>(value->kind) != Kind::kArray) return std::nullopt;
  std::vector<std::int64_t> found;
  found.reserve(static_cast<std::size_t>(value->count));
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto one = integer_at(value->element, value->at + i * size_of(value->element));
    if (!one) return std::nullopt;
    found.push_back(*one);
  }
  return found;
}

std::optional<std::vector<float>> GgufFile::numbers(std::string_view key) const {
  const Value* value = state_->value(key);
  if (value == nullptr || static_cast<Kind>(value->kind) != Kind::kArray) return std::nullopt;
  std::vector<float> found;
  found.reserve(static_cast<std::size_t>(value->count));
  for (std::uint64_t i = 0; i < value->count; ++i) {
    const auto one = number_at(value->element, value->at + i * size_of(value->element));
    if (!one) return std::nullopt;
    found.push_back(static_cast<float>(*one));
  }
  return found;
}

std::vector<std::string_view> GgufFile::keys() const {
  std::vector<std::string_view> found;
  for (const auto& entry : state_->values) found.push_back(entry.first);
  std::sort(found.begin(), found.end());
  return found;
}

std::span<const std::byte> GgufFile::encoded(std::string_view key) const {
  const Value* value = state_->value(key);
  return value == nullptr ? std::span<const std::byte>() : value->encoded;
}

void GgufFile::drop_pages(std::span<const std::byte> data) const { state_->mapping.drop(data); }

}  // namespace mnema
