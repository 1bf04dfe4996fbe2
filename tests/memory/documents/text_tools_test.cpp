#include "memory/documents/text_tools.hpp"

#include <gtest/gtest.h>

#include "tests/memory/temporary_folder.hpp"

namespace mnema {
namespace {

using testing::TemporaryFolder;

/// A folder with a program of this name, which is a script.
TextTools::Options with_program(const TemporaryFolder& folder, const std::string& name, const std::string& script) {
  const std::string path = folder.write(name, "#!/bin/sh\n" + script);
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  TextTools::Options options;
  options.search_path = folder.path();
  return options;
}

const SystemClock kClock;

TEST(TextTools, GiveWhatTheProgramPrints) {
  const TemporaryFolder folder;
  const TextTools tools(kClock, with_program(folder, "pdftotext", "echo \"$# $4\"; echo $SECRET; cat"));
  setenv("SECRET", "ours", 1);
  EXPECT_EQ(tools.read(MediaType::kPdf, "/x/a b;$(id).pdf").value(), "5 /x/a b;$(id).pdf\n\n")
      << "no shell, no input, nothing of our environment";
  unsetenv("SECRET");
}

TEST(TextTools, SayWhatIsMissing) {
  TextTools::Options options;
  options.search_path = "/nowhere";
  const auto pdf = TextTools(kClock, options).read(MediaType::kPdf, "a.pdf");
  EXPECT_EQ(pdf.error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(pdf.error().message, "needs pdftotext, which is not installed");
  EXPECT_EQ(pdf.error().hint, "install the package poppler-utils");
}

TEST(TextTools, EndAProgramThatTakesTooLongOrPrintsTooMuch) {
  const TemporaryFolder folder;
  TextTools::Options options = with_program(folder, "pandoc", "sleep 600 & sleep 600");
  options.time_max = std::chrono::milliseconds(100);
  EXPECT_EQ(TextTools(kClock, options).read(MediaType::kDocx, "a.docx").error().code, ErrorCode::kDeadlineExceeded);
  options = with_program(folder, "pandoc", "while :; do echo line; done");
  options.text_bytes_max = 100'000;
  EXPECT_EQ(TextTools(kClock, options).read(MediaType::kDocx, "a.docx").error().code, ErrorCode::kInvalidArgument);
}

TEST(TextTools, AreNotBelievedWhenTheyFailAndWriteNoFiles) {
  const TemporaryFolder folder;
  const auto failed =
      TextTools(kClock, with_program(folder, "pdftotext", "echo half; exit 3")).read(MediaType::kPdf, "a.pdf");
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalidArgument);
  const auto wrote =
      TextTools(kClock, with_program(folder, "pdftotext", "echo x > " + folder.path() + "/made || exit 4; echo done"))
          .read(MediaType::kPdf, "a.pdf");
  EXPECT_FALSE(wrote.ok());
}

}  // namespace
}  // namespace mnema
