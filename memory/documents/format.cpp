#include "memory/documents/format.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace mnema {
namespace {

constexpr std::array kExtensions = {
    std::pair{".adoc", MediaType::kPlainText}, std::pair{".asciidoc", MediaType::kPlainText},
    std::pair{".bash", MediaType::kCode},      std::pair{".c", MediaType::kCode},
    std::pair{".cc", MediaType::kCode},        std::pair{".cfg", MediaType::kCode},
    std::pair{".cmake", MediaType::kCode},     std::pair{".conf", MediaType::kCode},
    std::pair{".cpp", MediaType::kCode},       std::pair{".cs", MediaType::kCode},
    std::pair{".css", MediaType::kCode},       std::pair{".csv", MediaType::kTable},
    std::pair{".docx", MediaType::kDocx},      std::pair{".go", MediaType::kCode},
    std::pair{".h", MediaType::kCode},         std::pair{".hpp", MediaType::kCode},
    std::pair{".htm", MediaType::kHtml},       std::pair{".html", MediaType::kHtml},
    std::pair{".ini", MediaType::kCode},       std::pair{".java", MediaType::kCode},
    std::pair{".js", MediaType::kCode},        std::pair{".json", MediaType::kJson},
    std::pair{".jsonl", MediaType::kJson},     std::pair{".jsx", MediaType::kCode},
    std::pair{".kt", MediaType::kCode},        std::pair{".log", MediaType::kPlainText},
    std::pair{".lua", MediaType::kCode},       std::pair{".markdown", MediaType::kMarkdown},
    std::pair{".md", MediaType::kMarkdown},    std::pair{".mdx", MediaType::kMarkdown},
    std::pair{".ndjson", MediaType::kJson},    std::pair{".pdf", MediaType::kPdf},
    std::pair{".php", MediaType::kCode},       std::pair{".pl", MediaType::kCode},
    std::pair{".py", MediaType::kCode},        std::pair{".r", MediaType::kCode},
    std::pair{".rb", MediaType::kCode},        std::pair{".rs", MediaType::kCode},
    std::pair{".rst", MediaType::kPlainText},  std::pair{".scala", MediaType::kCode},
    std::pair{".sh", MediaType::kCode},        std::pair{".sql", MediaType::kCode},
    std::pair{".swift", MediaType::kCode},     std::pair{".text", MediaType::kPlainText},
    std::pair{".toml", MediaType::kCode},      std::pair{".ts", MediaType::kCode},
    std::pair{".tsv", MediaType::kTable},      std::pair{".tsx", MediaType::kCode},
    std::pair{".txt", MediaType::kPlainText},  std::pair{".xhtml", MediaType::kHtml},
    std::pair{".yaml", MediaType::kCode},      std::pair{".yml", MediaType::kCode}};
static_assert(std::is_sorted(kExtensions.begin(), kExtensions.end(), [](const auto& a, const auto& b) {
  return std::string_view(a.first) < std::string_view(b.first);
}));

}  // namespace

std::string extension_of(std::string_view path) {
  const std::string_view name = path.substr(path.find_last_of('/') + 1);
  const std::size_t point = name.find_last_of('.');
  if (point == std::string_view::npos || point == 0) return {};
  std::string extension(name.substr(point));
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return extension;
}

std::optional<MediaType> format_of(std::string_view path) {
  const std::string extension = extension_of(path);
  for (const auto& [known, format] : kExtensions) {
    if (extension == known) return format;
  }
  return {};
}

const char* name_of(MediaType format) {
  switch (format) {
    case MediaType::kPlainText:
      return "text";
    case MediaType::kMarkdown:
      return "Markdown";
    case MediaType::kHtml:
      return "HTML";
    case MediaType::kTable:
      return "table";
    case MediaType::kJson:
      return "JSON";
    case MediaType::kCode:
      return "code";
    case MediaType::kPdf:
      return "PDF";
    case MediaType::kDocx:
      return "DOCX";
  }
  return "";
}

std::vector<std::string> known_extensions() {
  std::vector<std::string> all;
  for (const auto& known : kExtensions) all.emplace_back(known.first);
  return all;
}

}  // namespace mnema
