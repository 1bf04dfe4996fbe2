#include "cli/models/mirror_download.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

extern char** environ;

namespace mnema {
namespace {

namespace fs = std::filesystem;

std::int64_t bytes_in(const fs::path& folder) {
  std::int64_t bytes = 0;
  std::error_code ignored;
  for (auto it = fs::recursive_directory_iterator(folder, ignored); it != fs::recursive_directory_iterator();
       it.increment(ignored)) {
    if (it->is_regular_file(ignored)) bytes += static_cast<std::int64_t>(it->file_size(ignored));
  }
  return bytes;
}

std::string last_line_of(const fs::path& file) {
  std::ifstream in(file);
  std::string line, last;
  while (std::getline(in, line)) {
    if (!line.empty()) last = line;
  }
  return last;
}

/// Runs a program to its end in `temporary_folder`, its output going to `log`; polls `watch` meanwhile. Its exit
/// status, or -1. Not in the user's folder: there Maven would read a pom.xml and run its extensions, and Python import
/// a zipfile.py.
int run_program(std::vector<std::string> arguments, const fs::path& log, const std::string& temporary_folder,
                const std::function<void()>& watch) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  // pip unpacks in TMPDIR; pointing that at our folder lets us watch it grow and clean up after a kill.
  std::string tmpdir = "TMPDIR=" + temporary_folder;
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (std::string_view(*entry).substr(0, 7) != "TMPDIR=") environment.push_back(*entry);
  }
  environment.push_back(tmpdir.data());
  environment.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addchdir_np(&actions, temporary_folder.c_str());
  pid_t child = 0;
  const int spawned = posix_spawnp(&child, argv[0], &actions, nullptr, argv.data(), environment.data());
  posix_spawn_file_actions_destroy(&actions);
  if (spawned != 0) return -1;
  int status = 0;
  while (waitpid(child, &status, WNOHANG) == 0) {
    watch();
    usleep(100'000);
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

std::string first_error_of(const fs::path& file) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    if (line.find("ERROR") != std::string::npos) return line;
  }
  return last_line_of(file);
}

/// "group:artifact:version"; "name==version" is of PyPI.
bool is_maven(const std::string& package) { return package.find("==") == std::string::npos; }

constexpr const char* kCopyPlugin = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy";

struct Work {
  fs::path packages, temporary, log;
};

Status fetch_from_pypi(const std::string& package, const Work& work, const std::function<void()>& watch) {
  // Wheels only: to ask a source package for its name pip runs that package's code, long before a digest is compared.
  const int status =
      run_program({"python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir",
                   "--disable-pip-version-check", "--dest", work.packages.string(), package},
                  work.log, work.temporary.string(), watch);
  if (status == 0) return {};
  if (status == -1) {
    return fail(ErrorCode::kFailedPrecondition, "python3 could not be started to reach the mirror",
                "install python3 and python3-pip");
  }
  const std::string last = last_line_of(work.log);
  if (last.find("No module named pip") != std::string::npos) {
    return fail(ErrorCode::kFailedPrecondition, "pip is missing, which fetches from the mirror", "install python3-pip");
  }
  return fail_retryable(ErrorCode::kUnavailable, "the mirror did not give " + package + ": " + last,
                        "check the network and pip's index and proxy settings");
}

Status fetch_from_maven(const std::string& package, const Work& work, const std::function<void()>& watch) {
  // Maven looks for a project's .mvn, with its options and extensions, in all folders above; it stops at the first.
  std::error_code error;
  fs::create_directories(work.temporary / ".mvn", error);
  // A repository of its own, which goes with the work folder: the jar would else stay in the user's as well. The plugin
  // by its version, or whatever is the newest one runs.
  const int status =
      run_program({"mvn", "--batch-mode", "--quiet", "-Dmaven.repo.local=" + (work.temporary / "m2").string(),
                   kCopyPlugin, "-Dartifact=" + package, "-DoutputDirectory=" + work.packages.string()},
                  work.log, work.temporary.string(), watch);
  if (status == 0) return {};
  if (status == -1 || status == 127) {
    return fail(ErrorCode::kFailedPrecondition, "mvn could not be started to reach the mirror", "install maven");
  }
  return fail_retryable(ErrorCode::kUnavailable, "the mirror did not give " + package + ": " + first_error_of(work.log),
                        "check the network and Maven's settings.xml");
}

/// Fetches and unpacks one package into `folder`/PACKAGE, or finds it there.
Result<fs::path> unpacked_package(const std::string& package, const fs::path& folder,
                                  const std::function<void(std::int64_t)>& on_progress) {
  const fs::path files = folder / package;
  const fs::path part = folder / (package + ".part");  // of the name of what is whole only when it is
  std::error_code error;
  if (fs::exists(files, error)) return files;
  fs::remove_all(part, error);
  const Work work{folder / "packages", folder / "tmp", folder / "log"};
  fs::remove_all(work.packages, error);
  fs::create_directories(work.temporary, error);
  const auto watch = [&] {
    if (on_progress) on_progress(bytes_in(work.temporary));
  };
  RETURN_IF_ERROR(is_maven(package) ? fetch_from_maven(package, work, watch) : fetch_from_pypi(package, work, watch));
  for (const auto& archive : fs::directory_iterator(work.packages, error)) {
    const int status = run_program({"python3", "-m", "zipfile", "-e", archive.path().string(), part.string()}, work.log,
                                   work.temporary.string(), [] {});
    if (status == 0) continue;
    fs::remove_all(part, error);
    if (status == -1) {
      return fail(ErrorCode::kFailedPrecondition, "python3 could not be started to unpack " + package,
                  "install python3");
    }
    return fail(ErrorCode::kCorrupt, "cannot unpack " + package + ": " + last_line_of(work.log));
  }
  fs::remove_all(work.packages, error);
  fs::rename(part, files, error);
  if (error) return fail(ErrorCode::kStorage, "cannot unpack " + package + ": " + error.message());
  return files;
}

}  // namespace

Status download_from_mirror(const std::vector<MirrorPart>& parts, const std::string& path,
                            const std::string& work_folder, const std::function<void(std::int64_t)>& on_progress) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  if (!out) return fail(ErrorCode::kStorage, "cannot write '" + path + "'");
  std::int64_t done = 0;
  std::int64_t shown = 0;
  const auto show = [&](std::int64_t bytes) {
    shown = std::max(shown, bytes);  // what was fetched is moved; a bar never goes back
    if (on_progress) on_progress(shown);
  };
  std::error_code error;
  const fs::path work = fs::absolute(work_folder, error);  // programs run in another folder than this process
  if (error) return fail(ErrorCode::kStorage, "cannot use '" + work_folder + "': " + error.message());
  for (const MirrorPart& part : parts) {
    ASSIGN_OR_RETURN(const fs::path files,
                     unpacked_package(part.package, work, [&](std::int64_t bytes) { show(done + bytes); }));
    std::ifstream member(files / part.member, std::ios::binary);
    if (!member) return fail(ErrorCode::kCorrupt, part.package + " has no member '" + part.member + "'");
    out << member.rdbuf();
    if (!out) return fail(ErrorCode::kStorage, "cannot write '" + path + "'", "is the disk full?");
    done = static_cast<std::int64_t>(out.tellp());
    show(done);
  }
  out.close();
  if (!out) return fail(ErrorCode::kStorage, "cannot write '" + path + "'", "is the disk full?");
  return {};
}

}  // namespace mnema
