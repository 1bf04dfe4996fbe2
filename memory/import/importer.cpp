#include "memory/import/importer.hpp"

#include <boost/json/object.hpp>

#include "memory/export/exporter.hpp"
#include "memory/import/import_rows_store.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::size_t kLinesPerUnit = 32;  // beside the 2 ms that a unit may take
constexpr std::size_t kRefusedShown = 100;

void refuse(ImportReport& report, std::int64_t line, const Error& error) {
  if (report.refused.size() >= kRefusedShown) return void(++report.refused_more);
  report.refused.push_back({line, error.message + (error.hint.empty() ? "" : " (" + error.hint + ")")});
}

void add(ImportReport& sum, const ImportReport& part) {
  for (const auto& [type, count] : part.imported) sum.imported[type] += count;
  sum.duplicates += part.duplicates;
  sum.refused_more += part.refused_more;
  for (const ImportReport::Refused& one : part.refused) {
    if (sum.refused.size() < kRefusedShown) {
      sum.refused.push_back(one);
    } else {
      ++sum.refused_more;
    }
  }
}

Result<json::object> object_of(std::string_view line) {
  ASSIGN_OR_RETURN(json::value value, parse_bounded_json(line, "the line", kWrittenByUs));
  if (json::object* object = value.if_object()) return std::move(*object);
  return fail(ErrorCode::kInvalidArgument, "the line is no object");
}

}  // namespace

Result<std::string> read_export_head(std::string_view line) {
  const Result<json::object> head = object_of(line);
  const json::value* format = head.ok() ? head->if_contains("mnema_memory_export") : nullptr;
  const json::value* tenant = head.ok() ? head->if_contains("tenant") : nullptr;
  if (format == nullptr || !format->is_int64() || tenant == nullptr || !tenant->is_string()) {
    return fail(ErrorCode::kInvalidArgument, "this is no export of memory",
                "its first line is {\"mnema_memory_export\": 1, \"tenant\": …}, as 'mnema memory export' writes it");
  }
  if (format->get_int64() > kExportFormat) {
    return fail(ErrorCode::kUnsupported,
                "the export is of format " + std::to_string(format->get_int64()) + ", this program reads up to " +
                    std::to_string(kExportFormat),
                "use the newer program");
  }
  return std::string(tenant->get_string());
}

struct Importer::Taking {
  std::string tenant;
  std::vector<ImportLine> lines;
  Executor* reply_to = nullptr;
  std::function<void(Result<ImportReport>)> on_done;
  std::size_t done = 0;
  ImportReport report;

  void answer(Result<ImportReport> result) const {
    reply_to->post([on_done = on_done, result = std::move(result)] { on_done(result); });
  }
};

void Importer::take(std::string tenant, std::vector<ImportLine> lines, Executor& reply_to,
                    std::function<void(Result<ImportReport>)> on_done) {
  const auto taking = std::make_shared<Taking>();
  taking->tenant = std::move(tenant);
  taking->lines = std::move(lines);
  taking->reply_to = &reply_to;
  taking->on_done = std::move(on_done);
  if (taking->tenant.empty()) {
    return taking->answer(fail(ErrorCode::kInvalidArgument, "an import needs to know whose it is"));
  }
  strand_.post([self = shared_from_this(), taking] { self->next(taking); });
}

void Importer::next(const std::shared_ptr<Taking>& taking) {
  if (closed_) return taking->answer(fail(ErrorCode::kCancelled, "memory is closed", "import the file again"));
  if (taking->done == taking->lines.size()) return taking->answer(taking->report);
  const std::size_t end = std::min(taking->done + kLinesPerUnit, taking->lines.size());
  database_.write<ImportReport>(
      WritePriority::kBackground,
      [self = shared_from_this(), taking, end](Transaction& transaction) {
        return self->unit(transaction, *taking, end);
      },
      strand_,
      [self = shared_from_this(), taking, end](const Result<ImportReport>& done) {
        if (!done.ok()) return taking->answer(done.error());
        add(taking->report, *done);
        taking->done = end;
        self->next(taking);
      });
}

Result<ImportReport> Importer::unit(Transaction& transaction, const Taking& taking, std::size_t end) {
  ImportReport report;
  import_rows_store::Context context{taking.tenant,
                                     terms_,
                                     facts_,
                                     limits_,
                                     draw_tag_(),
                                     followers_.index->embedder(),
                                     followers_.index->dimensions(),
                                     {}};
  for (std::size_t i = taking.done; i < end; ++i) {
    const ImportLine& line = taking.lines[i];
    const Result<json::object> object = object_of(line.text);
    if (!object.ok()) {
      refuse(report, line.number, object.error());
      continue;
    }
    if (object->contains("mnema_memory_export")) {
      const auto head = read_export_head(line.text);
      if (!head.ok()) return head.error();
      continue;
    }
    if (object->contains("end")) continue;
    const std::size_t vectors = context.added.size();
    const Result<bool> stored = import_rows_store::alone<bool>(
        transaction, [&] { return import_rows_store::store(transaction, *object, context); });
    if (!stored.ok()) {
      context.added.resize(vectors);
      if (stored.error().code == ErrorCode::kStorage || stored.error().code == ErrorCode::kCorrupt) {
        return stored.error();
      }
      refuse(report, line.number, stored.error());
    } else if (*stored) {
      ++report.imported[std::string(object->at("type").as_string())];
    } else {
      ++report.duplicates;
    }
  }
  RETURN_IF_ERROR(followers_.follow(transaction, 0, {}));
  transaction.after_commit([index = followers_.index, added = std::move(context.added)] {
    if (index->dimensions() == 0) return;  // the next start brings them in
    for (const vector_store::VectorRow& row : added) index->added(row);
  });
  return report;
}

}  // namespace mnema
