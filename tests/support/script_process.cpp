#include "tests/support/script_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <chrono>
#include <filesystem>
#include <thread>

#include "runtime/base/check.hpp"

namespace mnema::testing {
namespace {

constexpr int kNotHere = 77;
constexpr int kStartsMax = 2;
constexpr auto kEndTime = std::chrono::seconds(40);  // a broker may take 30 of them
constexpr auto kLookAgain = std::chrono::milliseconds(10);

}  // namespace

std::unique_ptr<ScriptProcess> ScriptProcess::start(const std::string& script, const std::string& folder,
                                                    const std::vector<std::string>& arguments) {
  // Somebody else may have taken the ports that it chose.
  for (int attempt = 0; attempt < kStartsMax; ++attempt) {
    std::unique_ptr<ScriptProcess> made(new ScriptProcess(script, folder, arguments));
    const std::string facts = made->read_line();
    if (!facts.empty()) {
      made->facts_ = boost::json::parse(facts).as_object();
      return made;
    }
    const int status = made->wait();
    if (WIFEXITED(status) && WEXITSTATUS(status) == kNotHere) return nullptr;
  }
  CHECK(false, (script + " starts what is on this machine").c_str());
}

ScriptProcess::ScriptProcess(const std::string& script, const std::string& folder,
                             const std::vector<std::string>& arguments)
    : folder_(folder) {
  // Or another script would hold this one's input open.
  int down[2];
  int up[2];
  CHECK(::pipe2(down, O_CLOEXEC) == 0 && ::pipe2(up, O_CLOEXEC) == 0, "there are pipes");
  // All of it is made before the fork: what has threads may not allocate between fork and exec.
  std::vector<std::string> words = {"python3", std::string(MNEMA_SOURCE_DIR) + "/" + script, "run", folder};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  pid_ = ::fork();
  CHECK(pid_ >= 0, "a process can be made");
  if (pid_ == 0) {
    ::dup2(down[0], STDIN_FILENO);
    ::dup2(up[1], STDOUT_FILENO);
    ::execvp(pointers[0], pointers.data());
    ::_exit(127);
  }
  ::close(down[0]);
  ::close(up[1]);
  to_ = down[1];
  from_ = up[0];
}

ScriptProcess::~ScriptProcess() {
  wait();
  ::close(from_);
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

int ScriptProcess::wait() {
  if (pid_ == 0) return 0;
  ::close(to_);
  const auto until = std::chrono::steady_clock::now() + kEndTime;
  int status = 0;
  bool is_told = false;
  while (::waitpid(pid_, &status, is_told ? 0 : WNOHANG) == 0) {
    if (std::chrono::steady_clock::now() < until) {
      std::this_thread::sleep_for(kLookAgain);
      continue;
    }
    ::kill(pid_, SIGTERM);
    is_told = true;
  }
  pid_ = 0;
  return status;
}

std::string ScriptProcess::read_line() const {
  std::string line;
  for (char c = 0; ::read(from_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

std::string ScriptProcess::fact(std::string_view name) const { return std::string(facts_.at(name).as_string()); }

boost::json::object ScriptProcess::command(const std::string& line) {
  const std::string said = line + "\n";
  CHECK(::write(to_, said.data(), said.size()) == static_cast<ssize_t>(said.size()), "the script reads");
  const std::string answer = read_line();
  CHECK(!answer.empty(), "the script answers");
  return boost::json::parse(answer).as_object();
}

void ScriptProcess::tell(const std::string& line) { static_cast<void>(command(line)); }

}  // namespace mnema::testing
