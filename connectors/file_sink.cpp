#include "connectors/file_sink.hpp"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <deque>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "connectors/base64.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// FNV-1a: the same on every machine and run, which std::hash does not promise.
std::uint64_t hash_of(std::string_view key) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (unsigned char c : key) hash = (hash ^ c) * 1099511628211ULL;
  return hash;
}

Error storage_error(const std::string& path, std::string_view what) {
  return fail_retryable(ErrorCode::kStorage,
                        "the file '" + path + "' cannot be " + std::string(what) + ": " + strerror(errno),
                        "check the path, its permissions and the free space");
}

/// How every line of ours begins.
constexpr std::string_view kLineStart = R"({"idempotency_key":")";

/// The idempotency key of a line that we wrote, or none.
std::optional<std::string> key_of(std::string_view line) {
  boost::system::error_code error;
  json::value value = json::parse(line, error);
  const json::object* object = error ? nullptr : value.if_object();
  const json::value* key = object ? object->if_contains("idempotency_key") : nullptr;
  if (key == nullptr || !key->is_string()) return std::nullopt;
  return std::string(key->get_string());
}

std::string line_of(const OutboxMessage& message) {
  json::object line;
  line["idempotency_key"] = message.idempotency_key;
  line["destination"] = message.destination;
  line["key"] = message.key;
  line["content_type"] = message.content_type;
  boost::system::error_code error;
  json::value body;
  if (message.content_type.find("json") != std::string::npos) body = json::parse(message.body, error);
  if (body.is_null()) body = message.body;
  line["body"] = std::move(body);
  std::string text = json::serialize(line);
  // Bytes that are no UTF-8 text would make a line that nobody can read back.
  if (!key_of(text)) {
    line.erase("body");
    line["body_base64"] = base64_encode(message.body);
    text = json::serialize(line);
  }
  return text + "\n";
}

}  // namespace

struct FileSink::Shared {
  ~Shared() {
    if (descriptor >= 0) ::close(descriptor);
  }

  /// Calls `each(line, number)` for every whole line; returns the bytes they take. Requires mutex (or construction).
  Result<std::int64_t> for_each_line(const std::function<Status(std::string_view, std::int64_t)>& each) const;
  Result<bool> contains(const std::string& key) const;  // requires mutex
  Status append(const OutboxMessage& message);          // takes mutex
  Status cut_torn_line();                               // requires construction

  std::string path;
  int descriptor = -1;
  mutable std::mutex mutex;
  std::unordered_set<std::uint64_t> keys;  // guarded by mutex
  std::int64_t lines = 0;                  // guarded by mutex
  std::int64_t bytes = 0;                  // guarded by mutex
};

