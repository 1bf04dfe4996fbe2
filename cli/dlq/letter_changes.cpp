#include "cli/dlq/letter_changes.hpp"

#include <future>

#include "agents/rest/admin_file.hpp"
#include "cli/dlq/admin_client.hpp"
#include "runtime/exec/thread_pool_executor.hpp"
#include "runtime/runtime.hpp"
#include "runtime/store/folder_lock.hpp"

namespace mnema {
namespace {

/// The folder for this process alone. Nothing is delivered and no turn starts.
class OwnedFolder final : public LetterChanges {
 public:
  ~OwnedFolder() override {
    if (runtime_) runtime_->close();
    loop_.stop();
    store_.stop();
  }

  Status open(const std::string& file, const Limits& limits) {
    limits_ = limits;
    Runtime::Options options;
    options.database.path = file;
    ASSIGN_OR_RETURN(runtime_, Runtime::open(std::move(options), {loop_, store_}, clock_, random_, limits_));
    return {};
  }

  Status redrive(const DeadLetterId& id, const Redrive& how) override {
    return wait<Status>([&](auto done) { runtime_->dead_letters().redrive(id, how, loop_, done); });
  }
  Status drop(const DeadLetterId& id) override {
    return wait<Status>([&](auto done) { runtime_->dead_letters().drop(id, loop_, done); });
  }
  Result<BulkChange> redrive_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count,
                                 const Redrive& how) override {
    return wait<Result<BulkChange>>(
        [&](auto done) { runtime_->dead_letters().redrive_all(filter, after, count, how, loop_, done); });
  }
  Result<BulkChange> drop_all(const DeadLetterFilter& filter, const DeadLetterId& after, int count) override {
    return wait<Result<BulkChange>>(
        [&](auto done) { runtime_->dead_letters().drop_all(filter, after, count, loop_, done); });
  }

 private:
  template <class Answer, class Start>
  Answer wait(const Start& start) {
    std::promise<Answer> ended;
    start([&ended](Answer answer) { ended.set_value(std::move(answer)); });
    return ended.get_future().get();
  }

  SystemClock clock_;
  SystemRandom random_;
  Limits limits_;
  ThreadPoolExecutor loop_{"loop", 1};
  ThreadPoolExecutor store_{"store", 1};
  std::unique_ptr<Runtime> runtime_;
};

}  // namespace

Result<std::unique_ptr<LetterChanges>> open_letter_changes(const std::string& folder, const Limits& limits) {
  const std::string file = folder + "/mnema.db";
  auto owned = std::make_unique<OwnedFolder>();
  const Status opened = owned->open(file, limits);
  if (opened.ok()) return std::unique_ptr<LetterChanges>(std::move(owned));
  // In use, or newer than this program: the lock tells.
  if (opened.error().code != ErrorCode::kFailedPrecondition) return opened.error();
  if (FolderLock::take(file + ".lock").ok()) return opened.error();
  Result<AdminFile> server = read_admin_file(folder);
  if (server.ok()) return AdminClient::open(std::move(*server));
  Error error = opened.error();
  error.hint = "it takes no commands: it is starting or ending, or it is another command; try again, or stop it";
  if (server.error().code == ErrorCode::kNotFound) return error;
  error.message += ", and how to reach it cannot be read: " + server.error().message;
  if (!server.error().hint.empty()) error.hint = server.error().hint;
  return error;
}

}  // namespace mnema
