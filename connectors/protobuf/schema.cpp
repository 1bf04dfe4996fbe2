#include "connectors/protobuf/schema.hpp"

#include <google/protobuf/compiler/parser.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/struct.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <google/protobuf/wrappers.pb.h>

#include <algorithm>

namespace mnema {
namespace {

namespace pb = google::protobuf;

constexpr const char* kRoot = "the schema";  // no import can have this name
constexpr std::size_t kProblemBytesMax = 500;
constexpr int kNestingMax = 64;  // the parser recurses

/// How deep its blocks stand in one another: '<' and '[' begin one inside an option's value. As libprotobuf's tokenizer
/// sees it, or what a comment or a text closes would count.
int nesting_of(std::string_view text) {
  class Nobody final : public pb::io::ErrorCollector {
    void AddError(int, int, const std::string&) override {}
  } nobody;
  pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  pb::io::Tokenizer tokenizer(&stream, &nobody);
  constexpr std::string_view kBegin = "{<[";
  constexpr std::string_view kEnd = "}>]";
  int open[kBegin.size()] = {};  // each for itself: the parser goes on behind an end that ends nothing
  int deepest = 0;
  while (deepest <= kNestingMax && tokenizer.Next()) {
    if (tokenizer.current().type != pb::io::Tokenizer::TYPE_SYMBOL) continue;
    const char symbol = tokenizer.current().text[0];
    if (const std::size_t begun = kBegin.find(symbol); begun != std::string_view::npos) ++open[begun];
    if (const std::size_t ended = kEnd.find(symbol); ended != std::string_view::npos && open[ended] > 0) --open[ended];
    deepest = std::max(deepest, open[0] + open[1] + open[2]);
  }
  return deepest;
}

}  // namespace

/// Everything that is wrong with the files, in one text.
class ProtobufSchema::Problems final : public pb::DescriptorPool::ErrorCollector, public pb::io::ErrorCollector {
 public:
  using pb::io::ErrorCollector::AddWarning;
  void AddError(int line, int column, const std::string& message) override {
    add("line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1) + ": " + message);
  }
  void AddWarning(int, int, const std::string&) override {}
  void AddError(const std::string& file, const std::string& element, const pb::Message*, ErrorLocation,
                const std::string& message) override {
    add(file + (element.empty() || element == file ? "" : ", " + element) + ": " + message);
  }
  void AddWarning(const std::string&, const std::string&, const pb::Message*, ErrorLocation,
                  const std::string&) override {}
  void add(const std::string& problem) {
    if (text_.size() < kProblemBytesMax) text_ += (text_.empty() ? "" : "; ") + problem;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

class ProtobufSchema::Files final : public pb::DescriptorDatabase {
 public:
  Files(std::map<std::string, std::string> texts, Problems& problems) : texts_(std::move(texts)), problems_(problems) {}

  bool FindFileByName(const std::string& name, pb::FileDescriptorProto* out) override {
    if (const auto text = texts_.find(name); text != texts_.end()) return parse(name, text->second, *out);
    // Those that libprotobuf itself is linked with.
    const bool is_known = name.starts_with("google/protobuf/");
    const pb::FileDescriptor* known = is_known ? pb::DescriptorPool::generated_pool()->FindFileByName(name) : nullptr;
    if (known == nullptr) return false;
    known->CopyTo(out);
    return true;
  }
  bool FindFileContainingSymbol(const std::string&, pb::FileDescriptorProto*) override { return false; }
  bool FindFileContainingExtension(const std::string&, int, pb::FileDescriptorProto*) override { return false; }

 private:
  bool parse(const std::string& name, const std::string& text, pb::FileDescriptorProto& out) {
    if (nesting_of(text) > kNestingMax) {
      problems_.add(name + " is nested more than " + std::to_string(kNestingMax) + " deep");
      return false;
    }
    pb::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
    pb::io::Tokenizer tokenizer(&stream, &problems_);
    pb::compiler::Parser parser;
    parser.RecordErrorsTo(&problems_);
    out.Clear();
    if (!parser.Parse(&tokenizer, &out)) return false;
    out.set_name(name);
    return true;
  }

  const std::map<std::string, std::string> texts_;
  Problems& problems_;
};

ProtobufSchema::ProtobufSchema() = default;
ProtobufSchema::ProtobufSchema(ProtobufSchema&&) noexcept = default;
ProtobufSchema::~ProtobufSchema() = default;

Result<ProtobufSchema> ProtobufSchema::compile(std::string_view text,
                                               const std::map<std::string, std::string>& imports) {
  // The generated descriptors are registered by whoever uses their types.
  pb::Timestamp::descriptor();
  pb::Duration::descriptor();
  pb::Struct::descriptor();
  pb::Int64Value::descriptor();
  ProtobufSchema schema;
  std::map<std::string, std::string> texts = imports;
  texts[kRoot] = text;
  schema.problems_ = std::make_unique<Problems>();
  schema.files_ = std::make_unique<Files>(std::move(texts), *schema.problems_);
  schema.pool_ = std::make_unique<pb::DescriptorPool>(schema.files_.get(), schema.problems_.get());
  schema.root_ = schema.pool_->FindFileByName(kRoot);
  if (schema.root_ == nullptr) {
    return fail(ErrorCode::kInvalidArgument, "the Protobuf schema is wrong: " + schema.problems_->text());
  }
  return schema;
}

const pb::Descriptor* ProtobufSchema::message(const std::vector<int>& places) const {
  const pb::Descriptor* found = nullptr;
  for (const int place : places) {
    int left = place;
    const int count = found == nullptr ? root_->message_type_count() : found->nested_type_count();
    const pb::Descriptor* next = nullptr;
    for (int i = 0; i < count && next == nullptr; ++i) {
      const pb::Descriptor* of = found == nullptr ? root_->message_type(i) : found->nested_type(i);
      if (!of->options().map_entry() && left-- == 0) next = of;
    }
    if (next == nullptr) return nullptr;
    found = next;
  }
  return found;
}

}  // namespace mnema
