#include "cli/memory/memory_routes.hpp"

#include <utility>

#include "agents/rest/admin_file.hpp"
#include "cli/dlq/admin_connection.hpp"
#include "cli/memory/owned_folder.hpp"
#include "runtime/base/json.hpp"
#include "runtime/store/folder_lock.hpp"

namespace mnema {
namespace {

class ServerRoutes final : public MemoryRoutes {
 public:
  explicit ServerRoutes(std::unique_ptr<AdminConnection> connection) : connection_(std::move(connection)) {}
  bool is_server() const override { return true; }

 protected:
  Result<std::string> exchange(const std::string& method, const std::string& target, const std::string& body,
                               const std::string& what) override {
    return connection_->call(method, target, body, what);
  }

 private:
  const std::unique_ptr<AdminConnection> connection_;
};

}  // namespace

Result<boost::json::value> MemoryRoutes::call(const std::string& method, const std::string& target,
                                              const std::string& body, const std::string& what) {
  ASSIGN_OR_RETURN(const std::string text, exchange(method, target, body, what));
  return parse_bounded_json(text, "the answer", kWrittenByUs);
}

Result<std::unique_ptr<MemoryRoutes>> open_memory_routes(const MemoryRoutesNeed& need) {
  auto owned = OwnedFolder::open(need);
  if (owned.ok()) return std::unique_ptr<MemoryRoutes>(std::move(*owned));
  // In use, or newer than this program: the lock tells.
  if (owned.error().code != ErrorCode::kFailedPrecondition) return owned.error();
  if (FolderLock::take(need.folder + "/mnema.db.lock").ok()) return owned.error();
  Result<AdminFile> server = read_admin_file(need.folder);
  if (server.ok()) {
    ASSIGN_OR_RETURN(auto connection, AdminConnection::open(std::move(*server)));
    return std::unique_ptr<MemoryRoutes>(std::make_unique<ServerRoutes>(std::move(connection)));
  }
  Error error = owned.error();
  error.hint = "it takes no commands: it is starting or ending, or it is another command; try again, or stop it";
  if (server.error().code != ErrorCode::kNotFound) {
    error.message += ", and how to reach it cannot be read: " + server.error().message;
    if (!server.error().hint.empty()) error.hint = server.error().hint;
  }
  return error;
}

}  // namespace mnema
