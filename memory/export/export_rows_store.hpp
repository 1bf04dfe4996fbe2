// memory/export/export_rows_store.hpp
//
// Episodes, documents and places in chains as the objects of an export. The reading counterpart is
// memory/import/import_rows_store.hpp.
//
// Threads: inside Database::read.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::export_rows_store {

using Put = std::function<Status(boost::json::object)>;

[[nodiscard]] boost::json::object scope_json(const Scope& scope);

struct Exported {
  ScopeKey key;
  Scope scope;
};
/// The scopes that have all names of `wanted`, by name.
[[nodiscard]] Result<std::vector<Exported>> scopes(Transaction& transaction, TenantId tenant, const Scope& wanted);

/// Documents that are seen, each with its chunks.
[[nodiscard]] Status documents(Transaction& transaction, const Exported& of, bool vectors, const Put& put);
/// Whose episodes are exported: of these scopes; and of a thread that is called as the session, if one is named, those
/// that have its other names.
struct Episodes {
  TenantId tenant = 0;
  Scope wanted;
  std::set<ScopeId> scopes;
  bool vectors = false;
};
/// Thread by thread, by name, in their order there; others' places with their hashes alone; then the turns of its chat.
[[nodiscard]] Status threads(Transaction& transaction, const Episodes& which, const Put& put);

}  // namespace mnema::export_rows_store
