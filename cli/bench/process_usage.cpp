#include "cli/bench/process_usage.hpp"

#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mnema {

long long resident_bytes() {
  std::ifstream file("/proc/self/statm");
  long long all_pages = 0, resident_pages = 0;
  file >> all_pages >> resident_pages;
  return resident_pages * ::sysconf(_SC_PAGESIZE);
}

std::map<std::string, long long> cpu_ns_by_thread() {
  std::map<std::string, long long> by_name;
  std::error_code error;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task", error)) {
    std::string name;
    std::getline(std::ifstream(task.path() / "comm"), name);
    long long run_ns = 0;
    std::ifstream(task.path() / "schedstat") >> run_ns;
    const std::size_t dash = name.find_last_not_of("0123456789");
    if (dash != std::string::npos && dash + 1 < name.size() && name[dash] == '-') name.resize(dash);
    by_name[name] += run_ns;
  }
  return by_name;
}

std::map<std::string, double> cpu_us_since(const std::map<std::string, long long>& before) {
  std::map<std::string, double> by_name;
  for (const auto& [name, ns] : cpu_ns_by_thread()) {
    const auto was = before.find(name);
    by_name[name] = static_cast<double>(ns - (was == before.end() ? 0 : was->second)) / 1000;
  }
  return by_name;
}

}  // namespace mnema
