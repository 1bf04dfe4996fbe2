#include "agents/rest/trust_name.hpp"

namespace mnema {

const char* name_of(Trust trust) {
  switch (trust) {
    case Trust::kUser:
      return "user";
    case Trust::kOperator:
      return "operator";
    case Trust::kSystem:
      return "system";
    case Trust::kExternal:
      break;
  }
  return "external";
}

}  // namespace mnema
