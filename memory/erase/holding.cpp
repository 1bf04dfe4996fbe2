#include "memory/erase/holding.hpp"

namespace mnema {

Holding holds_nothing(std::string why, std::vector<std::string> tables) {
  Holding holding;
  holding.name = std::move(why);
  holding.tables = std::move(tables);
  return holding;
}

}  // namespace mnema
