#include "connectors/shape_store.hpp"

#include <boost/json/serialize.hpp>

#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

std::vector<Migration> ShapeStore::migrations() {
  return {{"answer_shapes", 1,
           "CREATE TABLE answer_shapes("
           "  connector TEXT NOT NULL,"
           "  call TEXT NOT NULL,"
           "  shape TEXT NOT NULL,"
           "  PRIMARY KEY(connector, call)) WITHOUT ROWID, STRICT;"}};
}

Result<std::map<std::string, JsonShape>> ShapeStore::load(const std::string& connector) {
  using Shapes = std::map<std::string, JsonShape>;
  return database_.read<Shapes>([&](Transaction& transaction) -> Result<Shapes> {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT call, shape FROM answer_shapes WHERE connector = ?1 ORDER BY call"));
    select.bind(1, std::string_view(connector));
    Shapes shapes;
    while (true) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) return shapes;
      const auto parsed = parse_bounded_json(select.text(1), "a stored shape", kWrittenByUs);
      if (!parsed.ok()) continue;
      Result<JsonShape> shape = JsonShape::from_json(*parsed);
      if (shape.ok()) shapes.emplace(select.text(0), std::move(*shape));
    }
  });
}

void ShapeStore::keep(const std::string& connector, const std::string& call, const JsonShape& shape) {
  auto unit = [connector, call, text = boost::json::serialize(shape.to_json())](Transaction& transaction) -> Status {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO answer_shapes(connector, call, shape) VALUES(?1, ?2, ?3)"
                                         " ON CONFLICT(connector, call) DO UPDATE SET shape = excluded.shape"));
    insert.bind(1, std::string_view(connector)).bind(2, std::string_view(call)).bind(3, std::string_view(text));
    return insert.run();
  };
  database_.write<void>(WritePriority::kBackground, unit, reply_to_, [connector, call](const Status& status) {
    if (status.ok()) return;
    log_warning("connectors", "the shape of an answer could not be stored",
                {{"connector", connector}, {"call", call}, {"error", status.error().text()}});
  });
}

}  // namespace mnema
