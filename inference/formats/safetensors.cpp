#include "inference/formats/safetensors.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstring>
#include <optional>

namespace mnema {
namespace {

// A parsed header takes up to twelve times its bytes; 4 MB describe 40,000 tensors.
constexpr std::uint64_t kHeaderBytesMax = 4 << 20;

int bytes_of_type(std::string_view type) {
  if (type == "F64" || type == "I64" || type == "U64") return 8;
  if (type == "F32" || type == "I32" || type == "U32") return 4;
  if (type == "F16" || type == "BF16" || type == "I16" || type == "U16") return 2;
  if (type == "I8" || type == "U8" || type == "BOOL" || type == "F8_E4M3" || type == "F8_E5M2") return 1;
  return 0;
}

std::optional<std::uint64_t> whole_number(const boost::json::value& value) {
  if (value.is_int64() && value.get_int64() >= 0) return static_cast<std::uint64_t>(value.get_int64());
  if (value.is_uint64()) return value.get_uint64();
  return std::nullopt;
}

/// What is wrong with one entry of the header, or "".
std::string read_entry(const boost::json::value& value, std::span<const std::byte> data, SafeTensor& tensor) {
  const boost::json::object* object = value.if_object();
  const boost::json::value* type = object != nullptr ? object->if_contains("dtype") : nullptr;
  const boost::json::value* shape = object != nullptr ? object->if_contains("shape") : nullptr;
  const boost::json::value* offsets = object != nullptr ? object->if_contains("data_offsets") : nullptr;
  if (type == nullptr || !type->is_string() || shape == nullptr || !shape->is_array() || offsets == nullptr ||
      !offsets->is_array() || offsets->get_array().size() != 2) {
    return "has no dtype, shape or data_offsets";
  }
  tensor.type = std::string(type->get_string());
  const int width = bytes_of_type(tensor.type);
  if (width == 0) return "has the unknown type '" + tensor.type + "'";
  std::uint64_t bytes = static_cast<std::uint64_t>(width);
  for (const boost::json::value& dimension : shape->get_array()) {
    const auto length = whole_number(dimension);
    if (!length) return "has a shape that is no list of lengths";
    tensor.shape.push_back(*length);
    if (__builtin_mul_overflow(bytes, *length, &bytes)) return "is larger than any file";
  }
  const auto begin = whole_number(offsets->get_array()[0]), end = whole_number(offsets->get_array()[1]);
  if (!begin || !end || *begin > *end || *end > data.size()) return "lies outside the file";
  if (*end - *begin != bytes) return "has another number of bytes than its shape says";
  tensor.data = data.subspan(*begin, bytes);
  return "";
}

/// What is wrong with the tensors together, or "". Every byte belongs to one tensor, as the format demands; so a name
/// that is there twice is noticed too, by the bytes of the one that JSON dropped.
std::string check_cover(std::vector<SafeTensor> tensors, std::span<const std::byte> data) {
  std::sort(tensors.begin(), tensors.end(), [](const SafeTensor& a, const SafeTensor& b) {
    return std::pair(a.data.data(), a.data.size()) < std::pair(b.data.data(), b.data.size());
  });
  const std::byte* end = data.data();
  for (const SafeTensor& tensor : tensors) {
    if (tensor.data.data() < end) return "tensor '" + tensor.name + "' overlaps another";
    if (tensor.data.data() > end) return "bytes before tensor '" + tensor.name + "' belong to no tensor";
    end += tensor.data.size();
  }
  return end == data.data() + data.size() ? "" : "bytes at the end belong to no tensor";
}

}  // namespace

Result<std::shared_ptr<SafetensorsFile>> SafetensorsFile::open(const std::string& path) {
  ASSIGN_OR_RETURN(MappedFile mapped, MappedFile::open(path));
  ASSIGN_OR_RETURN(std::shared_ptr<SafetensorsFile> file, parse(mapped.bytes(), path));
  file->file_ = std::move(mapped);
  return file;
}

Result<std::shared_ptr<SafetensorsFile>> SafetensorsFile::parse(std::span<const std::byte> bytes, std::string name) {
  const auto corrupt = [&name](const std::string& what) {
    return fail(ErrorCode::kCorrupt, "'" + name + "': " + what, "fetch the file again");
  };
  std::uint64_t header = 0;
  if (bytes.size() < 8) return corrupt("it is shorter than its header");
  std::memcpy(&header, bytes.data(), 8);
  if (header > kHeaderBytesMax || header > bytes.size() - 8) return corrupt("its header is longer than the file");
  boost::json::parse_options options;
  options.max_depth = 8;
  boost::system::error_code error;
  const boost::json::value json =
      boost::json::parse({reinterpret_cast<const char*>(bytes.data()) + 8, header}, error, {}, options);
  if (error || !json.is_object()) return corrupt("its header is no JSON object");
  auto file = std::make_shared<SafetensorsFile>();
  file->path_ = name;
  const std::span<const std::byte> data = bytes.subspan(8 + header);
  for (const auto& member : json.get_object()) {
    if (member.key() == "__metadata__") continue;
    SafeTensor tensor;
    tensor.name = std::string(member.key());
    const std::string wrong = read_entry(member.value(), data, tensor);
    if (!wrong.empty()) return corrupt("tensor '" + tensor.name + "' " + wrong);
    file->tensors_.push_back(std::move(tensor));
  }
  if (const std::string wrong = check_cover(file->tensors_, data); !wrong.empty()) return corrupt(wrong);
  return file;
}

const SafeTensor* SafetensorsFile::find(std::string_view name) const {
  for (const SafeTensor& tensor : tensors_) {
    if (tensor.name == name) return &tensor;
  }
  return nullptr;
}

}  // namespace mnema
