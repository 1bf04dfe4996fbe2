#include "memory/documents/text_tools.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <optional>

namespace mnema {
namespace {

// Sets bounds and becomes the program: bounds that we set on a running child would come too late.
const std::vector<std::string> kBounded = {"/usr/bin/prlimit", "--data=1073741824", "--cpu=60",
                                           "--fsize=0",        "--core=0",          "--"};
constexpr int kExitLookMs = 5;

struct Tool {
  const char* program;
  const char* package;
};
Tool tool_of(MediaType format) {
  return format == MediaType::kPdf ? Tool{"pdftotext", "poppler-utils"} : Tool{"pandoc", "pandoc"};
}

/// A child that is killed, with all that it has started, unless it was seen to end.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  ~Child() {
    if (id_ == 0) return;
    kill(-id_, SIGKILL);
    while (waitpid(id_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Its status, once it has ended.
  [[nodiscard]] std::optional<int> ended() {
    int status = 0;
    const pid_t found = waitpid(id_, &status, WNOHANG);
    if (found == 0 || (found < 0 && errno == EINTR)) return {};
    id_ = 0;
    return found < 0 ? 0 : status;  // below 0: the program has asked not to be told (SIGCHLD ignored)
  }

 private:
  pid_t id_;
};

}  // namespace

bool TextTools::needs_one(MediaType format) { return format == MediaType::kPdf || format == MediaType::kDocx; }

Result<std::string> TextTools::read(MediaType format, const std::string& path) const {
  const Tool tool = tool_of(format);
  const std::string program = find(tool.program);
  if (program.empty()) {
    return fail(ErrorCode::kUnsupported, std::string("needs ") + tool.program + ", which is not installed",
                std::string("install the package ") + tool.package);
  }
  // Absolute, so that no name passes for an option.
  std::error_code error;
  const std::string absolute = std::filesystem::absolute(path, error).string();
  if (error) return fail(ErrorCode::kInvalidArgument, "has no absolute path: " + error.message());
  if (format == MediaType::kPdf) return run(program, {"-q", "-enc", "UTF-8", absolute, "-"});
  return run(program, {"--sandbox", "--from=docx", "--to=gfm", "--wrap=none", absolute});
}

std::string TextTools::find(const std::string& program) const {
  const char* own = std::getenv("PATH");
  std::string folders = !options_.search_path.empty() ? options_.search_path : own != nullptr ? own : "";
  for (std::size_t at = 0; at < folders.size();) {
    const std::size_t end = std::min(folders.find(':', at), folders.size());
    const std::string candidate = folders.substr(at, end - at) + "/" + program;
    if (end > at && folders[at] == '/' && access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

Result<std::string> TextTools::run(const std::string& program, std::vector<std::string> arguments) const {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) {
    return fail(ErrorCode::kInternal, std::string("has no pipe to be read through: ") + strerror(errno));
  }
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // a group of its own, which can be killed whole
  posix_spawnattr_setpgroup(&attributes, 0);
  arguments.insert(arguments.begin(), program);
  arguments.insert(arguments.begin(), kBounded.begin(), kBounded.end());
  std::vector<char*> words;
  for (std::string& argument : arguments) words.push_back(argument.data());
  words.push_back(nullptr);
  std::array<std::string, 3> environment = {"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "HOME=/nonexistent"};
  std::array<char*, 4> variables = {environment[0].data(), environment[1].data(), environment[2].data(), nullptr};
  pid_t id = 0;
  const int spawned = posix_spawn(&id, kBounded[0].c_str(), &actions, &attributes, words.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(ends[1]);
  if (spawned != 0) {
    close(ends[0]);
    return fail(ErrorCode::kInternal, "cannot be read by " + program + ": " + strerror(spawned));
  }
  Child child(id);

  const MonotonicTime deadline = clock_.monotonic_now() + options_.time_max;
  const auto milliseconds_left = [&] {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - clock_.monotonic_now()).count();
    return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
  };
  const auto too_late = [&] { return fail(ErrorCode::kDeadlineExceeded, "took " + program + " too long to read"); };
  std::string text;
  std::array<char, 64 << 10> buffer{};
  std::optional<Error> failure;
  for (;;) {
    pollfd ready{ends[0], POLLIN, 0};
    const int polled = poll(&ready, 1, milliseconds_left());
    if (polled < 0 && errno == EINTR) continue;
    if (polled == 0) failure = too_late();
    const ssize_t count = failure ? 0 : ::read(ends[0], buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
    if (static_cast<std::int64_t>(text.size()) > options_.text_bytes_max) {
      failure = fail(ErrorCode::kInvalidArgument,
                     "has more text than " + std::to_string(options_.text_bytes_max) + " bytes (text_bytes_max)");
      break;
    }
  }
  close(ends[0]);
  if (failure) return *failure;
  std::optional<int> status;
  while (!(status = child.ended())) {
    if (milliseconds_left() == 0) return too_late();
    poll(nullptr, 0, kExitLookMs);
  }
  if (!WIFEXITED(*status) || WEXITSTATUS(*status) != 0) {
    return fail(ErrorCode::kInvalidArgument,
                "cannot be read by " + program + " (status " + std::to_string(*status) + ")",
                "run it by hand to see why");
  }
  return text;
}

}  // namespace mnema
