#include "cli/models/quantize.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "cli/models/progress_bar.hpp"
#include "inference/formats/gguf.hpp"
#include "inference/formats/gguf_writer.hpp"
#include "inference/kernels/matmul.hpp"
#include "inference/kernels/quantize_blocks.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/model/backend_cpu.hpp"
#include "inference/model/hyper_parameters.hpp"
#include "inference/tokenizer/gguf_tokenizer.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceValues = 8 << 20;

double bits_per_value(QuantType type) {
  const QuantTraits traits = traits_of(type);
  return 8.0 * traits.block_bytes / traits.block_values;
}

bool is_matrix(const GgufTensor& tensor) { return tensor.shape.size() == 2 && tensor.rows() > 1; }

bool is_output(const GgufFile& file, const GgufTensor& tensor) {
  return tensor.name == (file.find_tensor("output.weight") != nullptr ? "output.weight" : "token_embd.weight");
}

QuantType type_after(const GgufFile& file, const GgufTensor& tensor, QuantType wanted) {
  if (is_output(file, tensor) && bits_per_value(wanted) < bits_per_value(QuantType::kQ8_0)) wanted = QuantType::kQ8_0;
  const bool whole_blocks = tensor.columns() % static_cast<std::size_t>(traits_of(wanted).block_values) == 0;
  return is_matrix(tensor) && whole_blocks ? wanted : tensor.type;
}

/// What other programs show as the file's kind: ggml's numbers of whole-file types.
std::uint32_t file_type_of(QuantType type) {
  switch (type) {
    case QuantType::kF16:
      return 1;
    case QuantType::kQ4_0:
      return 2;
    case QuantType::kQ4_1:
      return 3;
    case QuantType::kQ8_0:
      return 7;
    case QuantType::kQ5_0:
      return 8;
    case QuantType::kQ5_1:
      return 9;
    default:
      return 0;
  }
}

Status check_source(const GgufFile& source, const QuantizeOptions& options) {
  const Result<HyperParameters> parameters = read_hyper_parameters(source);
  if (!parameters.ok()) return parameters.error();
  bool changes = false;
  for (const GgufTensor& tensor : source.tensors()) {
    changes |= type_after(source, tensor, options.type) != tensor.type;
    if (is_matrix(tensor) && bits_per_value(tensor.type) < bits_per_value(QuantType::kQ8_0) && !options.force) {
      return fail(ErrorCode::kFailedPrecondition,
                  fmt::format("'{}' is quantised already: tensor '{}' is {}", source.path(), tensor.name,
                              traits_of(tensor.type).name),
                  "start from the F16, BF16 or Q8_0 file of the model; --force goes on and loses accuracy twice");
    }
  }
  if (changes) return {};
  return fail(ErrorCode::kFailedPrecondition,
              fmt::format("'{}' has nothing to change: its matrices are {} already", source.path(),
                          traits_of(options.type).name),
              "choose another --type");
}

Status check_target(const std::string& source, const std::string& target, bool force) {
  std::error_code ignored;
  if (!fs::exists(target, ignored)) return {};
  if (fs::equivalent(source, target, ignored)) {
    return fail(ErrorCode::kFailedPrecondition, fmt::format("'{}' is source and target", target),
                "name another file; the original is worth keeping");
  }
  if (force) return {};
  return fail(ErrorCode::kAlreadyExists, fmt::format("'{}' exists", target), "--force replaces it");
}

/// The metadata, except what says how the weights are kept.
void copy_metadata(const GgufFile& source, QuantType type, GgufWriter& out) {
  for (const std::string_view key : source.keys()) {
    if (key == "general.file_type" || key == "general.quantization_version" || key == "general.alignment") continue;
    out.set_encoded(key, source.encoded(key));
  }
  out.set_integer("general.file_type", file_type_of(type));
  out.set_integer("general.quantization_version", 2);
}

/// Rows [first, first + count) of `tensor` as `type`. False when a value is beyond what the type can hold.
bool convert_rows(const GgufTensor& tensor, QuantType type, std::size_t first, std::size_t count, std::byte* out,
                  ThreadPool& pool) {
  const std::size_t columns = tensor.columns();
  const std::size_t row_before = row_bytes(tensor.type, columns), row_after = row_bytes(type, columns);
  std::atomic<bool> fits = true;
  pool.run([&](int worker) {
    std::vector<float> values(columns);
    const Share share = share_of(count, 1, worker, pool.threads());
    for (std::size_t row = share.begin; row < share.end; ++row) {
      dequantize_row(tensor.type, tensor.data.data() + (first + row) * row_before, values.data(), columns);
      for (const float value : values) {
        if (!(std::fabs(value) <= kQuantizeMax)) {  // also where it is no number
          fits = false;
          return;
        }
      }
      quantize_row(type, values, out + row * row_after);
    }
  });
  return fits;
}

