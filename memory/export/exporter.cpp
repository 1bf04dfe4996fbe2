#include "memory/export/exporter.hpp"

#include <boost/json/serialize.hpp>

#include "memory/erase_holdings.hpp"
#include "memory/export/export_rows_store.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;

Result<ExportCounts> export_memory(Transaction& transaction, const ExportOptions& options,
                                   const std::function<Status(const std::string& line)>& put) {
  const Scope& wanted = options.scope;
  ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, wanted.tenant));
  if (!tenant) return fail(ErrorCode::kNotFound, "memory has nothing of tenant '" + wanted.tenant + "'");
  ExportCounts counts;
  std::int64_t lines = 0;
  const auto put_object = [&](json::object object) -> Status {
    const json::value* type = object.if_contains("type");
    if (type != nullptr) ++counts.lines[std::string(type->as_string())];
    ++lines;
    const std::string line = json_text(object) + "\n";
    counts.bytes += static_cast<std::int64_t>(line.size());
    return put(line);
  };
  RETURN_IF_ERROR(put_object({{"mnema_memory_export", kExportFormat}, {"tenant", wanted.tenant}}));

  ASSIGN_OR_RETURN(const auto scopes, export_rows_store::scopes(transaction, *tenant, wanted));
  export_rows_store::Episodes episodes{*tenant, wanted, {}, options.vectors};
  for (const export_rows_store::Exported& of : scopes) {
    episodes.scopes.insert(of.key.scope);
    RETURN_IF_ERROR(export_rows_store::documents(transaction, of, options.vectors, put_object));
    for (const Holding& holding : holdings()) {
      if (!holding.write) continue;
      Status status;
      RETURN_IF_ERROR(holding.write(transaction, of.key, [&](json::object row) {
        if (!status.ok()) return;
        status = put_object(
            {{"type", holding.name}, {"scope", export_rows_store::scope_json(of.scope)}, {"row", std::move(row)}});
      }));
      RETURN_IF_ERROR(status);
    }
  }
  RETURN_IF_ERROR(export_rows_store::threads(transaction, episodes, put_object));
  RETURN_IF_ERROR(put_object({{"end", true}, {"lines", lines}}));
  return counts;
}

}  // namespace mnema
