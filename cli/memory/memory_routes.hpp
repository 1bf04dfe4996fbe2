// cli/memory/memory_routes.hpp
//
// Who carries out what `mnema memory` asks: the server that has the data folder in use, by its admin routes, or this
// process, which then has the folder to itself and calls the same routes without a network. So a command, its answers
// and its errors are the same beside a running server and without one.
//
// Threads: confined to one; `call` waits.
#pragma once

#include <boost/json/value.hpp>
#include <memory>
#include <string>

#include "runtime/base/result.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

class MemoryRoutes {
 public:
  virtual ~MemoryRoutes() = default;
  /// `target`: path and query. `what` names, in errors, what may have changed; "" = nothing may. Errors: as
  /// AdminConnection::call.
  [[nodiscard]] Result<boost::json::value> call(const std::string& method, const std::string& target,
                                                const std::string& body, const std::string& what);
  /// Whether a server answers, which goes on with what it was asked when this program ends.
  [[nodiscard]] virtual bool is_server() const = 0;

 protected:
  virtual Result<std::string> exchange(const std::string& method, const std::string& target, const std::string& body,
                                       const std::string& what) = 0;
};

struct MemoryRoutesNeed {
  std::string folder;        // of the data; its file is there
  Config config;             // limits, models
  bool for_vectors = false;  // without a server, the encoder of the folder's vectors is loaded, if it is on this disk
};
/// Errors: those of Database::open; `kFailedPrecondition` if the folder is in use by a process that takes no commands.
[[nodiscard]] Result<std::unique_ptr<MemoryRoutes>> open_memory_routes(const MemoryRoutesNeed& need);

}  // namespace mnema
