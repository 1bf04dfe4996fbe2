#include "connectors/file_stamp.hpp"

#include <sys/stat.h>

namespace mnema {

std::string file_stamp(const std::string& path) {
  struct stat status{};
  if (stat(path.c_str(), &status) != 0) return "absent";
  return std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino) + ":" + std::to_string(status.st_size) +
         ":" + std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

}  // namespace mnema
