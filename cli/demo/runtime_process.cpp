#include "cli/demo/runtime_process.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <charconv>
#include <csignal>

extern char** environ;

namespace mnema {

RuntimeProcess::~RuntimeProcess() { kill(); }

Status RuntimeProcess::start() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(ErrorCode::kUnavailable, "no pipe to the demo's runtime");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string words[] = {"mnema", "demo", "--serve", config_file_};
  char* arguments[] = {words[0].data(), words[1].data(), words[2].data(), words[3].data(), nullptr};
  const int error = ::posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, arguments, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (error != 0) {
    ::close(ends[0]);
    process_ = -1;
    return fail(ErrorCode::kUnavailable, "the demo's runtime cannot be started");
  }
  lines_.clear();
  ended_ = false;
  reader_ = std::thread([this, descriptor = ends[0]] { read_lines(descriptor); });
  const auto line =
      wait_for([](const boost::json::object& o) { return o.contains("address"); }, std::chrono::minutes(1));
  if (!line) {
    kill();
    return fail(ErrorCode::kUnavailable, "the demo's runtime did not come up",
                "its own message is above, or in its log");
  }
  const std::string address(line->at("address").as_string());
  const char* digits = address.data() + address.rfind(':') + 1;
  std::from_chars(digits, address.data() + address.size(), port_);
  return {};
}

void RuntimeProcess::kill() {
  if (process_ > 0) ::kill(process_, SIGKILL);
  reap();
}

int RuntimeProcess::stop() {
  if (process_ > 0) ::kill(process_, SIGTERM);
  return reap();
}

int RuntimeProcess::reap() {
  int status = 0;
  if (process_ > 0) ::waitpid(process_, &status, 0);
  process_ = -1;
  if (reader_.joinable()) reader_.join();
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void RuntimeProcess::read_lines(int descriptor) {
  std::string pending;
  char bytes[4096];
  for (ssize_t count; (count = ::read(descriptor, bytes, sizeof bytes)) > 0;) {
    pending.append(bytes, static_cast<std::size_t>(count));
    for (std::size_t end; (end = pending.find('\n')) != std::string::npos; pending.erase(0, end + 1)) {
      boost::system::error_code error;
      const boost::json::value line = boost::json::parse(pending.substr(0, end), error);
      if (error || !line.is_object()) continue;
      const std::lock_guard lock(mutex_);
      lines_.push_back(line.as_object());
      changed_.notify_all();
    }
  }
  ::close(descriptor);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  changed_.notify_all();
}

std::optional<boost::json::object> RuntimeProcess::wait_for(
    const std::function<bool(const boost::json::object&)>& wanted, Duration patience) {
  std::unique_lock lock(mutex_);
  std::optional<boost::json::object> found;
  changed_.wait_for(lock, patience, [&] {
    for (const boost::json::object& line : lines_) {
      if (wanted(line)) found = line;
    }
    return found || ended_;
  });
  return found;
}

std::optional<boost::json::object> RuntimeProcess::wait_for_turn(const std::string& id, Duration patience) {
  return wait_for(
      [&](const boost::json::object& line) {
        return line.contains("event") && line.at("event") == boost::json::value(id) && line.at("end") == "done";
      },
      patience);
}

}  // namespace mnema