Status append_tensor(const GgufFile& source, const GgufTensor& tensor, QuantType type, GgufWriter& out,
                     ThreadPool& pool, std::vector<std::byte>& piece) {
  if (type == tensor.type) return out.append(tensor.data);
  const std::size_t rows_at_once = std::max<std::size_t>(1, kPieceValues / tensor.columns());
  for (std::size_t row = 0; row < tensor.rows(); row += rows_at_once) {
    const std::size_t count = std::min(rows_at_once, tensor.rows() - row);
    piece.resize(count * row_bytes(type, tensor.columns()));
    if (!convert_rows(tensor, type, row, count, piece.data(), pool)) {
      return fail(ErrorCode::kUnsupported,
                  fmt::format("tensor '{}' of '{}' holds a value that is no number or beyond {}", tensor.name,
                              source.path(), kQuantizeMax),
                  "half floats, and scales in them, cannot hold it; verify the source file's SHA-256");
    }
    RETURN_IF_ERROR(out.append(piece));
  }
  return {};
}

/// Loads the file as the engine does and computes one token.
Status check_result(const std::string& path, ThreadPool& pool) {
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> file, GgufFile::open(path));
  ASSIGN_OR_RETURN(const std::shared_ptr<const Tokenizer> tokenizer, tokenizer_from_gguf(*file));
  CpuBackendOptions options;
  options.kv_memory_bytes = 1;  // one page
  options.tokens_per_step_max = 1;
  ASSIGN_OR_RETURN(const std::unique_ptr<Backend> backend, load_cpu_backend(file, options, pool));
  const TokenId token = 0;
  const PageId page = 0;
  std::vector<float> logits;
  SequenceStep step;
  step.tokens = {&token, 1};
  step.pages = {&page, 1};
  step.logits_wanted = 1;
  step.logits = &logits;
  Status status;
  backend->step({&step, 1}, [&status](Status done) { status = std::move(done); });
  RETURN_IF_ERROR(status);
  if (std::all_of(logits.begin(), logits.end(), [](float logit) { return std::isfinite(logit); })) return {};
  return fail(ErrorCode::kCorrupt, "its first token has no finite probabilities");
}

}  // namespace

Result<QuantizeReport> quantize_model(const std::string& source, const std::string& target,
                                      const QuantizeOptions& options, const Clock& clock) {
  const MonotonicTime begin = clock.monotonic_now();
  RETURN_IF_ERROR(check_target(source, target, options.force));
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> file, GgufFile::open(source));
  RETURN_IF_ERROR(check_source(*file, options));
  ASSIGN_OR_RETURN(const std::unique_ptr<GgufWriter> out, GgufWriter::create(target));
  copy_metadata(*file, options.type, *out);
  QuantizeReport report;
  for (const GgufTensor& tensor : file->tensors()) {
    const QuantType type = type_after(*file, tensor, options.type);
    out->declare(tensor.name, type, tensor.shape);
    ++(type == tensor.type ? report.tensors_kept : report.tensors_quantized);
  }
  ThreadPool pool(std::max(1, static_cast<int>(std::thread::hardware_concurrency())), false);
  {
    std::unique_ptr<ProgressBar> bar;
    const std::string label = fs::path(target).filename().string();
    if (!options.quiet)
      bar = std::make_unique<ProgressBar>(label, static_cast<std::int64_t>(out->tensor_bytes()), clock);
    std::vector<std::byte> piece;
    std::int64_t done_bytes = 0;
    for (const GgufTensor& tensor : file->tensors()) {
      const QuantType type = type_after(*file, tensor, options.type);
      RETURN_IF_ERROR(append_tensor(*file, tensor, type, *out, pool, piece));
      file->drop_pages(tensor.data);
      done_bytes += static_cast<std::int64_t>(row_bytes(type, tensor.columns()) * tensor.rows());
      if (bar) bar->update(done_bytes);
    }
  }
  RETURN_IF_ERROR(out->finish([&](const std::string& path) -> Status {
    const Status status = check_result(path, pool);
    if (status.ok()) return {};
    return fail(status.error().code,
                fmt::format("the result does not run, so '{}' was not written: {}", target, status.error().message),
                status.error().hint);
  }));
  std::error_code ignored;
  report.source_bytes = file->file_bytes();
  report.target_bytes = fs::file_size(target, ignored);
  report.seconds = std::chrono::duration<double>(clock.monotonic_now() - begin).count();
  return report;
}

}  // namespace mnema