Result<std::int64_t> FileSink::Shared::for_each_line(
    const std::function<Status(std::string_view, std::int64_t)>& each) const {
  std::string pending;
  std::int64_t offset = 0;
  std::int64_t whole = 0;
  std::int64_t number = 0;
  std::array<char, 65536> buffer{};
  while (true) {
    ssize_t count = pread(descriptor, buffer.data(), buffer.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_error(path, "read");
    if (count == 0) return whole;
    offset += count;
    pending.append(buffer.data(), static_cast<std::size_t>(count));
    std::size_t start = 0;
    for (std::size_t end = pending.find('\n'); end != std::string::npos; end = pending.find('\n', start)) {
      RETURN_IF_ERROR(each(std::string_view(pending).substr(start, end - start), ++number));
      whole += static_cast<std::int64_t>(end - start + 1);
      start = end + 1;
    }
    pending.erase(0, start);
  }
}

Result<bool> FileSink::Shared::contains(const std::string& key) const {
  if (!keys.contains(hash_of(key))) return false;
  bool found = false;
  Result<std::int64_t> read = for_each_line([&](std::string_view line, std::int64_t) -> Status {
    found = found || key_of(line) == key;
    return {};
  });
  if (!read.ok()) return read.error();
  return found;
}

Status FileSink::Shared::append(const OutboxMessage& message) {
  std::lock_guard lock(mutex);
  ASSIGN_OR_RETURN(bool known, contains(message.idempotency_key));
  if (known) return {};
  std::string line = line_of(message);
  ssize_t written = pwrite(descriptor, line.data(), line.size(), bytes);
  if (written != static_cast<ssize_t>(line.size()) || fdatasync(descriptor) != 0) {
    Error error = storage_error(path, "written");
    // What was written in part must not become the beginning of the next line.
    if (ftruncate(descriptor, bytes) != 0)
      error.hint += "; the file may end in a torn line, which the next start cuts off";
    return error;
  }
  bytes += written;
  ++lines;
  keys.insert(hash_of(message.idempotency_key));
  return {};
}

/// What follows the last line end is cut off if it is what a crash inside a write leaves: the beginning of one of our
/// lines. Anything else belongs to somebody.
Status FileSink::Shared::cut_torn_line() {
  std::array<char, kLineStart.size()> start{};
  const ssize_t count = pread(descriptor, start.data(), start.size(), bytes);
  if (count < 0) return storage_error(path, "read");
  if (!kLineStart.starts_with(std::string_view(start.data(), static_cast<std::size_t>(count)))) {
    return fail(ErrorCode::kCorrupt, "the last line of '" + path + "' has no end and is not one of ours",
                "move the file away or choose another; what it holds is not touched");
  }
  if (ftruncate(descriptor, bytes) != 0 || fsync(descriptor) != 0) {
    return storage_error(path, "cut after its last whole line");
  }
  return {};
}

Result<std::unique_ptr<FileSink>> FileSink::open(std::string path, Executor& blocking) {
  auto shared = std::make_shared<Shared>();
  shared->path = std::move(path);
  shared->descriptor = ::open(shared->path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
  if (shared->descriptor < 0) return storage_error(shared->path, "opened");
  struct stat what{};
  if (fstat(shared->descriptor, &what) != 0) return storage_error(shared->path, "looked at");
  if (!S_ISREG(what.st_mode)) {
    return fail(ErrorCode::kFailedPrecondition, "'" + shared->path + "' is no regular file",
                "choose a file; a pipe or device does not keep what is delivered to it");
  }
  if (flock(shared->descriptor, LOCK_EX | LOCK_NB) != 0) {
    return fail(ErrorCode::kFailedPrecondition, "the file '" + shared->path + "' is written by another process",
                "stop that process or choose another file");
  }
  Result<std::int64_t> whole = shared->for_each_line([&](std::string_view line, std::int64_t number) -> Status {
    auto key = key_of(line);
    if (!key) {
      return fail(ErrorCode::kCorrupt,
                  "line " + std::to_string(number) + " of '" + shared->path + "' is not one of ours",
                  "move the file away or choose another; what it holds is not touched");
    }
    shared->keys.insert(hash_of(*key));
    ++shared->lines;
    return {};
  });
  if (!whole.ok()) return whole.error();
  shared->bytes = *whole;
  RETURN_IF_ERROR(shared->cut_torn_line());
  // The name itself must survive a crash too.
  std::size_t slash = shared->path.rfind('/');
  std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : shared->path.substr(0, slash);
  int directory = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (directory >= 0) {
    int synced = fsync(directory);
    ::close(directory);
    if (synced != 0) return storage_error(shared->path, "made durable");
  }
  return std::unique_ptr<FileSink>(new FileSink(std::move(shared), blocking));
}

/// Rows that wait for their turn, and the one that is being written.
struct FileSink::Queue : std::enable_shared_from_this<FileSink::Queue> {
  struct Delivery {
    OutboxMessage message;
    Executor& reply_to;
    std::function<void(Status)> done;
  };

  Queue(std::shared_ptr<Shared> file_in, Executor& blocking_in) : file(std::move(file_in)), blocking(blocking_in) {}

  void add(Delivery delivery);
  void write_next();
  void stop();
  static void answer(const Delivery& delivery, const Status& status) {
    delivery.reply_to.post([done = delivery.done, status] { done(status); });
  }
  static void cancel(const Delivery& delivery, bool may_be_written) {
    Error error = fail(ErrorCode::kCancelled, "a delivery was cancelled: its sink stops");
    error.never_left = !may_be_written;
    answer(delivery, error);
  }

  const std::shared_ptr<Shared> file;
  Executor& blocking;
  std::mutex mutex;  // guards the rest; never held while something is written
  std::deque<std::shared_ptr<Delivery>> waiting;
  std::shared_ptr<Delivery> writing;
  bool stopped = false;
};

void FileSink::Queue::add(Delivery delivery) {
  auto added = std::make_shared<Delivery>(std::move(delivery));
  {
    std::lock_guard lock(mutex);
    if (stopped) return cancel(*added, false);
    if (writing) return waiting.push_back(std::move(added));
    writing = std::move(added);
  }
  blocking.post([self = shared_from_this()] { self->write_next(); });
}

void FileSink::Queue::write_next() {
  std::shared_ptr<Delivery> mine;
  {
    std::lock_guard lock(mutex);
    if (!writing) return;  // cancelled before its turn
    mine = writing;
  }
  const Status status = file->append(mine->message);
  {
    std::lock_guard lock(mutex);
    if (writing != mine) return;  // its answer was kCancelled
    writing = waiting.empty() ? nullptr : std::move(waiting.front());
    if (writing) waiting.pop_front();
    if (writing) blocking.post([self = shared_from_this()] { self->write_next(); });
  }
  answer(*mine, status);
}

void FileSink::Queue::stop() {
  std::shared_ptr<Delivery> cut;
  std::deque<std::shared_ptr<Delivery>> dropped;
  {
    std::lock_guard lock(mutex);
    stopped = true;
    cut = std::exchange(writing, nullptr);
    dropped.swap(waiting);
  }
  if (cut) cancel(*cut, true);
  for (const auto& delivery : dropped) cancel(*delivery, false);
}

FileSink::FileSink(std::shared_ptr<Shared> shared, Executor& blocking)
    : shared_(shared), queue_(std::make_shared<Queue>(std::move(shared), blocking)) {}

FileSink::~FileSink() = default;

void FileSink::deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) {
  CHECK(!message.idempotency_key.empty(), "an outbox row has an idempotency key");
  queue_->add({std::move(message), reply_to, std::move(done)});
}

void FileSink::stop() { queue_->stop(); }

void FileSink::check_integrity() const {
  std::lock_guard lock(shared_->mutex);
  std::int64_t lines = 0;
  std::unordered_set<std::uint64_t> keys;
  Result<std::int64_t> whole = shared_->for_each_line([&](std::string_view line, std::int64_t) -> Status {
    auto key = key_of(line);
    CHECK(key.has_value(), "every line of the file is one of ours");
    keys.insert(hash_of(*key));
    ++lines;
    return {};
  });
  CHECK(whole.ok() && *whole == shared_->bytes, "the file has the bytes that were written");
  CHECK(lines == shared_->lines && keys == shared_->keys, "lines in the file == keys known");
}

}  // namespace mnema
