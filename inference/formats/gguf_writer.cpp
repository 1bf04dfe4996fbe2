#include "inference/formats/gguf_writer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr std::uint32_t kVersion = 3;
constexpr std::uint64_t kAlignment = 32;  // the format's default; a file need not say it

enum Kind : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9 };

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

void put_text(std::string& out, std::string_view text) {
  put<std::uint64_t>(out, text.size());
  out += text;
}

std::uint64_t padding_after(std::uint64_t bytes) { return (kAlignment - bytes % kAlignment) % kAlignment; }

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

Error storage_error(const std::string& what, const std::string& path) {
  const int cause = errno;
  return fail(ErrorCode::kStorage, "cannot " + what + " '" + path + "': " + std::strerror(cause),
              cause == ENOSPC ? "free some space on the disk" : "check that the folder exists and may be written");
}

/// A rename is durable when its folder is.
void sync_folder_of(const std::string& path) {
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

}  // namespace

Result<std::unique_ptr<GgufWriter>> GgufWriter::create(const std::string& path) {
  const std::string part_path = path + "." + std::to_string(::getpid()) + ".part";
  const int descriptor = ::open(part_path.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  if (descriptor < 0) return storage_error("write", path);
  return std::unique_ptr<GgufWriter>(new GgufWriter(path, part_path, descriptor));
}

GgufWriter::GgufWriter(std::string path, std::string part_path, int descriptor)
    : path_(std::move(path)), part_path_(std::move(part_path)), descriptor_(descriptor) {}

GgufWriter::~GgufWriter() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(part_path_.c_str());
}

void GgufWriter::begin_value(std::string_view key, std::uint32_t kind) {
  CHECK(!header_written_, "metadata comes before the tensors' data");
  put_text(values_, key);
  put(values_, kind);
  ++value_count_;
}

void GgufWriter::set_integer(std::string_view key, std::uint32_t value) {
  begin_value(key, kU32);
  put(values_, value);
}

void GgufWriter::set_number(std::string_view key, float value) {
  begin_value(key, kF32);
  put(values_, value);
}

void GgufWriter::set_boolean(std::string_view key, bool value) {
  begin_value(key, kBool);
  put(values_, static_cast<std::uint8_t>(value));
}

void GgufWriter::set_string(std::string_view key, std::string_view value) {
  begin_value(key, kString);
  put_text(values_, value);
}

void GgufWriter::set_integers(std::string_view key, std::span<const std::int32_t> values) {
  begin_value(key, kArray);
  put<std::uint32_t>(values_, kI32);
  put<std::uint64_t>(values_, values.size());
  for (const std::int32_t value : values) put(values_, value);
}

void GgufWriter::set_strings(std::string_view key, std::span<const std::string> values) {
  begin_value(key, kArray);
  put<std::uint32_t>(values_, kString);
  put<std::uint64_t>(values_, values.size());
  for (const std::string& value : values) put_text(values_, value);
}

void GgufWriter::set_encoded(std::string_view key, std::span<const std::byte> value) {
  CHECK(!header_written_, "metadata comes before the tensors' data");
  put_text(values_, key);
  values_.append(reinterpret_cast<const char*>(value.data()), value.size());
  ++value_count_;
}

void GgufWriter::declare(std::string_view name, QuantType type, std::span<const std::uint64_t> shape) {
  CHECK(!header_written_, "tensors are declared before their data");
  CHECK(!shape.empty() && shape[0] % static_cast<std::uint64_t>(traits_of(type).block_values) == 0,
        "a row is whole blocks of its type");
  std::uint64_t bytes = row_bytes(type, shape[0]);
  for (const std::uint64_t extent : shape.subspan(1)) bytes *= extent;
  CHECK(bytes > 0, "a tensor holds something");
  put_text(tensors_, name);
  put(tensors_, static_cast<std::uint32_t>(shape.size()));
  for (const std::uint64_t extent : shape) put(tensors_, extent);
  put(tensors_, static_cast<std::uint32_t>(type));
  put(tensors_, offset_);
  sizes_.push_back(bytes);
  tensor_bytes_ += bytes;
  offset_ += bytes + padding_after(bytes);
}

Status GgufWriter::write_header() {
  std::string header = "GGUF";
  put(header, kVersion);
  put<std::uint64_t>(header, sizes_.size());
  put(header, value_count_);
  header += values_;
  header += tensors_;
  header.append(padding_after(header.size()), '\0');
  header_written_ = true;
  return write(bytes_of(header));
}

Status GgufWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return storage_error("write", part_path_);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

Status GgufWriter::append(std::span<const std::byte> bytes) {
  if (!header_written_) RETURN_IF_ERROR(write_header());
  CHECK(current_ < sizes_.size() && current_bytes_ + bytes.size() <= sizes_[current_],
        "a piece lies within the tensor whose turn it is");
  RETURN_IF_ERROR(write(bytes));
  current_bytes_ += bytes.size();
  if (current_bytes_ < sizes_[current_]) return {};
  static constexpr char kZeros[kAlignment] = {};
  RETURN_IF_ERROR(write(bytes_of({kZeros, static_cast<std::size_t>(padding_after(current_bytes_))})));
  ++current_;
  current_bytes_ = 0;
  return {};
}

Status GgufWriter::finish(const std::function<Status(const std::string& path)>& check) {
  if (!header_written_) RETURN_IF_ERROR(write_header());
  CHECK(current_ == sizes_.size(), "every tensor declared was appended");
  if (::fsync(descriptor_) != 0) return storage_error("bring to disk", part_path_);
  if (check) RETURN_IF_ERROR(check(part_path_));
  if (::rename(part_path_.c_str(), path_.c_str()) != 0) return storage_error("rename to", path_);
  ::close(descriptor_);
  descriptor_ = -1;
  sync_folder_of(path_);
  return {};
}

}  // namespace mnema
